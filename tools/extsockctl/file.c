// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's files.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "extsockctl.h"

static char *join(const char *root, const char *group, const char *file)
{
	char *path;

	if (asprintf(&path, "%s/%s/%s", root, group, file) < 0) {
		perror("extsockctl");
		exit(EXIT_REFUSED);
	}
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

/**
 * read_text() - read a whole file
 * @path: the file
 *
 * Return: its text, to be freed, or NULL with errno.
 */
char *read_text(const char *path)
{
	size_t size = 65536, len = 0;
	char *text = malloc(size), *more;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0 || !text)
		goto fail;
	while ((got = read(fd, text + len, size - len - 1)) > 0) {
		len += got;
		if (size - len > 1)
			continue;
		size *= 2;
		more = realloc(text, size);
		if (!more)
			goto fail;
		text = more;
	}
	if (got < 0)
		goto fail;
	close(fd);
	text[len] = '\0';
	return text;

fail:
	free(text);
	if (fd >= 0) {
		int err = errno;

		close(fd);
		errno = err;
	}
	return NULL;
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
 * group_exists() - is there such a group?
 * @opt: names the group
 *
 * Return: whether its folder exists.
 */
bool group_exists(const struct options *opt)
{
	char *path = sysfs_path(opt, "");
	bool exists = !access(path, F_OK);

	free(path);
	return exists;
}

/**
 * check_group() - say so if there is no such group
 * @opt: names the group
 *
 * Return: EXIT_DONE or EXIT_NOT_FOUND.
 */
int check_group(const struct options *opt)
{
	if (group_exists(opt))
		return EXIT_DONE;
	fprintf(stderr, "extsockctl: there is no group \"%s\"; see extsockctl groups, or make it with extsockctl groups create %s\n",
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
 * parse_pid() - a PID as people write it
 * @text: the text
 * @pid: the PID goes here
 *
 * Return: whether it is a positive number.
 */
bool parse_pid(const char *text, pid_t *pid)
{
	char *end;
	long value;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || *end || value < 1 || value > INT_MAX)
		return false;
	*pid = value;
	return true;
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
