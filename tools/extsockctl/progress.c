// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a freeze waits for: a line on the terminal that is written anew, else a
 * line whenever something has changed.
 *
 *	waiting for 2 sockets: 10.0.0.5:5432 of psql[812], ..., 12 s left
 */
#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "extsockctl.h"

/* So many sockets are named. */
#define NAMED	4

/* A name of a process, each byte escaped. */
#define COMMAND_MAX	(4 * 15)

/* For names and dots. */
#define COMMA	", "
#define DOTS	"..."

/* What progress_begin() makes of EXTSOCK_MS_MAX. */
#define LONGEST_LEFT	", 86400 s left"

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* A terminal that knows no more than to print has no use for a line that moves. */
static bool is_terminal(void)
{
	const char *type = getenv("TERM");

	return isatty(STDERR_FILENO) && type && *type && strcmp(type, "dumb");
}

/* The last column is left free: some terminals begin a new line there. */
static size_t line_width(const struct progress *progress)
{
	struct winsize size;
	size_t width = 80;

	if (!progress->terminal)
		return PROGRESS_MAX;
	if (!ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col > 1)
		width = size.ws_col;
	return width - 1 < PROGRESS_MAX ? width - 1 : PROGRESS_MAX;
}

/*
 * Others have our standard error as well, and may rely on that it blocks; and poll()
 * tells of room on a terminal that has too little. So it is opened anew. What cannot be,
 * a socket, has room when poll() says so.
 */
static int open_output(void)
{
	struct stat about;

	if (fstat(STDERR_FILENO, &about))
		return -1;
	if (S_ISCHR(about.st_mode) || S_ISFIFO(about.st_mode))
		return open("/proc/self/fd/2",
			    O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
}

/**
 * progress_begin() - a freeze begins
 * @progress: the line, to be ended by progress_end()
 * @opt: names the group, and how long the freeze may wait
 */
void progress_begin(struct progress *progress, const struct options *opt)
{
	char *usual = read_word(opt, EXTSOCK_SYSFS_WAIT_MS);
	unsigned long ms = opt->wait_ms;

	if (!ms && usual)
		ms = strtoul(usual, NULL, 10);
	free(usual);
	memset(progress, 0, sizeof(*progress));
	progress->opt = opt;
	progress->output = open_output();
	progress->terminal = is_terminal();
	progress->deadline = ms ? now_ms() + ms : 0;
}

/**
 * progress_end() - the freeze has ended
 * @progress: the line
 */
void progress_end(struct progress *progress)
{
	if (progress->output >= 0)
		close(progress->output);
}

/* ", 12 s left", or nothing if nobody knows. */
static void print_left(const struct progress *progress, char *text, size_t size)
{
	long long ms = progress->deadline - now_ms();

	text[0] = '\0';
	if (progress->deadline)
		snprintf(text, size, ", %lld s left",
			 ms > 0 ? (ms + 999) / 1000 : 0);
}

/* As the kernel does: blanks, and what a terminal would obey, in octal. */
static void escape(const char *from, char *to)
{
	for (; *from; from++)
		to += sprintf(to, isgraph((unsigned char)*from) &&
			      !strchr("\\\"", *from) ? "%c" : "\\%03o",
			      (unsigned char)*from);
	*to = '\0';
}

/*
 * The name of the process that has a socket. The table has that of who opened it, which
 * does for one that we cannot see.
 */
static void read_command(const struct sockets *sockets, size_t row, char *text)
{
	char path[64], name[COMMAND_MAX / 4 + 2] = "";
	ssize_t len = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/comm", sockets_get(sockets, row, "pid"));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, name, sizeof(name) - 1);
		close(fd);
	}
	if (len > 0) {
		/* A newline, which the name may have as well. */
		name[len - 1] = '\0';
		escape(name, text);
	} else {
		snprintf(text, COMMAND_MAX + 1, "%s", sockets_get(sockets, row, "command"));
	}
}

/*
 * The other end of a socket, and who has it. What there is no room for is left out of
 * the middle of a path. Returns whether there is room for who has it.
 */
static bool print_name(const struct sockets *sockets, size_t row, char *text,
		       size_t room)
{
	const char *remote = sockets_get(sockets, row, "remote");
	char command[COMMAND_MAX + 1], owner[COMMAND_MAX + 32];
	size_t len = strlen(remote), taken, begin;

	read_command(sockets, row, command);
	taken = snprintf(owner, sizeof(owner), " of %s[%s]", command,
			 sockets_get(sockets, row, "pid"));
	if (len + taken <= room) {
		snprintf(text, room + 1, "%s%s", remote, owner);
		return true;
	}
	taken += strlen(DOTS);
	if (taken >= room)
		return false;
	begin = (room - taken) / 2;
	snprintf(text, room + 1, "%.*s" DOTS "%s%s", (int)begin, remote,
		 remote + len - (room - taken - begin), owner);
	return true;
}

/*
 * As many names as there is room for, and dots for those that are left out. There is
 * room for the dots. Only the first may be shortened.
 */
static void print_names(const struct sockets *sockets, char *text, size_t room)
{
	const size_t dots = strlen(COMMA DOTS);
	char name[PROGRESS_MAX + 1];
	size_t len = 0, row, more;

	for (row = 0; row < sockets->rows && row < NAMED; row++) {
		more = row + 1 < sockets->rows ? dots : 0;
		if (!print_name(sockets, row, name, row ? PROGRESS_MAX : room - more))
			break;
		if (len + (row ? strlen(COMMA) : 0) + strlen(name) + more > room)
			break;
		len += snprintf(text + len, room + 1 - len, "%s%s",
				row ? COMMA : "", name);
	}
	if (row < sockets->rows)
		snprintf(text + len, room + 1 - len, "%s" DOTS,
			 row ? COMMA : "");
}

/* All but the time that is left, for which there has to be room. */
static void print_line(const struct sockets *sockets, char *text, size_t width)
{
	size_t len = snprintf(text, PROGRESS_MAX + 1, "waiting for %zu socket%s",
			      sockets->rows, sockets->rows == 1 ? "" : "s");
	size_t taken = len + strlen(": ") + strlen(LONGEST_LEFT);
	char *c;

	if (taken + strlen(COMMA DOTS) < width) {
		strcpy(text + len, ": ");
		print_names(sockets, text + len + 2, width - taken);
	}
	/* The kernel has escaped what is not printable; this is to be sure. */
	for (c = text; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
}

/* All that the table has is waited for, and not what the group has besides. */
static bool is_waited_for(const struct sockets *sockets)
{
	size_t row;

	for (row = 0; row < sockets->rows; row++)
		if (strcmp(sockets_get(sockets, row, "action"),
			   EXTSOCK_ACTION_WAIT))
			return false;
	return sockets->draining;
}

/* Nobody waits for who reads this: what there is no room for is lost. */
static bool tell(const struct progress *progress, const char *text)
{
	struct pollfd to = { .fd = progress->output, .events = POLLOUT };

	return poll(&to, 1, 0) == 1 && (to.revents & POLLOUT) &&
	       write(to.fd, text, strlen(text)) > 0;
}

/* Written anew from its beginning; what it was longer before is erased. */
static bool tell_terminal(struct progress *progress, const char *line,
			  const char *left, size_t width)
{
	char text[PROGRESS_MAX + 64], shown[PROGRESS_MAX + 32];

	snprintf(shown, sizeof(shown), "%s%s", line, left);
	snprintf(text, sizeof(text), "\r%.*s\033[K", (int)width, shown);
	if (!tell(progress, text))
		return false;
	progress->shown = true;
	return true;
}

static bool tell_change(struct progress *progress, const char *line,
			const char *left)
{
	char text[PROGRESS_MAX + 64];

	if (!strcmp(progress->told, line))
		return false;
	snprintf(text, sizeof(text), "%s%s\n", line, left);
	if (!tell(progress, text))
		return false;
	strcpy(progress->told, line);
	return true;
}

/**
 * progress_show() - tell what the freeze waits for now
 * @progress: the line
 *
 * What cannot be read, or is not of one moment, is not told.
 *
 * Return: whether something was told, which is to stand for a while.
 */
bool progress_show(struct progress *progress)
{
	size_t width = line_width(progress);
	char line[PROGRESS_MAX + 1], left[32];
	struct sockets sockets;
	bool told = false;

	if (sockets_try(progress->opt, &sockets))
		return false;
	if (is_waited_for(&sockets)) {
		print_left(progress, left, sizeof(left));
		print_line(&sockets, line, width);
		told = progress->terminal ?
		       tell_terminal(progress, line, left, width) :
		       tell_change(progress, line, left);
	}
	sockets_free(&sockets);
	return told;
}

/**
 * progress_clear() - it does not wait any more
 * @progress: the line
 *
 * What follows stands in the place of the line.
 */
void progress_clear(struct progress *progress)
{
	if (progress->shown)
		tell(progress, "\r\033[K");
	progress->shown = false;
}
