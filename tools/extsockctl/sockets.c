// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table NAME/sockets. Columns are found by their names in the header.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extsockctl.h"

const char * const class_names[CLASSES] = {
	EXTSOCK_CLASS_INTERNAL, EXTSOCK_CLASS_EXTERNAL, EXTSOCK_CLASS_SHARED,
	EXTSOCK_CLASS_LISTENING, EXTSOCK_CLASS_IDLE, EXTSOCK_CLASS_UNSUPPORTED,
};

static size_t count_words(const char *text, const char *end)
{
	size_t n = 0;
	bool in = false;

	for (; text < end; text++) {
		bool blank = *text == ' ';

		n += !blank && !in;
		in = !blank;
	}
	return n;
}

/* The next word of a line, or NULL at its end. */
static char *next_word(char **line)
{
	char *word;

	do {
		word = strsep(line, " ");
	} while (word && !*word);
	return word;
}

/* Words beyond the last column are not looked at. */
static bool split_line(char *line, size_t columns, char **words)
{
	size_t i;

	for (i = 0; i < columns; i++) {
		words[i] = next_word(&line);
		if (!words[i])
			return false;
	}
	return true;
}

static int split(struct sockets *sockets)
{
	size_t lines = count_lines(sockets->text), i;
	char *rest = sockets->text;

	if (!lines)
		return -EPROTO;
	sockets->columns = count_words(rest, strchr(rest, '\n'));
	sockets->words = calloc(lines * sockets->columns + 1, sizeof(char *));
	if (!sockets->words)
		return -ENOMEM;
	for (i = 0; i < lines; i++)
		if (!split_line(strsep(&rest, "\n"), sockets->columns,
				sockets->words + i * sockets->columns))
			return -EPROTO;
	sockets->rows = lines - 1;
	return 0;
}

/*
 * Sockets have classes while the group is frozen. It drains and freezes by turns, and
 * meanwhile those have classes that it waits for, once it has found them.
 */
static int check_state(struct sockets *sockets, const char *before)
{
	bool drains = !strcmp(sockets->state, EXTSOCK_STATE_DRAINING) ||
		      !strcmp(sockets->state, EXTSOCK_STATE_FREEZING);
	bool sorted = sockets->rows &&
		      strcmp(sockets_get(sockets, 0, "class"), "-");

	sockets->judged = !strcmp(sockets->state, EXTSOCK_STATE_FROZEN);
	sockets->draining = drains && sorted;
	if (strcmp(before, sockets->state))
		return -EBUSY;
	return !drains && sockets->rows && sorted != sockets->judged ? -EBUSY : 0;
}

static int read_table(const struct options *opt, const char *path,
		      const char *before, struct sockets *sockets)
{
	sockets->text = read_text(path);
	if (!sockets->text)
		return -errno;
	sockets->members = read_group(opt, EXTSOCK_SYSFS_MEMBERS);
	if (!sockets->members)
		return -errno;
	sockets->state = read_word(opt, EXTSOCK_SYSFS_STATE);
	if (!sockets->state)
		return -errno;
	return split(sockets) ?: check_state(sockets, before);
}

/**
 * sockets_try() - read the table, and what belongs to it, once
 * @opt: names the group
 * @sockets: it goes here; sockets_free() it if this returns 0
 *
 * Return: 0 or -errno, -EBUSY if what was read is not of one moment.
 */
int sockets_try(const struct options *opt, struct sockets *sockets)
{
	char *path = proc_path(opt, EXTSOCK_PROC_SOCKETS);
	char *before = read_word(opt, EXTSOCK_SYSFS_STATE);
	struct sockets found = { 0 };
	int err = before ? read_table(opt, path, before, &found) : -errno;

	if (err)
		sockets_free(&found);
	else
		*sockets = found;
	free(before);
	free(path);
	return err;
}

static int fail_read(const struct options *opt, int err)
{
	const char *hint = NULL, *why = NULL;

	if (err == EPROTO) {
		hint = "are module and extsockctl of one version? (extsockctl --version)";
	} else if (err == EBUSY) {
		why = "it is frozen and thawed all the time";
		hint = "try again";
	}
	return fail(err, why, hint, "cannot list the sockets of group \"%s\"",
		    opt->group);
}

/**
 * sockets_read() - read the table, and what belongs to it
 * @opt: names the group
 * @sockets: it goes here; sockets_free() it if this returns 0
 *
 * Return: an exit status, with a message if it is not 0.
 */
int sockets_read(const struct options *opt, struct sockets *sockets)
{
	unsigned int tries = 0;
	int err;

	do {
		err = sockets_try(opt, sockets);
	} while (err == -EBUSY && try_again(&tries));
	return err ? fail_read(opt, -err) : EXIT_DONE;
}

/**
 * sockets_free() - free the table
 * @sockets: the table
 */
void sockets_free(struct sockets *sockets)
{
	free(sockets->words);
	free(sockets->text);
	free(sockets->members);
	free(sockets->state);
}

/**
 * sockets_get() - a value
 * @sockets: the table
 * @row: which row, from 0
 * @column: name of the column
 *
 * Return: the value, "-" if there is no such column.
 */
const char *sockets_get(const struct sockets *sockets, size_t row,
			const char *column)
{
	size_t i;

	for (i = 0; i < sockets->columns; i++)
		if (!strcmp(sockets->words[i], column))
			return sockets->words[(row + 1) * sockets->columns + i];
	return "-";
}

/**
 * sockets_count() - count the sockets of a class
 * @sockets: the table
 * @class: name of the class
 *
 * Return: how many there are.
 */
size_t sockets_count(const struct sockets *sockets, const char *class)
{
	size_t n = 0, row;

	for (row = 0; row < sockets->rows; row++)
		n += !strcmp(sockets_get(sockets, row, "class"), class);
	return n;
}

/**
 * sockets_summary() - "3 processes, 5 sockets: 2 internal, 2 external, ..."
 * @sockets: the table
 * @text: it goes here
 * @size: room there
 *
 * While the group runs, the table has only what members were seen to open,
 * which need not be all that they hold, and while it drains only what it waits
 * for: the summary says so.
 */
void sockets_summary(const struct sockets *sockets, char *text, size_t size)
{
	size_t processes = count_lines(sockets->members);
	const char *sep = ": ";
	size_t i, n, len;

	len = snprintf(text, size, "%zu process%s, %zu socket%s%s", processes,
		       processes == 1 ? "" : "es", sockets->rows,
		       sockets->rows == 1 ? "" : "s",
		       sockets->judged ? "" :
		       sockets->draining ? " waited for" :
					   " opened while members");
	if (!sockets->judged)
		return;
	for (i = 0; i < CLASSES; i++) {
		n = sockets_count(sockets, class_names[i]);
		if (!n || len >= size)
			continue;
		len += snprintf(text + len, size - len, "%s%zu %s", sep, n,
				class_names[i]);
		sep = ", ";
	}
}
