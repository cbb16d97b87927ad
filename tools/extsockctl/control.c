// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands to NAME/control.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "extsockctl.h"

/* The freeze was interrupted, and persists. No file of the module gives this. */
#define NOT_UNDONE	ENOTRECOVERABLE

/**
 * control_open() - open the group's control file
 * @opt: names the group
 *
 * No program inherits it: a lease ends when its last holder has closed it.
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

/* What the kernel says of the last command. */
static const char *read_outcome(int fd)
{
	static char text[4096];
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);

	text[len < 0 ? 0 : len] = '\0';
	return text;
}

/* It was done, even if nobody learns of it. */
static void show_outcome(int fd)
{
	const char *text = read_outcome(fd);

	if (*text && write(STDOUT_FILENO, text, strlen(text)) < 0)
		lost_output(errno);
}

/* Its first line, the reason of a failure, has a word that we know. */
static bool outcome_has(int fd, const char *word)
{
	const char *text = read_outcome(fd);

	return memmem(text, strcspn(text, "\n"), word, strlen(word));
}

static int give(int fd, const char *command)
{
	return write(fd, command, strlen(command)) < 0 ? -errno : 0;
}

/*
 * A signal that comes when it is too late to interrupt the freeze ends it. One more is
 * no reason to leave the group frozen. It is not frozen if somebody else thawed it.
 */
static int undo(int fd)
{
	int err;

	do {
		err = give(fd, EXTSOCK_CMD_THAW " " EXTSOCK_OPT_KEEP);
	} while (err == -EINTR);
	return err && err != -EBUSY ? -NOT_UNDONE : -EINTR;
}

static bool is_freeze(const char *command)
{
	return !strncmp(command, EXTSOCK_CMD_FREEZE,
			strlen(EXTSOCK_CMD_FREEZE));
}

/**
 * control_write() - give a command
 * @opt: names the group
 * @fd: from control_open()
 * @command: the command
 *
 * While a freeze waits for sockets, standard error is told of them.
 *
 * Return: 0 or -errno.
 */
int control_write(const struct options *opt, int fd, const char *command)
{
	bool watched = is_freeze(command) && drain_watch(opt);
	int err = give(fd, command);

	if (watched) {
		drain_unwatch();
		if (!err && interrupted())
			err = undo(fd);
		interrupt_release();
	}
	return err;
}

/* The state says why: it may have changed since, but seldom. */
static void explain_busy(const struct options *opt, bool freeze,
			 const char **why, const char **hint)
{
	static char text[64];
	char *state = read_word(opt, EXTSOCK_SYSFS_STATE);

	if (!state)
		return;
	if (freeze && !strcmp(state, EXTSOCK_STATE_FROZEN)) {
		*why = "it is already frozen";
		*hint = thaw_first(opt);
	} else if (!freeze && !strcmp(state, EXTSOCK_STATE_RUNNING)) {
		*why = "it is not frozen";
		*hint = hintf("freeze it first (extsockctl %sfreeze)",
			      group_flag(opt));
	} else if (strcmp(state, EXTSOCK_STATE_RUNNING) &&
		   strcmp(state, EXTSOCK_STATE_FROZEN)) {
		snprintf(text, sizeof(text), "it is %s", state);
		*why = text;
		*hint = hintf("wait until that is done (extsockctl %sstatus)",
			      group_flag(opt));
	}
	free(state);
}

/**
 * control_fail() - say that a command failed, with its outcome
 * @opt: names the group
 * @fd: from control_open()
 * @command: the command
 * @err: an errno
 * @why: as for fail()
 * @hint: as for fail()
 *
 * Return: the exit status for @err.
 */
int control_fail(const struct options *opt, int fd, const char *command,
		 int err, const char *why, const char *hint)
{
	int status = fail(err, why, hint, "cannot %.*s group \"%s\"",
			  (int)strcspn(command, " "), command, opt->group);

	fputs(read_outcome(fd), stderr);
	return status;
}

/* It waited for sockets, or for processes to stand still. */
static const char *deadline_hint(const struct options *opt, int fd)
{
	bool drained = outcome_has(fd, EXTSOCK_SYSFS_WAIT_MS);

	return hintf("end what is in the way, or %sraise %s/%s/%s",
		     drained ? "wait longer with --wait=SECONDS, or " : "",
		     EXTSOCK_SYSFS_ROOT, opt->group,
		     drained ? EXTSOCK_SYSFS_WAIT_MS : EXTSOCK_SYSFS_FREEZE_MS);
}

/**
 * control_explain() - say why a command failed, with its outcome
 * @opt: names the group
 * @fd: from control_open()
 * @command: the command
 * @err: from control_write(), not 0
 *
 * Return: the exit status for @err. If a signal that ends us interrupted the
 * command, it does so now.
 */
int control_explain(const struct options *opt, int fd, const char *command,
		    int err)
{
	const char *hint = NULL, *why = NULL;
	int status;

	if (err == -EBUSY) {
		hint = "try again";
		explain_busy(opt, is_freeze(command), &why, &hint);
	} else if (err == -ESRCH) {
		why = "it has no members";
		hint = hintf("add processes first (extsockctl %sadd PID)",
			     group_flag(opt));
	} else if (err == -EDEADLK) {
		hint = "call extsockctl from outside of the group";
	} else if (err == -ETIMEDOUT) {
		hint = deadline_hint(opt, fd);
	} else if (is_freeze(command) && (err == -EINTR || err == -ENOMEM)) {
		/* The outcome may be that of our own thaw. */
		if (err == -EINTR && !interrupted() &&
		    outcome_has(fd, EXTSOCK_CMD_THAW))
			why = "somebody thawed it";
		hint = "nothing was changed";
	} else if (err == -NOT_UNDONE) {
		why = "interrupted by a signal, but the thaw failed";
		hint = hintf("it is frozen: thaw it (extsockctl %sthaw --keep)",
			     group_flag(opt));
	}
	status = control_fail(opt, fd, command, -err, why, hint);
	interrupt_die();
	return status;
}

/**
 * control_command() - give a command and print its outcome
 * @opt: names the group
 * @command: the command
 *
 * Output that gets lost is no failure: it is said, and no signal ends us for it.
 *
 * Return: an exit status.
 */
int control_command(const struct options *opt, const char *command)
{
	int fd = control_open(opt), status = EXIT_DONE, err;

	if (fd < 0)
		return fail(-fd, NULL, NULL, "cannot %.*s group \"%s\"",
			    (int)strcspn(command, " "), command, opt->group);
	signal(SIGPIPE, SIG_IGN);
	err = control_write(opt, fd, command);
	if (err)
		status = control_explain(opt, fd, command, err);
	else
		show_outcome(fd);
	close(fd);
	return status;
}
