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

/* Names of files in the folder where the groups' folders are. */
static bool is_reserved(const char *name)
{
	return !strcmp(name, EXTSOCK_SYSFS_VERSION) ||
	       !strcmp(name, EXTSOCK_SYSFS_GROUP) ||
	       !strcmp(name, EXTSOCK_SYSFS_GROUPS);
}

static int change(const char *what, const char *name)
{
	bool create = !strcmp(what, "create");
	const struct options opt = { .group = name };
	const char *hint = NULL, *why = NULL;
	char text[EXTSOCK_NAME_MAX + 2];
	int err;

	snprintf(text, sizeof(text), "%c%s", create ? '+' : '-', name);
	err = -write_text(GROUPS, text);
	switch (err) {
	case 0:
		return EXIT_DONE;
	case EINVAL:
		if (!strcmp(name, EXTSOCK_GROUP_DEFAULT))
			why = "it always exists";
		break;
	case EEXIST:
		if (is_reserved(name))
			why = "the name is reserved";
		hint = "take another one (extsockctl groups shows those in use)";
		break;
	case ENOTEMPTY:
		hint = hintf("remove its members first (extsockctl %sremove PID)",
			     group_flag(&opt));
		break;
	case EBUSY:
		why = "it is not running";
		hint = thaw_first(&opt);
		break;
	}
	return fail(err, why, hint, "cannot %s group \"%s\"", what, name);
}

static void print_group(bool json, const char *name, const char *state,
			size_t members, bool first)
{
	if (!json) {
		printf("%-*s  %-8s  %zu\n", EXTSOCK_NAME_MAX, name, state,
		       members);
		return;
	}
	printf("%s{\"name\":", first ? "" : ",");
	json_string(name);
	printf(",\"state\":");
	json_string(state);
	printf(",\"members\":%zu}", members);
}

/* One that was deleted since its name was read is left out. */
static int show_group(const struct options *opt, const char *name, bool *first)
{
	const struct options group = { .group = name };
	char *state = read_word(&group, EXTSOCK_SYSFS_STATE);
	char *members = state ? read_group(&group, EXTSOCK_SYSFS_MEMBERS) : NULL;
	int status = EXIT_DONE, err = errno;

	if (members) {
		print_group(opt->json, name, state, count_lines(members),
			    *first);
		*first = false;
	} else if ((err != ENOENT && err != ENODEV) || !module_loaded()) {
		status = fail(err, NULL, NULL, "cannot read group \"%s\"",
			      name);
	}
	free(state);
	free(members);
	return status;
}

static int show(const struct options *opt)
{
	char *names = read_text(GROUPS), *rest = names, *name;
	int status = EXIT_DONE, one;
	bool first = true;

	if (!names)
		return fail(errno, NULL, NULL, "cannot list the groups");
	if (opt->json)
		putchar('[');
	else
		printf("%-*s  %-8s  %s\n", EXTSOCK_NAME_MAX, "NAME", "STATE",
		       "MEMBERS");
	while ((name = strsep(&rest, "\n"))) {
		one = *name ? show_group(opt, name, &first) : EXIT_DONE;
		status = status ? status : one;
	}
	if (opt->json)
		puts("]");
	free(names);
	return status;
}

int verb_groups(const struct options *opt, int argc, char **argv)
{
	if (!argc)
		return show(opt);
	if (opt->json)
		return usage("groups %s has no --json", argv[0]);
	return change(argv[0], argv[1]);
}
