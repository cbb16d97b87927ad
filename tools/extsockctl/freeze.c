// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl freeze [--policy=POLICY]
 */
#include <stdio.h>

#include "extsockctl.h"

int verb_freeze(const struct options *opt, int argc, char **argv)
{
	char command[EXTSOCK_COMMAND_MAX + 1];

	(void)argc;
	(void)argv;
	snprintf(command, sizeof(command), "%s%s%s", EXTSOCK_CMD_FREEZE,
		 opt->policy ? " " EXTSOCK_OPT_POLICY : "",
		 opt->policy ? opt->policy : "");
	return control_command(opt, command);
}
