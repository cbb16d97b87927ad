// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl remove PID...
 */
#include <errno.h>

#include "extsockctl.h"

static int remove_one(const struct options *opt, pid_t pid)
{
	int err = -write_member(opt, "-", pid);
	const char *hint = NULL, *why = NULL;

	if (!err)
		return EXIT_DONE;
	if (err == ESRCH) {
		why = "it is no member, or there is no such process";
		hint = hintf("see extsockctl %sstatus", group_flag(opt));
	} else if (err == EBUSY) {
		why = "the group is not running";
		hint = thaw_first(opt);
	}
	return fail(err, why, hint, "cannot remove process %d from group \"%s\"",
		    pid, opt->group);
}

int verb_remove(const struct options *opt, int argc, char **argv)
{
	int status = EXIT_DONE, one, i;
	pid_t pid;

	for (i = 0; i < argc; i++) {
		if (!parse_pid(argv[i], &pid))
			continue;
		one = remove_one(opt, pid);
		status = status ? status : one;
	}
	return status;
}
