// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl thaw [--keep]
 */
#include "extsockctl.h"

int verb_thaw(const struct options *opt, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return control_command(opt, opt->keep ?
			       EXTSOCK_CMD_THAW " " EXTSOCK_OPT_KEEP :
			       EXTSOCK_CMD_THAW);
}
