// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "extsockctl.h"

/* How often is read what others change meanwhile, before we give up. */
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

/**
 * read_fd() - read a file from where it stands to its end
 * @fd: the file
 *
 * Return: its text, to be freed, or NULL with errno.
 */
char *read_fd(int fd)
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
 * try_again() - is it worth while to read once more?
 * @tries: how often it was in vain
 *
 * Lets a moment pass, in which those in the way come to their end.
 *
 * Return: whether it is; errno is unchanged if not.
 */
bool try_again(unsigned int *tries)
{
	static const struct timespec moment = { .tv_nsec = 1000000 };

	if (++*tries == READ_TRIES)
		return false;
	nanosleep(&moment, NULL);
	return true;
}

/**
 * read_text() - read a whole file
 * @path: the file
 *
 * The kernel gives a long list to one reader at a time. Who is
 * overtaken by another one gets EAGAIN, and begins again.
 *
 * Return: its text, to be freed, or NULL with errno.
 */
char *read_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned int tries = 0;
	char *text;
	int err;

	if (fd < 0)
		return NULL;
	do {
		text = read_fd(fd);
	} while (!text && errno == EAGAIN && try_again(&tries) &&
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
 * When it is unloaded, its version goes before the folders of groups do.
 *
 * Return: whether it has a version.
 */
bool module_loaded(void)
{
	return !access(VERSION_FILE, F_OK);
}

/**
 * check_group() - say so if there is no such group
 * @opt: names the group
 *
 * Return: EXIT_DONE, EXIT_NOT_FOUND or EXIT_NOT_LOADED.
 */
int check_group(const struct options *opt)
{
	char *path = sysfs_path(opt, "");
	bool exists = !access(path, F_OK);

	free(path);
	if (exists)
		return EXIT_DONE;
	return fail(ENOENT, NULL,
		    hintf("see extsockctl groups, or make it with extsockctl groups create %s",
			  opt->group), "cannot find group \"%s\"",
		    opt->group);
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
