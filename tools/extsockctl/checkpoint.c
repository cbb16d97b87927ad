// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl checkpoint -- CMD...
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
 * Wait for the command, which decides what a signal to us means. What the
 * terminal sends, it sends to both: the command would have it twice.
 */
static int wait_child(pid_t pid, const sigset_t *held)
{
	siginfo_t info;
	int status, sig;
	pid_t ended;

	while (!(ended = waitpid(pid, &status, WNOHANG))) {
		sig = sigwaitinfo(held, &info);
		if (sig > 0 && sig != SIGCHLD && info.si_code <= 0)
			kill(pid, sig);
	}
	if (ended < 0)
		return fail(errno, NULL, NULL, "cannot wait for the command");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

/* The signals are held until we end, so that none prevents the report. */
static int run(char **argv)
{
	sigset_t held, old;
	pid_t pid;

	hold_signals(&held, &old);
	pid = fork();
	if (pid < 0)
		return fail(errno, NULL, NULL, "cannot start %s", argv[0]);
	if (!pid) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		_exit(exec_command(argv));
	}
	return wait_child(pid, &held);
}

static int let_go(const struct options *opt, int fd)
{
	static const char command[] = EXTSOCK_CMD_THAW " " EXTSOCK_OPT_KEEP;
	int err = control_write(fd, command);

	if (!err)
		return EXIT_DONE;
	if (err != -EBUSY)
		return control_explain(opt, fd, command, err);
	return fail(EBUSY, "somebody else thawed it while the command ran",
		    "what the command saved may not be of one moment",
		    "cannot thaw group \"%s\"", opt->group);
}

int verb_checkpoint(const struct options *opt, int argc, char **argv)
{
	static const char command[] = EXTSOCK_CMD_FREEZE " " EXTSOCK_OPT_LEASE;
	int fd = control_open(opt), status, thawed, err;

	(void)argc;
	if (fd < 0)
		return fail(-fd, NULL, NULL, "cannot freeze group \"%s\"",
			    opt->group);
	err = control_write(fd, command);
	if (err) {
		status = control_explain(opt, fd, command, err);
	} else {
		status = run(argv);
		thawed = let_go(opt, fd);
		status = status ? status : thawed;
	}
	close(fd);
	return status;
}
