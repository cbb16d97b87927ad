// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl list
 */
#include <stdio.h>
#include <string.h>

#include "extsockctl.h"

/* What people want to see; --json has all columns. */
static const struct {
	const char *column;
	const char *heading;
} shown[] = {
	{ "class", "CLASS" },
	{ "action", "ACTION" },
	{ "protocol", "PROTO" },
	{ "state", "STATE" },
	{ "local", "LOCAL" },
	{ "remote", "REMOTE" },
	{ "direction", "DIR" },
	{ "pid", "PID" },
	{ "fd", "FD" },
	{ "command", "COMMAND" },
};

#define SHOWN	ARRAY_SIZE(shown)

/* The last column is not filled up with blanks. */
static void print_cell(const char *text, const size_t *widths, size_t i)
{
	if (i < SHOWN - 1)
		printf("%-*s  ", (int)widths[i], text);
	else
		puts(text);
}

static void print_table(const struct sockets *sockets)
{
	size_t widths[SHOWN], row, i, len;

	for (i = 0; i < SHOWN; i++) {
		widths[i] = strlen(shown[i].heading);
		for (row = 0; row < sockets->rows; row++) {
			len = strlen(sockets_get(sockets, row,
						 shown[i].column));
			if (len > widths[i])
				widths[i] = len;
		}
	}
	for (i = 0; i < SHOWN; i++)
		print_cell(shown[i].heading, widths, i);
	for (row = 0; row < sockets->rows; row++)
		for (i = 0; i < SHOWN; i++)
			print_cell(sockets_get(sockets, row, shown[i].column),
				   widths, i);
}

static void print_json(const struct options *opt, const struct sockets *sockets)
{
	size_t row, i;

	printf("{\"group\":");
	json_string(opt->group);
	printf(",\"processes\":%zu,\"sockets\":[",
	       count_lines(sockets->members));
	for (row = 0; row < sockets->rows; row++) {
		printf("%s{", row ? "," : "");
		for (i = 0; i < sockets->columns; i++) {
			printf("%s", i ? "," : "");
			json_string(sockets->words[i]);
			putchar(':');
			json_unescaped(sockets_get(sockets, row,
						   sockets->words[i]));
		}
		putchar('}');
	}
	printf("]}\n");
}

int verb_list(const struct options *opt, int argc, char **argv)
{
	struct sockets sockets;
	char summary[256];
	int status;

	(void)argc;
	(void)argv;
	status = sockets_read(opt, &sockets);
	if (status)
		return status;
	if (opt->json) {
		print_json(opt, &sockets);
	} else {
		print_table(&sockets);
		sockets_summary(&sockets, summary, sizeof(summary));
		puts(summary);
	}
	sockets_free(&sockets);
	return EXIT_DONE;
}
