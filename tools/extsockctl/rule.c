// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules as the kernel shows them, for people and for programs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "extsockctl.h"

/* The first two are always there; the others have their names before them. */
static const char * const fields[] = {
	"action", "protocol", EXTSOCK_RULE_TO, EXTSOCK_RULE_PORT,
	EXTSOCK_RULE_PATH,
};

#define FIELDS	ARRAY_SIZE(fields)

/* A rule: what its fields are, or NULL. */
struct rule {
	const char *field[FIELDS];
};

static size_t find_field(const char *name)
{
	size_t i;

	for (i = 2; i < FIELDS && strcmp(fields[i], name); i++)
		;
	return i;
}

/* The words of a line; false if a later version has more than we know. */
static bool split_rule(char *line, struct rule *rule)
{
	char *name;
	size_t i;

	rule->field[0] = strsep(&line, " ");
	rule->field[1] = strsep(&line, " ");
	while ((name = strsep(&line, " "))) {
		i = find_field(name);
		if (i == FIELDS || !line)
			return false;
		rule->field[i] = strsep(&line, " ");
	}
	return rule->field[1];
}

static void print_rule(const struct rule *rule)
{
	size_t i;

	for (i = 0; i < FIELDS; i++) {
		printf("%c\"%s\":", i ? ',' : '{', fields[i]);
		if (rule->field[i])
			json_string(rule->field[i]);
		else
			printf("null");
	}
	putchar('}');
}

/**
 * rules_print_json() - print a list as JSON
 * @text: what NAME/rules has; is cut into words
 *
 * Return: 0 or -errno, and then nothing was printed.
 */
int rules_print_json(char *text)
{
	size_t n = count_lines(text), i;
	struct rule *rules = calloc(n + 1, sizeof(*rules));
	int err = rules ? 0 : -ENOMEM;

	for (i = 0; i < n && !err; i++)
		if (!split_rule(strsep(&text, "\n"), &rules[i]))
			err = -EPROTO;
	if (!err) {
		for (i = 0; i < n; i++) {
			putchar(i ? ',' : '[');
			print_rule(&rules[i]);
		}
		puts(n ? "]" : "[]");
	}
	free(rules);
	return err;
}

/**
 * rules_print() - print a list
 * @text: what NAME/rules has; is cut into lines
 *
 * A path may hold anything. What does not go to a terminal can be written back.
 */
void rules_print(char *text)
{
	char *line;

	if (!isatty(STDOUT_FILENO)) {
		fputs(text, stdout);
		return;
	}
	while ((line = strsep(&text, "\n")) && text) {
		print_printable(line, stdout);
		putchar('\n');
	}
}
