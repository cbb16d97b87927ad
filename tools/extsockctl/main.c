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

/* What a verb takes. */
#define TAKES_TREE	1
#define TAKES_KEEP	2
#define TAKES_POLICY	4
#define TAKES_JSON	8
#define TAKES_COMMAND	16
#define NEEDS_GROUP	32

/* Options that have no letter. */
enum {
	LONG_ONLY = 256,
	OPTION_JSON = LONG_ONLY,
	OPTION_TREE,
	OPTION_KEEP,
	OPTION_POLICY,
};

/**
 * struct verb - a verb
 * @name: its name
 * @run: what does it
 * @check: whether its operands make sense
 * @takes: what it takes
 * @operands: how its options and operands are written
 * @help: what it does, in a line
 * @details: the rest of its help
 */
struct verb {
	const char *name;
	int (*run)(const struct options *opt, int argc, char **argv);
	int (*check)(const char *verb, int argc, char **argv);
	unsigned int takes;
	const char *operands;
	const char *help;
	const char *details;
};

static const struct verb verbs[] = {
	{ "add", verb_add, operands_pids, NEEDS_GROUP | TAKES_TREE,
	  "[--tree] PID...", "make processes members",
	  "Their children will be members from birth; those they have already are not.\n"
	  "  --tree  with the descendants that are there; who is in the group already\n"
	  "          is no failure" },
	{ "remove", verb_remove, operands_pids, NEEDS_GROUP,
	  "PID...", "remove members",
	  "Only a group that runs can lose members." },
	{ "run", verb_run, operands_command, NEEDS_GROUP | TAKES_COMMAND,
	  "-- COMMAND...", "start a command as a member",
	  "The exit status is the command's; 127 if there is none, 126 if it cannot run." },
	{ "freeze", verb_freeze, operands_none, NEEDS_GROUP | TAKES_POLICY,
	  "[--policy=reset|keep]", "stop the group and sort its sockets",
	  "It stays frozen until it is thawed.\n"
	  "  --policy=ACTION  what becomes of external sockets at the thaw, instead of\n"
	  "                   the group's policy" },
	{ "thaw", verb_thaw, operands_none, NEEDS_GROUP | TAKES_KEEP,
	  "[--keep]", "reset external sockets and let the group run",
	  "  --keep  reset none" },
	{ "checkpoint", verb_checkpoint, operands_command,
	  NEEDS_GROUP | TAKES_COMMAND,
	  "-- COMMAND...", "freeze, run a command, thaw and keep all sockets",
	  "The exit status is the command's; 128 and the signal's number if one killed it.\n"
	  "If extsockctl is killed, the kernel thaws the group." },
	{ "status", verb_status, operands_none, NEEDS_GROUP | TAKES_JSON,
	  "[--json]", "show state, settings and members",
	  "  --json  for programs" },
	{ "list", verb_list, operands_none, NEEDS_GROUP | TAKES_JSON,
	  "[--json]", "show the sockets",
	  "While the group runs: TCP connections that members were seen to open.\n"
	  "While it is frozen: all.\n"
	  "  --json  for programs, with all columns" },
	{ "groups", verb_groups, operands_groups, TAKES_JSON,
	  "[create|delete NAME]", "show, make or delete groups",
	  "  --json  for programs" },
};

#define VERBS	ARRAY_SIZE(verbs)

static int show_help(void)
{
	size_t i;

	puts("usage: extsockctl [-g GROUP] VERB [OPTIONS] [OPERANDS]\n");
	for (i = 0; i < VERBS; i++)
		printf("  %-10s %-22s %s\n", verbs[i].name, verbs[i].operands,
		       verbs[i].help);
	puts("\n"
	     "  -g, --group=GROUP  the group; \"" EXTSOCK_GROUP_DEFAULT "\" if not given\n"
	     "  --json             for status, list and groups: JSON\n"
	     "  -h, --help         this text; behind a verb, that verb's\n"
	     "  -V, --version      versions of extsockctl and of the module\n"
	     "\n"
	     "Exit status: 0 done, 1 refused by the kernel, 2 usage, 3 not found,\n"
	     "4 permission, 5 module not loaded, 6 busy or deadline.");
	return EXIT_DONE;
}

static int show_verb(const struct verb *verb)
{
	printf("usage: extsockctl [-g GROUP] %s %s\n\n%s: %s.\n%s\n",
	       verb->name, verb->operands, verb->name, verb->help,
	       verb->details);
	return EXIT_DONE;
}

static int show_version(void)
{
	char *module = read_text(VERSION_FILE);
	int err = errno;

	printf("extsockctl %s\n", EXTSOCK_VERSION);
	if (!module) {
		printf("module %s\n", err == ENOENT ? "not loaded" : "unknown");
		return err == ENOENT ? EXIT_DONE :
		       fail(err, NULL, NULL, "cannot read the module's version");
	}
	module[strcspn(module, "\n")] = '\0';
	printf("module %s\n", module);
	if (strcmp(module, EXTSOCK_VERSION))
		fprintf(stderr,
			"extsockctl: the module is of version %s, extsockctl of %s; install both from one source\n",
			module, EXTSOCK_VERSION);
	free(module);
	return EXIT_DONE;
}

static const struct verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < VERBS; i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

/*
 * getopt_long() takes abbreviations too, which a later version might have to
 * read otherwise. The word is the last one, or stands before its argument.
 */
static int check_whole(char **argv, const struct option *option)
{
	const char *word = argv[optind - 1];

	if (option->has_arg && optarg == word)
		word = argv[optind - 2];
	if (strcspn(word + 2, "=") == strlen(option->name))
		return EXIT_DONE;
	return usage("there is no option \"%s\"", word);
}

/* A long one was consumed whole; of a short one there is the letter. */
static int bad_option(int c, char **argv, const char *shorts)
{
	const char *word = argv[optind - 1];

	if (c == ':')
		return usage("option \"%s\" needs an argument", word);
	if (!optopt)
		return usage("there is no option \"%s\"", word);
	if (optopt >= LONG_ONLY || strchr(shorts, optopt))
		return usage("option \"%s\" takes no argument", word);
	return usage("there is no option \"-%c\"", optopt);
}

static int parse_options(int argc, char **argv, const char *shorts,
			 struct options *opt)
{
	static const struct option longs[] = {
		{ "group", required_argument, NULL, 'g' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "tree", no_argument, NULL, OPTION_TREE },
		{ "keep", no_argument, NULL, OPTION_KEEP },
		{ "policy", required_argument, NULL, OPTION_POLICY },
		{ NULL, 0, NULL, 0 },
	};
	int c, index = -1;

	while ((c = getopt_long(argc, argv, shorts, longs, &index)) != -1) {
		if (index >= 0 && check_whole(argv, &longs[index]))
			return EXIT_USAGE;
		index = -1;
		switch (c) {
		case 'g':
			opt->named = true;
			opt->group = optarg;
			break;
		case 'h':
			opt->help = true;
			break;
		case 'V':
			opt->version = true;
			break;
		case OPTION_JSON:
			opt->json = true;
			break;
		case OPTION_TREE:
			opt->tree = true;
			break;
		case OPTION_KEEP:
			opt->keep = true;
			break;
		case OPTION_POLICY:
			opt->policy = optarg;
			break;
		default:
			return bad_option(c, argv, shorts);
		}
	}
	return EXIT_DONE;
}

/* No option may be silently lost. */
static int check_options(const struct options *opt, const struct verb *verb)
{
	if (opt->named && !(verb->takes & NEEDS_GROUP))
		return usage("%s has no --group", verb->name);
	if (opt->tree && !(verb->takes & TAKES_TREE))
		return usage("%s has no --tree", verb->name);
	if (opt->keep && !(verb->takes & TAKES_KEEP))
		return usage("%s has no --keep", verb->name);
	if (opt->policy && !(verb->takes & TAKES_POLICY))
		return usage("%s has no --policy", verb->name);
	if (opt->json && !(verb->takes & TAKES_JSON))
		return usage("%s has no --json", verb->name);
	/* Whether it can wait is for the kernel to say. */
	if (opt->policy && strcmp(opt->policy, EXTSOCK_ACTION_RESET) &&
	    strcmp(opt->policy, EXTSOCK_ACTION_KEEP) &&
	    strcmp(opt->policy, EXTSOCK_ACTION_WAIT))
		return usage("there is no policy \"%s\"", opt->policy);
	return group_name_valid(opt->group) ? EXIT_DONE : bad_group_name();
}

static int run_verb(const struct options *opt, const struct verb *verb,
		    int argc, char **argv)
{
	int status = check_options(opt, verb);

	if (!status)
		status = verb->check(verb->name, argc, argv);
	if (status)
		return status;
	if (verb->takes & NEEDS_GROUP)
		status = check_group(opt);
	return status ? status : verb->run(opt, argc, argv);
}

/*
 * Options may stand before and after the verb, and among PIDs, but those
 * behind a command are the command's. getopt() looks for the order it is to
 * keep only when it starts, so it is started anew behind the verb, which has
 * the place of the program's name.
 */
static int parse_verb(int argc, char **argv, struct options *opt)
{
	const struct verb *verb = find_verb(argv[0]);

	if (!verb)
		return usage("there is no verb \"%s\"", argv[0]);
	optind = 0;
	if (parse_options(argc, argv, verb->takes & TAKES_COMMAND ?
			  "+:g:hV" : ":g:hV", opt))
		return EXIT_USAGE;
	if (opt->help)
		return show_verb(verb);
	if (opt->version)
		return show_version();
	return run_verb(opt, verb, argc - optind, argv + optind);
}

static int parse(int argc, char **argv)
{
	struct options opt = { .group = EXTSOCK_GROUP_DEFAULT };

	if (parse_options(argc, argv, "+:g:hV", &opt))
		return EXIT_USAGE;
	if (opt.help && optind >= argc)
		return show_help();
	if (opt.version)
		return show_version();
	if (optind >= argc)
		return usage("a verb is missing");
	return parse_verb(argc - optind, argv + optind, &opt);
}

int main(int argc, char **argv)
{
	int status = parse(argc, argv);

	/* The file system may tell of a lack of room only now. */
	errno = 0;
	if (ferror(stdout) | fclose(stdout)) {
		fprintf(stderr, "extsockctl: cannot write the output%s%s\n",
			errno ? ": " : "", errno ? strerror(errno) : "");
		status = status ? status : EXIT_REFUSED;
	}
	return status;
}
