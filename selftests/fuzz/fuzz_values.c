// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is written to sysfs: PIDs, policies, times, names of groups. It is accepted if,
 * and only if, it is what the documentation says, and means that.
 *
 * The input is what is written, to each of the files.
 */
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <stdlib.h>

#include "../../module/value.h"
#include "fuzz.h"

#define DIGITS		"0123456789"
#define LETTERS		"abcdefghijklmnopqrstuvwxyz" DIGITS

/* No NUL follows what is written, and nothing may be put behind the text. */
static char *take(const uint8_t *data, size_t size)
{
	char *exact = malloc(size), *text = malloc(EXTSOCK_VALUE_MAX + 1);
	int err;

	memcpy(exact, data, size);
	err = extsock_value_text(text, exact, size);
	free(exact);
	fuzz_check(!err || err == -EINVAL, "another errno");
	if (!err)
		return text;
	free(text);
	return NULL;
}

/* Whatever is one line of the right length is a text. */
static void check_text(const uint8_t *data, size_t size, const char *text)
{
	size_t len = size && data[size - 1] == '\n' ? size - 1 : size;
	bool good = len && len <= EXTSOCK_NAME_MAX + 2 &&
		    !memchr(data, '\0', len);

	fuzz_check(good == !!text, "another text is accepted");
	fuzz_check(!text || (strlen(text) == len && !memcmp(text, data, len)),
		   "the text is another");
}

/* A number as people write it, or -1 if it is none or beyond @max. */
static long long number(const char *text, long long max)
{
	long long value = 0;

	if (!*text || strspn(text, DIGITS) != strlen(text))
		return -1;
	for (; *text && value <= max; text++)
		value = value * 10 + *text - '0';
	return value <= max ? value : -1;
}

static void check_pid(const char *text)
{
	long long expected = number(text + (text[0] == '-'), INT32_MAX);
	bool leave;
	int nr, err = extsock_value_pid(text, &leave, &nr);

	fuzz_check(err == (expected < 0 ? -EINVAL : 0), "no such PID");
	fuzz_check(err || (nr == expected && leave == (text[0] == '-')),
		   "the PID is another");
}

static void check_ms(const char *text)
{
	long long expected = number(text, EXTSOCK_MS_MAX);
	unsigned int ms;
	int err = extsock_value_ms(text, &ms);

	fuzz_check(err == (expected < 1 ? -EINVAL : 0), "no such time");
	fuzz_check(err || ms == expected, "the time is another");
}

static enum extsock_action expected_policy(const char *text)
{
	if (!strcmp(text, EXTSOCK_ACTION_RESET))
		return EXTSOCK_RESET;
	if (!strcmp(text, EXTSOCK_ACTION_WAIT))
		return EXTSOCK_WAIT;
	return strcmp(text, EXTSOCK_ACTION_KEEP) ? EXTSOCK_NONE : EXTSOCK_KEEP;
}

static void check_policy(const char *text)
{
	enum extsock_action policy = EXTSOCK_NONE;
	int err = extsock_value_policy(text, &policy);

	fuzz_check(policy == expected_policy(text), "the policy is another");
	fuzz_check(err == (policy == EXTSOCK_NONE ? -EINVAL : 0),
		   "no such policy");
}

/* It becomes the name of a folder, so it can be no path, nor a hidden file. */
static void check_name(const char *text)
{
	size_t len = strlen(text);
	bool good = len && len <= 32 && strchr(LETTERS, text[0]) &&
		    strspn(text, LETTERS "_.-") == len;

	fuzz_check(extsock_value_is_name(text) == good, "no such name");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = take(data, size);

	check_text(data, size, text);
	if (!text)
		return 0;
	check_pid(text);
	check_ms(text);
	check_policy(text);
	check_name(text);
	/* The sign of groups is before the name. */
	check_name(text + 1);
	free(text);
	return 0;
}
