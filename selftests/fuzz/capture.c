// SPDX-License-Identifier: GPL-2.0-only
/*
 * What extsockctl prints, and whether it is JSON.
 */
#include <ctype.h>
#include <iconv.h>

/* Tests ask the same of it in a guest. */
#define main helper_main
#include "../helper_json.c"
#undef main

#include "fuzz.h"

static FILE *out, *err;
static char *printed, *said;
static size_t printed_len, said_len;
static FILE *real_out, *real_err;

/**
 * capture_begin() - take what is printed from here on
 */
void capture_begin(void)
{
	free(said);
	said = NULL;
	real_out = stdout;
	real_err = stderr;
	out = open_memstream(&printed, &printed_len);
	err = open_memstream(&said, &said_len);
	if (!out || !err)
		abort();
	stdout = out;
	stderr = err;
}

/* A terminal may take anything else for a command. */
static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (!isprint((unsigned char)*text) && *text != '\n')
			return false;
	return true;
}

/**
 * capture_end() - give standard output and standard error back
 *
 * Return: what was printed to standard output, to be freed.
 */
char *capture_end(void)
{
	stdout = real_out;
	stderr = real_err;
	fclose(out);
	fclose(err);
	fuzz_check(is_printable(said), "a message could not be printed");
	return printed;
}

/**
 * capture_said() - what was printed to standard error
 *
 * Return: the text, valid until capture_begin().
 */
const char *capture_said(void)
{
	return said;
}

static bool is_json(char *output)
{
	at = output;
	if (!value(""))
		return false;
	blanks();
	return !*at;
}

/**
 * capture_is_utf8() - is it?
 * @text: any bytes
 *
 * Return: whether it is UTF-8.
 */
bool capture_is_utf8(const char *text)
{
	char *from = (char *)text;
	size_t left = strlen(text), room = 4 * (left + 1);
	iconv_t to = iconv_open("UTF-32", "UTF-8");
	char *into = malloc(room), *end = into;
	bool good = to != (iconv_t)-1 && into &&
		    iconv(to, &from, &left, &end, &room) != (size_t)-1;

	free(into);
	iconv_close(to);
	return good && !left;
}

/**
 * capture_check() - what was printed must be JSON
 * @output: what was printed
 */
void capture_check(char *output)
{
	fuzz_check(is_json(output), "this is no JSON");
	fuzz_check(capture_is_utf8(output), "this is no UTF-8");
}

/**
 * capture_json() - capture_end(); what was printed must be JSON
 */
void capture_json(void)
{
	char *output = capture_end();

	capture_check(output);
	free(output);
}
