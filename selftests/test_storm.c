// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hundreds of threads that connect, say a number, hear it again and close, while
 * the group is drained, frozen and thawed over and over: none is the wiser. How
 * many and how often is told by the environment: EXTSOCK_THREADS and
 * EXTSOCK_CYCLES.
 */
#include "extsock_test.h"

#define PER_PROCESS	50

/* A drain ends when the last of all threads has had its turn. */
#define WAIT_MS		"120000"

/**
 * struct storm - what all threads share
 * @stop: they are to end
 * @ended: how many have
 * @calls: how many numbers were heard again
 * @failed: how many threads have given up
 * @why: what the last of them says
 */
struct storm {
	_Atomic int stop;
	_Atomic int ended;
	_Atomic unsigned long calls;
	_Atomic int failed;
	char why[128];
};

static struct storm *storm;

/* ---- who calls ---- */

/**
 * struct caller - what the threads of a process do
 * @to: whom they call
 * @len: length of @to
 * @flags: of their sockets
 */
struct caller {
	struct sockaddr_storage to;
	socklen_t len;
	int flags;
};

static struct caller *caller_of(struct actor *a)
{
	return (struct caller *)(buf_of(a) + 4096);
}

static long give_up(const char *what, int fd)
{
	snprintf(storm->why, sizeof(storm->why), "%s: %s", what,
		 strerror(errno));
	storm->failed++;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void await(int fd, int events)
{
	struct pollfd p = { .fd = fd, .events = events };

	while (poll(&p, 1, -1) != 1)
		;
}

/* Connected or connecting. A unix server that has no room is asked again. */
static int dial(const struct caller *c)
{
	for (;;) {
		int fd = socket(c->to.ss_family, SOCK_STREAM | c->flags, 0);

		if (fd < 0)
			return -1;
		if (!connect(fd, (const void *)&c->to, c->len) ||
		    errno == EINPROGRESS)
			return fd;
		if (errno != EAGAIN)
			return -1;
		close(fd);
		usleep(2000);
	}
}

/* 0 if the number was heard again. */
static long call(const struct caller *c, long number)
{
	long heard = 0;
	int fd = dial(c);
	ssize_t len;

	if (fd < 0)
		return give_up("connect", fd);
	await(fd, POLLOUT);
	if (send(fd, &number, sizeof(number), MSG_NOSIGNAL) != sizeof(number))
		return give_up("send", fd);
	await(fd, POLLIN);
	len = recv(fd, &heard, sizeof(heard), 0);
	if (len < 0)
		return give_up("recv", fd);
	errno = 0;
	if (len != sizeof(heard) || heard != number)
		return give_up(len ? "another number" : "end of file", fd);
	storm->calls++;
	close(fd);
	return 0;
}

static void *call_until_told(void *caller)
{
	long number = (long)syscall(SYS_gettid) << 32;

	while (!storm->stop && !call(caller, number++))
		;
	storm->ended++;
	return NULL;
}

static void call_in_threads(struct stage *s)
{
	struct caller *c = (void *)(s->buf + 4096);
	pthread_attr_t small;
	pthread_t thread;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	for (s->ret = 0; s->ret < PER_PROCESS; s->ret++)
		if (pthread_create(&thread, &small, call_until_told, c))
			break;
}

/* A process whose threads call a server until they are told to stop. */
static struct actor *callers(struct actor *a, struct actor *server, int fd,
			     int flags)
{
	struct caller *c = caller_of(a);

	c->len = address_of(server, fd, a);
	memcpy(&c->to, buf_of(a), c->len);
	c->flags = flags;
	return a;
}

/* ---- the storm ---- */

FIXTURE(storm)
{
	struct group g;
	int cycles;
	int threads;
	int processes;
	struct actor *outside;
	struct actor *inside;
	struct actor *callers[64];
};

/* The members' threads, and one process of outsiders that call a member. */
FIXTURE_SETUP(storm)
{
	int out[2], in[2], i, n;

	self->cycles = number("EXTSOCK_CYCLES", 200);
	self->threads = number("EXTSOCK_THREADS", 500);
	n = self->threads / PER_PROCESS;
	ASSERT_LE(4, n);
	ASSERT_GT(64, n);
	storm = mmap(NULL, sizeof(*storm), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	make_group(&self->g, "storm");
	ASSERT_EQ(0, put(sysfs(&self->g, "freeze_ms"), "60000"));
	self->outside = actor();
	self->inside = member(&self->g);
	for (i = 0; i < n; i++)
		self->callers[i] = member(&self->g);
	self->callers[n] = actor();
	self->processes = n + 1;

	out[0] = listener_at(self->outside, AF_INET, NULL, 4096);
	out[1] = unix_server(self->outside, SOCK_STREAM);
	in[0] = listener_at(self->inside, AF_INET, NULL, 4096);
	in[1] = unix_server(self->inside, SOCK_STREAM);
	for (i = 0; i < n; i++)
		callers(self->callers[i], self->outside, out[i % 4 == 2],
			i % 4 == 1 ? SOCK_NONBLOCK : 0);
	/* one process calls inside of the group, and one from outside */
	callers(self->callers[n - 1], self->inside, in[0], 0);
	callers(self->callers[n], self->inside, in[0], 0);
	start(self->outside, -1L, (long)echo, (long)out[0], (long)out[1], 0L,
	      0L, 0L);
	start(self->inside, -1L, (long)echo, (long)in[0], (long)in[1], 0L, 0L,
	      0L);
}

FIXTURE_TEARDOWN(storm)
{
	int i;

	for (i = 0; i < self->processes; i++)
		part(self->callers[i]);
	part(self->inside);
	part(self->outside);
	EXPECT_TRUE(drop_group(&self->g));
}

/* Do the calls of all go on, one for each thread on the average? */
static bool goes_on(int calls)
{
	unsigned long until = storm->calls + calls;

	return EVENTUALLY(storm->calls >= until || storm->failed) &&
	       !storm->failed;
}

static bool comes_to_end(int threads)
{
	long until = now_ms() + 6 * PATIENCE_MS;

	while (storm->ended < threads && now_ms() < until)
		msleep(20);
	return storm->ended == threads;
}

/* No external connection is left to be reset, held ones are kept. */
static bool is_drained(const struct group *g)
{
	const char *text = slurp(procfs(g, "sockets"));

	return !strstr(text, " external reset ") &&
	       !strstr(text, " external wait ");
}

TEST_F_TIMEOUT(storm, nobody_is_the_wiser, 1800)
{
	int i, all = self->processes * PER_PROCESS;
	long begun = now_ms(), longest = 0, took;

	for (i = 0; i < self->processes; i++)
		START_FN(self->callers[i], call_in_threads);
	for (i = 0; i < self->processes; i++)
		ASSERT_EQ(PER_PROCESS, result(self->callers[i]));
	for (i = 0; i < self->cycles; i++) {
		ASSERT_TRUE(goes_on(all / 10)) TH_LOG("%s", storm->why);
		took = now_ms();
		ASSERT_EQ(0, command(&self->g,
				     "freeze policy=wait wait_ms=" WAIT_MS))
			TH_LOG("in cycle %d", i);
		took = now_ms() - took;
		longest = took > longest ? took : longest;
		EXPECT_TRUE(is_drained(&self->g));
		ASSERT_STREQ("thawed: 0 sockets reset\n",
			     outcome_of(&self->g, i % 2 ? "thaw" :
							  "thaw keep"));
	}
	EXPECT_TRUE(goes_on(all));
	TH_LOG("%d cycles, %lu calls, %ld ms; the longest freeze took %ld ms",
	       self->cycles, storm->calls, now_ms() - begun, longest);
	storm->stop = 1;
	/* nobody is stuck, and nobody has seen anything */
	EXPECT_TRUE(comes_to_end(all)) TH_LOG("%d of %d", storm->ended, all);
	EXPECT_EQ(0, storm->failed) TH_LOG("%s", storm->why);
	/* nothing is lost, and nothing came twice */
	EXPECT_TRUE(EVENTUALLY(storm->calls == self->inside->stage->counter +
			       self->outside->stage->counter));
	EXPECT_EQ(self->cycles, stat_of(&self->g, "freezes"));
	EXPECT_EQ(self->cycles, stat_of(&self->g, "thaws"));
	EXPECT_EQ(0, stat_of(&self->g, "freezes_failed"));
	EXPECT_EQ(0, stat_of(&self->g, "sockets_reset"));
}

TEST_HARNESS_MAIN
