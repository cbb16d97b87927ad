// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl list
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extsockctl.h"

/* What people want to see; --json has all columns. */
static const char * const shown[] = {
	"class", "action", "protocol", "state", "local", "remote", "direction",
	"pid", "fd", "command",
};

#define SHOWN	(sizeof(shown) / sizeof(shown[0]))

static void print_heading(const size_t *widths)
{
	const char *c;
	size_t i;

	for (i = 0; i < SHOWN; i++) {
		for (c = shown[i]; *c; c++)
			putchar(*c - 'a' + 'A');
		if (i < SHOWN - 1)
			printf("%*s", (int)(widths[i] - strlen(shown[i]) + 2), "");
	}
	putchar('\n');
}

static void print_table(const struct sockets *sockets)
{
	size_t widths[SHOWN], row, i, len;

	for (i = 0; i < SHOWN; i++) {
		widths[i] = strlen(shown[i]);
		for (row = 0; row < sockets->rows; row++) {
			len = strlen(sockets_get(sockets, row, shown[i]));
			if (len > widths[i])
				widths[i] = len;
		}
	}
	print_heading(widths);
	for (row = 0; row < sockets->rows; row++)
		for (i = 0; i < SHOWN; i++)
			printf("%-*s%s", i < SHOWN - 1 ? (int)widths[i] : 0,
			       sockets_get(sockets, row, shown[i]),
			       i < SHOWN - 1 ? "  " : "\n");
}

static void print_json(const struct options *opt, const struct sockets *sockets,
		       size_t processes)
{
	size_t row, i;

	printf("{\"group\":");
	json_string(opt->group);
	printf(",\"processes\":%zu,\"sockets\":[", processes);
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
	char *path, *members, summary[256];
	size_t processes;
	int status;

	if (argc)
		return usage("list takes no operand \"%s\"", argv[0]);
	status = sockets_read(opt, &sockets);
	if (status)
		return status;
	path = sysfs_path(opt, EXTSOCK_SYSFS_MEMBERS);
	members = read_text(path);
	free(path);
	if (!members) {
		sockets_free(&sockets);
		return fail(errno, NULL, "cannot read the members of group \"%s\"",
			    opt->group);
	}
	processes = count_lines(members);
	free(members);
	if (opt->json) {
		print_json(opt, &sockets, processes);
	} else {
		print_table(&sockets);
		sockets_summary(&sockets, processes, summary, sizeof(summary));
		puts(summary);
	}
	sockets_free(&sockets);
	return EXIT_DONE;
}
