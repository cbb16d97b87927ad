// SPDX-License-Identifier: GPL-2.0-only
/*
 * helper_stall COMMAND...: run it with a terminal for standard error that nobody
 * reads. There is room for some bytes, so poll() says that there is, and not for a line
 * of 350: who writes one waits for ever. Ends with the status of the command.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_terminal(int master, int flags)
{
	int fd = open(ptsname(master), O_RDWR | O_NOCTTY | flags);

	if (fd < 0)
		err(1, "cannot open a terminal");
	return fd;
}

/*
 * Write so many bytes, or as many as there is room for, when the kernel has moved on
 * what it can: how many that was.
 */
static size_t fill(int master, size_t most)
{
	int fd = open_terminal(master, O_NONBLOCK), tries = 0;
	char text[64] = "";
	size_t len = 0;
	ssize_t got;

	while (len < most && tries < 5) {
		got = write(fd, text, sizeof(text));
		if (got < 0)
			usleep(20000);
		tries = got < 0 ? tries + 1 : 0;
		len += got < 0 ? 0 : got;
	}
	close(fd);
	return len;
}

static int make_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (master < 0 || grantpt(master) || unlockpt(master))
		err(1, "cannot make a terminal");
	return master;
}

int main(int argc, char **argv)
{
	const struct winsize size = { .ws_row = 24, .ws_col = 500 };
	int master = make_terminal(), fd = open_terminal(master, O_CLOEXEC);
	int status;

	if (argc < 2)
		errx(2, "usage: helper_stall COMMAND...");
	ioctl(fd, TIOCSWINSZ, &size);
	/* How much goes into one, less what is to be left of the other. */
	fill(master, fill(make_terminal(), SIZE_MAX) - 320);
	if (!fork()) {
		setenv("TERM", "xterm", 1);
		dup2(fd, STDERR_FILENO);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
