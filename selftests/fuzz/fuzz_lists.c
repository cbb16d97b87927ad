// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lists of rules: those in files, which become one, and those that the kernel shows.
 *
 * The input is up to three files, with a byte of 1 between them.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "extsockctl.h"
#include "fuzz.h"

#define FILES		3
#define NEXT		'\1'
#define NAME_SIZE	32

/**
 * struct files - files that can be opened by their names
 * @nr: how many
 * @fd: their descriptors
 * @name: their names
 * @arg: the same, as extsockctl has them
 */
struct files {
	int nr;
	int fd[FILES];
	char name[FILES][NAME_SIZE];
	char *arg[FILES];
};

static void make_file(struct files *files, const uint8_t *data, size_t size)
{
	int fd = memfd_create("list", MFD_CLOEXEC), nr = files->nr++;

	fuzz_check(write(fd, data, size) == (ssize_t)size, "no memory");
	snprintf(files->name[nr], NAME_SIZE, "/proc/self/fd/%d", fd);
	files->arg[nr] = files->name[nr];
	files->fd[nr] = fd;
}

/* What follows the last one is not looked at. */
static void make_files(struct files *files, const uint8_t *data, size_t size)
{
	const uint8_t *end;

	files->nr = 0;
	do {
		end = memchr(data, NEXT, size);
		make_file(files, data, end ? (size_t)(end - data) : size);
		size -= end ? end + 1 - data : 0;
		data = end ? end + 1 : data;
	} while (end && files->nr < FILES);
}

/* Each line is of the file that it is of, and has its number there. */
static void check_places(const struct lists *lists)
{
	size_t lines = 0, line, i;
	const char *name, *last = NULL;
	size_t expected = 1;

	for (i = 0; i < lists->len; i++)
		lines += lists->text[i] == '\n';
	for (i = 1; i <= lines; i++) {
		line = i;
		name = lists_find(lists, &line);
		if (!last || strcmp(name, last))
			expected = 1;
		fuzz_check(line == expected++, "a line has another number");
		last = name;
	}
}

static void check_lists(const uint8_t *data, size_t size)
{
	struct files files;
	struct lists lists;
	int status;

	make_files(&files, data, size);
	capture_begin();
	status = lists_read(&lists, files.nr, files.arg);
	free(capture_end());
	if (!status) {
		fuzz_check(strlen(lists.text) == lists.len, "a NUL in a list");
		check_places(&lists);
	}
	lists_free(&lists);
	while (files.nr--)
		close(files.fd[files.nr]);
}

static void check_shown(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	int err;

	capture_begin();
	err = rules_print_json(text);
	if (err)
		free(capture_end());
	else
		capture_json();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_lists(data, size);
	check_shown(data, size);
	return 0;
}
