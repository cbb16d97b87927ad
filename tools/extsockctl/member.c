// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is a member of what.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extsockctl.h"

/**
 * write_member() - add or remove a member
 * @opt: names the group
 * @sign: "" to add, "-" to remove
 * @pid: the process; 0 for the caller
 *
 * Return: 0 or -errno.
 */
int write_member(const struct options *opt, const char *sign, pid_t pid)
{
	char *path = sysfs_path(opt, EXTSOCK_SYSFS_MEMBERS);
	char text[16];
	int err;

	snprintf(text, sizeof(text), "%s%d", sign, pid);
	err = write_text(path, text);
	free(path);
	return err;
}

/**
 * is_member() - is a process in the group?
 * @opt: names the group
 * @pid: the process
 *
 * Return: whether it is in the list of members.
 */
bool is_member(const struct options *opt, pid_t pid)
{
	char *members = read_group(opt, EXTSOCK_SYSFS_MEMBERS);
	char *rest = members, *line;
	bool found = false;
	pid_t member;

	while (!found && (line = strsep(&rest, "\n")))
		found = parse_pid(line, &member) && member == pid;
	free(members);
	return found;
}

/**
 * group_of() - the group that a process is in
 * @pid: the process
 * @name: room for EXTSOCK_NAME_MAX + 1 bytes; its name goes here
 *
 * Return: whether it is in one.
 */
bool group_of(pid_t pid, char *name)
{
	char *names = read_text(EXTSOCK_SYSFS_ROOT "/" EXTSOCK_SYSFS_GROUPS);
	struct options in = { 0 };
	char *rest = names;
	bool found = false;

	while (!found && (in.group = strsep(&rest, "\n")))
		found = *in.group && is_member(&in, pid);
	if (found)
		snprintf(name, EXTSOCK_NAME_MAX + 1, "%s", in.group);
	free(names);
	return found;
}

static bool is_running(const struct options *opt)
{
	char *state = read_word(opt, EXTSOCK_SYSFS_STATE);
	bool running = state && !strcmp(state, EXTSOCK_STATE_RUNNING);

	free(state);
	return running;
}

/* Why a process is refused that is there, and what to do about it. */
static int fail_busy(const struct options *opt, pid_t pid)
{
	char other[EXTSOCK_NAME_MAX + 1], text[EXTSOCK_NAME_MAX + 32];
	const char *hint = "try again", *why = NULL;
	bool found = group_of(pid, other);

	if (found && !strcmp(other, opt->group)) {
		why = "it is already in this group";
		hint = hintf("see extsockctl %sstatus", group_flag(opt));
	} else if (!is_running(opt)) {
		why = "the group is not running";
		hint = thaw_first(opt);
	} else if (found) {
		snprintf(text, sizeof(text), "it is in group \"%s\"", other);
		why = text;
		hint = hintf("remove it there first (extsockctl -g %s remove %d)",
			     other, pid);
	}
	return fail(EBUSY, why, hint, "cannot add process %d to group \"%s\"",
		    pid, opt->group);
}

/**
 * fail_member() - say that a process could not be added
 * @opt: names the group
 * @err: an errno
 * @pid: the process
 *
 * Return: the exit status for @err.
 */
int fail_member(const struct options *opt, int err, pid_t pid)
{
	const char *hint = NULL, *why = NULL;

	if (err == EBUSY)
		return fail_busy(opt, pid);
	if (err == EINVAL) {
		hint = "kernel threads and PID 1 cannot be members";
	} else if (err == ESRCH) {
		why = "there is no such process";
		hint = "see ps -e";
	}
	return fail(err, why, hint, "cannot add process %d to group \"%s\"",
		    pid, opt->group);
}
