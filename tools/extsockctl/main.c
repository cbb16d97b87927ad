// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl: a front end to the files of the extsock module.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extsockctl.h"

/**
 * struct verb - a verb
 * @name: its name
 * @run: what does it
 * @operands: how its operands are written
 * @help: what it does
 * @needs_group: it is refused if there is no such group
 */
struct verb {
	const char *name;
	int (*run)(const struct options *opt, int argc, char **argv);
	const char *operands;
	const char *help;
	bool needs_group;
};

static const struct verb verbs[] = {
	{ "add", verb_add, "[--tree] PID...",
	  "make processes members, with --tree their descendants too", true },
	{ "remove", verb_remove, "PID...", "remove members", true },
	{ "run", verb_run, "-- COMMAND...", "start a command as a member",
	  true },
	{ "freeze", verb_freeze, "[--policy=reset|keep]",
	  "stop the group, sort its sockets", true },
	{ "thaw", verb_thaw, "[--keep]",
	  "reset external sockets, with --keep none, and let the group run",
	  true },
	{ "checkpoint", verb_checkpoint, "-- COMMAND...",
	  "freeze, run a command, thaw and keep all sockets", true },
	{ "status", verb_status, "", "state, settings and members", true },
	{ "list", verb_list, "", "the sockets", true },
	{ "groups", verb_groups, "[create|delete NAME]",
	  "list, make or delete groups", false },
};

#define VERBS	(sizeof(verbs) / sizeof(verbs[0]))

static int help(void)
{
	size_t i;

	puts("usage: extsockctl [-g GROUP] [--json] VERB [OPERANDS]\n");
	for (i = 0; i < VERBS; i++)
		printf("  %-10s %-22s %s\n", verbs[i].name, verbs[i].operands,
		       verbs[i].help);
	puts("\n"
	     "  -g, --group=GROUP  the group; \"" EXTSOCK_GROUP_DEFAULT "\" if not given\n"
	     "  --json             for status, list and groups: JSON\n"
	     "  -h, --help         this text\n"
	     "  -V, --version      versions of extsockctl and of the module\n"
	     "\n"
	     "Exit status: 0 done, 1 refused by the kernel, 2 usage, 3 not found,\n"
	     "4 permission, 5 module not loaded, 6 busy or deadline.");
	return EXIT_DONE;
}

static int version(void)
{
	char *module = read_text(EXTSOCK_SYSFS_ROOT "/" EXTSOCK_SYSFS_VERSION);

	if (module)
		module[strcspn(module, "\n")] = '\0';
	printf("extsockctl %s\nmodule %s\n", EXTSOCK_VERSION,
	       module ? module : "not loaded");
	if (module && strcmp(module, EXTSOCK_VERSION))
		fputs("extsockctl: module and extsockctl are of different versions\n",
		      stderr);
	free(module);
	return EXIT_DONE;
}

static bool name_valid(const char *name)
{
	size_t len = strlen(name);

	return len && len <= EXTSOCK_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == len &&
	       !strchr("_.-", name[0]);
}

static const struct verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < VERBS; i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static int parse_options(int argc, char **argv, const char *shorts,
			 struct options *opt)
{
	static const struct option longs[] = {
		{ "group", required_argument, NULL, 'g' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ "json", no_argument, NULL, 'j' },
		{ "tree", no_argument, NULL, 't' },
		{ "keep", no_argument, NULL, 'k' },
		{ "policy", required_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		switch (c) {
		case 'g':
			opt->group = optarg;
			break;
		case 'h':
			exit(help());
		case 'V':
			exit(version());
		case 'j':
			opt->json = true;
			break;
		case 't':
			opt->tree = true;
			break;
		case 'k':
			opt->keep = true;
			break;
		case 'p':
			opt->policy = optarg;
			break;
		default:
			fputs("see extsockctl --help\n", stderr);
			return EXIT_USAGE;
		}
	}
	return EXIT_DONE;
}

/*
 * Options may stand before and after the verb, and among PIDs, but those
 * behind a command are the command's.
 */
static const struct verb *parse(int argc, char **argv, struct options *opt)
{
	const struct verb *verb;
	bool command;

	if (parse_options(argc, argv, "+g:hV", opt))
		return NULL;
	if (optind == argc) {
		usage("a verb is missing");
		return NULL;
	}
	verb = find_verb(argv[optind]);
	if (!verb) {
		usage("there is no verb \"%s\"", argv[optind]);
		return NULL;
	}
	optind++;
	command = verb->run == verb_run || verb->run == verb_checkpoint;
	if (parse_options(argc, argv, command ? "+g:hV" : "g:hV", opt))
		return NULL;
	return verb;
}

/* An option that the verb does not know would be silently lost. */
static int check_options(const struct options *opt, const struct verb *verb)
{
	if (opt->tree && verb->run != verb_add)
		return usage("%s has no --tree", verb->name);
	if (opt->keep && verb->run != verb_thaw)
		return usage("%s has no --keep", verb->name);
	if (opt->policy && verb->run != verb_freeze)
		return usage("%s has no --policy", verb->name);
	if (opt->json && verb->run != verb_status && verb->run != verb_list &&
	    verb->run != verb_groups)
		return usage("%s has no --json", verb->name);
	if (opt->policy && strcmp(opt->policy, EXTSOCK_ACTION_RESET) &&
	    strcmp(opt->policy, EXTSOCK_ACTION_KEEP))
		return usage("there is no policy \"%s\"", opt->policy);
	if (!name_valid(opt->group))
		return usage("\"%s\" is no name of a group", opt->group);
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	struct options opt = { .group = EXTSOCK_GROUP_DEFAULT };
	const struct verb *verb = parse(argc, argv, &opt);
	int status = EXIT_USAGE;

	if (verb)
		status = check_options(&opt, verb);
	if (status)
		return status;
	if (!module_loaded()) {
		fputs("extsockctl: the module extsock is not loaded; load it with modprobe extsock, or insmod extsock.ko\n",
		      stderr);
		return EXIT_NOT_LOADED;
	}
	if (verb->needs_group)
		status = check_group(&opt);
	if (!status)
		status = verb->run(&opt, argc - optind, argv + optind);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "extsockctl: cannot write the output: %s\n",
			strerror(errno));
		status = status ? status : EXIT_REFUSED;
	}
	return status;
}
