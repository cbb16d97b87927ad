/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_OUTCOME_H
#define _EXTSOCK_OUTCOME_H

#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string_helpers.h>

/**
 * struct extsock_outcome - what a command has to say, for people
 * @len: its length in bytes
 * @text: lines; what does not fit is cut off
 *
 * Owned by the open file that gave the command, or by the caller's stack.
 */
struct extsock_outcome {
	size_t len;
	char text[1024];
};

/**
 * extsock_outcome_add() - append to the outcome
 * @outcome: the outcome
 * @fmt: as printk()
 *
 * Context: any.
 */
static inline __printf(2, 3)
void extsock_outcome_add(struct extsock_outcome *outcome, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	outcome->len += vscnprintf(outcome->text + outcome->len,
				   sizeof(outcome->text) - outcome->len,
				   fmt, args);
	va_end(args);
}

/**
 * extsock_outcome_quote() - append somebody else's words to the outcome
 * @outcome: the outcome
 * @text: anything; what is not printable ASCII, quotes and backslashes are
 *	escaped in octal
 * @len: its length in bytes
 *
 * Context: any.
 */
static inline void extsock_outcome_quote(struct extsock_outcome *outcome,
					 const char *text, size_t len)
{
	size_t room = sizeof(outcome->text) - outcome->len - 1;
	int n = string_escape_mem(text, len, outcome->text + outcome->len, room,
				  ESCAPE_OCTAL | ESCAPE_NAP | ESCAPE_APPEND,
				  "\\\"");

	outcome->len += min_t(size_t, n, room);
	outcome->text[outcome->len] = '\0';
}

#endif /* _EXTSOCK_OUTCOME_H */
