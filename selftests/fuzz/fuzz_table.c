// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel shows of a group: extsockctl list, status, groups, and the line of a
 * freeze that waits.
 *
 * The input is the state in the first line, how many members in the second one, then
 * NAME/sockets.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The functions that print a line are its own. */
#include "progress.c"

#include "fuzz.h"

#define MEMBERS_MAX	9

static const char *state, *table;
static unsigned int nr_members;

static const struct options plain = { .group = EXTSOCK_GROUP_DEFAULT };
static const struct options json = {
	.group = EXTSOCK_GROUP_DEFAULT, .json = true
};

static void write_members(FILE *to)
{
	unsigned int i;

	for (i = 1; i <= nr_members; i++)
		fprintf(to, "%u\n", i);
}

static void write_content(FILE *to, const char *name)
{
	if (!strcmp(name, EXTSOCK_SYSFS_STATE))
		fprintf(to, "%s\n", state);
	else if (!strcmp(name, EXTSOCK_SYSFS_MEMBERS))
		write_members(to);
	else if (!strcmp(name, EXTSOCK_PROC_SOCKETS))
		fputs(table, to);
	else if (!strcmp(name, EXTSOCK_SYSFS_GROUPS))
		fputs(EXTSOCK_GROUP_DEFAULT "\n", to);
	else
		fputs("60000\n", to);
}

/* For extsockctl's file.c: the module's files. */
int fuzz_open(const char *path, int flags, ...)
{
	int fd = memfd_create(path, MFD_CLOEXEC);
	FILE *to = fdopen(dup(fd), "w");

	(void)flags;
	if (!to)
		abort();
	write_content(to, strrchr(path, '/') + 1);
	fclose(to);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* What makes no sense is read again, 100 times. */
int fuzz_nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)time;
	(void)left;
	return 0;
}

static void check_verb(int (*verb)(const struct options *opt, int argc,
				   char **argv))
{
	capture_begin();
	fuzz_check(verb(&plain, 0, NULL) == EXIT_DONE, "it fails");
	free(capture_end());
	capture_begin();
	fuzz_check(verb(&json, 0, NULL) == EXIT_DONE, "it fails with --json");
	capture_json();
}

static void check_line(const struct sockets *sockets, size_t width)
{
	char text[PROGRESS_MAX + 1];

	print_line(sockets, text, width);
	fuzz_check(!strchr(text, ':') ||
		   strlen(text) + strlen(LONGEST_LEFT) <= width,
		   "the line is too long");
}

static void check_progress(const struct sockets *sockets)
{
	size_t width;

	is_waited_for(sockets);
	for (width = 1; width <= PROGRESS_MAX; width += 19)
		check_line(sockets, width);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *rest = text;
	struct sockets sockets;
	int err;

	state = fuzz_take(&rest, "\n");
	nr_members = strtoul(fuzz_take(&rest, "\n"), NULL, 10) % MEMBERS_MAX;
	table = rest ? rest : "";
	err = sockets_try(&plain, &sockets);
	fuzz_check(!err || err == -EPROTO || err == -EBUSY, "another errno");
	if (!err) {
		check_progress(&sockets);
		sockets_free(&sockets);
		check_verb(verb_list);
		check_verb(verb_status);
		check_verb(verb_groups);
	}
	free(text);
	return 0;
}
