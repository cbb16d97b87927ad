// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl status
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extsockctl.h"

static const struct {
	const char *file;
	bool number;
} settings[] = {
	{ EXTSOCK_SYSFS_POLICY, false },
	{ EXTSOCK_SYSFS_WAIT_MS, true },
	{ EXTSOCK_SYSFS_FREEZE_MS, true },
};

#define SETTINGS	ARRAY_SIZE(settings)

/**
 * struct report - all that is said of a group
 * @version: of the module
 * @values: of the settings
 * @sockets: the table, with state and members
 */
struct report {
	char *version;
	char *values[SETTINGS];
	struct sockets sockets;
};

static void free_report(struct report *report)
{
	size_t i;

	free(report->version);
	for (i = 0; i < SETTINGS; i++)
		free(report->values[i]);
	sockets_free(&report->sockets);
}

static bool read_files(const struct options *opt, struct report *report)
{
	size_t i;

	for (i = 0; i < SETTINGS; i++) {
		report->values[i] = read_word(opt, settings[i].file);
		if (!report->values[i])
			return false;
	}
	report->version = read_text(VERSION_FILE);
	if (!report->version)
		return false;
	report->version[strcspn(report->version, "\n")] = '\0';
	return true;
}

/* Numbers, whatever they are: JSON has them without quotes. */
static void print_members(const char *members, const char *sep)
{
	bool first = true;
	size_t len;

	while (*members) {
		len = strcspn(members, "\n");
		if (len)
			printf("%s%ld", first ? "" : sep,
			       strtol(members, NULL, 10));
		first = first && !len;
		members += len + (members[len] == '\n');
	}
}

static void print_plain(const struct options *opt, const struct report *report)
{
	char summary[256];
	size_t i;

	sockets_summary(&report->sockets, summary, sizeof(summary));
	printf("%-10s %s\n", "group", opt->group);
	printf("%-10s %s\n", EXTSOCK_SYSFS_STATE, report->sockets.state);
	for (i = 0; i < SETTINGS; i++)
		printf("%-10s %s\n", settings[i].file, report->values[i]);
	printf("%-10s ", "members");
	print_members(report->sockets.members, " ");
	printf("\n%-10s %s\n%s\n", "version", report->version, summary);
}

static void print_classes(const struct sockets *sockets)
{
	size_t i;

	printf(",\"sockets\":%zu,\"classes\":", sockets->rows);
	if (!sockets->judged) {
		printf("null");
		return;
	}
	for (i = 0; i < CLASSES; i++)
		printf("%c\"%s\":%zu", i ? ',' : '{', class_names[i],
		       sockets_count(sockets, class_names[i]));
	putchar('}');
}

static void print_json(const struct options *opt, const struct report *report)
{
	size_t i;

	printf("{\"group\":");
	json_string(opt->group);
	printf(",\"%s\":", EXTSOCK_SYSFS_STATE);
	json_string(report->sockets.state);
	for (i = 0; i < SETTINGS; i++) {
		printf(",\"%s\":", settings[i].file);
		if (settings[i].number)
			printf("%lu", strtoul(report->values[i], NULL, 10));
		else
			json_string(report->values[i]);
	}
	printf(",\"members\":[");
	print_members(report->sockets.members, ",");
	printf("],\"version\":");
	json_string(report->version);
	print_classes(&report->sockets);
	puts("}");
}

int verb_status(const struct options *opt, int argc, char **argv)
{
	struct report report;
	int status;

	(void)argc;
	(void)argv;
	memset(&report, 0, sizeof(report));
	status = sockets_read(opt, &report.sockets);
	if (status)
		return status;
	if (!read_files(opt, &report))
		status = fail(errno, NULL, NULL,
			      "cannot read the status of group \"%s\"",
			      opt->group);
	else if (opt->json)
		print_json(opt, &report);
	else
		print_plain(opt, &report);
	free_report(&report);
	return status;
}
