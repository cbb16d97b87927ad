// SPDX-License-Identifier: GPL-2.0-only
/*
 * helper_json [KEY]: is standard input one JSON text (RFC 8259)? With KEY,
 * print each string that is the value of that key, unescaped. Exit status 0
 * if it is.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *wanted;
static char text[1 << 20], *at = text;

static bool value(const char *key);

static void blanks(void)
{
	at += strspn(at, " \t\r\n");
}

static bool eat(char c)
{
	blanks();
	if (*at != c)
		return false;
	at++;
	return true;
}

static bool hex4(unsigned int *code)
{
	char digits[5] = "";
	int i;

	for (i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)at[i]))
			return false;
		digits[i] = at[i];
	}
	at += 4;
	*code = strtoul(digits, NULL, 16);
	return true;
}

/* Those beyond ASCII are not needed here, but must be well-formed. */
static bool escape(char **to)
{
	static const char from[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
	const char *which;
	unsigned int code;

	if (*at == 'u') {
		at++;
		if (!hex4(&code))
			return false;
		*(*to)++ = code < 0x80 ? (char)code : '?';
		return true;
	}
	which = *at ? strchr(from, *at) : NULL;
	if (!which)
		return false;
	at++;
	*(*to)++ = plain[which - from];
	return true;
}

static bool string(char *into, size_t size)
{
	char *to = into;

	if (!eat('"'))
		return false;
	while (*at != '"') {
		if ((unsigned char)*at < 0x20 || to >= into + size - 1)
			return false;
		if (*at == '\\') {
			at++;
			if (!escape(&to))
				return false;
		} else {
			*to++ = *at++;
		}
	}
	at++;
	*to = '\0';
	return true;
}

static bool number(void)
{
	char *end;

	if (*at != '-' && !isdigit((unsigned char)*at))
		return false;
	if (at[*at == '-'] == '0' && isdigit((unsigned char)at[1 + (*at == '-')]))
		return false;
	strtod(at, &end);
	if (end == at)
		return false;
	at = end;
	return true;
}

static bool word(const char *name)
{
	size_t len = strlen(name);

	if (strncmp(at, name, len))
		return false;
	at += len;
	return true;
}

static bool object(void)
{
	char key[4096];

	at++;
	if (eat('}'))
		return true;
	do {
		if (!string(key, sizeof(key)) || !eat(':') || !value(key))
			return false;
	} while (eat(','));
	return eat('}');
}

static bool array(void)
{
	at++;
	if (eat(']'))
		return true;
	do {
		if (!value(""))
			return false;
	} while (eat(','));
	return eat(']');
}

static bool value(const char *key)
{
	char into[4096];

	blanks();
	if (*at == '{')
		return object();
	if (*at == '[')
		return array();
	if (*at != '"')
		return word("true") || word("false") || word("null") ||
		       number();
	if (!string(into, sizeof(into)))
		return false;
	if (wanted && !strcmp(key, wanted))
		puts(into);
	return true;
}

int main(int argc, char **argv)
{
	size_t len = fread(text, 1, sizeof(text) - 1, stdin);

	wanted = argc > 1 ? argv[1] : NULL;
	if (strlen(text) != len || !value(""))
		return 1;
	blanks();
	return *at ? 1 : 0;
}
