// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl freeze [--policy=POLICY] [--wait[=SECONDS]]
 */
#include <stdio.h>

#include "extsockctl.h"

/**
 * freeze_command() - the command that freezes the group
 * @opt: how
 * @lease: the freeze is to end with the open control file
 * @text: the command goes here
 * @size: room there, for EXTSOCK_COMMAND_MAX bytes and a NUL
 */
void freeze_command(const struct options *opt, bool lease, char *text,
		    size_t size)
{
	const char *policy = opt->policy ? opt->policy :
			     opt->wait ? EXTSOCK_ACTION_WAIT : NULL;
	char ms[sizeof(" " EXTSOCK_OPT_WAIT_MS) + 10] = "";

	if (opt->wait_ms)
		snprintf(ms, sizeof(ms), " " EXTSOCK_OPT_WAIT_MS "%u",
			 opt->wait_ms);
	snprintf(text, size, "%s%s%s%s%s", EXTSOCK_CMD_FREEZE,
		 policy ? " " EXTSOCK_OPT_POLICY : "", policy ? policy : "", ms,
		 lease ? " " EXTSOCK_OPT_LEASE : "");
}

int verb_freeze(const struct options *opt, int argc, char **argv)
{
	char command[EXTSOCK_COMMAND_MAX + 1];

	(void)argc;
	(void)argv;
	freeze_command(opt, false, command, sizeof(command));
	return control_command(opt, command);
}
