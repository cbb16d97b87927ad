// SPDX-License-Identifier: GPL-2.0-only
/*
 * Values as people write them: text -> PID, policy, time, name.
 *
 * Nothing here knows of groups or files.
 */
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "value.h"

/**
 * extsock_value_text() - what was written to a file with one value
 * @text: room for EXTSOCK_VALUE_MAX + 1 bytes; it goes here, without the newline
 * @buf: what was written; nothing need follow it
 * @len: its length in bytes
 *
 * Context: any.
 * Return: 0 or -EINVAL, if it is empty, too long, or has a NUL.
 */
int extsock_value_text(char *text, const char *buf, size_t len)
{
	if (len && buf[len - 1] == '\n')
		len--;
	if (!len || len > EXTSOCK_VALUE_MAX || strnlen(buf, len) != len)
		return -EINVAL;
	memcpy(text, buf, len);
	text[len] = '\0';
	return 0;
}

/* kstrtoint() and the like take a sign, and a newline behind the digits, too. */
static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

/**
 * extsock_value_pid() - who is to become a member, or is to leave
 * @text: a PID, with - before it if the process is to leave
 * @leave: whether it is goes here
 * @nr: the PID goes here
 *
 * Context: any.
 * Return: 0 or -EINVAL.
 */
int extsock_value_pid(const char *text, bool *leave, int *nr)
{
	*leave = text[0] == '-';
	if (!is_number(text + *leave) || kstrtoint(text + *leave, 10, nr))
		return -EINVAL;
	return 0;
}

/**
 * extsock_value_policy() - the action of external sockets without a rule
 * @text: its name
 * @policy: it goes here
 *
 * Context: any.
 * Return: 0 or -EINVAL.
 */
int extsock_value_policy(const char *text, enum extsock_action *policy)
{
	int i = match_string(extsock_action_names,
			     ARRAY_SIZE(extsock_action_names), text);

	if (i <= EXTSOCK_NONE)
		return -EINVAL;
	*policy = i;
	return 0;
}

/**
 * extsock_value_ms() - how long a drain or a stop may last
 * @text: milliseconds
 * @ms: they go here
 *
 * Context: any.
 * Return: 0 or -EINVAL; then @ms may have changed.
 */
int extsock_value_ms(const char *text, unsigned int *ms)
{
	if (!is_number(text) || kstrtouint(text, 10, ms) || !*ms ||
	    *ms > EXTSOCK_MS_MAX)
		return -EINVAL;
	return 0;
}

/**
 * extsock_value_is_name() - is this the name of a group?
 * @text: the text
 *
 * Context: any.
 * Return: whether it matches [a-z0-9][a-z0-9_.-]{0,31}.
 */
bool extsock_value_is_name(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t len = strlen(text);

	return len && len <= EXTSOCK_NAME_MAX &&
	       strspn(text, letters) == len && isalnum(text[0]);
}
