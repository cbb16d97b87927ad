// SPDX-License-Identifier: GPL-2.0-only
/*
 * Multipath TCP: sockets made with IPPROTO_MPTCP, and those who talk to them by
 * plain TCP, as clients of a server in Go do.
 */
#include "extsock_test.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP	262
#endif

FIXTURE(mptcp)
{
	struct group g;
	struct actor *a;
	struct actor *b;
};

FIXTURE_VARIANT(mptcp)
{
	int client;
	int server;
	int family;
	const char *far;
};

FIXTURE_VARIANT_ADD(mptcp, both) {
	IPPROTO_MPTCP, IPPROTO_MPTCP, AF_INET, "10.9.0.2"
};
FIXTURE_VARIANT_ADD(mptcp, both_ipv6) {
	IPPROTO_MPTCP, IPPROTO_MPTCP, AF_INET6, "fd09::2"
};
FIXTURE_VARIANT_ADD(mptcp, server) {
	IPPROTO_TCP, IPPROTO_MPTCP, AF_INET, "10.9.0.2"
};
FIXTURE_VARIANT_ADD(mptcp, client) {
	IPPROTO_MPTCP, IPPROTO_TCP, AF_INET, "10.9.0.2"
};

FIXTURE_SETUP(mptcp)
{
	make_group(&self->g, "mptcp");
	self->a = member(&self->g);
	self->b = member(&self->g);
}

FIXTURE_TEARDOWN(mptcp)
{
	part(self->a);
	part(self->b);
	EXPECT_TRUE(drop_group(&self->g));
}

static int connect_by(struct actor *a, int protocol, int family, const char *ip,
		      int port)
{
	int fd = CALL(a, SYS_socket, family, SOCK_STREAM, protocol);

	return connect_fd(a, fd, family, ip, port) ? -1 : fd;
}

/* Does the listener have somebody to accept? */
static bool comes_to_accept(struct actor *a, int listener)
{
	return EVENTUALLY(poll_fd(a, listener) & POLLIN);
}

static struct pair connect_pair(const FIXTURE_VARIANT(mptcp) *variant,
				struct actor *client, struct actor *server)
{
	struct pair p;

	p.listener = listener_by(server, variant->server, variant->family, NULL,
			       16);
	p.client = connect_by(client, variant->client, variant->family, NULL,
			      port_of(server, p.listener));
	p.server = accept_from(server, p.listener);
	return p;
}

/* What was sent is there to be read. */
static bool send_and_arrive(struct actor *from, int fd, struct actor *to,
			    int to_fd, const char *text)
{
	return send_text(from, fd, text) == (long)strlen(text) &&
	       EVENTUALLY(poll_fd(to, to_fd) & POLLIN);
}

TEST_F(mptcp, inside_is_internal)
{
	struct pair p = connect_pair(variant, self->a, self->b);

	ASSERT_LE(0, p.client);
	ASSERT_LE(0, p.server);
	ASSERT_TRUE(carries(self->a, p.client, self->b, p.server));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->a, p.client));
	EXPECT_STREQ("internal", class_of(&self->g, self->b, p.server));
	EXPECT_STREQ("listening", class_of(&self->g, self->b, p.listener));
	THAW();
	EXPECT_TRUE(carries(self->a, p.client, self->b, p.server));
}

TEST_F(mptcp, inside_and_not_accepted_yet)
{
	int l = listener_by(self->b, variant->server, variant->family, NULL, 16);
	int fd = connect_by(self->a, variant->client, variant->family, NULL,
			    port_of(self->b, l));

	ASSERT_LE(0, fd);
	ASSERT_TRUE(comes_to_accept(self->b, l));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->a, fd));
	THAW();
	EXPECT_TRUE(carries(self->a, fd, self->b, accept_from(self->b, l)));
}

static void check_dead(struct __test_metadata *_metadata, struct actor *a,
		       int fd, const char *unread)
{
	EXPECT_EQ(POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP,
		  poll_fd(a, fd));
	EXPECT_EQ((long)strlen(unread), receive(a, fd));
	EXPECT_STREQ(unread, buf_of(a));
	EXPECT_EQ(-ECONNRESET, receive(a, fd));
	EXPECT_EQ(0, receive(a, fd));
	EXPECT_EQ(-EPIPE, send_text(a, fd, "x"));
}

TEST_F(mptcp, a_client_inside_is_reset)
{
	struct pair p = connect_pair(variant, self->a, OUTSIDE);

	ASSERT_LE(0, p.client);
	ASSERT_TRUE(carries(self->a, p.client, OUTSIDE, p.server));
	ASSERT_TRUE(send_and_arrive(OUTSIDE, p.server, self->a, p.client,
				    "unread"));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, p.client));
	EXPECT_STREQ("reset", column_of(&self->g, self->a->pid, p.client,
					"action"));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, p.server));
	check_dead(_metadata, self->a, p.client, "unread");
}

TEST_F(mptcp, a_server_inside_is_reset)
{
	struct pair p = connect_pair(variant, OUTSIDE, self->a);

	ASSERT_LE(0, p.server);
	ASSERT_TRUE(send_and_arrive(OUTSIDE, p.client, self->a, p.server,
				    "unread"));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, p.server));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, p.client));
	check_dead(_metadata, self->a, p.server, "unread");
	/* The listener lives on. */
	p.client = connect_by(OUTSIDE, variant->client, variant->family, NULL,
			      port_of(self->a, p.listener));
	EXPECT_TRUE(carries(OUTSIDE, p.client, self->a,
			    accept_from(self->a, p.listener)));
}

/* Some of what arrived was read, the rest was not. */
TEST_F(mptcp, the_rest_of_what_is_unread)
{
	struct pair p = connect_pair(variant, self->a, OUTSIDE);

	ASSERT_TRUE(send_and_arrive(OUTSIDE, p.server, self->a, p.client,
				    "read unread"));
	ASSERT_EQ(5, CALL(self->a, SYS_recvfrom, p.client, buf_of(self->a), 5,
			  0, NULL, NULL));
	FREEZE();
	THAW();
	check_dead(_metadata, self->a, p.client, "unread");
}

/* A megabyte that nobody reads, as far as it goes in. */
TEST_F(mptcp, much_that_is_unread)
{
	struct pair p = connect_pair(variant, self->a, OUTSIDE);
	long sent = 0, got = 0, n;
	int i;

	for (i = 0; i < 16; i++) {
		n = CALL(OUTSIDE, SYS_sendto, p.server, buf_of(OUTSIDE), 65536,
			 MSG_DONTWAIT, NULL, 0);
		sent += n > 0 ? n : 0;
	}
	ASSERT_TRUE(EVENTUALLY(poll_fd(self->a, p.client) & POLLIN));
	FREEZE();
	THAW();
	while ((n = receive(self->a, p.client)) > 0)
		got += n;
	EXPECT_EQ(-ECONNRESET, n);
	EXPECT_LT(0, got);
	EXPECT_GE(sent, got);
	EXPECT_EQ(0, receive(self->a, p.client));
}

TEST_F(mptcp, the_first_write_of_a_reset_one)
{
	struct pair p = connect_pair(variant, self->a, OUTSIDE);

	FREEZE();
	THAW();
	EXPECT_EQ(-ECONNRESET, send_text(self->a, p.client, "x"));
	EXPECT_EQ(0, self->a->stage->sigpipes);
	EXPECT_EQ(-EPIPE, send_text(self->a, p.client, "x"));
}

TEST_F(mptcp, a_reader_wakes)
{
	struct pair p = connect_pair(variant, self->a, OUTSIDE);

	START(self->a, SYS_recvfrom, p.client, buf_of(self->a), 16, 0, NULL,
	      NULL);
	ASSERT_TRUE(sleeps_in(self->a->pid, SYS_recvfrom));
	FREEZE();
	THAW();
	EXPECT_EQ(-ECONNRESET, result(self->a));
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, p.server));
}

/* What the first read gives if a RST comes to a child in the queue. */
static long first_read_after_a_rst(const FIXTURE_VARIANT(mptcp) *variant)
{
	int l = listener_by(OUTSIDE, variant->server, variant->family, NULL, 16);
	int fd = connect_by(OUTSIDE, variant->client, variant->family, NULL,
			    port_of(OUTSIDE, l));

	if (fd < 0 || !comes_to_accept(OUTSIDE, l))
		return 0;
	if (sh("ss -tKn dport = :%d >/dev/null", port_of(OUTSIDE, l)))
		return 0;
	fd = accept_from(OUTSIDE, l);
	return fd < 0 ? fd : receive(OUTSIDE, fd);
}

/* Of a multipath child Linux forgets the error: it is not connected. */
TEST_F(mptcp, a_client_that_waits_in_the_queue_is_reset)
{
	int l = listener_by(self->a, variant->server, variant->family, NULL, 16);
	int fd = connect_by(OUTSIDE, variant->client, variant->family, NULL,
			    port_of(self->a, l));
	int child;

	ASSERT_LE(0, fd);
	ASSERT_TRUE(comes_to_accept(self->a, l));
	FREEZE();
	EXPECT_STREQ("external", column_of(&self->g, self->a->pid, -1,
					   "class"));
	THAW();
	child = accept_from(self->a, l);
	ASSERT_LE(0, child);
	EXPECT_EQ(first_read_after_a_rst(variant), receive(self->a, child));
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, fd));
	fd = connect_by(OUTSIDE, variant->client, variant->family, NULL,
			port_of(self->a, l));
	EXPECT_TRUE(carries(OUTSIDE, fd, self->a, accept_from(self->a, l)));
}

/* The listener's queue is full, so nobody answers. */
static void fill_queue(const FIXTURE_VARIANT(mptcp) *variant, int port)
{
	int i;

	for (i = 0; i < 3; i++)
		connect_to(OUTSIDE, variant->family, NULL, port, SOCK_NONBLOCK);
}

TEST_F(mptcp, connecting_to_an_outsider_is_refused)
{
	int l = listener_by(OUTSIDE, variant->server, variant->family, NULL, 0);
	int port = port_of(OUTSIDE, l), fd;
	struct sockaddr_storage *ss = (void *)buf_of(self->a);
	socklen_t len;

	fill_queue(variant, port);
	fd = CALL(self->a, SYS_socket, variant->family, SOCK_STREAM,
		  variant->client);
	len = address(ss, variant->family, NULL, port);
	START(self->a, SYS_connect, fd, ss, len);
	ASSERT_TRUE(sleeps_in(self->a->pid, SYS_connect));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, fd));
	EXPECT_STREQ("syn-sent", column_of(&self->g, self->a->pid, fd, "state"));
	THAW();
	EXPECT_EQ(-ECONNREFUSED, result(self->a));
	/* It can be used again. */
	l = listener_by(OUTSIDE, variant->server, variant->family, NULL, 1);
	ASSERT_EQ(0, connect_fd(self->a, fd, variant->family, NULL,
				port_of(OUTSIDE, l)));
	EXPECT_TRUE(carries(self->a, fd, OUTSIDE, accept_from(OUTSIDE, l)));
}

TEST_F(mptcp, connecting_to_a_member_goes_on)
{
	int l = listener_by(self->b, variant->server, variant->family, NULL, 0);
	int port = port_of(self->b, l), fd, i;
	struct sockaddr_storage *ss = (void *)buf_of(self->a);
	socklen_t len;

	fill_queue(variant, port);
	fd = CALL(self->a, SYS_socket, variant->family, SOCK_STREAM,
		  variant->client);
	len = address(ss, variant->family, NULL, port);
	START(self->a, SYS_connect, fd, ss, len);
	ASSERT_TRUE(sleeps_in(self->a->pid, SYS_connect));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->a, fd));
	THAW();
	for (i = 0; i < 4 && !is_done(self->a); i++)
		CALL(self->b, SYS_accept4, l, NULL, NULL, 0);
	EXPECT_EQ(0, result(self->a));
}

TEST_F(mptcp, over_veth)
{
	struct actor *out = actor();
	struct pair in, ex;

	ASSERT_EQ(0, join_namespaces());
	enter(self->a, "left");
	enter(self->b, "right");
	enter(out, "right");
	in.listener = listener_by(self->b, variant->server, variant->family,
				variant->far, 16);
	ex.listener = listener_by(out, variant->server, variant->family,
				variant->far, 16);
	in.client = connect_by(self->a, variant->client, variant->family,
			       variant->far, port_of(self->b, in.listener));
	ex.client = connect_by(self->a, variant->client, variant->family,
			       variant->far, port_of(out, ex.listener));
	ASSERT_LE(0, in.client);
	ASSERT_LE(0, ex.client);
	in.server = accept_from(self->b, in.listener);
	ex.server = accept_from(out, ex.listener);
	ASSERT_TRUE(carries(self->a, in.client, self->b, in.server));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->a, in.client));
	EXPECT_STREQ("internal", class_of(&self->g, self->b, in.server));
	EXPECT_STREQ("external", class_of(&self->g, self->a, ex.client));
	THAW();
	EXPECT_TRUE(carries(self->a, in.client, self->b, in.server));
	EXPECT_EQ(-ECONNRESET, receive(self->a, ex.client));
	EXPECT_EQ(-ECONNRESET, receive(out, ex.server));
	part(out);
	sh("ip netns del left; ip netns del right");
}

TEST_F(mptcp, a_rule_about_tcp_is_about_it)
{
	struct pair p = connect_pair(variant, self->a, OUTSIDE);

	ASSERT_EQ(0, set_rules(&self->g, "keep tcp"));
	FREEZE();
	EXPECT_STREQ("keep", column_of(&self->g, self->a->pid, p.client,
				       "action"));
	THAW();
	EXPECT_TRUE(carries(self->a, p.client, OUTSIDE, p.server));
}

TEST_F(mptcp, seen_by_the_probes)
{
	struct pair p = connect_pair(variant, self->a, self->b);
	char pid[16];

	ASSERT_LE(0, p.client);
	FREEZE();
	snprintf(pid, sizeof(pid), "%d", self->a->pid);
	EXPECT_STREQ("connect", column_of(&self->g, self->a->pid, p.client,
					  "direction"));
	EXPECT_STREQ(pid, column_of(&self->g, self->a->pid, p.client, "opener"));
	EXPECT_STREQ("accept", column_of(&self->g, self->b->pid, p.server,
					 "direction"));
	EXPECT_STREQ(variant->client == IPPROTO_TCP ? "tcp" : "mptcp",
		     column_of(&self->g, self->a->pid, p.client, "protocol"));
	THAW();
	/* Nothing is left of it. */
	CALL(self->a, SYS_close, p.client);
	CALL(self->b, SYS_close, p.server);
	EXPECT_TRUE(EVENTUALLY(count_rows(&self->g) == 0));
}

static uint64_t cookie_of(struct actor *a, int fd)
{
	uint64_t *cookie = (uint64_t *)buf_of(a);
	socklen_t *len = (socklen_t *)(cookie + 1);

	*len = sizeof(*cookie);
	return CALL(a, SYS_getsockopt, fd, SOL_SOCKET, SO_COOKIE, cookie,
		    len) ? 0 : *cookie;
}

/* Linux makes a multipath child from its listener, cookie included. */
TEST_F(mptcp, each_has_a_cookie_of_its_own)
{
	struct pair p = connect_pair(variant, self->a, self->b);
	int fd = connect_by(self->a, variant->client, variant->family, NULL,
			    port_of(self->b, p.listener));
	int second = accept_from(self->b, p.listener);

	ASSERT_LE(0, fd);
	EXPECT_NE(0, cookie_of(self->b, p.server));
	EXPECT_NE(cookie_of(self->b, p.listener), cookie_of(self->b, p.server));
	EXPECT_NE(cookie_of(self->b, second), cookie_of(self->b, p.server));
}

/* The TCP connections that work for it are its own, and in no row. */
TEST_F(mptcp, listed_once)
{
	struct pair p = connect_pair(variant, self->a, OUTSIDE);

	ASSERT_LE(0, p.client);
	EXPECT_EQ(1, count_rows(&self->g));
	FREEZE();
	EXPECT_EQ(1, count_rows(&self->g));
	THAW();
	EXPECT_TRUE(EVENTUALLY(count_rows(&self->g) == 0));
}

TEST_F(mptcp, not_connected_is_idle)
{
	int fd = CALL(self->a, SYS_socket, variant->family, SOCK_STREAM,
		      variant->client);

	FREEZE();
	EXPECT_STREQ("idle", class_of(&self->g, self->a, fd));
	THAW();
}

TEST_F(mptcp, a_second_cycle)
{
	struct pair p = connect_pair(variant, self->a, OUTSIDE);
	int fd;

	FREEZE();
	THAW();
	FREEZE();
	EXPECT_STREQ("idle", class_of(&self->g, self->a, p.client));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->a, p.client));
	/* And used again. */
	fd = connect_by(self->a, variant->client, variant->family, NULL,
			port_of(OUTSIDE, p.listener));
	EXPECT_TRUE(carries(self->a, fd, OUTSIDE,
			    accept_from(OUTSIDE, p.listener)));
}

static void add_address(struct stage *s)
{
	s->ret = sh("ip mptcp endpoint add 127.0.0.2 dev lo subflow");
}

/*
 * Who tells the kernel of an address connects in the name of all connections that
 * there are.
 */
TEST(further_paths_of_others_are_not_a_members)
{
	const char *count = "test $(ss -Htn src 127.0.0.2 | wc -l) -gt 0";
	struct actor *m;
	struct group g;
	int l, fd, peer;

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, sh("ip link set lo up && "
			"ip mptcp limits set subflows 2 add_addr_accepted 2"));
	make_group(&g, "paths");
	m = member(&g);
	l = listener_by(OUTSIDE, IPPROTO_MPTCP, AF_INET, NULL, 16);
	fd = connect_by(OUTSIDE, IPPROTO_MPTCP, AF_INET, NULL,
			port_of(OUTSIDE, l));
	peer = accept_from(OUTSIDE, l);
	ASSERT_TRUE(carries(OUTSIDE, fd, OUTSIDE, peer));
	ASSERT_TRUE(carries(OUTSIDE, peer, OUTSIDE, fd));
	START_FN(m, add_address);
	ASSERT_EQ(0, result(m));
	ASSERT_TRUE(EVENTUALLY(!sh(count)));
	EXPECT_EQ(0, count_rows(&g));
	part(m);
	EXPECT_TRUE(drop_group(&g));
}

TEST_HARNESS_MAIN
