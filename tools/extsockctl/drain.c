// SPDX-License-Identifier: GPL-2.0-only
/*
 * A freeze may wait for sockets, in the middle of a write to NAME/control. Meanwhile a
 * thread watches NAME/state, and tells what is waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "extsockctl.h"

/*
 * A freeze that is over by then tells nothing: it did not wait, or was refused
 * since somebody else's does.
 */
#define GRACE_MS	200

/*
 * The table may change without a change of state, and time passes. What was told stands
 * for as long.
 */
#define PERIOD_MS	1000

/**
 * struct drain - the watch
 * @thread: who watches
 * @writer: who writes
 * @over: an eventfd, written to when the write is over
 * @state: NAME/state, or -1
 * @progress: what is told
 */
static struct drain {
	pthread_t thread;
	pthread_t writer;
	int over;
	int state;
	struct progress progress;
} drain;

/* Let time pass, but not beyond the end of the write. */
static bool is_over(int ms, bool with_state)
{
	struct pollfd fds[] = {
		{ .fd = drain.over, .events = POLLIN },
		/* sysfs has news as an exception. */
		{ .fd = drain.state, .events = POLLPRI | POLLERR },
	};

	poll(fds, with_state ? 2 : 1, ms);
	return fds[0].revents;
}

/* What poll() is to look for is a change since this. */
static bool is_draining(void)
{
	char text[32];
	ssize_t len = pread(drain.state, text, sizeof(text) - 1, 0);

	if (len < 0) {
		/* The group has gone; poll() would not wait any more. */
		if (drain.state >= 0)
			close(drain.state);
		drain.state = -1;
		return false;
	}
	text[len] = '\0';
	return !strcmp(text, EXTSOCK_STATE_DRAINING "\n");
}

static void *watch(void *unused)
{
	bool over = is_over(GRACE_MS, false);
	bool told;

	(void)unused;
	while (!over) {
		/* The signal may have come just before the write began. */
		if (interrupted())
			pthread_kill(drain.writer, interrupted());
		told = false;
		if (is_draining())
			told = progress_show(&drain.progress);
		else
			progress_clear(&drain.progress);
		over = is_over(PERIOD_MS, !told);
	}
	progress_clear(&drain.progress);
	return NULL;
}

/*
 * Signals are the writer's. What the terminal, or a reader of our messages that has
 * gone, would do to who writes to it must not undo the freeze, and does nothing to
 * the thread.
 */
static int start_thread(void)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&drain.thread, NULL, watch, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

static void close_files(void)
{
	if (drain.state >= 0)
		close(drain.state);
	if (drain.over >= 0)
		close(drain.over);
}

/**
 * drain_watch() - begin to watch what a freeze waits for
 * @opt: names the group; wait_ms is how long the freeze may wait, 0 for as long
 *	as the group says
 *
 * Return: whether there is a watch, to be ended by drain_unwatch(). If so, signals do
 * not end us from here on: see interrupted(). The freeze can do without.
 */
bool drain_watch(const struct options *opt)
{
	char *path = sysfs_path(opt, EXTSOCK_SYSFS_STATE);

	drain.state = open(path, O_RDONLY | O_CLOEXEC);
	free(path);
	drain.over = eventfd(0, EFD_CLOEXEC);
	drain.writer = pthread_self();
	if (drain.state >= 0 && drain.over >= 0) {
		progress_begin(&drain.progress, opt);
		interrupt_catch();
		if (!start_thread())
			return true;
		interrupt_release();
		progress_end(&drain.progress);
	}
	close_files();
	return false;
}

/**
 * drain_unwatch() - the write is over, and so is the watch
 *
 * Signals do not end us until interrupt_release().
 */
void drain_unwatch(void)
{
	eventfd_write(drain.over, 1);
	pthread_join(drain.thread, NULL);
	progress_end(&drain.progress);
	close_files();
}
