// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whatever extsockctl prints with --json is JSON, and says what it was given.
 *
 * The input is what is in the module's files, in the order of the table below, with a
 * byte of 1 between them. A file with a byte of 2 in it cannot be read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "extsockctl.h"
#include "fuzz.h"

#define NEXT	"\1"
#define GONE	'\2'

static const char * const files[] = {
	EXTSOCK_SYSFS_STATE, EXTSOCK_PROC_SOCKETS, EXTSOCK_SYSFS_MEMBERS,
	EXTSOCK_SYSFS_GROUPS, EXTSOCK_PROC_RULES, EXTSOCK_SYSFS_POLICY,
	EXTSOCK_SYSFS_WAIT_MS, EXTSOCK_SYSFS_FREEZE_MS, EXTSOCK_SYSFS_VERSION,
};

static const char *content[ARRAY_SIZE(files)];

static const struct options json = {
	.group = EXTSOCK_GROUP_DEFAULT, .json = true
};

/* For extsockctl's file.c: the module's files. */
int fuzz_open(const char *path, int flags, ...)
{
	const char *name = strrchr(path, '/') + 1;
	size_t i = 0, len;
	int fd;

	(void)flags;
	while (strcmp(files[i], name))
		i++;
	if (strchr(content[i], GONE)) {
		errno = ENOENT;
		return -1;
	}
	fd = memfd_create(name, MFD_CLOEXEC);
	len = strlen(content[i]);
	fuzz_check(write(fd, content[i], len) == (ssize_t)len, "no memory");
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* What makes no sense is read again, 100 times. */
int fuzz_nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)time;
	(void)left;
	return 0;
}

/* It fails, and says why, or it prints JSON; what it prints before it fails is, too. */
static void check_verb(int (*verb)(const struct options *opt, int argc,
				   char **argv))
{
	char *printed;
	int status;

	capture_begin();
	status = verb(&json, 0, NULL);
	printed = capture_end();
	if (!status || *printed)
		capture_check(printed);
	fuzz_check(!status == !*capture_said(), "nothing is said of a failure");
	free(printed);
}

static void check_verbs(void)
{
	struct sockets sockets;
	int err = sockets_try(&json, &sockets);

	if (!err)
		sockets_free(&sockets);
	if (err != -EBUSY) {
		check_verb(verb_list);
		check_verb(verb_status);
	}
	check_verb(verb_groups);
	check_verb(verb_rules);
}

static char *print(void (*function)(const char *), const char *text)
{
	char *printed;

	capture_begin();
	function(text);
	printed = capture_end();
	capture_check(printed);
	return printed;
}

static unsigned int take_hex(const char *digits)
{
	char hex[5] = "";

	memcpy(hex, digits, 4);
	return strtoul(hex, NULL, 16);
}

/* The bytes of a character that is escaped: those that are have one or two. */
static char *put_utf8(char *to, unsigned int code)
{
	if (code >= 0x80)
		*to++ = 0xc0 | code >> 6;
	*to++ = code < 0x80 ? code : 0x80 | (code & 0x3f);
	return to;
}

/* What a program reads. */
static char *unquote(const char *string)
{
	char *plain = fuzz_text(string, strlen(string)), *to = plain;
	const char *at = string + 1;

	while (*at != '"') {
		if (*at != '\\') {
			*to++ = *at++;
		} else if (at[1] == 'u') {
			to = put_utf8(to, take_hex(at + 2));
			at += 6;
		} else {
			*to++ = at[1];
			at += 2;
		}
	}
	*to = '\0';
	return plain;
}

/* No terminal takes it for a command. */
static bool has_controls(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	for (; *s; s++)
		if (*s < 0x20 || *s == 0x7f ||
		    (s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0))
			return true;
	return false;
}

/* As the kernel does. */
static char *escaped(const char *text)
{
	char *octal = malloc(4 * strlen(text) + 1), *to = octal;

	*to = '\0';
	for (; *text; text++)
		to += sprintf(to, *text > ' ' && *text < 0x7f && *text != '\\' ?
			      "%c" : "\\%03o", (unsigned char)*text);
	return octal;
}

static void check_string(const char *text)
{
	char *printed = print(json_string, text), *plain = unquote(printed);
	char *octal = escaped(text), *same = print(json_unescaped, octal);

	fuzz_check(!has_controls(printed), "a terminal would obey");
	fuzz_check(!capture_is_utf8(text) || !strcmp(text, plain),
		   "the string is another");
	fuzz_check(!strcmp(printed, same), "escaped it is another string");
	free(same);
	free(octal);
	free(plain);
	free(printed);
	free(print(json_unescaped, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *rest = text;
	size_t i;

	check_string(text);
	for (i = 0; i < ARRAY_SIZE(files); i++)
		content[i] = fuzz_take(&rest, NEXT);
	check_verbs();
	free(text);
	return 0;
}
