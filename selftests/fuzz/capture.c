// SPDX-License-Identifier: GPL-2.0-only
/*
 * What extsockctl prints, and whether it is JSON.
 */
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
	real_out = stdout;
	real_err = stderr;
	out = open_memstream(&printed, &printed_len);
	err = open_memstream(&said, &said_len);
	if (!out || !err)
		abort();
	stdout = out;
	stderr = err;
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
	free(said);
	return printed;
}

static bool is_json(char *output)
{
	at = output;
	if (!value(""))
		return false;
	blanks();
	return !*at;
}

static bool is_utf8(char *output)
{
	size_t left = strlen(output), room = 4 * (left + 1);
	iconv_t to = iconv_open("UTF-32", "UTF-8");
	char *into = malloc(room), *end = into;
	bool good = to != (iconv_t)-1 && into &&
		    iconv(to, &output, &left, &end, &room) != (size_t)-1;

	free(into);
	iconv_close(to);
	return good && !left;
}

/**
 * capture_json() - capture_end(); what was printed must be JSON
 */
void capture_json(void)
{
	char *output = capture_end();

	fuzz_check(is_json(output), "this is no JSON");
	fuzz_check(is_utf8(output), "this is no UTF-8");
	free(output);
}
