// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a freeze waits for: a line on the terminal that is written anew, else a
 * line whenever something has changed.
 *
 *	waiting for 2 sockets: 10.0.0.5:5432 of psql[812], ..., 12 s left
 */
#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "extsockctl.h"

/* So many sockets are named. */
#define NAMED	4

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

/**
 * progress_begin() - a freeze begins
 * @progress: the line
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
	progress->terminal = is_terminal();
	progress->deadline = ms ? now_ms() + ms : 0;
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

/* The other end of a socket, and who has it; a path may be longer than a line. */
static void print_name(const struct sockets *sockets, size_t row, char *text,
		       size_t size)
{
	snprintf(text, size, "%s of %s[%s]", sockets_get(sockets, row, "remote"),
		 sockets_get(sockets, row, "command"),
		 sockets_get(sockets, row, "pid"));
}

/*
 * As many names as there is room for, and dots for those that are left out. There is
 * room for the dots.
 */
static void print_names(const struct sockets *sockets, char *text, size_t room)
{
	const size_t dots = strlen(COMMA DOTS);
	char name[PROGRESS_MAX];
	size_t len = 0, row, more;

	for (row = 0; row < sockets->rows && row < NAMED; row++) {
		more = row + 1 < sockets->rows ? dots : 0;
		print_name(sockets, row, name, sizeof(name));
		if (len + strlen(COMMA) + strlen(name) + more > room)
			break;
		len += snprintf(text + len, room + 1 - len, "%s%s",
				row ? COMMA : "", name);
	}
	if (!row)
		snprintf(text, room + 1, "%.*s" DOTS, (int)(room - dots), name);
	else if (row < sockets->rows)
		snprintf(text + len, room + 1 - len, COMMA DOTS);
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

/* Nobody waits for who reads this: it is told if there is room, or not at all. */
static void tell(const char *text)
{
	struct pollfd to = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&to, 1, 0) == 1 && (to.revents & POLLOUT))
		if (write(STDERR_FILENO, text, strlen(text)) < 0)
			return;
}

/* Written anew from its beginning; what it was longer before is erased. */
static void tell_terminal(struct progress *progress, const char *line,
			  const char *left, size_t width)
{
	char text[PROGRESS_MAX + 64], shown[PROGRESS_MAX + 32];

	snprintf(shown, sizeof(shown), "%s%s", line, left);
	snprintf(text, sizeof(text), "\r%.*s\033[K", (int)width, shown);
	tell(text);
	progress->shown = true;
}

static void tell_change(struct progress *progress, const char *line,
			const char *left)
{
	char text[PROGRESS_MAX + 64];

	if (!strcmp(progress->told, line))
		return;
	strcpy(progress->told, line);
	snprintf(text, sizeof(text), "%s%s\n", line, left);
	tell(text);
}

/**
 * progress_show() - tell what the freeze waits for now
 * @progress: the line
 *
 * What cannot be read, or is not of one moment, is not told.
 */
void progress_show(struct progress *progress)
{
	size_t width = line_width(progress);
	char line[PROGRESS_MAX + 1], left[32];
	struct sockets sockets;

	if (sockets_try(progress->opt, &sockets))
		return;
	if (is_waited_for(&sockets)) {
		print_left(progress, left, sizeof(left));
		print_line(&sockets, line, width);
		if (progress->terminal)
			tell_terminal(progress, line, left, width);
		else
			tell_change(progress, line, left);
	}
	sockets_free(&sockets);
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
		tell("\r\033[K");
	progress->shown = false;
}
