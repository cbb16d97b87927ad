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

static volatile pid_t child;

/* The command decides what a signal to us means. */
static void pass_on(int sig)
{
	if (child > 0)
		kill(child, sig);
}

static void run_child(char **argv)
{
	int err;

	execvp(argv[0], argv);
	err = errno;
	fprintf(stderr, "extsockctl: cannot run %s: %s\n", argv[0],
		strerror(err));
	_exit(err == ENOENT ? 127 : 126);
}

static int wait_child(void)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_REFUSED;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

static int run(char **argv)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction pass = { .sa_handler = pass_on };
	sigset_t block, old;
	size_t i;

	/* The child's number is known before a signal is handled. */
	sigemptyset(&block);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&block, signals[i]);
	sigprocmask(SIG_BLOCK, &block, &old);
	fflush(stdout);
	child = fork();
	if (!child) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		run_child(argv);
	}
	if (child > 0)
		for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
			sigaction(signals[i], &pass, NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (child < 0)
		return fail(errno, NULL, "cannot start %s", argv[0]);
	return wait_child();
}

int verb_checkpoint(const struct options *opt, int argc, char **argv)
{
	int fd, status, thawed;

	if (!argc)
		return usage("checkpoint needs a command");
	fd = control_open(opt);
	if (fd < 0)
		return fail(-fd, NULL, "cannot freeze group \"%s\"", opt->group);
	status = control_command(opt, fd,
				 EXTSOCK_CMD_FREEZE " " EXTSOCK_OPT_LEASE, true);
	if (!status) {
		status = run(argv);
		thawed = control_command(opt, fd, EXTSOCK_CMD_THAW " "
					 EXTSOCK_OPT_KEEP, true);
		if (!status)
			status = thawed;
	}
	close(fd);
	return status;
}
