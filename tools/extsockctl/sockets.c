// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table NAME/sockets. Columns are found by their names in the header.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extsockctl.h"

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

static bool split(struct sockets *sockets)
{
	size_t lines = count_lines(sockets->text), row, column;
	char *line = sockets->text, *word, *rest;
	const char *next;

	next = strchr(line, '\n');
	if (!next)
		return false;
	sockets->columns = count_words(line, next);
	sockets->words = calloc(lines * sockets->columns + 1, sizeof(char *));
	if (!sockets->words)
		return false;
	for (row = 0; row < lines; row++) {
		rest = strsep(&line, "\n");
		for (column = 0; column < sockets->columns; column++) {
			word = strsep(&rest, " ");
			if (!word)
				return false;
			sockets->words[row * sockets->columns + column] = word;
		}
	}
	sockets->rows = lines - 1;
	return true;
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

	memset(sockets, 0, sizeof(*sockets));
	sockets->text = read_text(path);
	free(path);
	if (!sockets->text)
		return fail(errno, NULL, "cannot list the sockets of group \"%s\"",
			    opt->group);
	if (split(sockets))
		return EXIT_DONE;
	sockets_free(sockets);
	return fail(EPROTO, "module and extsockctl are of different versions",
		    "cannot understand the sockets of group \"%s\"", opt->group);
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

static size_t count_class(const struct sockets *sockets, const char *class)
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
 */
void sockets_summary(const struct sockets *sockets, size_t processes,
		     char *text, size_t size)
{
	static const char * const classes[] = {
		EXTSOCK_CLASS_INTERNAL, EXTSOCK_CLASS_EXTERNAL,
		EXTSOCK_CLASS_SHARED, EXTSOCK_CLASS_LISTENING,
		EXTSOCK_CLASS_IDLE, EXTSOCK_CLASS_UNSUPPORTED,
	};
	const char *sep = ": ";
	size_t i, n, len;

	len = snprintf(text, size, "%zu process%s, %zu socket%s", processes,
		       processes == 1 ? "" : "es", sockets->rows,
		       sockets->rows == 1 ? "" : "s");
	for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		n = count_class(sockets, classes[i]);
		if (!n || len >= size)
			continue;
		len += snprintf(text + len, size - len, "%s%zu %s", sep, n,
				classes[i]);
		sep = ", ";
	}
}
