// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl checkpoint [--wait[=SECONDS]] -- CMD...
 *
 * The freeze is a lease of this process: however it ends, the kernel closes
 * its control file and thaws the group, resetting nothing.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "extsockctl.h"

/* Those that ask us to end, and the one that tells of the command's end. */
static void hold_signals(sigset_t *held, sigset_t *old)
{
	/* Ignored, the kernel would reap the command: its status were lost. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(held);
	sigaddset(held, SIGINT);
	sigaddset(held, SIGTERM);
	sigaddset(held, SIGHUP);
	sigaddset(held, SIGQUIT);
	sigaddset(held, SIGCHLD);
	sigprocmask(SIG_BLOCK, held, old);
}

/*
 * The terminal sends to all of a process group: a command that is in ours has
 * it already. A process sends to us alone.
 */
static bool has_it(pid_t pid, const siginfo_t *info)
{
	return info->si_code > 0 && getpgid(pid) == getpgrp();
}

/* Wait for the command, which decides what a signal to us means. */
static int wait_child(pid_t pid, const sigset_t *held)
{
	siginfo_t info;
	int status, sig;
	pid_t ended;

	while (!(ended = waitpid(pid, &status, WNOHANG))) {
		sig = sigwaitinfo(held, &info);
		if (sig > 0 && sig != SIGCHLD && !has_it(pid, &info))
			kill(pid, sig);
	}
	if (ended < 0)
		return fail(errno, NULL, NULL, "cannot wait for the command");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

/*
 * The signals are held until we end, so that none prevents the report. The
 * lease is not the child's: O_CLOEXEC acts only when its execve() succeeds.
 */
static int run(int fd, char **argv)
{
	sigset_t held, old;
	pid_t pid;

	hold_signals(&held, &old);
	pid = fork();
	if (pid < 0)
		return fail(errno, NULL, NULL, "cannot start %s", argv[0]);
	if (!pid) {
		close(fd);
		sigprocmask(SIG_SETMASK, &old, NULL);
		_exit(exec_command(argv));
	}
	return wait_child(pid, &held);
}

/* This ends our own freeze only, not that of who froze the group since. */
static int let_go(const struct options *opt, int fd)
{
	static const char command[] = EXTSOCK_CMD_THAW " " EXTSOCK_OPT_KEEP;
	int err = control_write(opt, fd, command);

	if (!err)
		return EXIT_DONE;
	if (err != -EBUSY)
		return control_explain(opt, fd, command, err);
	return control_fail(opt, fd, command, EBUSY,
			    "somebody else thawed it while the command ran",
			    "what the command saved may not be of one moment");
}

int verb_checkpoint(const struct options *opt, int argc, char **argv)
{
	int fd = control_open(opt), status, thawed, err;
	char command[EXTSOCK_COMMAND_MAX + 1];

	(void)argc;
	if (fd < 0)
		return fail(-fd, NULL, NULL, "cannot freeze group \"%s\"",
			    opt->group);
	freeze_command(opt, true, command, sizeof(command));
	err = control_write(opt, fd, command);
	if (err) {
		status = control_explain(opt, fd, command, err);
	} else {
		status = run(fd, argv);
		thawed = let_go(opt, fd);
		status = status ? status : thawed;
	}
	close(fd);
	return status;
}
