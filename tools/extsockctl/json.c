// SPDX-License-Identifier: GPL-2.0-only
/*
 * JSON strings. Names of processes are bytes that anybody chose.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extsockctl.h"

/* Length of the valid UTF-8 sequence at @s, or 0. */
static size_t utf8_length(const unsigned char *s)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 :
		     s[0] >= 0xe0 && s[0] < 0xf0 ? 3 :
		     s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
	size_t i;

	for (i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond U+10FFFF */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

/**
 * json_string() - print a string with its quotes
 * @text: any bytes; what is not UTF-8 becomes U+FFFD
 */
void json_string(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len;

	putchar('"');
	while (*s) {
		len = utf8_length(s);
		if (!len)
			fputs("\\ufffd", stdout);
		else if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if (*s < 0x20 || *s == 0x7f)
			printf("\\u%04x", *s);
		else if (len == 2 && s[0] == 0xc2 && s[1] < 0xa0)
			/* C1: a terminal may take it for a command */
			printf("\\u%04x", s[1]);
		else
			fwrite(s, 1, len, stdout);
		s += len ? len : 1;
	}
	putchar('"');
}

static bool is_octal(const char *s)
{
	return s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
	       s[2] <= '7' && s[3] >= '0' && s[3] <= '7';
}

/**
 * json_unescaped() - print a string that the kernel has escaped
 * @text: the string; \\ooo stands for a byte
 */
void json_unescaped(const char *text)
{
	char *plain = calloc(strlen(text) + 1, 1), *to = plain;

	if (!plain) {
		json_string(text);
		return;
	}
	while (*text) {
		if (is_octal(text)) {
			*to++ = (text[1] - '0') << 6 | (text[2] - '0') << 3 |
				(text[3] - '0');
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
	json_string(plain);
	free(plain);
}
