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

/**
 * struct tree - the descendants of a process
 * @from: the process
 * @more: a pass has added somebody
 * @refused: those who were refused
 * @refusals: how many there are
 * @status: EXIT_DONE, or that of the first failure
 */
struct tree {
	pid_t from;
	bool more;
	pid_t *refused;
	size_t refusals;
	int status;
};

static bool was_refused(const struct tree *tree, pid_t pid)
{
	size_t i;

	for (i = 0; i < tree->refusals; i++)
		if (tree->refused[i] == pid)
			return true;
	return false;
}

/* Each pass meets them again: they are named once. */
static void refuse(const struct options *opt, struct tree *tree, int err,
		   pid_t pid)
{
	size_t size = (tree->refusals + 1) * sizeof(pid);
	int status = fail_member(opt, err, pid);

	tree->status = tree->status ? tree->status : status;
	tree->refused = realloc(tree->refused, size);
	if (!tree->refused)
		exit(fail(ENOMEM, NULL, NULL, "cannot go on"));
	tree->refused[tree->refusals++] = pid;
}

/*
 * A descendant that has ended meanwhile is no failure, nor is one that is a
 * member: children of members become members by themselves. One that belongs
 * to another group is.
 */
static void add_descendant(const struct options *opt, struct tree *tree,
			   pid_t pid)
{
	int err = -write_member(opt, "", pid);

	if (err == EBUSY && is_member(opt, pid))
		return;
	/* A member that has ended just now is in no list: ask again. */
	if (err == EBUSY)
		err = -write_member(opt, "", pid);
	if (!err)
		tree->more = true;
	else if (err != ESRCH)
		refuse(opt, tree, err, pid);
}

/* One look at all processes. */
static void add_pass(const struct options *opt, struct tree *tree)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t pid;

	tree->more = false;
	if (!proc) {
		tree->status = fail(errno, NULL, NULL, "cannot read /proc");
		return;
	}
	while ((entry = readdir(proc)))
		if (parse_pid(entry->d_name, &pid) &&
		    descends(pid, tree->from) && !was_refused(tree, pid))
			add_descendant(opt, tree, pid);
	closedir(proc);
}

/*
 * A pass may miss the children that one not yet added makes meanwhile, so go
 * on until a pass finds nobody new.
 */
static int add_descendants(const struct options *opt, pid_t from)
{
	struct tree tree = { .from = from };

	do {
		add_pass(opt, &tree);
	} while (tree.more);
	free(tree.refused);
	return tree.status;
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
		status = status ? status : one;
	}
	return status;
}
