// SPDX-License-Identifier: GPL-2.0-only
/*
 * While a group drains: connect and accept by io_uring. A request waits, as the
 * system call does, and what it is told in the end is what a program knows.
 */
#define COMMON_TESTS	2
#include <sys/ptrace.h>

#include "uring_test.h"

FIXTURE(uring_gate)
{
	struct group g;
	struct long_drain l;
	struct actor *m;
	struct actor *n;
	struct actor *owner;
	struct actor *out;
	int listener;
	struct place server;
};

FIXTURE_VARIANT(uring_gate)
{
	int family;
	int type;
	int flags;
	int set_up;
};

FIXTURE_VARIANT_ADD(uring_gate, tcp) { AF_INET, SOCK_STREAM, 0, 0 };
FIXTURE_VARIANT_ADD(uring_gate, tcp_async) {
	AF_INET, SOCK_STREAM, IOSQE_ASYNC, 0
};
FIXTURE_VARIANT_ADD(uring_gate, tcp_sqpoll) {
	AF_INET, SOCK_STREAM, 0, IORING_SETUP_SQPOLL
};
FIXTURE_VARIANT_ADD(uring_gate, unix_stream) { AF_UNIX, SOCK_STREAM, 0, 0 };
FIXTURE_VARIANT_ADD(uring_gate, unix_stream_async) {
	AF_UNIX, SOCK_STREAM, IOSQE_ASYNC, 0
};
FIXTURE_VARIANT_ADD(uring_gate, unix_stream_sqpoll) {
	AF_UNIX, SOCK_STREAM, 0, IORING_SETUP_SQPOLL
};

/* A member with a ring, another without, and a server outside. */
FIXTURE_SETUP(uring_gate)
{
	make_group(&self->g, "uring");
	self->owner = member(&self->g);
	self->m = member(&self->g);
	self->n = member(&self->g);
	self->out = actor();
	start(self->m, -1L, (long)set_up, (long)variant->set_up, 0L, 0L, 0L,
	      0L);
	ASSERT_EQ(0, result(self->m));
	self->listener = server_at(self->out, variant->family);
	self->server = place_of(self->out, self->listener);
}

FIXTURE_TEARDOWN(uring_gate)
{
	part(self->m);
	part(self->n);
	part(self->owner);
	part(self->out);
	EXPECT_TRUE(drop_group(&self->g));
}

static int socket_of(const FIXTURE_VARIANT(uring_gate) *variant,
		     struct actor *a)
{
	return CALL(a, SYS_socket, variant->family, variant->type, 0);
}

/* Tell the ring; result() has what comes of it. */
static int begin_connect(const FIXTURE_VARIANT(uring_gate) *variant,
			 struct actor *a, const struct place *to)
{
	struct order *o = order_of(a);

	o->fd = socket_of(variant, a);
	o->flags = variant->flags;
	memcpy(&o->addr, &to->ss, to->len);
	o->len = to->len;
	START_FN(a, ring_connect);
	return o->fd;
}

static void begin_accept(const FIXTURE_VARIANT(uring_gate) *variant,
			 struct actor *a, int listener)
{
	struct order *o = order_of(a);

	o->fd = listener;
	o->flags = variant->flags;
	START_FN(a, ring_accept);
}

/* ---- connect ---- */

/* A worker's call on a unix socket does not survive that the group is stopped. */
static bool may_be_interrupted(const FIXTURE_VARIANT(uring_gate) *variant,
			       enum opening how)
{
	return variant->family == AF_UNIX && how != GIVEN_UP;
}

TEST_F(uring_gate, a_connect_waits)
{
	enum opening how;
	long ret;
	int fd;

	for (how = 0; how < OPENINGS; how++) {
		TH_LOG("way %d", how);
		BEGIN_DRAIN();
		fd = begin_connect(variant, self->m, &self->server);
		ASSERT_TRUE(waits_in(self->m, SYS_io_uring_enter));
		EXPECT_TRUE(nothing_comes(self->out, self->listener));
		EXPECT_EQ(1, count_rows(&self->g));
		OPEN(how);
		ret = result(self->m);
		if (may_be_interrupted(variant, how) && ret == -EINTR)
			ret = connect_place(self->m, fd, &self->server);
		EXPECT_EQ(0, ret);
		EXPECT_TRUE(leads_to(self->m, fd, self->out, self->listener));
		CALL(self->m, SYS_close, fd);
	}
}

TEST_F(uring_gate, between_members_it_is_open)
{
	int l = server_at(self->n, variant->family), fd;
	struct place inside = place_of(self->n, l);

	BEGIN_DRAIN();
	fd = begin_connect(variant, self->m, &inside);
	EXPECT_EQ(0, result(self->m));
	EXPECT_TRUE(leads_to(self->m, fd, self->n, l));
	OPEN(THAWED);
}

/* Nobody can trace a worker, but whom it works for. */
TEST_F(uring_gate, works_for_one_who_is_traced)
{
	int fd;

	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->m->pid, 0, 0));
	BEGIN_DRAIN();
	fd = begin_connect(variant, self->m, &self->server);
	EXPECT_EQ(0, result(self->m));
	EXPECT_TRUE(leads_to(self->m, fd, self->out, self->listener));
	EXPECT_TRUE(is_next(&self->l, self->m, fd));
	CLOSE_LAST(self->m, fd);
	OPEN(THAWED);
}

/* A delay would be one of the whole ring. At best of five times. */
TEST_F(uring_gate, a_unix_connect_that_does_not_block_passes_at_once)
{
	struct order *o = order_of(self->m);
	long best = LONG_MAX, begun;
	int i;

	if (variant->family != AF_UNIX)
		return;
	o->flags = variant->flags;
	memcpy(&o->addr, &self->server.ss, self->server.len);
	o->len = self->server.len;
	for (i = 0; i < 5; i++) {
		BEGIN_DRAIN();
		o->fd = CALL(self->m, SYS_socket, AF_UNIX, SOCK_STREAM |
			     SOCK_NONBLOCK, 0);
		begun = now_ms();
		EXPECT_EQ(0, by_ring(self->m, ring_connect));
		if (now_ms() - begun < best)
			best = now_ms() - begun;
		EXPECT_TRUE(leads_to(self->m, o->fd, self->out,
				     self->listener));
		EXPECT_TRUE(is_next(&self->l, self->m, o->fd));
		CLOSE_LAST(self->m, o->fd);
		OPEN(THAWED);
	}
	EXPECT_GT(900, best);
}

TEST_F(uring_gate, a_signal_changes_nothing)
{
	int fd;

	ASSERT_EQ(0, count_usr1(self->m, 0));
	BEGIN_DRAIN();
	fd = begin_connect(variant, self->m, &self->server);
	ASSERT_TRUE(waits_in(self->m, SYS_io_uring_enter));
	kill(self->m->pid, SIGUSR1);
	EXPECT_TRUE(EVENTUALLY(self->m->stage->counter == 1));
	ASSERT_TRUE(waits_in(self->m, SYS_io_uring_enter));
	/* Nor a stop, if a worker's call survives one. */
	if (variant->family != AF_UNIX) {
		kill(self->m->pid, SIGSTOP);
		EXPECT_TRUE(EVENTUALLY(state_of(self->m->pid) == 'T'));
		kill(self->m->pid, SIGCONT);
		ASSERT_TRUE(waits_in(self->m, SYS_io_uring_enter));
	}
	OPEN(GIVEN_UP);
	EXPECT_EQ(0, result(self->m));
	EXPECT_TRUE(leads_to(self->m, fd, self->out, self->listener));
}

TEST_F(uring_gate, a_deadly_signal)
{
	BEGIN_DRAIN();
	begin_connect(variant, self->m, &self->server);
	ASSERT_TRUE(waits_in(self->m, SYS_io_uring_enter));
	part(self->m);
	OPEN(THAWED);
	EXPECT_TRUE(nothing_comes(self->out, self->listener));
	self->m = actor();
}

/* Connect, but for no longer than 300 ms. */
static void ring_connect_soon(struct stage *s)
{
	struct __kernel_timespec limit = { .tv_nsec = 300000000 };
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	struct order *o = orders(s);
	int i;

	io_uring_prep_connect(sqe, o->fd, (void *)&o->addr, o->len);
	sqe->flags |= o->flags | IOSQE_IO_LINK;
	sqe->user_data = 1;
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_link_timeout(sqe, &limit, 0);
	sqe->user_data = 0;
	io_uring_submit(&ring);
	for (i = 0; i < 2; i++) {
		struct io_uring_cqe *cqe;

		while (io_uring_wait_cqe(&ring, &cqe) == -EINTR)
			;
		if (cqe->user_data)
			s->ret = cqe->res;
		io_uring_cqe_seen(&ring, cqe);
	}
}

TEST_F(uring_gate, as_long_as_the_program_wants_to_wait)
{
	struct order *o = order_of(self->m);
	long ret;

	o->fd = socket_of(variant, self->m);
	o->flags = variant->flags;
	memcpy(&o->addr, &self->server.ss, self->server.len);
	o->len = self->server.len;
	BEGIN_DRAIN();
	ret = by_ring(self->m, ring_connect_soon);
	EXPECT_TRUE(ret == -ECANCELED || ret == -EINTR)
		TH_LOG("it is told %ld", ret);
	EXPECT_TRUE(nothing_comes(self->out, self->listener));
	CALL(self->m, SYS_close, o->fd);
	OPEN(THAWED);
	EXPECT_TRUE(nothing_comes(self->out, self->listener));
}

/* ---- accept ---- */

/* A client that has come and said its name. */
static int come(const FIXTURE_VARIANT(uring_gate) *variant, struct actor *a,
		const struct place *to, const char *name)
{
	int fd = socket_of(variant, a);

	return connect_place(a, fd, to) ||
	       send_text(a, fd, name) != (long)strlen(name) ? -1 : fd;
}

TEST_F(uring_gate, an_accept_waits)
{
	int l = server_at(self->m, variant->family), fd, server;
	struct place door = place_of(self->m, l);
	enum opening how;

	for (how = 0; how < OPENINGS; how++) {
		TH_LOG("way %d", how);
		BEGIN_DRAIN();
		begin_accept(variant, self->m, l);
		fd = come(variant, self->out, &door, "outside");
		ASSERT_LE(0, fd);
		ASSERT_TRUE(waits_in(self->m, SYS_io_uring_enter));
		OPEN(how);
		server = result(self->m);
		EXPECT_STREQ("outside", said_by(self->m, server))
			TH_LOG("accept says %d", server);
		CALL(self->m, SYS_close, server);
		CALL(self->out, SYS_close, fd);
	}
}

TEST_F(uring_gate, from_inside_one_gets_in_at_once)
{
	int l = server_at(self->m, variant->family);
	struct place door = place_of(self->m, l);

	BEGIN_DRAIN();
	begin_accept(variant, self->m, l);
	ASSERT_LE(0, come(variant, self->out, &door, "outside"));
	ASSERT_TRUE(waits_in(self->m, SYS_io_uring_enter));
	ASSERT_LE(0, come(variant, self->n, &door, "inside"));
	EXPECT_STREQ("inside", said_by(self->m, result(self->m)));
	begin_accept(variant, self->m, l);
	ASSERT_TRUE(waits_in(self->m, SYS_io_uring_enter));
	OPEN(THAWED);
	EXPECT_STREQ("outside", said_by(self->m, result(self->m)));
}

TEST_F(uring_gate, an_accept_whose_owner_is_killed)
{
	int l = server_at(self->m, variant->family), fd;
	struct place door = place_of(self->m, l);

	BEGIN_DRAIN();
	begin_accept(variant, self->m, l);
	fd = come(variant, self->out, &door, "outside");
	ASSERT_LE(0, fd);
	ASSERT_TRUE(waits_in(self->m, SYS_io_uring_enter));
	part(self->m);
	EXPECT_EQ(-ECONNRESET, receive(self->out, fd));
	OPEN(THAWED);
	self->m = actor();
}

TEST_HARNESS_MAIN
