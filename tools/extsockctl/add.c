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
	int err = -write_member(opt, "", pid);

	/* It may be a descendant of a process that was named before it. */
	if (!err || (err == EBUSY && opt->tree && is_member(opt, pid)))
		return EXIT_DONE;
	return fail_member(opt, err, pid);
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
 * A descendant that has ended meanwhile is no failure, nor is one that is a
 * member: children of members become members by themselves. One that belongs
 * to another group is.
 */
static int add_descendant(const struct options *opt, pid_t pid, bool *added)
{
	int err = -write_member(opt, "", pid);

	if (err == EBUSY && is_member(opt, pid))
		err = EEXIST;
	/* A member that has ended just now is in no list: ask again. */
	if (err == EBUSY)
		err = -write_member(opt, "", pid);
	*added = !err;
	if (!err || err == ESRCH || err == EEXIST)
		return EXIT_DONE;
	return fail_member(opt, err, pid);
}

/* One look at all processes. */
static int add_pass(const struct options *opt, pid_t from, bool *more)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int status = EXIT_DONE;
	bool added;
	pid_t pid;

	*more = false;
	if (!proc)
		return fail(errno, NULL, NULL, "cannot read /proc");
	while (!status && (entry = readdir(proc))) {
		if (!parse_pid(entry->d_name, &pid) || !descends(pid, from))
			continue;
		status = add_descendant(opt, pid, &added);
		*more = *more || added;
	}
	closedir(proc);
	return status;
}

/*
 * A pass may miss the children that one not yet added makes meanwhile, so go
 * on until a pass finds nobody new.
 */
static int add_descendants(const struct options *opt, pid_t from)
{
	bool more = true;
	int status = EXIT_DONE;

	while (!status && more)
		status = add_pass(opt, from, &more);
	return status;
}

int verb_add(const struct options *opt, int argc, char **argv)
{
	int status = EXIT_DONE, one, i;
	pid_t pid;

	for (i = 0; i < argc; i++) {
		if (!parse_pid(argv[i], &pid))
			continue;
		one = add_one(opt, pid);
		if (!one && opt->tree)
			one = add_descendants(opt, pid);
		if (one)
			status = one;
	}
	return status;
}
