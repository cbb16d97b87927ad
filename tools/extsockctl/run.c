// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl run -- CMD...
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "extsockctl.h"

int verb_run(const struct options *opt, int argc, char **argv)
{
	int err;

	(void)argc;
	/* 0 is the writer. */
	err = write_member(opt, "", 0);
	if (err == -EBUSY && is_member(opt, getpid()))
		return fail(EBUSY, "extsockctl is a member, and so is all that it starts",
			    "start the command directly",
			    "cannot run %s in group \"%s\"", argv[0],
			    opt->group);
	if (err)
		return fail_member(opt, -err, getpid());
	execvp(argv[0], argv);
	err = errno;
	fprintf(stderr, "extsockctl: cannot run %s: %s\n", argv[0],
		strerror(err));
	/* As shells do. */
	return err == ENOENT ? 127 : 126;
}
