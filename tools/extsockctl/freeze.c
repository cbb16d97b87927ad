// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl freeze [--policy=POLICY]
 */
#include <stdio.h>
#include <unistd.h>

#include "extsockctl.h"

int verb_freeze(const struct options *opt, int argc, char **argv)
{
	char command[EXTSOCK_COMMAND_MAX + 1];
	int fd, status, len;

	if (argc)
		return usage("freeze takes no operand \"%s\"", argv[0]);
	len = snprintf(command, sizeof(command), "%s%s%s", EXTSOCK_CMD_FREEZE,
		       opt->policy ? " " EXTSOCK_OPT_POLICY : "",
		       opt->policy ? opt->policy : "");
	if (len >= (int)sizeof(command))
		return usage("the policy is too long");
	fd = control_open(opt);
	if (fd < 0)
		return fail(-fd, NULL, "cannot freeze group \"%s\"", opt->group);
	status = control_command(opt, fd, command, false);
	close(fd);
	return status;
}
