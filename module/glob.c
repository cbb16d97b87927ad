// SPDX-License-Identifier: GPL-2.0-only
/*
 * Patterns with * ? [] and \.
 *
 * Not the kernel's glob_match(): that of 6.1 lets [!x] match the NUL at the end of the
 * text as well, and compares what follows in the pattern with what lies behind it.
 */
#include "glob.h"

/*
 * Is @c in the class? Returns what is behind its ], or NULL if it has none. The first
 * character may be a ].
 */
static const char *match_class(const char *class, unsigned char c, bool *match)
{
	bool inverted = *class == '!', in = false;
	unsigned char first, last;

	class += inverted;
	do {
		first = *class++;
		last = first;
		if (first && class[0] == '-' && class[1] != ']') {
			last = class[1];
			class += 2;
		}
		if (!first || !last)
			return NULL;
		in |= first <= c && c <= last;
	} while (*class != ']');
	*match = in != inverted;
	return class + 1;
}

/*
 * Is @c, which is no NUL, what the pattern begins with? Returns the rest of the pattern
 * or NULL. A [ without its ] is a character like others.
 */
static const char *match_one(const char *pattern, unsigned char c)
{
	const char *rest;
	bool match;

	switch (*pattern) {
	case '?':
		return pattern + 1;
	case '[':
		rest = match_class(pattern + 1, c, &match);
		if (rest)
			return match ? rest : NULL;
		break;
	case '\\':
		pattern++;
		break;
	}
	return (unsigned char)*pattern == c ? pattern + 1 : NULL;
}

/**
 * extsock_glob_match() - does a text match a pattern?
 * @pattern: what all of the text is to look like; * and ? match a / as well
 * @text: the text
 *
 * Context: any. Takes time in proportion to the product of the lengths.
 * Return: whether it does.
 */
bool extsock_glob_match(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL, *rest;

	for (;;) {
		if (*pattern == '*') {
			star = ++pattern;
			from = text;
			continue;
		}
		if (!*text)
			return !*pattern;
		rest = match_one(pattern, *text);
		if (rest) {
			pattern = rest;
			text++;
		} else if (star) {
			/* What the last * stands for is one longer. */
			pattern = star;
			text = ++from;
		} else {
			return false;
		}
	}
}
