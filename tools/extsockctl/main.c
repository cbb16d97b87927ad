// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl: a front end to the files of the extsock module.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "extsockctl.h"

/* What a verb takes. */
#define TAKES_TREE	1
#define TAKES_KEEP	2
#define TAKES_POLICY	4
#define TAKES_JSON	8
#define TAKES_COMMAND	16
#define NEEDS_GROUP	32
#define TAKES_WAIT	64
#define TAKES_FIRST	128

/* Options that have no letter. */
enum {
	LONG_ONLY = 256,
	OPTION_JSON = LONG_ONLY,
	OPTION_TREE,
	OPTION_KEEP,
	OPTION_POLICY,
	OPTION_WAIT,
	OPTION_FIRST,
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
	{ "freeze", verb_freeze, operands_none,
	  NEEDS_GROUP | TAKES_POLICY | TAKES_WAIT,
	  "[OPTIONS]", "stop the group and sort its sockets",
	  "It stays frozen until it is thawed.\n"
	  "  --policy=ACTION   what becomes of external sockets for which there is no\n"
	  "                    rule, instead of the group's policy: reset, keep or wait\n"
	  "  --wait[=SECONDS]  wait until the members have closed those whose action is\n"
	  "                    wait, for SECONDS at most, else for the group's wait_ms;\n"
	  "                    --policy=wait if no policy is given" },
	{ "thaw", verb_thaw, operands_none, NEEDS_GROUP | TAKES_KEEP,
	  "[--keep]", "reset external sockets and let the group run",
	  "  --keep  reset none" },
	{ "checkpoint", verb_checkpoint, operands_command,
	  NEEDS_GROUP | TAKES_COMMAND | TAKES_WAIT,
	  "[OPTIONS] -- COMMAND...", "freeze, run a command, thaw and keep all sockets",
	  "  --wait[=SECONDS]  as for freeze\n"
	  "The exit status is the command's; 128 and the signal's number if one killed it.\n"
	  "If extsockctl is killed, the kernel thaws the group." },
	{ "status", verb_status, operands_none, NEEDS_GROUP | TAKES_JSON,
	  "[--json]", "show state, settings and members",
	  "  --json  for programs" },
	{ "list", verb_list, operands_none, NEEDS_GROUP | TAKES_JSON,
	  "[--json]", "show the sockets",
	  "While the group runs: TCP connections that members were seen to open.\n"
	  "While it drains: those it waits for. While it is frozen: all.\n"
	  "  --json  for programs, with all columns" },
	{ "groups", verb_groups, operands_groups, TAKES_JSON,
	  "[create|delete NAME]", "show, make or delete groups",
	  "  --json  for programs" },
	{ "rules", verb_rules, operands_rules,
	  NEEDS_GROUP | TAKES_JSON | TAKES_FIRST,
	  "[list|set|add|flush]", "show or change what becomes of which sockets",
	  "  list           show the rules (also if nothing is said)\n"
	  "  set [FILE...]  replace them by those in files; - is standard input, of a\n"
	  "                 folder its files *.rules, in order of their names; without\n"
	  "                 FILE, the folder " RULES_DIR "\n"
	  "  add RULE       one more behind the others\n"
	  "  flush          remove all\n"
	  "  --first  add: before the others\n"
	  "  --json   list: for programs\n"
	  "A rule: reset|wait|keep [tcp|udp|unix|any] [to ADDR[/LEN]] [port N[-M]]\n"
	  "[path GLOB]. The first that matches a socket's remote end counts." },
};

#define VERBS	ARRAY_SIZE(verbs)

static int show_help(void)
{
	size_t i;

	puts("usage: extsockctl [-g GROUP] VERB [OPTIONS] [OPERANDS]\n");
	for (i = 0; i < VERBS; i++)
		printf("  %-10s %-23s %s\n", verbs[i].name, verbs[i].operands,
		       verbs[i].help);
	puts("\n"
	     "  -g, --group=GROUP  the group; \"" EXTSOCK_GROUP_DEFAULT "\" if not given\n"
	     "  --json             for status, list, groups and rules: JSON\n"
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

static int take_seconds(struct options *opt)
{
	return parse_seconds(optarg, &opt->wait_ms) ? EXIT_DONE :
	       usage("--wait takes 0.001 to %d seconds, not \"%s\"",
		     EXTSOCK_MS_MAX / 1000, optarg);
}

/* What an option says; the result is an exit status. */
static int take_option(int option, struct options *opt)
{
	switch (option) {
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
	case OPTION_FIRST:
		opt->first = true;
		break;
	case OPTION_WAIT:
		opt->wait = true;
		return optarg ? take_seconds(opt) : EXIT_DONE;
	}
	return EXIT_DONE;
}

/* A number behind --wait is meant for it, and is no operand, nor a command. */
static int check_next(const char *word)
{
	return word && *word && strspn(word, "0123456789.") == strlen(word) ?
	       usage("say --wait=%s, not --wait %s", word, word) : EXIT_DONE;
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
		{ "wait", optional_argument, NULL, OPTION_WAIT },
		{ "first", no_argument, NULL, OPTION_FIRST },
		{ NULL, 0, NULL, 0 },
	};
	int c, index = -1;

	while ((c = getopt_long(argc, argv, shorts, longs, &index)) != -1) {
		if (index >= 0 && check_whole(argv, &longs[index]))
			return EXIT_USAGE;
		index = -1;
		if (c == '?' || c == ':')
			return bad_option(c, argv, shorts);
		if (take_option(c, opt))
			return EXIT_USAGE;
		if (c == OPTION_WAIT && !optarg && check_next(argv[optind]))
			return EXIT_USAGE;
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
	if (opt->wait && !(verb->takes & TAKES_WAIT))
		return usage("%s has no --wait", verb->name);
	if (opt->first && !(verb->takes & TAKES_FIRST))
		return usage("%s has no --first", verb->name);
	if (opt->policy && strcmp(opt->policy, EXTSOCK_ACTION_RESET) &&
	    strcmp(opt->policy, EXTSOCK_ACTION_KEEP) &&
	    strcmp(opt->policy, EXTSOCK_ACTION_WAIT))
		return usage("there is no policy \"%s\"", opt->policy);
	if (opt->wait && !opt->wait_ms && opt->policy &&
	    strcmp(opt->policy, EXTSOCK_ACTION_WAIT))
		return usage("--wait without SECONDS is --policy=wait, and not --policy=%s",
			     opt->policy);
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

/*
 * Of standard input, output and error one may be closed, and the next file to be opened
 * would be taken for it: our messages would go to the kernel as commands.
 */
static void occupy_standard_files(void)
{
	int fd;

	/* Closed for what we start as well, and no good for what it is for. */
	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", O_CLOEXEC |
			     (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY));
}

int main(int argc, char **argv)
{
	int status;

	occupy_standard_files();
	status = parse(argc, argv);

	/* The file system may tell of a lack of room only now. */
	errno = 0;
	if (ferror(stdout) | fclose(stdout)) {
		lost_output(errno);
		status = status ? status : EXIT_REFUSED;
	}
	return status;
}
