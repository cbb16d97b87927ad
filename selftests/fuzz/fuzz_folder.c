// SPDX-License-Identifier: GPL-2.0-only
/*
 * A folder with lists of rules: the files *.rules, in order of their names, become one
 * list.
 *
 * The input is up to eight entries of the folder, with a byte of 1 between them: a name,
 * a byte of 2, and what is in it; a byte of 3 if it is no regular file.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "extsockctl.h"
#include "fuzz.h"

#define ENTRIES		8
#define NEXT		'\1'
#define REGULAR		'\2'
#define OTHER		'\3'

/* It is there; what is in it is not looked at. */
#define FOLDER		"."

/**
 * struct entry - what is in the folder
 * @name: its name
 * @data: what is in it
 * @size: its length in bytes
 * @regular: it is a regular file
 */
struct entry {
	char name[NAME_MAX + 1];
	const uint8_t *data;
	size_t size;
	bool regular;
};

/* In order of their names, as are all that have one. */
static struct entry entries[ENTRIES];
static size_t nr_entries;

static const struct entry *find(const char *name)
{
	size_t i;

	for (i = 0; i < nr_entries; i++)
		if (!strcmp(entries[i].name, name))
			return &entries[i];
	return NULL;
}

static void add_entry(const uint8_t *data, size_t size)
{
	struct entry *entry = &entries[nr_entries];
	size_t len;

	for (len = 0; len < size && data[len] > OTHER && data[len] != '/'; len++)
		;
	if (!len || len > NAME_MAX || len == size ||
	    (data[len] != REGULAR && data[len] != OTHER))
		return;
	memcpy(entry->name, data, len);
	entry->name[len] = '\0';
	if (find(entry->name))
		return;
	entry->data = data + len + 1;
	entry->size = size - len - 1;
	entry->regular = data[len] == REGULAR;
	nr_entries++;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name,
		      ((const struct entry *)b)->name);
}

static void make_folder(const uint8_t *data, size_t size)
{
	const uint8_t *end;

	nr_entries = 0;
	do {
		end = memchr(data, NEXT, size);
		add_entry(data, end ? (size_t)(end - data) : size);
		size -= end ? end + 1 - data : 0;
		data = end ? end + 1 : data;
	} while (end && nr_entries < ENTRIES);
	qsort(entries, nr_entries, sizeof(entries[0]), by_name);
}

/* It ends where its name ends. */
static struct dirent *new_dirent(const struct entry *entry)
{
	size_t size = strlen(entry->name) + 1;
	struct dirent *dirent = malloc(offsetof(struct dirent, d_name) + size);

	memcpy((char *)dirent + offsetof(struct dirent, d_name), entry->name,
	       size);
	return dirent;
}

/* For extsockctl's lists.c: what is in the folder, the last one first. */
int fuzz_scandir(const char *name, struct dirent ***found,
		 int (*filter)(const struct dirent *),
		 int (*compare)(const struct dirent **, const struct dirent **))
{
	size_t left = nr_entries;
	int n = 0;

	(void)name;
	*found = calloc(ENTRIES, sizeof(struct dirent *));
	while (left--) {
		(*found)[n] = new_dirent(&entries[left]);
		if (filter((*found)[n]))
			n++;
		else
			free((*found)[n]);
	}
	qsort(*found, n, sizeof(struct dirent *),
	      (int (*)(const void *, const void *))compare);
	return n;
}

/* For extsockctl's lists.c, which may not wait for the other end of what is there. */
int fuzz_open(const char *path, int flags, ...)
{
	const struct entry *entry = find(strrchr(path, '/') + 1);
	int fds[2];

	fuzz_check(entry, "what was not found is opened");
	fuzz_check(flags & O_NONBLOCK, "it may wait for ever");
	if (entry->regular) {
		fds[0] = memfd_create("list", MFD_CLOEXEC);
		fds[1] = dup(fds[0]);
	} else if (pipe2(fds, O_CLOEXEC)) {
		abort();
	}
	fuzz_check(write(fds[1], entry->data, entry->size) ==
		   (ssize_t)entry->size, "no memory");
	close(fds[1]);
	lseek(fds[0], 0, SEEK_SET);
	return fds[0];
}

static bool is_list(const struct entry *entry)
{
	return !fnmatch("*.rules", entry->name, FNM_PERIOD);
}

static bool can_be_read(void)
{
	size_t i, n = 0;

	for (i = 0; i < nr_entries; i++) {
		if (!is_list(&entries[i]))
			continue;
		if (!entries[i].regular ||
		    memchr(entries[i].data, '\0', entries[i].size))
			return false;
		n++;
	}
	return n;
}

static void check_line(const struct lists *lists, const struct entry *entry,
		       size_t line, size_t expected)
{
	const char *name = lists_find(lists, &line);

	fuzz_check(!strncmp(name, FOLDER "/", strlen(FOLDER "/")) &&
		   !strcmp(strchr(name, '/') + 1, entry->name),
		   "a line is of another file");
	fuzz_check(line == expected, "a line has another number");
}

/* It stands at @at, and begins with the line @before + 1; returns the last one. */
static size_t check_entry(const struct lists *lists, const struct entry *entry,
			  size_t at, size_t before)
{
	bool in = false;
	size_t i, line = 0;

	fuzz_check(at + entry->size <= lists->len &&
		   !memcmp(lists->text + at, entry->data, entry->size),
		   "a list is another");
	for (i = 0; i < entry->size; i++) {
		if (!in) {
			line++;
			check_line(lists, entry, before + line, line);
		}
		in = entry->data[i] != '\n';
	}
	return before + line;
}

/* Each in its turn, and a newline wherever one ends without. */
static void check_lists(const struct lists *lists)
{
	size_t i, at = 0, line = 0;

	for (i = 0; i < nr_entries; i++) {
		if (!is_list(&entries[i]))
			continue;
		if (at && lists->text[at - 1] != '\n')
			fuzz_check(lists->text[at++] == '\n',
				   "a line goes on in the next file");
		line = check_entry(lists, &entries[i], at, line);
		at += entries[i].size;
	}
	fuzz_check(at == lists->len, "there is more in the list");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = FOLDER;
	struct lists lists;
	int status;

	make_folder(data, size);
	capture_begin();
	status = lists_read(&lists, 1, &name);
	free(capture_end());
	fuzz_check(!status == can_be_read(), "another folder is accepted");
	fuzz_check(!status == !*capture_said(), "nothing is said of a folder");
	if (!status)
		check_lists(&lists);
	lists_free(&lists);
	return 0;
}
