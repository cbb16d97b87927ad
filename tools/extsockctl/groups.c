// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl groups [create|delete NAME]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extsockctl.h"

#define GROUPS	EXTSOCK_SYSFS_ROOT "/" EXTSOCK_SYSFS_GROUPS

static int change(const char *verb, char sign, const char *name)
{
	char text[EXTSOCK_NAME_MAX + 3];
	const char *hint = NULL;
	int err;

	if (strlen(name) > EXTSOCK_NAME_MAX)
		return usage("a name has at most %d letters", EXTSOCK_NAME_MAX);
	snprintf(text, sizeof(text), "%c%s", sign, name);
	err = -write_text(GROUPS, text);
	if (!err)
		return EXIT_DONE;
	if (err == EINVAL)
		hint = "a name is made of a-z, 0-9, _, . and -, and begins with a letter or digit; \"default\" stays";
	else if (err == ENOTEMPTY)
		hint = "remove its members first (extsockctl remove)";
	else if (err == EBUSY)
		hint = "thaw it first (extsockctl thaw)";
	return fail(err, hint, "cannot %s group \"%s\"", verb, name);
}

static void print_group(const struct options *opt, const char *name,
			bool first)
{
	struct options group = { .group = name };
	char *path = sysfs_path(&group, EXTSOCK_SYSFS_STATE);
	char *state = read_text(path), *members;

	free(path);
	path = sysfs_path(&group, EXTSOCK_SYSFS_MEMBERS);
	members = read_text(path);
	free(path);
	/* It may have been deleted just now. */
	if (state && members) {
		state[strcspn(state, "\n")] = '\0';
		if (opt->json) {
			printf("%s{\"name\":", first ? "" : ",");
			json_string(name);
			printf(",\"state\":");
			json_string(state);
			printf(",\"members\":%zu}", count_lines(members));
		} else {
			printf("%-32s  %-8s  %zu\n", name, state,
			       count_lines(members));
		}
	}
	free(state);
	free(members);
}

static int show(const struct options *opt)
{
	char *names = read_text(GROUPS), *rest = names, *name;
	bool first = true;

	if (!names)
		return fail(errno, NULL, "cannot list the groups");
	if (opt->json)
		putchar('[');
	else
		printf("%-32s  %-8s  %s\n", "NAME", "STATE", "MEMBERS");
	while ((name = strsep(&rest, "\n"))) {
		if (!*name)
			continue;
		print_group(opt, name, first);
		first = false;
	}
	if (opt->json)
		puts("]");
	free(names);
	return EXIT_DONE;
}

int verb_groups(const struct options *opt, int argc, char **argv)
{
	if (!argc)
		return show(opt);
	if (argc != 2)
		return usage("groups takes \"create NAME\" or \"delete NAME\"");
	if (!strcmp(argv[0], "create"))
		return change("create", '+', argv[1]);
	if (!strcmp(argv[0], "delete"))
		return change("delete", '-', argv[1]);
	return usage("groups cannot \"%s\"", argv[0]);
}
