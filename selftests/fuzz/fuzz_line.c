// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command line of extsockctl: options, and the operands of each verb.
 *
 * The input is its words, with a byte of 1 between them.
 */
#include <limits.h>
#include <math.h>

/* What reads the command line are its own functions. */
#define main extsockctl_main
#include "main.c"
#undef main

#include "fuzz.h"

#define WORDS	16
#define DIGITS	"0123456789"
#define LETTERS	"abcdefghijklmnopqrstuvwxyz" DIGITS

static char **words;
static int nr_words;

/* The verb that was called, or NULL. */
static const char *called;

static bool is_one_of(const char *word, const char *a, const char *b,
		      const char *c)
{
	return !strcmp(word, a) || !strcmp(word, b) || !strcmp(word, c);
}

static bool is_name(const char *name)
{
	size_t len = strlen(name);

	return len && len <= 32 && strchr(LETTERS, name[0]) &&
	       strspn(name, LETTERS "_.-") == len;
}

static bool is_pid(const char *word)
{
	size_t zeros = strspn(word, "0"), len = strlen(word);

	return strspn(word, DIGITS) == len && len > zeros && len - zeros <= 10 &&
	       strtoull(word, NULL, 10) <= INT_MAX;
}

/* Each option is of the verbs that have it. */
static void check_options_of(const char *verb, const struct options *opt)
{
	bool add = !strcmp(verb, "add"), thaw = !strcmp(verb, "thaw");
	bool freeze = !strcmp(verb, "freeze"), rules = !strcmp(verb, "rules");

	fuzz_check(is_name(opt->group), "no such group");
	fuzz_check(!opt->tree || add, "not its --tree");
	fuzz_check(!opt->keep || thaw, "not its --keep");
	fuzz_check(!opt->first || rules, "not its --first");
	fuzz_check(!opt->json || rules ||
		   is_one_of(verb, "status", "list", "groups"), "not its --json");
	fuzz_check(!opt->wait || freeze || !strcmp(verb, "checkpoint"),
		   "not its --wait");
	fuzz_check(!opt->policy ||
		   (freeze && is_one_of(opt->policy, "reset", "wait", "keep")),
		   "no such policy");
	fuzz_check(opt->wait_ms <= EXTSOCK_MS_MAX, "too long a wait");
	fuzz_check(!opt->help && !opt->version, "it was to print a text");
}

/* It is no other command, and has all its words. */
static void check_command(int argc, char **argv)
{
	int i;

	fuzz_check(argc && argv[0][0], "no command");
	for (i = 0; i < argc; i++)
		fuzz_check(argv[i] == words[nr_words - argc + i],
			   "another command");
	fuzz_check(!argv[argc], "the command has no end");
}

static void check_pids(int argc, char **argv)
{
	fuzz_check(argc, "no PID");
	while (argc--)
		fuzz_check(is_pid(argv[argc]), "no such PID");
}

static void check_groups(int argc, char **argv)
{
	fuzz_check(!argc || (argc == 2 && is_name(argv[1]) &&
			     (!strcmp(argv[0], "create") ||
			      !strcmp(argv[0], "delete"))),
		   "no such change of groups");
}

/* One line with something in it that is no comment. */
static void check_rule(int argc, char **argv)
{
	char line[4096] = "", *at = line;
	int i;

	for (i = 0; i < argc; i++)
		at = stpcpy(stpcpy(at, argv[i]), " ");
	fuzz_check(!strchr(line, '\n'), "more than a line");
	at = line + strspn(line, " \t\r");
	fuzz_check(*at && *at != '#', "no rule is added");
}

static void check_rules(int argc, char **argv)
{
	if (!argc || !strcmp(argv[0], "set"))
		return;
	if (!strcmp(argv[0], "add"))
		check_rule(argc - 1, argv + 1);
	else
		fuzz_check(argc == 1 && (!strcmp(argv[0], "list") ||
					 !strcmp(argv[0], "flush")),
			   "no such change of rules");
}

static int call(const char *verb, const struct options *opt, int argc,
		char **argv)
{
	fuzz_check(!called, "two verbs");
	called = verb;
	check_options_of(verb, opt);
	if (!strcmp(verb, "add") || !strcmp(verb, "remove"))
		check_pids(argc, argv);
	else if (!strcmp(verb, "run") || !strcmp(verb, "checkpoint"))
		check_command(argc, argv);
	else if (!strcmp(verb, "groups"))
		check_groups(argc, argv);
	else if (!strcmp(verb, "rules"))
		check_rules(argc, argv);
	else
		fuzz_check(!argc, "an operand too much");
	return EXIT_DONE;
}

/* For main.c, instead of what does something. */
#define VERB(name)							\
	int verb_##name(const struct options *opt, int argc, char **argv) \
	{								\
		return call(#name, opt, argc, argv);			\
	}
VERB(add)
VERB(remove)
VERB(run)
VERB(freeze)
VERB(thaw)
VERB(checkpoint)
VERB(status)
VERB(list)
VERB(groups)
VERB(rules)

int check_group(const struct options *opt)
{
	fuzz_check(is_name(opt->group), "the path of no group");
	return EXIT_DONE;
}

char *read_text(const char *path)
{
	(void)path;
	return strdup(EXTSOCK_VERSION "\n");
}

bool module_loaded(void)
{
	return true;
}

/* Each word, and the list of them, ends where it ends. */
static void make_words(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *rest = text, *word;

	words = calloc(WORDS + 1, sizeof(char *));
	nr_words = 0;
	words[nr_words++] = strdup("extsockctl");
	while (nr_words < WORDS && (word = strsep(&rest, "\1")))
		words[nr_words++] = strdup(word);
	words = realloc(words, (nr_words + 1) * sizeof(char *));
	free(text);
}

static void free_words(char **all)
{
	int i;

	for (i = 0; i < nr_words; i++)
		free(all[i]);
	free(all);
}

/* Something is done, or a text is printed, or it is said what is wrong. */
static void check_line(void)
{
	char **order = malloc((nr_words + 1) * sizeof(char *)), *printed;
	int status;

	/* Operands are moved behind options. */
	memcpy(order, words, (nr_words + 1) * sizeof(char *));
	called = NULL;
	optind = 0;
	capture_begin();
	status = parse(nr_words, order);
	printed = capture_end();
	fuzz_check(status == EXIT_DONE || status == EXIT_USAGE,
		   "another exit status");
	fuzz_check((status == EXIT_USAGE) == !!*capture_said(),
		   "nothing is said of a mistake");
	fuzz_check((status == EXIT_DONE && !called) == !!*printed,
		   "nothing is printed, or too much");
	fuzz_check(status == EXIT_DONE || !called, "it is done in spite of that");
	free(printed);
	free(order);
}

/* A word that is a time: no other notation, and not too far from what it says. */
static void check_seconds(const char *word)
{
	size_t digits = strspn(word, DIGITS ".");
	const char *point = strchr(word, '.');
	unsigned int ms;

	if (!parse_seconds(word, &ms))
		return;
	fuzz_check(digits == strlen(word) && (!point || !strchr(point + 1, '.')),
		   "no time");
	fuzz_check(ms && ms <= EXTSOCK_MS_MAX, "no such time");
	fuzz_check(fabs(strtod(word, NULL) * 1000 - ms) <= 0.5001,
		   "the time is another");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pid_t pid;
	int i;

	make_words(data, size);
	check_line();
	for (i = 0; i < nr_words; i++) {
		check_seconds(words[i]);
		fuzz_check(parse_pid(words[i], &pid) == is_pid(words[i]),
			   "another PID");
		fuzz_check(group_name_valid(words[i]) == is_name(words[i]),
			   "another name");
	}
	free_words(words);
	return 0;
}
