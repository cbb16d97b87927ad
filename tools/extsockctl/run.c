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

/* A hint to remove that PID, which is our own, could not be followed. */
static int fail_run(const struct options *opt, int err, const char *command)
{
	char in[EXTSOCK_NAME_MAX + 1], text[EXTSOCK_NAME_MAX + 80];

	if (err != EBUSY || !group_of(getpid(), in))
		return fail_member(opt, err, getpid());
	snprintf(text, sizeof(text),
		 "extsockctl is a member of group \"%s\", and so is all that it starts",
		 in);
	return fail(err, text, strcmp(in, opt->group) ?
		    "start it from outside of that group" :
		    "start the command directly",
		    "cannot run %s in group \"%s\"", command, opt->group);
}

int verb_run(const struct options *opt, int argc, char **argv)
{
	int err;

	(void)argc;
	/* 0 is the writer. */
	err = write_member(opt, "", 0);
	return err ? fail_run(opt, -err, argv[0]) : exec_command(argv);
}
