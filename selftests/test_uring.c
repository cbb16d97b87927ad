// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets opened by io_uring, and those that it holds: as fixed files, and by
 * requests that are under way. By whom a ring can be used cannot be seen, so what
 * it holds is shared, and left alone.
 */
#include "uring_test.h"

FIXTURE(uring)
{
	struct group g;
	struct actor *a;
	struct actor *b;
};

static void ring_accept_direct(struct stage *s)
{
	struct order *o = orders(s);

	io_uring_prep_accept_direct(io_uring_get_sqe(&ring), o->fd, NULL, NULL,
				    0, o->slot);
	submit(s);
}

static void ring_send(struct stage *s)
{
	struct order *o = orders(s);
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	io_uring_prep_send(sqe, o->fd, o->text, strlen(o->text), 0);
	sqe->flags |= o->flags;
	submit(s);
}

static void ring_receive(struct stage *s)
{
	struct order *o = orders(s);
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	io_uring_prep_recv(sqe, o->fd, o->text, sizeof(o->text), 0);
	sqe->flags |= o->flags;
	submit(s);
}

FIXTURE_SETUP(uring)
{
	make_group(&self->g, "uring");
	self->a = member(&self->g);
	self->b = member(&self->g);
	ASSERT_EQ(0, by_ring(self->a, set_up));
}

FIXTURE_TEARDOWN(uring)
{
	part(self->a);
	part(self->b);
	EXPECT_TRUE(drop_group(&self->g));
}

/* A fixed file says this much, and nobody has a descriptor. */
static bool says(struct actor *a, int slot, const char *text)
{
	struct order *o = order_of(a);

	o->fd = slot;
	o->flags = IOSQE_FIXED_FILE;
	strcpy(o->text, text);
	return by_ring(a, ring_send) == (long)strlen(text);
}

TEST_F(uring, connected_by_it)
{
	struct order *o = order_of(self->a);
	int l = listener(OUTSIDE, AF_INET), fd;

	fd = CALL(self->a, SYS_socket, AF_INET, SOCK_STREAM, 0);
	o->fd = fd;
	o->len = address(&o->addr, AF_INET, NULL, port_of(OUTSIDE, l));
	ASSERT_EQ(0, by_ring(self->a, ring_connect));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, fd));
	EXPECT_STREQ("connect", column_of(&self->g, self->a->pid, fd,
					  "direction"));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->a, fd));
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, accept_from(OUTSIDE, l)));
}

TEST_F(uring, accepted_by_it)
{
	struct order *o = order_of(self->a);
	int l = listener(self->a, AF_INET), in, fd;

	in = connect_to(self->b, AF_INET, NULL, port_of(self->a, l), 0);
	o->fd = l;
	fd = by_ring(self->a, ring_accept);
	ASSERT_LE(0, fd);
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->a, fd));
	EXPECT_STREQ("internal", class_of(&self->g, self->b, in));
	EXPECT_STREQ("accept", column_of(&self->g, self->a->pid, fd,
					 "direction"));
	THAW();
	EXPECT_TRUE(carries(self->a, fd, self->b, in));
}

/* It never had a descriptor. */
TEST_F(uring, accepted_as_a_fixed_file)
{
	struct order *o = order_of(self->a);
	int l = listener(self->a, AF_INET), in, ex;

	in = connect_to(self->b, AF_INET, NULL, port_of(self->a, l), 0);
	o->fd = l;
	o->slot = 0;
	ASSERT_EQ(0, by_ring(self->a, ring_accept_direct));
	ex = connect_to(OUTSIDE, AF_INET, NULL, port_of(self->a, l), 0);
	o->slot = 1;
	ASSERT_EQ(0, by_ring(self->a, ring_accept_direct));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->b, in));
	EXPECT_STREQ("shared", column_of(&self->g, 0, -1, "class"));
	THAW();
	ASSERT_TRUE(says(self->a, 0, "inside"));
	EXPECT_EQ(6, receive(self->b, in));
	ASSERT_TRUE(says(self->a, 1, "outside"));
	EXPECT_EQ(7, receive(OUTSIDE, ex));
}

TEST_F(uring, a_fixed_file_that_has_no_descriptor_any_more)
{
	struct pair p = connection(self->a, self->b, AF_INET);
	struct order *o = order_of(self->a);

	o->fd = p.client;
	o->slot = 3;
	ASSERT_EQ(1, by_ring(self->a, ring_register));
	ASSERT_EQ(0, CALL(self->a, SYS_close, p.client));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->b, p.server));
	EXPECT_STREQ("shared", column_of(&self->g, 0, -1, "class"));
	THAW();
	ASSERT_TRUE(says(self->a, 3, "inside"));
	EXPECT_EQ(6, receive(self->b, p.server));
}

TEST_F(uring, a_fixed_file_with_a_descriptor)
{
	struct pair p = connection(self->a, OUTSIDE, AF_INET);
	struct order *o = order_of(self->a);

	o->fd = p.client;
	o->slot = 3;
	ASSERT_EQ(1, by_ring(self->a, ring_register));
	FREEZE();
	EXPECT_STREQ("shared", class_of(&self->g, self->a, p.client));
	THAW();
	EXPECT_TRUE(carries(self->a, p.client, OUTSIDE, p.server));
}

/* A request under way survives a freeze, and its connection with it. */
TEST_F(uring, a_request_under_way)
{
	struct pair p = connection(self->a, self->b, AF_INET);
	struct order *o = order_of(self->a);

	o->fd = p.client;
	o->flags = 0;
	START_FN(self->a, ring_receive);
	ASSERT_TRUE(sleeps_in(self->a->pid, SYS_io_uring_enter));
	FREEZE();
	EXPECT_STREQ("shared", class_of(&self->g, self->a, p.client));
	EXPECT_STREQ("internal", class_of(&self->g, self->b, p.server));
	THAW();
	ASSERT_EQ(4, send_text(self->b, p.server, "ping"));
	EXPECT_EQ(4, result(self->a));
	EXPECT_EQ(0, memcmp(o->text, "ping", 4));
}

/* The worker of a connect that takes long. */
TEST_F(uring, a_connect_under_way)
{
	struct order *o = order_of(self->a);
	int l = listener_at(self->b, AF_INET, NULL, 0), port, fd, i;

	port = port_of(self->b, l);
	for (i = 0; i < 3; i++)
		connect_to(OUTSIDE, AF_INET, NULL, port, SOCK_NONBLOCK);
	fd = CALL(self->a, SYS_socket, AF_INET, SOCK_STREAM, 0);
	o->fd = fd;
	o->flags = 0;
	o->len = address(&o->addr, AF_INET, NULL, port);
	START_FN(self->a, ring_connect);
	ASSERT_TRUE(sleeps_in(self->a->pid, SYS_io_uring_enter));
	FREEZE();
	EXPECT_STREQ("shared", class_of(&self->g, self->a, fd));
	THAW();
	for (i = 0; i < 4 && !is_done(self->a); i++)
		accept_from(self->b, l);
	EXPECT_EQ(0, result(self->a));
}

TEST_HARNESS_MAIN
