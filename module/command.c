// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands: text -> what to do.
 *
 *	freeze [policy=reset|wait|keep] [wait_ms=N] [lease]
 *	thaw [keep]
 *
 * Nothing here knows of groups or files.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/extsock.h>

#include "command.h"
#include "value.h"

#define BLANKS	" \t"
#define AROUND	" \t\n\v\f\r"

static int parse_freeze_option(const char *word,
			       struct extsock_command *command)
{
	size_t len;

	len = str_has_prefix(word, EXTSOCK_OPT_POLICY);
	if (len)
		return extsock_value_policy(word + len, &command->policy);
	len = str_has_prefix(word, EXTSOCK_OPT_WAIT_MS);
	if (len)
		return extsock_value_ms(word + len, &command->wait_ms);
	if (strcmp(word, EXTSOCK_OPT_LEASE))
		return -EINVAL;
	command->lease = true;
	return 0;
}

static int parse_thaw_option(const char *word, struct extsock_command *command)
{
	if (strcmp(word, EXTSOCK_OPT_KEEP))
		return -EINVAL;
	command->keep = true;
	return 0;
}

static int parse_option(const char *word, struct extsock_command *command)
{
	return command->verb == EXTSOCK_VERB_FREEZE ?
	       parse_freeze_option(word, command) :
	       parse_thaw_option(word, command);
}

static int not_understood(struct extsock_outcome *outcome, const char *word)
{
	extsock_outcome_add(outcome, "not understood: \"");
	extsock_outcome_quote(outcome, word, strlen(word));
	extsock_outcome_add(outcome,
			    "\"; expected \"freeze [policy=reset|wait|keep] [wait_ms=N] [lease]\" or \"thaw [keep]\"\n");
	return -EINVAL;
}

static int parse_verb(const char *word, struct extsock_command *command)
{
	if (!strcmp(word, EXTSOCK_CMD_FREEZE))
		command->verb = EXTSOCK_VERB_FREEZE;
	else if (!strcmp(word, EXTSOCK_CMD_THAW))
		command->verb = EXTSOCK_VERB_THAW;
	else
		return -EINVAL;
	return 0;
}

/* Not strim(): to that the byte 0xa0, a part of many letters, is a blank as well. */
static char *trim(char *text)
{
	size_t len;

	text += strspn(text, AROUND);
	len = strlen(text);
	while (len && strchr(AROUND, text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}

/**
 * extsock_command_parse() - what a command says
 * @text: the command; is cut into words
 * @command: what it says goes here
 * @outcome: empty; what was not understood goes here
 *
 * Context: any.
 * Return: 0 or -EINVAL.
 */
int extsock_command_parse(char *text, struct extsock_command *command,
			  struct extsock_outcome *outcome)
{
	char *rest = trim(text), *word = strsep(&rest, BLANKS);

	memset(command, 0, sizeof(*command));
	if (parse_verb(word, command))
		return not_understood(outcome, word);
	while ((word = strsep(&rest, BLANKS)))
		if (*word && parse_option(word, command))
			return not_understood(outcome, word);
	return 0;
}
