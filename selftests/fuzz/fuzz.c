// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all targets use.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

/**
 * fuzz_check() - the input found a defect unless this holds
 * @good: what holds
 * @what: what is wrong if it does not
 */
void fuzz_check(bool good, const char *what)
{
	if (good)
		return;
	/* stderr may be captured. */
	dprintf(STDERR_FILENO, "DEFECT: %s\n", what);
	abort();
}

/**
 * fuzz_text() - a copy that ends where it ends
 * @data: bytes
 * @size: how many
 *
 * Return: the copy with a NUL, to be freed. Who reads beyond it is found.
 */
char *fuzz_text(const void *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/**
 * fuzz_take() - cut off the beginning of a text
 * @rest: the text; what is behind @end afterwards
 * @end: the characters that end it
 *
 * Return: the beginning, "" if there is none.
 */
char *fuzz_take(char **rest, const char *end)
{
	char *text = strsep(rest, end);

	return text ? text : "";
}
