// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets that no descriptor table has: in messages that nobody received yet, in
 * messages within messages, and in the queues of those.
 */
#include "extsock_test.h"

FIXTURE(hidden)
{
	struct group g;
	struct actor *a;
	struct actor *b;
	int over[2];
};

FIXTURE_SETUP(hidden)
{
	make_group(&self->g, "hidden");
	self->a = member(&self->g);
	self->b = member(&self->g);
	ASSERT_EQ(0, CALL(self->a, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0,
			  buf_of(self->a)));
	memcpy(self->over, buf_of(self->a), sizeof(self->over));
}

FIXTURE_TEARDOWN(hidden)
{
	part(self->a);
	part(self->b);
	EXPECT_TRUE(drop_group(&self->g));
}

/* From now on it is in a message of a member to itself, and nowhere else. */
static bool put_away(struct actor *a, const int over[2], int fd)
{
	return send_fd(a, over[0], fd) && !CALL(a, SYS_close, fd);
}

TEST_F(hidden, an_internal_one_in_flight)
{
	struct pair p = connection(self->a, self->b, AF_INET);
	int fd;

	ASSERT_TRUE(put_away(self->a, self->over, p.client));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->b, p.server));
	EXPECT_STREQ(can_see_messages() ? "internal" : "shared",
		     class_in_flight(&self->g, self->a));
	THAW();
	fd = receive_fd(self->a, self->over[1]);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(carries(self->a, fd, self->b, p.server));
}

/* It can be seen whose it is, or it is left alone. */
TEST_F(hidden, an_external_one_in_flight)
{
	struct pair p = connection(self->a, OUTSIDE, AF_INET);
	int fd;

	ASSERT_TRUE(put_away(self->a, self->over, p.client));
	FREEZE();
	EXPECT_STREQ(can_see_messages() ? "external" : "shared",
		     class_in_flight(&self->g, self->a));
	THAW();
	fd = receive_fd(self->a, self->over[1]);
	ASSERT_LE(0, fd);
	if (can_see_messages()) {
		EXPECT_EQ(-ECONNRESET, receive(self->a, fd));
		EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, p.server));
	} else {
		EXPECT_TRUE(carries(self->a, fd, OUTSIDE, p.server));
	}
}

/* In a table and in a message, both the group's. */
TEST_F(hidden, one_that_is_held_as_well)
{
	struct pair p = connection(self->a, OUTSIDE, AF_INET);

	ASSERT_TRUE(send_fd(self->a, self->over[0], p.client));
	FREEZE();
	EXPECT_STREQ(can_see_messages() ? "external" : "shared",
		     class_of(&self->g, self->a, p.client));
	THAW();
}

/* The message is one that an outsider can receive, too. */
TEST_F(hidden, in_flight_to_a_shared_one)
{
	struct pair p = connection(self->a, OUTSIDE, AF_INET);
	int to_both = pass_out(self->a, self->over[1]);

	ASSERT_LE(0, to_both);
	ASSERT_TRUE(send_fd(self->a, self->over[0], p.client));
	FREEZE();
	EXPECT_STREQ("shared", class_of(&self->g, self->a, self->over[1]));
	EXPECT_STREQ("shared", class_of(&self->g, self->a, p.client));
	THAW();
	EXPECT_TRUE(carries(self->a, p.client, OUTSIDE, p.server));
	close(to_both);
}

/* Sent to an outsider, who has not received it. */
TEST_F(hidden, in_flight_to_an_outsider)
{
	struct pair p = connection(self->a, OUTSIDE, AF_INET);
	int out[2], in;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, out));
	in = pass_fd(self->a, out[0]);
	ASSERT_TRUE(send_fd(self->a, in, p.client));
	FREEZE();
	EXPECT_STREQ("shared", class_of(&self->g, self->a, p.client));
	THAW();
	EXPECT_TRUE(carries(self->a, p.client, OUTSIDE, p.server));
	close(out[0]);
	close(out[1]);
}

/* Somebody takes it out of its message, and lets go of the receiving socket. */
TEST_F(hidden, received_by_an_outsider_while_frozen)
{
	struct pair p = connection(self->a, OUTSIDE, AF_INET);
	int receiver, fd;

	ASSERT_TRUE(put_away(self->a, self->over, p.client));
	FREEZE();
	receiver = pass_out(self->a, self->over[1]);
	ASSERT_LE(0, receiver);
	fd = receive_fd(OUTSIDE, receiver);
	ASSERT_LE(0, fd);
	close(receiver);
	THAW();
	EXPECT_TRUE(carries(OUTSIDE, fd, OUTSIDE, p.server));
}

/* The receiver is killed, and its messages with it. */
TEST_F(hidden, whose_receiver_is_killed_while_frozen)
{
	struct pair p = connection(self->b, OUTSIDE, AF_INET);
	int out = pass_out(self->a, self->over[0]), over;

	over = pass_fd(self->b, out);
	close(out);
	ASSERT_LE(0, over);
	ASSERT_EQ(0, CALL(self->a, SYS_close, self->over[0]));
	ASSERT_TRUE(send_fd(self->b, over, p.client));
	FREEZE();
	EXPECT_STREQ(can_see_messages() ? "external" : "shared",
		     class_of(&self->g, self->b, p.client));
	part(self->a);
	THAW();
	if (can_see_messages()) {
		EXPECT_EQ(-ECONNRESET, receive(self->b, p.client));
	} else {
		EXPECT_TRUE(carries(self->b, p.client, OUTSIDE, p.server));
	}
	self->a = member(&self->g);
}

/* Somebody takes one that waited to be accepted. */
TEST_F(hidden, accepted_by_an_outsider_while_frozen)
{
	int l = listener(self->a, AF_INET);
	int fd = connect_to(OUTSIDE, AF_INET, NULL, port_of(self->a, l), 0);
	int taken, child;

	ASSERT_TRUE(comes_to_queue(self->a, l, 1));
	FREEZE();
	taken = pass_out(self->a, l);
	ASSERT_LE(0, taken);
	child = accept_from(OUTSIDE, taken);
	ASSERT_LE(0, child);
	close(taken);
	THAW();
	EXPECT_TRUE(carries(OUTSIDE, child, OUTSIDE, fd));
}

/* The receiver of the one message is in the other. */
TEST_F(hidden, a_message_within_a_message)
{
	struct pair p = connection(self->a, self->b, AF_INET);
	int inner[2], fd;

	ASSERT_EQ(0, CALL(self->a, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0,
			  buf_of(self->a)));
	memcpy(inner, buf_of(self->a), sizeof(inner));
	ASSERT_TRUE(put_away(self->a, inner, p.client));
	ASSERT_TRUE(put_away(self->a, self->over, inner[1]));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->b, p.server));
	EXPECT_STREQ("internal", class_of(&self->g, self->a, inner[0]));
	THAW();
	fd = receive_fd(self->a, self->over[1]);
	ASSERT_LE(0, fd);
	fd = receive_fd(self->a, fd);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(carries(self->a, fd, self->b, p.server));
}

/* Each is in a message to the other, and the connection in one of them. */
TEST_F(hidden, a_cycle)
{
	struct pair p = connection(self->a, self->b, AF_INET);
	int inner[2];

	ASSERT_EQ(0, CALL(self->a, SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0,
			  buf_of(self->a)));
	memcpy(inner, buf_of(self->a), sizeof(inner));
	ASSERT_TRUE(send_fd(self->a, inner[0], inner[1]));
	ASSERT_TRUE(send_fd(self->a, inner[1], inner[0]));
	ASSERT_TRUE(send_fd(self->a, inner[0], p.client));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->b, p.server));
	THAW();
	EXPECT_TRUE(carries(self->a, p.client, self->b, p.server));
	/* With the last descriptors gone only the cycle is left. */
	CALL(self->a, SYS_close, inner[0]);
	CALL(self->a, SYS_close, inner[1]);
	FREEZE();
	THAW();
	EXPECT_TRUE(carries(self->a, p.client, self->b, p.server));
}

TEST_F(hidden, many_in_one_queue)
{
	struct pair p[20];
	int i;

	for (i = 0; i < 20; i++) {
		p[i] = connection(self->a, self->b, AF_INET);
		ASSERT_TRUE(put_away(self->a, self->over, p[i].client));
	}
	FREEZE();
	for (i = 0; i < 20; i++)
		EXPECT_STREQ("internal",
			     class_of(&self->g, self->b, p[i].server));
	THAW();
	for (i = 0; i < 20; i++) {
		int fd = receive_fd(self->a, self->over[1]);

		ASSERT_LE(0, fd);
		EXPECT_TRUE(carries(self->a, fd, self->b, p[i].server));
	}
}

/* A listening socket in flight has a queue as any other. */
TEST_F(hidden, in_the_queue_of_a_listener_in_flight)
{
	int l = listener(self->a, AF_INET);
	int port = port_of(self->a, l);
	int in = connect_to(self->b, AF_INET, NULL, port, 0);

	ASSERT_LE(0, in);
	ASSERT_TRUE(comes_to_queue(self->a, l, 1));
	ASSERT_TRUE(put_away(self->a, self->over, l));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->b, in));
	THAW();
	l = receive_fd(self->a, self->over[1]);
	ASSERT_LE(0, l);
	EXPECT_TRUE(carries(self->b, in, self->a, accept_from(self->a, l)));
}

/* The same in a message that waits at a socket which waits to be accepted. */
TEST_F(hidden, in_a_message_to_one_not_accepted)
{
	struct pair p = connection(self->a, self->b, AF_INET);
	struct sockaddr_un *un = (void *)buf_of(self->a);
	int l = CALL(self->a, SYS_socket, AF_UNIX, SOCK_STREAM, 0), c, fd;

	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path + 1, "hidden-queue");
	ASSERT_EQ(0, CALL(self->a, SYS_bind, l, un, sizeof(*un)));
	ASSERT_EQ(0, CALL(self->a, SYS_listen, l, 1));
	c = CALL(self->a, SYS_socket, AF_UNIX, SOCK_STREAM, 0);
	ASSERT_EQ(0, CALL(self->a, SYS_connect, c, un, sizeof(*un)));
	ASSERT_TRUE(send_fd(self->a, c, p.client));
	ASSERT_EQ(0, CALL(self->a, SYS_close, p.client));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->b, p.server));
	THAW();
	fd = receive_fd(self->a, accept_from(self->a, l));
	ASSERT_LE(0, fd);
	EXPECT_TRUE(carries(self->a, fd, self->b, p.server));
}

/* An epoll set holds nothing by itself; who waits there wakes. */
TEST_F(hidden, in_an_epoll_set)
{
	struct pair p = connection(self->a, OUTSIDE, AF_INET);
	struct epoll_event *event = (void *)buf_of(self->a);
	int set = CALL(self->a, SYS_epoll_create1, 0);

	event->events = EPOLLIN;
	event->data.u64 = 7;
	ASSERT_EQ(0, CALL(self->a, SYS_epoll_ctl, set, EPOLL_CTL_ADD, p.client,
			  event));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, p.client));
	THAW();
	ASSERT_EQ(1, CALL(self->a, SYS_epoll_wait, set, event, 1, 1000));
	EXPECT_EQ(EPOLLIN | EPOLLERR | EPOLLHUP, event->events);
	EXPECT_EQ(7, event->data.u64);
}

TEST_HARNESS_MAIN
