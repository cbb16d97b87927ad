// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl add PID... [--tree]
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extsockctl.h"

static int add_one(const struct options *opt, pid_t pid)
{
	int err = write_member(opt, "", pid);
	const char *hint = NULL;

	if (!err)
		return EXIT_DONE;
	if (err == -EBUSY)
		hint = "it is in a group already, or the group is not running";
	else if (err == -EINVAL)
		hint = "kernel threads and PID 1 cannot be members";
	return fail(-err, hint, "cannot add process %d to group \"%s\"", pid,
		    opt->group);
}

/* The parent of a process, or 0. */
static pid_t parent_of(pid_t pid)
{
	char path[64], *text, *end;
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	text = read_text(path);
	if (!text)
		return 0;
	/* The name may hold parentheses and blanks: look behind the last one. */
	end = strrchr(text, ')');
	if (!end || sscanf(end + 1, " %*c %d", &parent) != 1)
		parent = 0;
	free(text);
	return parent;
}

static bool descends(pid_t pid, pid_t from)
{
	while (pid > 1) {
		pid = parent_of(pid);
		if (pid == from)
			return true;
	}
	return false;
}

/*
 * Add the descendants that are there. A pass may miss the children that one
 * not yet added makes meanwhile, so go on until a pass finds nobody new; who
 * is a member already is told apart by EBUSY.
 */
static int add_descendants(const struct options *opt, pid_t from)
{
	struct dirent *entry;
	bool more = true;
	pid_t pid;
	DIR *proc;
	int err;

	while (more) {
		more = false;
		proc = opendir("/proc");
		if (!proc)
			return fail(errno, NULL, "cannot read /proc");
		while ((entry = readdir(proc))) {
			if (!parse_pid(entry->d_name, &pid) ||
			    !descends(pid, from))
				continue;
			err = write_member(opt, "", pid);
			if (!err)
				more = true;
			else if (err != -EBUSY && err != -ESRCH) {
				closedir(proc);
				return fail(-err, NULL,
					    "cannot add process %d to group \"%s\"",
					    pid, opt->group);
			}
		}
		closedir(proc);
	}
	return EXIT_DONE;
}

int verb_add(const struct options *opt, int argc, char **argv)
{
	int status = EXIT_DONE, one, i;
	pid_t pid;

	if (!argc)
		return usage("add needs a PID");
	for (i = 0; i < argc; i++)
		if (!parse_pid(argv[i], &pid))
			return usage("\"%s\" is no PID", argv[i]);
	for (i = 0; i < argc; i++) {
		parse_pid(argv[i], &pid);
		one = add_one(opt, pid);
		if (!one && opt->tree)
			one = add_descendants(opt, pid);
		if (one)
			status = one;
	}
	return status;
}
