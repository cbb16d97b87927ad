// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands to NAME/control.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "extsockctl.h"

/**
 * control_open() - open the group's control file
 * @opt: names the group
 *
 * It is not inherited by programs: a lease ends with its last holder.
 *
 * Return: a descriptor or -errno.
 */
int control_open(const struct options *opt)
{
	char *path = proc_path(opt, EXTSOCK_PROC_CONTROL);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	int err = errno;

	free(path);
	return fd < 0 ? -err : fd;
}

static const char *hint(const char *command, int err)
{
	bool freeze = !strncmp(command, EXTSOCK_CMD_FREEZE,
			       strlen(EXTSOCK_CMD_FREEZE));

	switch (err) {
	case EBUSY:
		return freeze ? "wait for it, or thaw it first (extsockctl thaw)" :
				"freeze it first (extsockctl freeze)";
	case ESRCH:
		return "add processes first (extsockctl add PID)";
	case EDEADLK:
		return "call extsockctl from outside of the group";
	case ETIMEDOUT:
		return "end what is in the way, or raise freeze_ms";
	case EINTR:
		return "a signal came; nothing was changed";
	case ENOMEM:
		return "free some memory and try again";
	default:
		return NULL;
	}
}

static void print_outcome(int fd, FILE *stream)
{
	char text[4096];
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);

	if (len > 0)
		fwrite(text, 1, len, stream);
}

/**
 * control_command() - give a command and print its outcome
 * @opt: names the group
 * @fd: from control_open()
 * @command: the command
 * @quiet: print nothing if it succeeds
 *
 * Return: an exit status.
 */
int control_command(const struct options *opt, int fd, const char *command,
		    bool quiet)
{
	int verb = strcspn(command, " ");
	int err, status;

	if (write(fd, command, strlen(command)) >= 0) {
		if (!quiet)
			print_outcome(fd, stdout);
		return EXIT_DONE;
	}
	err = errno;
	status = fail(err, hint(command, err), "cannot %.*s group \"%s\"", verb,
		      command, opt->group);
	print_outcome(fd, stderr);
	return status;
}
