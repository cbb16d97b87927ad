// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl rules set, add, flush: one write of the right list, and if the kernel
 * refuses it, the message tells which line of which file is wrong.
 *
 * The input has parts, with a byte of 1 between them: the letter of what to do, the
 * rules that there are, what the kernel says of the list, or nothing if it takes it, and
 * the operands: the words of a rule, or what is in each file.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "extsockctl.h"
#include "fuzz.h"

#define NEXT		"\1"

/* "add" and up to four more. */
#define WORDS		5

#define NAME_SIZE	32

static char *old, *reason;

/* What was written, or NULL. */
static char *written;

/**
 * struct operands - the words behind "rules"
 * @nr: how many
 * @word: the words
 * @fd: the files of those that name one
 * @name: their names
 */
struct operands {
	int nr;
	char *word[WORDS];
	int fd[WORDS];
	char name[WORDS][NAME_SIZE];
};

static int make_file(const char *text)
{
	int fd = memfd_create("rules", MFD_CLOEXEC);
	size_t len = strlen(text);

	fuzz_check(write(fd, text, len) == (ssize_t)len, "no memory");
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* For extsockctl's rules.c: NAME/rules. */
int fuzz_open(const char *path, int flags, ...)
{
	(void)flags;
	fuzz_check(!strcmp(path, EXTSOCK_PROC_ROOT "/" EXTSOCK_GROUP_DEFAULT
			   "/" EXTSOCK_PROC_RULES), "another file is opened");
	return make_file(old);
}

/* The same: a list is one write, and who reads after it was refused learns why. */
ssize_t fuzz_write(int fd, const void *data, size_t size)
{
	size_t len = strlen(reason);

	fuzz_check(!written, "it is written twice");
	fuzz_check(!lseek(fd, 0, SEEK_CUR), "it is written to another place");
	fuzz_check(size && !memchr(data, '\0', size), "that is no list");
	written = fuzz_text(data, size);
	if (!len)
		return size;
	fuzz_check(!ftruncate(fd, 0) &&
		   pwrite(fd, reason, len, 0) == (ssize_t)len, "no memory");
	errno = EINVAL;
	return -1;
}

/* It quotes what it does not print, and shows whole lines. */
static void tame_kernel(void)
{
	char *c;

	for (c = reason; *c; c++)
		if (!isprint((unsigned char)*c) && *c != '\n')
			*c = '?';
	c = strrchr(old, '\n');
	*(c ? c + 1 : old) = '\0';
}

static void make_operands(struct operands *operands, char *verb, char *rest,
			  bool files)
{
	char *text;
	int i;

	operands->word[0] = verb;
	operands->nr = 1;
	while (operands->nr < WORDS && (text = strsep(&rest, NEXT))) {
		i = operands->nr++;
		operands->word[i] = text;
		if (!files)
			continue;
		operands->fd[i] = make_file(text);
		snprintf(operands->name[i], NAME_SIZE, "/proc/self/fd/%d",
			 operands->fd[i]);
	}
}

static size_t ends_open(const char *text)
{
	size_t len = strlen(text);

	return len && text[len - 1] != '\n';
}

/* The files behind one another, or a line with nothing in it. */
static char *expected_set(const struct operands *operands)
{
	char *list = malloc(4096), *to = list;
	int i;

	*to = '\0';
	for (i = 1; i < operands->nr; i++) {
		if (ends_open(list))
			to = stpcpy(to, "\n");
		to = stpcpy(to, operands->word[i]);
	}
	return *list ? list : strcpy(list, "\n");
}

static char *expected_add(const struct operands *operands, bool first)
{
	char *list = malloc(4096), *to = stpcpy(list, first ? "" : old);
	int i;

	for (i = 1; i < operands->nr; i++) {
		to = stpcpy(to, i > 1 ? " " : "");
		to = stpcpy(to, operands->word[i]);
	}
	stpcpy(stpcpy(to, "\n"), first ? old : "");
	return list;
}

/* The number behind "line " in what the kernel says, if words follow. */
static size_t bad_line(const char **why)
{
	char *end;
	size_t line;

	if (strncmp(reason, "line ", 5) || !isdigit((unsigned char)reason[5]))
		return 0;
	errno = 0;
	line = strtoul(reason + 5, &end, 10);
	if (errno || strncmp(end, ": ", 2))
		return 0;
	*why = end + 2;
	return line;
}

static size_t count_file_lines(const char *text)
{
	return count_lines(text) + ends_open(text);
}

/*
 * The line, counted over all files, is named as that of its own. Blanks in front of what
 * is wrong with it are not said.
 */
static void check_refused(const struct operands *operands)
{
	const char *why = NULL;
	size_t line = bad_line(&why), lines, len = why ? strcspn(why, "\n") : 0;
	char text[4096];
	int i;

	for (i = 1; i < operands->nr; i++) {
		lines = count_file_lines(operands->word[i]);
		if (line && line <= lines) {
			snprintf(text, sizeof(text), "%s, line %zu: %.*s;",
				 operands->name[i], line, (int)len, why);
			fuzz_check(strstr(capture_said(), text) || !isgraph(*why),
				   "another line is named");
			return;
		}
		line -= line < lines ? line : lines;
	}
}

static void run(struct operands *operands, const char *expected, bool first)
{
	const struct options opt = {
		.group = EXTSOCK_GROUP_DEFAULT, .first = first
	};
	char *argv[WORDS + 1] = { operands->word[0] };
	int status, i;

	for (i = 1; i < operands->nr; i++)
		argv[i] = operands->name[i][0] ? operands->name[i] :
						 operands->word[i];
	capture_begin();
	status = operands_rules("rules", operands->nr, argv);
	if (!status)
		status = verb_rules(&opt, operands->nr, argv);
	free(capture_end());
	fuzz_check(status == EXIT_USAGE || written, "nothing is written");
	fuzz_check(!written || !strcmp(written, expected), "another list is written");
	fuzz_check(!status == (written && !*reason), "it is refused, or not");
	fuzz_check(!status == !*capture_said(), "nothing is said of a failure");
}

static void check(char verb, char *rest)
{
	struct operands operands = { 0 };
	char *expected;

	switch (verb) {
	case 's':
		make_operands(&operands, "set", rest ? rest : "", true);
		expected = expected_set(&operands);
		run(&operands, expected, false);
		if (*reason)
			check_refused(&operands);
		break;
	case 'a':
	case 'A':
		make_operands(&operands, "add", rest, false);
		expected = expected_add(&operands, verb == 'A');
		run(&operands, expected, verb == 'A');
		break;
	default:
		make_operands(&operands, "flush", NULL, false);
		expected = strdup("\n");
		run(&operands, expected, false);
		break;
	}
	free(expected);
	while (operands.nr--)
		if (operands.fd[operands.nr])
			close(operands.fd[operands.nr]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *rest = text;
	char verb = *fuzz_take(&rest, NEXT);
	char none[1] = "", none_either[1] = "", *part;

	part = strsep(&rest, NEXT);
	old = part ? part : none;
	part = strsep(&rest, NEXT);
	reason = part ? part : none_either;
	tame_kernel();
	check(verb, rest);
	free(written);
	written = NULL;
	free(text);
	return 0;
}
