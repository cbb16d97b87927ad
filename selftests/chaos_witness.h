/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Those of test_chaos who notice what goes wrong: talkers, whose connections must
 * go on, and holders, whose connections are reset.
 */
#ifndef CHAOS_WITNESS_H
#define CHAOS_WITNESS_H

#include <liburing.h>

#include "chaos.h"

/* So many numbers are under way at a time, in one of so many turns. */
#define BURST		16
#define BURST_EVERY	4

/**
 * struct talker - a thread that keeps a connection for ever
 * @count: the turns whose numbers came back
 * @to: whom it talks to
 * @what: its name
 * @by_ring: it talks by io_uring
 * @passes: between what it says and what it hears its end is in a message
 */
struct talker {
	_Atomic unsigned long *count;
	const struct place *to;
	const char *what;
	bool by_ring;
	bool passes;
};

/* The ring of the one who talks by it. */
static struct io_uring talkers_ring;

/* What comes of the request; one that was interrupted has done nothing. */
static int ask_ring(void (*prepare)(struct io_uring_sqe *sqe, unsigned long *at),
		    unsigned long *at, unsigned int flags)
{
	struct io_uring_cqe *cqe;
	int res;

	do {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&talkers_ring);

		prepare(sqe, at);
		sqe->flags |= IOSQE_FIXED_FILE | flags;
		io_uring_submit(&talkers_ring);
		while ((res = io_uring_wait_cqe(&talkers_ring, &cqe)) == -EINTR)
			;
		if (res < 0)
			return res;
		res = cqe->res;
		io_uring_cqe_seen(&talkers_ring, cqe);
	} while (res == -EINTR);
	return res;
}

static void ring_say(struct io_uring_sqe *sqe, unsigned long *at)
{
	io_uring_prep_send(sqe, 0, at, sizeof(*at), MSG_NOSIGNAL);
}

static void ring_hear(struct io_uring_sqe *sqe, unsigned long *at)
{
	io_uring_prep_recv(sqe, 0, at, sizeof(*at), 0);
}

/* Some requests are made by a worker. */
static bool by_ring(void (*prepare)(struct io_uring_sqe *sqe, unsigned long *at),
		    unsigned long *at, unsigned long number)
{
	int res = ask_ring(prepare, at, number % 3 ? 0 : IOSQE_ASYNC);

	errno = res < 0 ? -res : 0;
	return res == sizeof(*at);
}

static bool say_by_ring(unsigned long number)
{
	return by_ring(ring_say, &number, number);
}

static bool hear_by_ring(unsigned long number)
{
	unsigned long heard = 0;

	return by_ring(ring_hear, &heard, number) && heard == number;
}

static bool take_to_ring(int fd)
{
	int err = io_uring_queue_init(8, &talkers_ring, 0) ?:
		  io_uring_register_files(&talkers_ring, &fd, 1);

	errno = -err;
	return !err;
}

/* For a while only a message holds it. */
static bool pass_to_itself(int *fd)
{
	int over[2];
	bool passed;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, over))
		return false;
	passed = pass(over[0], *fd);
	close(*fd);
	usleep(1000 + chaos->calm_us / 4);
	*fd = passed ? take(over[1]) : -1;
	close(over[0]);
	close(over[1]);
	return *fd >= 0;
}

/* All numbers are said before the first is heard. */
static bool take_a_turn(const struct talker *t, int *fd, unsigned long first,
			unsigned long end)
{
	unsigned long n;

	for (n = first; n < end; n++)
		if (!(t->by_ring ? say_by_ring(n) : say(*fd, n)))
			return false;
	if (t->passes && !pass_to_itself(fd))
		return false;
	for (n = first; n < end; n++)
		if (!(t->by_ring ? hear_by_ring(n) : hear(*fd, n)))
			return false;
	return true;
}

static void *keep_talking(void *arg)
{
	const struct talker *t = arg;
	unsigned long n = 0, end;
	int fd = dial(t->to);
	bool good = fd >= 0 && (!t->by_ring || take_to_ring(fd));

	for (; good && !chaos->stop; n = end) {
		end = n + (*t->count % BURST_EVERY ? 1 : BURST);
		good = take_a_turn(t, &fd, n, end);
		++*t->count;
		usleep(1000 + chaos->calm_us / 4);
	}
	if (!good && !chaos->stop)
		fail("%s: numbers before %lu: %s", t->what, n, strerror(errno));
	return NULL;
}

/* With twice the patience: there may be freezes most of the time. */
static bool gets_beyond(_Atomic unsigned long *count, unsigned long n)
{
	return EVENTUALLY(chaos->failed || chaos->stop || *count > n) ||
	       EVENTUALLY(chaos->failed || chaos->stop || *count > n);
}

/* Does a turn, begun after this was called, come to its end for each? */
static bool all_talk(_Atomic unsigned long *counts, int n)
{
	unsigned long before[TALKS];
	int i;

	for (i = 0; i < n; i++)
		before[i] = counts[i];
	for (i = 0; i < n && !chaos->failed; i++)
		if (!gets_beyond(&counts[i], before[i] + 1))
			return false;
	return !chaos->failed;
}

/* Do all that should go on go on? */
static bool goes_on(void)
{
	return all_talk(chaos->inside, TALKS) &&
	       all_talk(chaos->outside, OUTER_TALKS);
}

static void talk_all(struct talker *talkers, int n)
{
	pthread_t thread;

	while (--n)
		pthread_create(&thread, NULL, keep_talking, &talkers[n]);
	keep_talking(&talkers[0]);
}

static void be_inner(struct stage *s)
{
	static struct talker talkers[TALKS] = {
		{ .what = "TCP inside" }, { .what = "unix inside" },
		{ .what = "seqpacket inside" }, { .what = "MPTCP inside" },
		{ .what = "io_uring inside", .by_ring = true },
		{ .what = "passed inside", .passes = true },
	};
	static const enum door to[TALKS] = {
		TCP, UNIX, SEQPACKET, MPTCP, TCP6, TCP,
	};
	int i;

	for (i = 0; i < TALKS; i++) {
		talkers[i].to = &chaos->near[to[i]];
		talkers[i].count = &chaos->inside[i];
	}
	talk_all(talkers, TALKS);
}

/* One who is always connected to the holder who accepts. */
static void *keep_calling(void *unused)
{
	char text;

	while (!chaos->stop) {
		int fd = dial(&chaos->called);

		/* Until the other end is closed or reset. */
		recv(fd, &text, 1, 0);
		close(fd);
		usleep(1000);
	}
	return NULL;
}

static void be_bystander(struct stage *s)
{
	static struct talker talkers[OUTER_TALKS] = {
		{ .what = "TCP outside" }, { .what = "unix outside" },
		{ .what = "seqpacket outside" }, { .what = "MPTCP outside" },
	};
	static const enum door to[OUTER_TALKS] = { TCP, UNIX, SEQPACKET, MPTCP };
	pthread_t thread;
	int i;

	for (i = 0; i < OUTER_TALKS; i++) {
		talkers[i].to = &chaos->far[to[i]];
		talkers[i].count = &chaos->outside[i];
	}
	pthread_create(&thread, NULL, keep_calling, NULL);
	talk_all(talkers, OUTER_TALKS);
}

/* What holders do for a connection, and with it. */
static const struct {
	enum door door;
	bool accepts;
	bool dups;
	bool bequeaths;
} ways[HOLDERS] = {
	{ .door = TCP }, { .door = UNIX }, { .door = TCP6 },
	{ .door = SEQPACKET }, { .door = MPTCP },
	{ .accepts = true },
	{ .door = TCP, .dups = true },
	{ .door = UNIX, .bequeaths = true },
};

/* Until it is reset, or somebody waits for it to be closed. */
static void hold_one(struct holder *h, long i, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t len;
	char text[8];

	while (poll(&p, 1, 50) <= 0 && !chaos->polite && !chaos->stop)
		;
	len = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	/* A freeze may have come after it looked. */
	if (len < 0 && errno == EAGAIN && h->doomed >= h->open) {
		len = recv(fd, text, sizeof(text), MSG_DONTWAIT);
		if (len < 0 && errno == EAGAIN)
			fail("holder %ld was not reset, it closes", i);
	}
	if (len < 0 && errno == ECONNRESET)
		h->told++;
	else if (len >= 0 || errno != EAGAIN)
		fail("holder %ld is told: %s", i,
		     len < 0 ? strerror(errno) : "end of file");
}

/* A child has inherited it; of all else it holds nothing. */
static void bequeath_one(struct holder *h, long i, int fd)
{
	pid_t pid;

	/* It inherits the name, too. */
	prctl(PR_SET_NAME, HEIR);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		syscall(SYS_close_range, 3, fd - 1, 0);
		syscall(SYS_close_range, fd + 1, ~0U, 0);
		hold_one(h, i, fd);
		close(fd);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void hold_in_its_way(struct holder *h, long i, int fd)
{
	int other = ways[i].dups ? dup(fd) : -1;

	if (ways[i].bequeaths)
		bequeath_one(h, i, fd);
	else
		hold_one(h, i, fd);
	close(other);
}

/* Was it reset before anybody counts on it, in a queue or just connected? */
static bool came_too_late(int fd)
{
	struct pollfd p = { .fd = fd };

	return fd < 0 ? errno == ECONNRESET || errno == ECONNREFUSED :
			poll(&p, 1, 0) > 0;
}

/* A connection is open from before @open is raised until @over is. */
static void *hold(void *arg)
{
	long i = (long)arg;
	struct holder *h = &chaos->holders[i];

	while (!chaos->stop) {
		unsigned long since = chaos->thaws;
		int fd = ways[i].accepts ?
			 accept4(chaos->listener, NULL, NULL, SOCK_CLOEXEC) :
			 dial(&chaos->far[ways[i].door]);
		bool late = came_too_late(fd);

		if (fd < 0 && !late) {
			fail("holder %ld has no connection: %s", i,
			     strerror(errno));
			break;
		}
		if (!late) {
			h->since = since;
			h->open++;
			hold_in_its_way(h, i, fd);
			h->over++;
		}
		close(fd);
	}
	return NULL;
}

static void be_holder(struct stage *s)
{
	pthread_t thread;
	long i;

	for (i = 1; i < HOLDERS; i++)
		pthread_create(&thread, NULL, hold, (void *)i);
	hold(NULL);
}

/* While they stand still; those that are open are to be reset. */
static void doom_holders(void)
{
	int i;

	for (i = 0; i < HOLDERS; i++)
		chaos->holders[i].doomed = chaos->holders[i].open;
}

/* While they stand still. */
static void look_at_holders(struct holder *seen)
{
	int i;

	for (i = 0; i < HOLDERS; i++) {
		seen[i].open = chaos->holders[i].open;
		seen[i].over = chaos->holders[i].over;
		seen[i].told = chaos->holders[i].told;
		seen[i].since = chaos->holders[i].since;
	}
}

/*
 * Those that were open are reset after a thaw, and after another one not, if they
 * have been opened since the last: else they may just not have told yet. @thaws:
 * how many there were with this one; the next one may have come since. Returns how
 * many were open of whom that could be told.
 */
static int check_holders(const struct holder *seen, bool resets,
			 unsigned long thaws)
{
	int i, n = 0;

	for (i = 0; i < HOLDERS; i++) {
		const struct holder *h = &chaos->holders[i];
		bool told, clear;

		if (resets && !EVENTUALLY(h->over >= seen[i].open ||
					  chaos->stop))
			fail("holder %d was not reset", i);
		/* In this order: a thaw is counted before it resets. */
		told = h->told != seen[i].told;
		clear = seen[i].open > seen[i].over &&
			(resets || (seen[i].since == thaws - 1 &&
				    chaos->thaws == thaws));
		if (!resets && told && clear)
			fail("holder %d was reset", i);
		n += clear;
	}
	return n;
}

static bool each_was_reset(void)
{
	int i;

	for (i = 0; i < HOLDERS && chaos->holders[i].told; i++)
		;
	return i == HOLDERS;
}

#endif /* CHAOS_WITNESS_H */
