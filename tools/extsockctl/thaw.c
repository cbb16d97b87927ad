// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl thaw [--keep]
 */
#include <unistd.h>

#include "extsockctl.h"

int verb_thaw(const struct options *opt, int argc, char **argv)
{
	int fd, status;

	if (argc)
		return usage("thaw takes no operand \"%s\"", argv[0]);
	fd = control_open(opt);
	if (fd < 0)
		return fail(-fd, NULL, "cannot thaw group \"%s\"", opt->group);
	status = control_command(opt, fd, opt->keep ?
				 EXTSOCK_CMD_THAW " " EXTSOCK_OPT_KEEP :
				 EXTSOCK_CMD_THAW, false);
	close(fd);
	return status;
}
