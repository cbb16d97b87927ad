// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl run -- CMD...
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "extsockctl.h"

/**
 * exec_command() - become a command
 * @argv: its words
 *
 * Return: the exit status if that failed, as shells have it; it has been said.
 */
int exec_command(char **argv)
{
	int err;

	execvp(argv[0], argv);
	err = errno;
	fail(err, strerror(err), err == ENOENT ? "give its path, or see PATH" :
						 "see that it can be executed",
	     "cannot run %s", argv[0]);
	return err == ENOENT ? 127 : 126;
}

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
	return exec_command(argv);
}
