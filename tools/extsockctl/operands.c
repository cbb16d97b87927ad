// SPDX-License-Identifier: GPL-2.0-only
/*
 * What stands behind a verb. It is checked before anything is done.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "extsockctl.h"

/**
 * group_name_valid() - may a group have this name?
 * @name: the name
 *
 * It becomes part of a path, so nothing is done with one that is not valid.
 *
 * Return: whether it is [a-z0-9][a-z0-9_.-]{0,31}.
 */
bool group_name_valid(const char *name)
{
	size_t len = strlen(name);

	return len && len <= EXTSOCK_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == len &&
	       !strchr("_.-", name[0]);
}

/**
 * bad_group_name() - say what a name of a group is made of
 *
 * The name is not repeated: it may hold anything.
 *
 * Return: EXIT_USAGE.
 */
int bad_group_name(void)
{
	return usage("that is no name of a group: it has 1 to %d of a-z, 0-9, _, . and -, %s",
		     EXTSOCK_NAME_MAX, "and begins with a letter or digit");
}

/**
 * parse_pid() - a PID as people write it
 * @text: the text
 * @pid: the PID goes here
 *
 * Return: whether it is a positive number.
 */
bool parse_pid(const char *text, pid_t *pid)
{
	char *end;
	long value;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || *end || value < 1 || value > INT_MAX)
		return false;
	*pid = value;
	return true;
}

/**
 * parse_seconds() - a time as people write it
 * @text: seconds, perhaps with decimals
 * @ms: the milliseconds go here
 *
 * Return: whether it is a time that a freeze may wait.
 */
bool parse_seconds(const char *text, unsigned int *ms)
{
	double value;
	char *end;

	/* strtod() takes signs, exponents and infinity as well. */
	if (strspn(text, "0123456789.") != strlen(text))
		return false;
	value = strtod(text, &end) * 1000;
	if (*end || value < 1 || value > EXTSOCK_MS_MAX)
		return false;
	*ms = value + 0.5;
	return true;
}

/**
 * operands_none() - check that there are no operands
 * @verb: the verb
 * @argc: how many there are
 * @argv: the operands
 *
 * Return: EXIT_DONE or EXIT_USAGE.
 */
int operands_none(const char *verb, int argc, char **argv)
{
	return argc ? usage("%s takes no operand \"%s\"", verb, argv[0]) :
		      EXIT_DONE;
}

/**
 * operands_pids() - check that the operands are PIDs
 * @verb: the verb
 * @argc: how many there are
 * @argv: the operands
 *
 * Return: EXIT_DONE or EXIT_USAGE.
 */
int operands_pids(const char *verb, int argc, char **argv)
{
	pid_t pid;
	int i;

	if (!argc)
		return usage("%s needs a PID", verb);
	for (i = 0; i < argc; i++)
		if (!parse_pid(argv[i], &pid))
			return usage("\"%s\" is no PID", argv[i]);
	return EXIT_DONE;
}

/**
 * operands_command() - check that there is a command
 * @verb: the verb
 * @argc: how many words there are
 * @argv: the words
 *
 * Return: EXIT_DONE or EXIT_USAGE.
 */
int operands_command(const char *verb, int argc, char **argv)
{
	return argc && argv[0][0] ? EXIT_DONE :
				    usage("%s needs a command", verb);
}

/**
 * operands_groups() - check the operands of groups
 * @verb: the verb
 * @argc: how many there are
 * @argv: the operands
 *
 * Return: EXIT_DONE or EXIT_USAGE.
 */
int operands_groups(const char *verb, int argc, char **argv)
{
	if (!argc)
		return EXIT_DONE;
	if (strcmp(argv[0], "create") && strcmp(argv[0], "delete"))
		return usage("%s cannot \"%s\"", verb, argv[0]);
	if (argc != 2)
		return usage("%s %s takes one name", verb, argv[0]);
	return group_name_valid(argv[1]) ? EXIT_DONE : bad_group_name();
}

/* One line, of which something is left without its comment. */
static bool is_rule(int argc, char **argv)
{
	int i;

	for (i = 0; i < argc; i++)
		if (strchr(argv[i], '\n'))
			return false;
	for (i = 0; i < argc; i++) {
		size_t blanks = strspn(argv[i], " \t\r");

		if (argv[i][blanks])
			return argv[i][blanks] != '#';
	}
	return false;
}

/**
 * operands_rules() - check the operands of rules
 * @verb: the verb
 * @argc: how many there are
 * @argv: the operands
 *
 * What a rule is made of is known to the kernel.
 *
 * Return: EXIT_DONE or EXIT_USAGE.
 */
int operands_rules(const char *verb, int argc, char **argv)
{
	if (!argc || !strcmp(argv[0], "set"))
		return EXIT_DONE;
	if (!strcmp(argv[0], "add"))
		return is_rule(argc - 1, argv + 1) ? EXIT_DONE :
		       usage("%s add takes one rule, in one line", verb);
	if (strcmp(argv[0], "list") && strcmp(argv[0], "flush"))
		return usage("%s cannot \"%s\"", verb, argv[0]);
	return argc == 1 ? EXIT_DONE :
	       usage("%s %s takes no operand \"%s\"", verb, argv[0], argv[1]);
}
