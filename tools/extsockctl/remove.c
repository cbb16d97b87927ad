// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl remove PID...
 */
#include "extsockctl.h"

int verb_remove(const struct options *opt, int argc, char **argv)
{
	int status = EXIT_DONE, err, i;
	pid_t pid;

	if (!argc)
		return usage("remove needs a PID");
	for (i = 0; i < argc; i++)
		if (!parse_pid(argv[i], &pid))
			return usage("\"%s\" is no PID", argv[i]);
	for (i = 0; i < argc; i++) {
		parse_pid(argv[i], &pid);
		err = write_member(opt, "-", pid);
		if (err)
			status = fail(-err,
				      "only members of a running group can be removed (extsockctl status)",
				      "cannot remove process %d from group \"%s\"",
				      pid, opt->group);
	}
	return status;
}
