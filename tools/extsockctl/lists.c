// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files with lists of rules, which become one list.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extsockctl.h"

#define SUFFIX	".rules"

static size_t count_newlines(const char *text, const char *end)
{
	size_t n = 0;

	for (; text < end; text++)
		n += *text == '\n';
	return n;
}

/* Another file begins here: a line does not go on from one to the next. */
static int begin_list(struct lists *lists, const char *name)
{
	size_t size = strlen(name) + 1;
	struct list *list = malloc(sizeof(*list) + size);

	if (!list)
		return -ENOMEM;
	if (lists->len && lists->text[lists->len - 1] != '\n')
		lists->text[lists->len++] = '\n';
	memcpy(list->name, name, size);
	list->before = count_newlines(lists->text, lists->text + lists->len);
	list->last = lists->last;
	lists->last = list;
	return 0;
}

static int fail_read(int err, const char *name)
{
	return fail(err, strerror(err), err == ENOENT ?
		    "name a file, a folder, or - for standard input" :
		    "see that it is a file, and that it can be read",
		    "cannot read %s", name);
}

static int fail_size(const struct lists *lists)
{
	char text[64];

	snprintf(text, sizeof(text), "more than %d bytes%s", EXTSOCK_RULES_SIZE,
		 lists->last->last ? " together with the files before it" : "");
	return fail(E2BIG, text, "a list may not be longer", "%s",
		    lists->last->name);
}

/* Of a NUL the kernel does not say where it is. */
static int check_text(const struct lists *lists, const char *from)
{
	const char *end = lists->text + lists->len;
	const char *nul = memchr(from, '\0', end - from);

	if (!nul)
		return EXIT_DONE;
	return fail(EINVAL, "a NUL is no text",
		    "see that it is a list of rules", "%s, line %zu",
		    lists->last->name,
		    count_newlines(from, nul) + 1);
}

/* Standard input may not block, for the sake of somebody who has it as well. */
static ssize_t read_some(int fd, char *to, size_t size)
{
	struct pollfd from = { .fd = fd, .events = POLLIN };
	ssize_t got;

	do {
		got = read(fd, to, size);
	} while (got < 0 && errno == EAGAIN && poll(&from, 1, -1) == 1);
	return got;
}

/* One byte more than there may be tells that there are too many. */
static int read_list(struct lists *lists, int fd, const char *name)
{
	int err = -begin_list(lists, name);
	char *from = lists->text + lists->len;
	ssize_t got = 1;

	if (err)
		return fail_read(err, name);
	while (got && lists->len <= EXTSOCK_RULES_SIZE) {
		got = read_some(fd, lists->text + lists->len,
				EXTSOCK_RULES_SIZE + 1 - lists->len);
		if (got < 0)
			return fail_read(errno, name);
		lists->len += got;
	}
	return lists->len > EXTSOCK_RULES_SIZE ? fail_size(lists) :
						 check_text(lists, from);
}

static int is_list(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name), suffix = strlen(SUFFIX);

	return entry->d_name[0] != '.' && len > suffix &&
	       !strcmp(entry->d_name + len - suffix, SUFFIX);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int check_regular(int fd, const char *name)
{
	struct stat about;

	if (fstat(fd, &about))
		return fail_read(errno, name);
	return S_ISREG(about.st_mode) ? EXIT_DONE :
	       fail(EINVAL, "it is no regular file",
		    "remove it from the folder, or name the files",
		    "cannot read %s", name);
}

/*
 * Who names a FIFO means it, and waits for its other end. What is in a folder nobody
 * has chosen: it may be anything.
 */
static int read_file(struct lists *lists, const char *name, bool chosen)
{
	int flags = O_RDONLY | O_CLOEXEC | (chosen ? 0 : O_NONBLOCK | O_NOCTTY);
	int fd = open(name, flags), status;

	if (fd < 0)
		return fail_read(errno, name);
	status = chosen ? EXIT_DONE : check_regular(fd, name);
	if (!status)
		status = read_list(lists, fd, name);
	close(fd);
	return status;
}

static int read_entry(struct lists *lists, const char *folder, const char *file)
{
	char *name;
	int status;

	if (asprintf(&name, "%s/%s", folder, file) < 0)
		return fail_read(ENOMEM, file);
	status = read_file(lists, name, false);
	free(name);
	return status;
}

static int read_folder(struct lists *lists, const char *name)
{
	struct dirent **entries;
	int n = scandir(name, &entries, is_list, by_name), status = EXIT_DONE;
	int i;

	if (n < 0)
		return fail_read(errno, name);
	for (i = 0; i < n; i++) {
		if (!status)
			status = read_entry(lists, name, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return n ? status : fail(ENOENT, "there is no file *" SUFFIX " in it",
				 "to remove all rules, say extsockctl rules flush",
				 "cannot set the rules of %s", name);
}

static int read_source(struct lists *lists, const char *name)
{
	struct stat about;

	if (!strcmp(name, "-"))
		return read_list(lists, STDIN_FILENO, "standard input");
	if (!stat(name, &about) && S_ISDIR(about.st_mode))
		return read_folder(lists, name);
	return read_file(lists, name, true);
}

/**
 * lists_read() - read files
 * @lists: they go here; lists_free() it in any case
 * @nr: how many names
 * @names: files, folders, or "-"
 *
 * Return: an exit status, with a message if it is not 0.
 */
int lists_read(struct lists *lists, int nr, char **names)
{
	int status = EXIT_DONE, i;

	memset(lists, 0, sizeof(*lists));
	/* A byte to see that there are too many, and a newline behind it. */
	lists->text = calloc(EXTSOCK_RULES_SIZE + 2, 1);
	if (!lists->text)
		return fail(ENOMEM, NULL, NULL, "cannot go on");
	for (i = 0; i < nr && !status; i++)
		status = read_source(lists, names[i]);
	return status;
}

/**
 * lists_free() - free what was read
 * @lists: the files
 */
void lists_free(struct lists *lists)
{
	struct list *list;

	while ((list = lists->last)) {
		lists->last = list->last;
		free(list);
	}
	free(lists->text);
}

/**
 * lists_find() - where a line is from
 * @lists: the files
 * @line: which, from 1; becomes its number in its file
 *
 * Return: the name of its file.
 */
const char *lists_find(const struct lists *lists, size_t *line)
{
	const struct list *list = lists->last;

	/* A file without lines has as many before it as the next one. */
	while (list->last && list->before >= *line)
		list = list->last;
	*line -= list->before;
	return list->name;
}
