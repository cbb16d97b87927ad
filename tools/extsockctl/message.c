// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages: what failed, on what, why, and what to do about it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "extsockctl.h"

static int exit_status(int err)
{
	switch (err) {
	case ESRCH:
	case ENOENT:
		return EXIT_NOT_FOUND;
	case EPERM:
	case EACCES:
		return EXIT_PERMISSION;
	case EBUSY:
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
	case EBUSY:
		return "busy";
	case ETIMEDOUT:
		return "the deadline has passed";
	case EDEADLK:
		return "the caller is a member of the group";
	case ENOTEMPTY:
		return "the group has members";
	case EEXIST:
		return "the name is taken";
	case EPERM:
	case EACCES:
		return "permission denied; this needs root, or CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE";
	default:
		return strerror(err);
	}
}

/**
 * fail() - say that something failed
 * @err: an errno
 * @hint: what to do about it, or NULL
 * @fmt: what failed, on what
 *
 * Return: the exit status for @err.
 */
int fail(int err, const char *hint, const char *fmt, ...)
{
	va_list args;

	fputs("extsockctl: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, ": %s", reason(err));
	if (hint)
		fprintf(stderr, "; %s", hint);
	fputc('\n', stderr);
	return exit_status(err);
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

	fputs("extsockctl: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputs("; see extsockctl --help\n", stderr);
	return EXIT_USAGE;
}
