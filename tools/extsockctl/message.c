// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages: what failed, on what, why, and what to do about it.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extsockctl.h"

/* No errno tells that the module is not loaded. This one nobody uses. */
#define NOT_LOADED	ENOPKG

/*
 * A folder of the module that is being removed gives ENODEV in sysfs and EIO
 * in proc. Is it the group that has gone, or the module?
 */
static int vanished(int err)
{
	if (err != ENOENT && err != ENODEV && err != EIO)
		return err;
	return module_loaded() ? ENOENT : NOT_LOADED;
}

static int exit_status(int err)
{
	switch (err) {
	case ESRCH:
	case ENOENT:
		return EXIT_NOT_FOUND;
	case EPERM:
	case EACCES:
		return EXIT_PERMISSION;
	case NOT_LOADED:
		return EXIT_NOT_LOADED;
	case EBUSY:
	case EAGAIN:
	case ETIMEDOUT:
	case EINTR:
		return EXIT_BUSY;
	default:
		return EXIT_REFUSED;
	}
}

/* The errno as extsock means it, which is narrower than libc's words. */
static const char *reason(int err)
{
	switch (err) {
	case EINVAL:
		return "not understood or not allowed";
	case ESRCH:
		return "no such process, or the group is empty";
	case ENOENT:
		return "there is no such group";
	case NOT_LOADED:
		return "the module extsock is not loaded";
	case EBUSY:
		return "busy";
	case ETIMEDOUT:
		return "the deadline has passed";
	case EINTR:
		return "interrupted by a signal";
	case EDEADLK:
		return "the caller is a member of the group";
	case ENOTEMPTY:
		return "the group has members";
	case EEXIST:
		return "the name is taken";
	case EPERM:
	case EACCES:
		return "permission denied";
	default:
		return strerror(err);
	}
}

static const char *advice(int err)
{
	switch (err) {
	case EPERM:
	case EACCES:
		return "this needs root, with CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE";
	case ENOENT:
		return "see extsockctl groups";
	case NOT_LOADED:
		return "load it with modprobe extsock, or insmod extsock.ko";
	case EAGAIN:
		return "try again";
	case ENOMEM:
		return "free some memory and try again";
	default:
		return NULL;
	}
}

/**
 * hintf() - put a hint together
 * @fmt: as printf()
 *
 * Return: the text, valid until the next call.
 */
const char *hintf(const char *fmt, ...)
{
	static char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return text;
}

/**
 * group_flag() - how a hint's command names the group
 * @opt: names the group
 *
 * Return: "-g NAME ", or "" for the default one; valid until the next call.
 */
const char *group_flag(const struct options *opt)
{
	static char text[EXTSOCK_NAME_MAX + 5];

	if (!strcmp(opt->group, EXTSOCK_GROUP_DEFAULT))
		return "";
	snprintf(text, sizeof(text), "-g %s ", opt->group);
	return text;
}

/**
 * thaw_first() - the hint for who wants to change a group that is frozen
 * @opt: names the group
 *
 * Return: the text, valid until the next hintf().
 */
const char *thaw_first(const struct options *opt)
{
	return hintf("thaw it first (extsockctl %sthaw)", group_flag(opt));
}

/**
 * print_printable() - print a text that the terminal would obey
 * @text: any bytes; what is not printable ASCII is escaped in octal
 * @stream: to this
 */
void print_printable(const char *text, FILE *stream)
{
	const unsigned char *c;

	for (c = (unsigned char *)text; *c; c++)
		fprintf(stream, isprint(*c) ? "%c" : "\\%03o", *c);
}

/* What was typed may hold anything. */
static void print_message(const char *fmt, va_list args)
{
	char *text;

	if (vasprintf(&text, fmt, args) < 0)
		return;
	fputs("extsockctl: ", stderr);
	print_printable(text, stderr);
	free(text);
}

/**
 * fail() - say that something failed
 * @err: an errno
 * @why: why, or NULL for the usual words for @err
 * @hint: what to do about it, or NULL for what is usual
 * @fmt: what failed, on what
 *
 * Return: the exit status for @err.
 */
int fail(int err, const char *why, const char *hint, const char *fmt, ...)
{
	va_list args;

	/* Who knows why does not speak of the module's files. */
	if (!why)
		err = vanished(err);
	if (!hint || err == NOT_LOADED)
		hint = advice(err);
	va_start(args, fmt);
	print_message(fmt, args);
	va_end(args);
	fprintf(stderr, ": %s", why ? why : reason(err));
	if (hint)
		fprintf(stderr, "; %s", hint);
	fputc('\n', stderr);
	return exit_status(err);
}

/**
 * lost_output() - say that the output could not be written
 * @err: an errno, or 0 if nobody knows
 */
void lost_output(int err)
{
	fprintf(stderr, "extsockctl: cannot write the output%s%s\n",
		err ? ": " : "", err ? strerror(err) : "");
}

/**
 * usage() - say that the command line was not understood
 * @fmt: what was wrong
 *
 * Return: EXIT_USAGE.
 */
int usage(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_message(fmt, args);
	va_end(args);
	fputs("; see extsockctl --help\n", stderr);
	return EXIT_USAGE;
}
