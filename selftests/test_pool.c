// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pool of connections: who opens each anew as soon as it is closed is drained
 * all the same, and has its connections when it goes on.
 */
#define COMMON_TESTS	2
#include "extsock_test.h"

#define POOL	2

FIXTURE(pool)
{
	struct group g;
	struct actor *m;
	int listener;
	int peers[POOL];
	struct drain d;
};

FIXTURE_VARIANT(pool)
{
	int family;
	int flags;
};

FIXTURE_VARIANT_ADD(pool, ipv4) { AF_INET, 0 };
FIXTURE_VARIANT_ADD(pool, ipv6) { AF_INET6, 0 };
FIXTURE_VARIANT_ADD(pool, unix_stream) { AF_UNIX, 0 };
FIXTURE_VARIANT_ADD(pool, ipv4_nonblock) { AF_INET, SOCK_NONBLOCK };
FIXTURE_VARIANT_ADD(pool, ipv6_nonblock) { AF_INET6, SOCK_NONBLOCK };

/* ---- what the member does: it sends back what comes ---- */

static void fail(struct stage *s, const char *what)
{
	s->arg[3]++;
	snprintf(s->buf + 1024, 128, "%s: %s", what, strerror(errno));
	for (;;)
		pause();
}

/* A connection to the address in s->buf, perhaps not complete; -1: not now. */
static int dial(struct stage *s)
{
	struct sockaddr *to = (void *)s->buf;
	int fd = socket(to->sa_family, SOCK_STREAM | s->arg[2], 0);

	if (!connect(fd, to, s->arg[1]) || errno == EINPROGRESS)
		return fd;
	if (errno != EAGAIN)
		fail(s, "connect");
	close(fd);
	return -1;
}

/* False if the other end has closed it. */
static bool send_back(struct stage *s, int fd)
{
	char text[64];
	ssize_t len = recv(fd, text, sizeof(text), 0);

	if (len < 0 || (len && send(fd, text, len, 0) != len))
		fail(s, "recv or send");
	return len;
}

/* A thread for each. */
static void *keep_one(void *stage)
{
	for (;;) {
		int fd = dial(stage);

		while (send_back(stage, fd))
			;
		close(fd);
	}
	return NULL;
}

/* One thread for all, which must go round whatever a connection is up to. */
static void keep_all(struct stage *s)
{
	struct pollfd fds[POOL];
	int i;

	for (i = 0; i < POOL; i++)
		fds[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	for (;; s->counter++) {
		for (i = 0; i < POOL; i++) {
			if (fds[i].fd < 0)
				fds[i].fd = dial(s);
		}
		if (poll(fds, POOL, 10) <= 0)
			continue;
		for (i = 0; i < POOL; i++) {
			if (!fds[i].revents || send_back(s, fds[i].fd))
				continue;
			close(fds[i].fd);
			fds[i].fd = -1;
		}
	}
}

static void keep(struct stage *s)
{
	pthread_t thread;
	int i;

	if (s->arg[2] & SOCK_NONBLOCK)
		keep_all(s);
	for (i = 1; i < POOL; i++)
		pthread_create(&thread, NULL, keep_one, s);
	keep_one(s);
}

/* ---- what its server sees ---- */

static bool answers(int peer)
{
	return send_text(OUTSIDE, peer, "ping") == 4 &&
	       receive(OUTSIDE, peer) == 4 && !strcmp(buf_of(OUTSIDE), "ping");
}

FIXTURE_SETUP(pool)
{
	socklen_t len;
	int i;

	make_group(&self->g, "pool");
	self->m = member(&self->g);
	self->listener = server_at(OUTSIDE, variant->family);
	len = address_of(OUTSIDE, self->listener, self->m);
	start(self->m, -1L, (long)keep, (long)len, (long)variant->flags, 0L,
	      0L, 0L);
	for (i = 0; i < POOL; i++) {
		self->peers[i] = accept_from(OUTSIDE, self->listener);
		ASSERT_TRUE(answers(self->peers[i]));
	}
}

FIXTURE_TEARDOWN(pool)
{
	EXPECT_EQ(0, self->m->stage->arg[3])
		TH_LOG("%s", self->m->stage->buf + 1024);
	part(self->m);
	EXPECT_TRUE(drop_group(&self->g));
}

static bool has_rows(const struct group *g, int n)
{
	return EVENTUALLY(count_rows(g) == n);
}

static int rows_with(const struct group *g, const char *word)
{
	char *p = slurp(procfs(g, "sockets"));
	int n = 0;

	for (; (p = strstr(p, word)); p++)
		n++;
	return n;
}

/* For some time. */
static bool nobody_calls(int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	return !poll(&p, 1, 200);
}

TEST_F(pool, is_drained_though_it_opens_each_anew)
{
	int i;

	ASSERT_TRUE(begin_drain(&self->d, &self->g, "freeze policy=wait"));
	EXPECT_TRUE(has_rows(&self->g, 2));
	close(self->peers[0]);
	EXPECT_TRUE(has_rows(&self->g, 1));
	EXPECT_TRUE(drains(&self->d, &self->g));
	EXPECT_TRUE(answers(self->peers[1]));
	if (variant->flags & SOCK_NONBLOCK) {
		EXPECT_TRUE(moves(self->m->stage));
	}
	EXPECT_TRUE(nobody_calls(self->listener));
	close(self->peers[1]);
	ASSERT_EQ(0, end_of(&self->d)) TH_LOG("%s", self->d.said);
	EXPECT_EQ(0, rows_with(&self->g, " external "));
	EXPECT_TRUE(nobody_calls(self->listener));
	EXPECT_STREQ("thawed: 0 sockets reset\n",
		     outcome_of(&self->g, "thaw"));
	for (i = 0; i < POOL; i++) {
		self->peers[i] = accept_from(OUTSIDE, self->listener);
		EXPECT_TRUE(answers(self->peers[i]));
	}
}

/* What it has opened meanwhile is none of the next drain's, either. */
TEST_F(pool, goes_on_when_the_drain_has_failed)
{
	ASSERT_TRUE(begin_drain(&self->d, &self->g,
				"freeze policy=wait wait_ms=3000"));
	close(self->peers[0]);
	EXPECT_TRUE(has_rows(&self->g, 1));
	EXPECT_TRUE(nobody_calls(self->listener));
	EXPECT_EQ(-ETIMEDOUT, end_of(&self->d));
	EXPECT_TRUE(answers(self->peers[1]));
	self->peers[0] = accept_from(OUTSIDE, self->listener);
	EXPECT_TRUE(answers(self->peers[0]));
}

/* Over and over, and held each time. */
TEST_F(pool, is_drained_again)
{
	int i, round;

	for (round = 0; round < 5; round++) {
		ASSERT_TRUE(begin_drain(&self->d, &self->g,
					"freeze policy=wait"));
		for (i = 0; i < POOL; i++)
			close(self->peers[i]);
		ASSERT_EQ(0, end_of(&self->d)) TH_LOG("%s", self->d.said);
		EXPECT_EQ(0, rows_with(&self->g, " external "));
		ASSERT_EQ(0, command(&self->g, round % 2 ? "thaw" :
							   "thaw keep"));
		for (i = 0; i < POOL; i++) {
			self->peers[i] = accept_from(OUTSIDE, self->listener);
			ASSERT_TRUE(answers(self->peers[i]));
		}
	}
	EXPECT_EQ(0, stat_of(&self->g, "sockets_reset"));
}

/* ---- one that closes its connections itself ---- */

FIXTURE(busy)
{
	struct group g;
	struct actor *m;
	struct actor *server;
};

FIXTURE_VARIANT(busy)
{
	int family;
	int flags;
};

FIXTURE_VARIANT_ADD(busy, ipv4) { AF_INET, 0 };
FIXTURE_VARIANT_ADD(busy, ipv6) { AF_INET6, 0 };
FIXTURE_VARIANT_ADD(busy, unix_stream) { AF_UNIX, 0 };
FIXTURE_VARIANT_ADD(busy, ipv4_nonblock) { AF_INET, SOCK_NONBLOCK };
FIXTURE_VARIANT_ADD(busy, ipv6_nonblock) { AF_INET6, SOCK_NONBLOCK };
FIXTURE_VARIANT_ADD(busy, unix_nonblock) { AF_UNIX, SOCK_NONBLOCK };

static void await(int fd, int events)
{
	struct pollfd p = { .fd = fd, .events = events };

	while (poll(&p, 1, -1) != 1)
		;
}

/* Call, say a number, hear it again, hang up, and call again. */
static void *call_again(void *stage)
{
	struct stage *s = stage;
	long n, heard;
	int fd;

	for (n = 0;; n++) {
		while ((fd = dial(s)) < 0)
			usleep(1000);
		await(fd, POLLOUT);
		if (send(fd, &n, sizeof(n), 0) != sizeof(n))
			fail(s, "send");
		await(fd, POLLIN);
		if (recv(fd, &heard, sizeof(heard), 0) != sizeof(heard) ||
		    heard != n)
			fail(s, "recv");
		s->counter++;
		close(fd);
	}
	return NULL;
}

static void call_in_threads(struct stage *s)
{
	pthread_t thread;
	int i;

	for (i = 0; i < 4; i++)
		pthread_create(&thread, NULL, call_again, s);
	for (;;)
		pause();
}

FIXTURE_SETUP(busy)
{
	socklen_t len;
	int l;

	make_group(&self->g, "busy");
	self->m = member(&self->g);
	self->server = actor();
	l = server_at(self->server, variant->family);
	len = address_of(self->server, l, self->m);
	start(self->server, -1L, (long)echo, (long)l, -1L, 0L, 0L, 0L);
	start(self->m, -1L, (long)call_in_threads, (long)len,
	      (long)variant->flags, 0L, 0L, 0L);
}

FIXTURE_TEARDOWN(busy)
{
	EXPECT_EQ(0, self->m->stage->arg[3])
		TH_LOG("%s", self->m->stage->buf + 1024);
	part(self->m);
	part(self->server);
	EXPECT_TRUE(drop_group(&self->g));
}

TEST_F(busy, is_drained_over_and_over)
{
	struct stage *s = self->m->stage;
	unsigned long done;
	int i;

	for (i = 0; i < 20; i++) {
		done = s->counter;
		ASSERT_TRUE(EVENTUALLY(s->counter > done + 8));
		ASSERT_EQ(0, command(&self->g, "freeze policy=wait"));
		EXPECT_EQ(0, rows_with(&self->g, " external "));
		/* what was answered was asked, and nothing is under way */
		EXPECT_TRUE(EVENTUALLY(self->server->stage->counter ==
				       s->counter));
		EXPECT_STREQ("thawed: 0 sockets reset\n",
			     outcome_of(&self->g, "thaw"));
	}
	done = s->counter;
	EXPECT_TRUE(EVENTUALLY(s->counter > done + 8));
}

TEST_HARNESS_MAIN
