// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "extsockctl.h"

/* How often a list is begun anew before the reader gives up. */
#define READ_TRIES	100

static char *join(const char *root, const char *group, const char *file)
{
	char *path;

	if (asprintf(&path, "%s/%s/%s", root, group, file) < 0)
		exit(fail(ENOMEM, NULL, NULL, "cannot go on"));
	return path;
}

/**
 * sysfs_path() - path of a file of the group in sysfs
 * @opt: names the group
 * @file: the file
 *
 * Return: the path, to be freed.
 */
char *sysfs_path(const struct options *opt, const char *file)
{
	return join(EXTSOCK_SYSFS_ROOT, opt->group, file);
}

/**
 * proc_path() - path of a file of the group in proc
 * @opt: names the group
 * @file: the file
 *
 * Return: the path, to be freed.
 */
char *proc_path(const struct options *opt, const char *file)
{
	return join(EXTSOCK_PROC_ROOT, opt->group, file);
}

/**
 * write_text() - write a text in one go
 * @path: the file
 * @text: the text
 *
 * Return: 0 or -errno.
 */
int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* What a file holds from here on; NULL with errno. */
static char *read_fd(int fd)
{
	size_t size = 32768, len = 0;
	char *text = NULL, *more;
	ssize_t got;

	do {
		if (!text || len + 1 == size) {
			size *= 2;
			more = realloc(text, size);
			if (!more)
				goto fail;
			text = more;
		}
		got = read(fd, text + len, size - len - 1);
		if (got < 0)
			goto fail;
		len += got;
	} while (got);
	text[len] = '\0';
	return text;

fail:
	free(text);
	return NULL;
}

/**
 * read_text() - read a whole file
 * @path: the file
 *
 * The kernel gives a long list of members to one reader at a time. Who is
 * overtaken by another one gets EAGAIN, and begins again.
 *
 * Return: its text, to be freed, or NULL with errno.
 */
char *read_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int tries = 0, err;
	char *text;

	if (fd < 0)
		return NULL;
	do {
		text = read_fd(fd);
	} while (!text && errno == EAGAIN && ++tries < READ_TRIES &&
		 !lseek(fd, 0, SEEK_SET));
	err = errno;
	close(fd);
	errno = err;
	return text;
}

/**
 * read_group() - read a whole file of the group in sysfs
 * @opt: names the group
 * @file: the file
 *
 * Return: its text, to be freed, or NULL with errno.
 */
char *read_group(const struct options *opt, const char *file)
{
	char *path = sysfs_path(opt, file);
	char *text = read_text(path);
	int err = errno;

	free(path);
	errno = err;
	return text;
}

/**
 * read_word() - read a file of the group that holds one value
 * @opt: names the group
 * @file: the file
 *
 * Return: its text without newline, to be freed, or NULL with errno.
 */
char *read_word(const struct options *opt, const char *file)
{
	char *text = read_group(opt, file);

	if (text)
		text[strcspn(text, "\n")] = '\0';
	return text;
}

/**
 * module_loaded() - is the module there?
 *
 * Return: whether its folder exists.
 */
bool module_loaded(void)
{
	return !access(EXTSOCK_SYSFS_ROOT, F_OK);
}

/**
 * check_group() - say so if there is no such group
 * @opt: names the group
 *
 * Return: EXIT_DONE or EXIT_NOT_FOUND.
 */
int check_group(const struct options *opt)
{
	char *path = sysfs_path(opt, "");
	bool exists = !access(path, F_OK);

	free(path);
	if (exists)
		return EXIT_DONE;
	fprintf(stderr,
		"extsockctl: there is no group \"%s\"; see extsockctl groups, or make it with extsockctl groups create %s\n",
		opt->group, opt->group);
	return EXIT_NOT_FOUND;
}

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
 * state_is() - is the group in a state?
 * @opt: names the group
 * @state: name of the state
 *
 * Return: whether it is, as of now.
 */
bool state_is(const struct options *opt, const char *state)
{
	char *now = read_word(opt, EXTSOCK_SYSFS_STATE);
	bool is = now && !strcmp(now, state);

	free(now);
	return is;
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

/* The group that a process is in, to be freed, or NULL. */
static char *group_of(pid_t pid)
{
	char *names = read_text(EXTSOCK_SYSFS_ROOT "/" EXTSOCK_SYSFS_GROUPS);
	char *rest = names, *found = NULL;
	struct options in = { 0 };

	while (!found && (in.group = strsep(&rest, "\n")))
		if (*in.group && is_member(&in, pid))
			found = strdup(in.group);
	free(names);
	return found;
}

/* Why a process is refused that is there, and what to do about it. */
static int fail_busy(const struct options *opt, pid_t pid)
{
	const char *hint = "try again", *why = NULL;
	char *other = group_of(pid), text[EXTSOCK_NAME_MAX + 32];
	int status;

	if (other && !strcmp(other, opt->group)) {
		why = "it is already in this group";
		hint = hintf("see extsockctl %sstatus", group_flag(opt));
	} else if (!state_is(opt, EXTSOCK_STATE_RUNNING)) {
		why = "the group is not running";
		hint = thaw_first(opt);
	} else if (other) {
		snprintf(text, sizeof(text), "it is in group \"%s\"", other);
		why = text;
		hint = hintf("remove it there first (extsockctl -g %s remove %d)",
			     other, pid);
	}
	status = fail(EBUSY, why, hint, "cannot add process %d to group \"%s\"",
		      pid, opt->group);
	free(other);
	return status;
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

/**
 * count_lines() - how many lines a text has
 * @text: the text
 *
 * Return: the number of newlines.
 */
size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}
