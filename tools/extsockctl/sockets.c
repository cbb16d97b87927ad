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

/* Without a socket the table does not tell: ask for the state. */
static bool is_judged(const struct options *opt, const struct sockets *sockets)
{
	if (sockets->rows)
		return strcmp(sockets_get(sockets, 0, "class"), "-");
	return state_is(opt, EXTSOCK_STATE_FROZEN);
}

/**
 * sockets_read() - read the table
 * @opt: names the group
 * @sockets: it goes here; sockets_free() it if this returns 0
 *
 * Return: an exit status, with a message if it is not 0.
 */
int sockets_read(const struct options *opt, struct sockets *sockets)
{
	char *path = proc_path(opt, EXTSOCK_PROC_SOCKETS);
	int err;

	memset(sockets, 0, sizeof(*sockets));
	sockets->text = read_text(path);
	err = sockets->text ? split(sockets) : -errno;
	free(path);
	if (err) {
		sockets_free(sockets);
		return fail(-err, NULL, err == -EPROTO ?
			    "are module and extsockctl of one version? (extsockctl --version)" :
			    NULL, "cannot list the sockets of group \"%s\"",
			    opt->group);
	}
	sockets->judged = is_judged(opt, sockets);
	return EXIT_DONE;
}

/**
 * sockets_free() - free the table
 * @sockets: the table
 */
void sockets_free(struct sockets *sockets)
{
	free(sockets->words);
	free(sockets->text);
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
 * @processes: how many members there are
 * @text: it goes here
 * @size: room there
 *
 * While the group runs, the table has only what was opened by members, which
 * need not be all that they hold: the summary says so.
 */
void sockets_summary(const struct sockets *sockets, size_t processes,
		     char *text, size_t size)
{
	const char *sep = ": ";
	size_t i, n, len;

	len = snprintf(text, size, "%zu process%s, %zu socket%s%s", processes,
		       processes == 1 ? "" : "es", sockets->rows,
		       sockets->rows == 1 ? "" : "s",
		       sockets->judged ? "" : " opened while members");
	for (i = 0; i < CLASSES; i++) {
		n = sockets_count(sockets, class_names[i]);
		if (!n || len >= size)
			continue;
		len += snprintf(text + len, size - len, "%s%zu %s", sep, n,
				class_names[i]);
		sep = ", ";
	}
}
