// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl status
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extsockctl.h"

static const char * const settings[] = {
	EXTSOCK_SYSFS_STATE, EXTSOCK_SYSFS_POLICY, EXTSOCK_SYSFS_WAIT_MS,
	EXTSOCK_SYSFS_FREEZE_MS,
};

#define SETTINGS	(sizeof(settings) / sizeof(settings[0]))

/* A file's text without its last newline; to be freed. */
static char *read_line(const struct options *opt, const char *file)
{
	char *path = sysfs_path(opt, file), *text = read_text(path);

	free(path);
	if (text && *text)
		text[strcspn(text, "\n")] = '\0';
	return text;
}

static void print_members(char *members, bool json)
{
	const char *sep = "";
	char *pid;

	while ((pid = strsep(&members, "\n"))) {
		if (!*pid)
			continue;
		printf("%s%s", sep, pid);
		sep = json ? "," : " ";
	}
}

static void print_plain(const struct options *opt, char **values, char *members,
			const struct sockets *sockets)
{
	char summary[256];
	size_t i;

	sockets_summary(sockets, count_lines(members), summary,
			sizeof(summary));
	printf("group      %s\n", opt->group);
	for (i = 0; i < SETTINGS; i++)
		printf("%-10s %s\n", settings[i], values[i]);
	printf("members    ");
	print_members(members, false);
	printf("\n%s\n", summary);
}

static void print_json(const struct options *opt, char **values, char *members,
		       const struct sockets *sockets)
{
	size_t i;

	printf("{\"group\":");
	json_string(opt->group);
	for (i = 0; i < SETTINGS; i++) {
		putchar(',');
		json_string(settings[i]);
		putchar(':');
		/* the latter two are numbers */
		if (i < 2)
			json_string(values[i]);
		else
			fputs(values[i], stdout);
	}
	printf(",\"sockets\":%zu,\"members\":[", sockets->rows);
	print_members(members, true);
	printf("]}\n");
}

int verb_status(const struct options *opt, int argc, char **argv)
{
	char *values[SETTINGS] = { NULL }, *path, *members;
	struct sockets sockets;
	bool complete = true;
	int status;
	size_t i;

	if (argc)
		return usage("status takes no operand \"%s\"", argv[0]);
	status = sockets_read(opt, &sockets);
	if (status)
		return status;
	path = sysfs_path(opt, EXTSOCK_SYSFS_MEMBERS);
	members = read_text(path);
	free(path);
	for (i = 0; i < SETTINGS; i++) {
		values[i] = read_line(opt, settings[i]);
		complete = complete && values[i];
	}
	if (!members || !complete)
		status = fail(errno, NULL, "cannot read the status of group \"%s\"",
			      opt->group);
	else if (opt->json)
		print_json(opt, values, members, &sockets);
	else
		print_plain(opt, values, members, &sockets);
	for (i = 0; i < SETTINGS; i++)
		free(values[i]);
	free(members);
	sockets_free(&sockets);
	return status;
}
