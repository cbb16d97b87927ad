// SPDX-License-Identifier: GPL-2.0-only
/*
 * The corners of TCP: connections that are only half there, half gone, or in
 * some special mode when the freeze comes.
 */
#include <linux/sockios.h>
#include <linux/tls.h>

#include "extsock_test.h"

#ifndef SOL_TLS
#define SOL_TLS			282
#endif

#define FAMILY	(variant->family)

FIXTURE(tcp)
{
	struct group g;
	struct actor *a;
	struct actor *b;
	struct actor *out;
};

FIXTURE_VARIANT(tcp)
{
	int family;
};

FIXTURE_VARIANT_ADD(tcp, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(tcp, ipv6) { .family = AF_INET6 };

/* Two members and an outsider in a network namespace of their own. */
FIXTURE_SETUP(tcp)
{
	ASSERT_EQ(0, make_corner());
	/* Who listens learns it then. */
	ASSERT_EQ(0, allow_fastopen(FASTOPEN_FREE));
	make_group(&self->g, "tcp");
	self->a = member(&self->g);
	self->b = member(&self->g);
	self->out = actor();
	enter(self->a, "corner");
	enter(self->b, "corner");
	enter(self->out, "corner");
}

FIXTURE_TEARDOWN(tcp)
{
	part(self->a);
	part(self->b);
	part(self->out);
	EXPECT_TRUE(drop_group(&self->g));
	sh("ip netns del corner");
}

static int set_linger(struct actor *a, int fd, int seconds)
{
	struct linger *at = (void *)buf_of(a);

	at->l_onoff = 1;
	at->l_linger = seconds;
	return CALL(a, SYS_setsockopt, fd, SOL_SOCKET, SO_LINGER, at,
		    sizeof(*at));
}

static bool fails(struct actor *a, int fd)
{
	return EVENTUALLY(poll_fd(a, fd) & POLLERR);
}

/* A socket that does not block, bound to a port that the kernel chose. */
static int bound(struct actor *a, int family)
{
	int fd = CALL(a, SYS_socket, family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_storage *ss = (void *)buf_of(a);
	socklen_t len = address(ss, family, NULL, 0);

	return CALL(a, SYS_bind, fd, ss, len) ? -1 : fd;
}

static bool has_request(struct actor *a, int family)
{
	return has_state(a, family, TCP_SYN_RECV);
}

/* ---- connections that are opened by their first data ---- */

/* Connect by sending "hello" in the SYN; does not block. */
static int fastopen(struct actor *a, int family, int port)
{
	int fd = CALL(a, SYS_socket, family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_storage *ss = (void *)buf_of(a);
	socklen_t len = address(ss, family, NULL, port);
	char *text = buf_of(a) + 512;

	strcpy(text, "hello");
	return CALL(a, SYS_sendto, fd, text, 5, MSG_FASTOPEN, ss, len) == 5 ?
	       fd : -1;
}

/* A socket whose connect() is done and has sent nothing. */
static int deferred(struct actor *a, int family, int port)
{
	int fd = CALL(a, SYS_socket, family, SOCK_STREAM, 0);

	if (set(a, fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1) ||
	    connect_fd(a, fd, family, NULL, port) ||
	    info_of(a, fd)->tcpi_state != TCP_SYN_SENT ||
	    info_of(a, fd)->tcpi_unacked)
		return -1;
	return fd;
}

TEST_F(tcp, connect_that_waits_for_the_first_write_is_idle)
{
	int l = listener(self->out, FAMILY), server, fd;

	fd = deferred(self->a, FAMILY, port_of(self->out, l));
	ASSERT_LE(0, fd);
	FREEZE();
	EXPECT_STREQ("idle", class_of(&self->g, self->a, fd));
	EXPECT_STREQ("-", column_of(&self->g, self->a->pid, fd, "action"));
	THAW();
	EXPECT_EQ(4, send_text(self->a, fd, "late"));
	server = accept_from(self->out, l);
	EXPECT_EQ(4, receive(self->out, server));
	EXPECT_TRUE(carries(self->a, fd, self->out, server));
}

TEST_F(tcp, fastopen_with_a_cookie_is_reset_as_any_other)
{
	int l = listener(self->out, FAMILY), server, fd, i;
	int port = port_of(self->out, l);

	ASSERT_EQ(0, allow_fastopen(FASTOPEN_COOKIE));
	ASSERT_EQ(0, set(self->out, l, IPPROTO_TCP, TCP_FASTOPEN, 16));
	/* The first one gets the cookie, the second uses it. */
	for (i = 0; i < 2; i++) {
		fd = CALL(self->a, SYS_socket, FAMILY, SOCK_STREAM, 0);
		ASSERT_EQ(0, set(self->a, fd, IPPROTO_TCP,
				 TCP_FASTOPEN_CONNECT, 1));
		ASSERT_EQ(0, connect_fd(self->a, fd, FAMILY, NULL, port));
		ASSERT_EQ(5, send_text(self->a, fd, "hello"));
		server = accept_from(self->out, l);
		ASSERT_EQ(5, receive(self->out, server));
	}
	EXPECT_TRUE(info_of(self->a, fd)->tcpi_options & TCPI_OPT_SYN_DATA);
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, fd));
	EXPECT_STREQ("connect", column_of(&self->g, self->a->pid, fd,
					  "direction"));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->a, fd));
	EXPECT_EQ(-ECONNRESET, receive(self->out, server));
}

TEST_F(tcp, fastopen_whose_syn_is_lost_is_refused)
{
	int l = listener(self->out, FAMILY), fd;

	ASSERT_EQ(0, lose("syn"));
	fd = fastopen(self->a, FAMILY, port_of(self->out, l));
	ASSERT_LE(0, fd);
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, fd));
	THAW();
	EXPECT_TRUE(fails(self->a, fd));
	EXPECT_EQ(ECONNREFUSED, error_of(self->a, fd));
}

/* The child of a SYN with data waits for accept before the handshake's end. */
TEST_F(tcp, fastopen_child_in_the_queue_is_reset)
{
	int l = listener(self->a, FAMILY), port = port_of(self->a, l);
	int client, server, err;

	ASSERT_EQ(0, lose("syn|ack"));
	client = fastopen(self->out, FAMILY, port);
	ASSERT_TRUE(comes_to_queue(self->a, l, 1));
	FREEZE();
	EXPECT_STREQ("external", column_of(&self->g, self->a->pid, -1,
					   "class"));
	EXPECT_STREQ("syn-recv", column_of(&self->g, self->a->pid, -1,
					   "state"));
	lose(NULL);
	THAW();
	EXPECT_TRUE(fails(self->out, client));
	/* It may have had the SYN-ACK in the meantime. */
	err = error_of(self->out, client);
	EXPECT_TRUE(err == ECONNREFUSED || err == ECONNRESET);
	server = accept_from(self->a, l);
	ASSERT_LE(0, server);
	EXPECT_EQ(5, receive(self->a, server));
	EXPECT_EQ(-ECONNRESET, receive(self->a, server));
	/* the listener lives on */
	client = fastopen(self->out, FAMILY, port);
	server = accept_from(self->a, l);
	EXPECT_EQ(5, receive(self->a, server));
	make_blocking(self->out, client);
	EXPECT_TRUE(carries(self->out, client, self->a, server));
}

TEST_F(tcp, fastopen_child_accepted_before_the_handshakes_end_is_reset)
{
	int l = listener(self->a, FAMILY), client, server;

	ASSERT_EQ(0, lose("syn|ack"));
	client = fastopen(self->out, FAMILY, port_of(self->a, l));
	server = accept_from(self->a, l);
	ASSERT_LE(0, server);
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, server));
	EXPECT_STREQ("syn-recv", column_of(&self->g, self->a->pid, server,
					   "state"));
	lose(NULL);
	THAW();
	EXPECT_TRUE(fails(self->out, client));
	EXPECT_EQ(5, receive(self->a, server));
	EXPECT_EQ(-ECONNRESET, receive(self->a, server));
	EXPECT_EQ(0, receive(self->a, server));
}

TEST_F(tcp, fastopen_between_members_is_internal)
{
	int l = listener(self->a, FAMILY), client, server;

	ASSERT_EQ(0, lose("syn|ack"));
	client = fastopen(self->b, FAMILY, port_of(self->a, l));
	ASSERT_TRUE(comes_to_queue(self->a, l, 1));
	FREEZE();
	EXPECT_STREQ("internal", column_of(&self->g, self->a->pid, -1,
					   "class"));
	EXPECT_STREQ("internal", class_of(&self->g, self->b, client));
	lose(NULL);
	THAW();
	server = accept_from(self->a, l);
	EXPECT_EQ(5, receive(self->a, server));
	make_blocking(self->b, client);
	EXPECT_TRUE(comes_to(self->b, client, TCP_ESTABLISHED));
	EXPECT_TRUE(carries(self->b, client, self->a, server));
}

/* ---- handshakes that are not complete ---- */

/* Until there are data, the server's side is a request and no socket. */
static int deferring_listener(struct actor *a, int family)
{
	int l = listener(a, family);

	return set(a, l, IPPROTO_TCP, TCP_DEFER_ACCEPT, 60) ? -1 : l;
}

TEST_F(tcp, deferred_accept_of_an_outsider_stays)
{
	int l = deferring_listener(self->a, FAMILY), client, server;

	client = connect_to(self->out, FAMILY, NULL, port_of(self->a, l), 0);
	ASSERT_LE(0, client);
	ASSERT_TRUE(has_request(self->a, FAMILY));
	FREEZE();
	EXPECT_STREQ("listening", class_of(&self->g, self->a, l));
	EXPECT_EQ(1, count_rows(&self->g));
	THAW();
	EXPECT_EQ(5, send_text(self->out, client, "hello"));
	server = accept_from(self->a, l);
	EXPECT_EQ(5, receive(self->a, server));
	EXPECT_TRUE(carries(self->out, client, self->a, server));
}

TEST_F(tcp, deferred_accept_by_an_outsider_is_reset)
{
	int l = deferring_listener(self->out, FAMILY), client;

	client = connect_to(self->a, FAMILY, NULL, port_of(self->out, l), 0);
	ASSERT_LE(0, client);
	ASSERT_TRUE(has_request(self->out, FAMILY));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, client));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->a, client));
	EXPECT_TRUE(EVENTUALLY(!has_request(self->out, FAMILY)));
}

TEST_F(tcp, deferred_accept_between_members_is_internal)
{
	int l = deferring_listener(self->b, FAMILY), client, server;

	client = connect_to(self->a, FAMILY, NULL, port_of(self->b, l), 0);
	ASSERT_LE(0, client);
	ASSERT_TRUE(has_request(self->b, FAMILY));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->a, client));
	THAW();
	EXPECT_EQ(5, send_text(self->a, client, "hello"));
	server = accept_from(self->b, l);
	EXPECT_EQ(5, receive(self->b, server));
	EXPECT_TRUE(carries(self->a, client, self->b, server));
}

TEST_F(tcp, request_of_an_outsider_stays)
{
	int l = listener(self->a, FAMILY), client, server;

	ASSERT_EQ(0, lose("syn|ack"));
	client = connect_to(self->out, FAMILY, NULL, port_of(self->a, l),
			    SOCK_NONBLOCK);
	ASSERT_TRUE(EVENTUALLY(has_request(self->a, FAMILY)));
	FREEZE();
	EXPECT_EQ(1, count_rows(&self->g));
	THAW();
	lose(NULL);
	server = accept_from(self->a, l);
	make_blocking(self->out, client);
	EXPECT_TRUE(carries(self->out, client, self->a, server));
}

TEST_F(tcp, request_to_an_outsider_is_refused)
{
	int l = listener(self->out, FAMILY), client;

	ASSERT_EQ(0, lose("syn|ack"));
	client = connect_to(self->a, FAMILY, NULL, port_of(self->out, l),
			    SOCK_NONBLOCK);
	ASSERT_TRUE(EVENTUALLY(has_request(self->out, FAMILY)));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, client));
	THAW();
	EXPECT_EQ(ECONNREFUSED, error_of(self->a, client));
	/* The late answer is told that there is nobody. */
	lose(NULL);
	EXPECT_TRUE(EVENTUALLY(!has_request(self->out, FAMILY)));
}

TEST_F(tcp, blocking_connect_to_a_members_full_queue_goes_on)
{
	int l = listener_at(self->a, FAMILY, NULL, 0), i, fd;
	int port = port_of(self->a, l);
	struct sockaddr_storage *ss = (void *)buf_of(self->b);
	socklen_t len;

	for (i = 0; i < 4; i++)
		ASSERT_LE(0, connect_to(self->a, FAMILY, NULL, port,
					SOCK_NONBLOCK));
	ASSERT_TRUE(comes_to_queue(self->a, l, 1));
	CALL(self->a, SYS_fcntl, l, F_SETFL, O_NONBLOCK);
	fd = CALL(self->b, SYS_socket, FAMILY, SOCK_STREAM, 0);
	len = address(ss, FAMILY, NULL, port);
	START(self->b, SYS_connect, fd, ss, len);
	ASSERT_TRUE(sleeps_in(self->b->pid, SYS_connect));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->b, fd));
	EXPECT_STREQ("syn-sent", column_of(&self->g, self->b->pid, fd,
					   "state"));
	THAW();
	EXPECT_TRUE(EVENTUALLY((accept_from(self->a, l), is_done(self->b))));
	EXPECT_EQ(0, result(self->b));
}

/* ---- both call each other ---- */

/* Both SYNs got lost; the next ones meet sockets that call themselves. */
static bool call_each_other(struct actor *a, int fa, struct actor *b, int fb,
			    int family)
{
	return !lose("syn") &&
	       connect_fd(a, fa, family, NULL, port_of(b, fb)) ==
	       -EINPROGRESS &&
	       connect_fd(b, fb, family, NULL, port_of(a, fa)) ==
	       -EINPROGRESS;
}

TEST_F(tcp, simultaneous_open_between_members_is_internal)
{
	int one = bound(self->a, FAMILY), two = bound(self->b, FAMILY);

	ASSERT_TRUE(call_each_other(self->a, one, self->b, two, FAMILY));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->a, one));
	EXPECT_STREQ("internal", class_of(&self->g, self->b, two));
	THAW();
	ASSERT_EQ(0, lose_from("syn|ack", port_of(self->b, two)));
	ASSERT_TRUE(comes_to(self->b, two, TCP_SYN_RECV));
	FREEZE();
	EXPECT_STREQ("syn-recv", column_of(&self->g, self->b->pid, two,
					   "state"));
	EXPECT_STREQ("internal", class_of(&self->g, self->a, one));
	EXPECT_STREQ("internal", class_of(&self->g, self->b, two));
	THAW();
	lose(NULL);
	ASSERT_TRUE(comes_to(self->a, one, TCP_ESTABLISHED));
	ASSERT_TRUE(comes_to(self->b, two, TCP_ESTABLISHED));
	make_blocking(self->a, one);
	make_blocking(self->b, two);
	EXPECT_TRUE(carries(self->a, one, self->b, two));
}

TEST_F(tcp, simultaneous_open_with_an_outsider_is_refused)
{
	int one = bound(self->a, FAMILY), two = bound(self->out, FAMILY);

	ASSERT_TRUE(call_each_other(self->a, one, self->out, two, FAMILY));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, one));
	THAW();
	EXPECT_EQ(ECONNREFUSED, error_of(self->a, one));
	lose(NULL);
	EXPECT_TRUE(fails(self->out, two));
	EXPECT_EQ(ECONNREFUSED, error_of(self->out, two));
}

TEST_F(tcp, half_of_a_simultaneous_open_with_an_outsider_is_reset)
{
	int one = bound(self->a, FAMILY), two = bound(self->out, FAMILY);

	ASSERT_TRUE(call_each_other(self->out, two, self->a, one, FAMILY));
	ASSERT_EQ(0, lose_from("syn|ack", port_of(self->a, one)));
	ASSERT_TRUE(comes_to(self->a, one, TCP_SYN_RECV));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, one));
	lose(NULL);
	THAW();
	EXPECT_TRUE(fails(self->out, two));
	EXPECT_TRUE(fails(self->a, one));
	EXPECT_EQ(ECONNRESET, error_of(self->a, one));
}

TEST_F(tcp, connection_to_itself_is_internal)
{
	int fd = bound(self->a, FAMILY);

	make_blocking(self->a, fd);
	ASSERT_EQ(0, connect_fd(self->a, fd, FAMILY, NULL,
				port_of(self->a, fd)));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->a, fd));
	THAW();
	EXPECT_TRUE(carries(self->a, fd, self->a, fd));
}

/* ---- ends ---- */

TEST_F(tcp, half_closed_between_members_is_internal)
{
	struct pair p = connection(self->a, self->b, FAMILY);

	ASSERT_EQ(0, CALL(self->a, SYS_shutdown, p.client, SHUT_WR));
	ASSERT_TRUE(comes_to(self->a, p.client, TCP_FIN_WAIT2));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->a, p.client));
	EXPECT_STREQ("internal", class_of(&self->g, self->b, p.server));
	THAW();
	EXPECT_EQ(0, receive(self->b, p.server));
	EXPECT_EQ(5, send_text(self->b, p.server, "reply"));
	EXPECT_EQ(5, receive(self->a, p.client));
}

TEST_F(tcp, both_ends_in_fin_wait1_are_internal)
{
	struct pair p = connection(self->a, self->b, FAMILY);

	ASSERT_EQ(0, lose("fin|ack"));
	CALL(self->a, SYS_shutdown, p.client, SHUT_WR);
	CALL(self->b, SYS_shutdown, p.server, SHUT_WR);
	FREEZE();
	EXPECT_STREQ("fin-wait-1", column_of(&self->g, self->a->pid, p.client,
					     "state"));
	EXPECT_STREQ("internal", class_of(&self->g, self->a, p.client));
	EXPECT_STREQ("internal", class_of(&self->g, self->b, p.server));
	THAW();
	lose(NULL);
	EXPECT_EQ(0, receive(self->a, p.client));
	EXPECT_EQ(0, receive(self->b, p.server));
}

/* The one is done, which is idle; the other waits for the last packet. */
static void check_last_packet(struct __test_metadata *_metadata,
			      const struct group *g, struct actor *a, int done,
			      struct actor *b, int waits, const char *state)
{
	ASSERT_EQ(0, command(g, "freeze"));
	EXPECT_STREQ("idle", class_of(g, a, done));
	EXPECT_STREQ(state, column_of(g, b->pid, waits, "state"));
	EXPECT_STREQ("idle", class_of(g, b, waits));
	ASSERT_EQ(0, command(g, "thaw"));
	EXPECT_EQ(0, stat_of(g, "sockets_reset"));
	EXPECT_FALSE(poll_fd(b, waits) & POLLERR);
	lose(NULL);
	EXPECT_TRUE(comes_to(b, waits, TCP_CLOSE));
	EXPECT_EQ(0, receive(b, waits));
}

TEST_F(tcp, last_ack_whose_other_end_is_done_is_left_alone)
{
	struct pair p = connection(self->a, self->b, FAMILY);

	CALL(self->a, SYS_shutdown, p.client, SHUT_WR);
	ASSERT_TRUE(comes_to(self->a, p.client, TCP_FIN_WAIT2));
	ASSERT_EQ(0, lose("ack"));
	CALL(self->b, SYS_shutdown, p.server, SHUT_WR);
	ASSERT_TRUE(comes_to(self->a, p.client, TCP_CLOSE));
	check_last_packet(_metadata, &self->g, self->a, p.client, self->b,
			  p.server, "last-ack");
}

/*
 * Both ends are shut down, and of what each says the end arrives, but not that the
 * other's has: until one of them says both at once.
 */
static struct pair end_at_once(struct __test_metadata *_metadata,
			       struct actor *a, struct actor *b, int family)
{
	struct pair p = connection(a, b, family);

	ASSERT_EQ(0, lose("fin|ack"));
	CALL(a, SYS_shutdown, p.client, SHUT_WR);
	CALL(b, SYS_shutdown, p.server, SHUT_WR);
	ASSERT_EQ(0, lose("ack"));
	ASSERT_TRUE(EVENTUALLY(
		info_of(a, p.client)->tcpi_state == TCP_CLOSE ||
		info_of(b, p.server)->tcpi_state == TCP_CLOSE));
	return p;
}

static bool is_closing(struct actor *a, int fd)
{
	return info_of(a, fd)->tcpi_state == TCP_CLOSING;
}

TEST_F(tcp, closing_whose_other_end_is_done_is_left_alone)
{
	struct pair p;
	int i;

	/* If both say it in the same moment, both are done: then once more. */
	for (i = 0; i < 10; i++) {
		p = end_at_once(_metadata, self->a, self->b, FAMILY);
		if (is_closing(self->a, p.client) ||
		    is_closing(self->b, p.server))
			break;
		lose(NULL);
	}
	if (is_closing(self->b, p.server))
		check_last_packet(_metadata, &self->g, self->a, p.client,
				  self->b, p.server, "closing");
	else
		check_last_packet(_metadata, &self->g, self->b, p.server,
				  self->a, p.client, "closing");
}

/* ---- closed, and still sending ---- */

TEST_F(tcp, what_a_member_sent_before_it_closed_arrives_outside)
{
	struct pair p = connection(self->a, self->out, FAMILY);
	long sent = fill_up(self->a, p.client);

	ASSERT_LT(0, sent);
	ASSERT_EQ(0, CALL(self->a, SYS_close, p.client));
	FREEZE();
	EXPECT_EQ(0, count_rows(&self->g));
	THAW();
	EXPECT_EQ(sent, read_to_end(self->out, p.server));
}

/* A close that lingers ends by any stop, but what is to be sent is sent. */
TEST_F(tcp, lingering_close)
{
	struct pair p = connection(self->a, self->out, FAMILY);
	long sent = fill_up(self->a, p.client);

	ASSERT_LT(0, sent);
	ASSERT_EQ(0, set_linger(self->a, p.client, 600));
	START(self->a, SYS_close, p.client);
	ASSERT_TRUE(sleeps_in(self->a->pid, SYS_close));
	FREEZE();
	EXPECT_EQ(0, count_rows(&self->g));
	THAW();
	EXPECT_EQ(0, result(self->a));
	EXPECT_EQ(sent, read_to_end(self->out, p.server));
}

static void check_closed(struct __test_metadata *_metadata,
			 const struct group *g, struct actor *reader, int fd,
			 long sent)
{
	ASSERT_EQ(0, command(g, "freeze"));
	EXPECT_STREQ("internal", class_of(g, reader, fd));
	ASSERT_EQ(0, command(g, "thaw"));
	EXPECT_EQ(0, stat_of(g, "sockets_reset"));
	EXPECT_EQ(sent, read_to_end(reader, fd));
}

TEST_F(tcp, what_a_member_sent_before_it_closed_arrives_inside)
{
	struct pair p = connection(self->a, self->b, FAMILY);
	long sent = fill_up(self->a, p.client);

	ASSERT_LT(0, sent);
	ASSERT_EQ(0, CALL(self->a, SYS_close, p.client));
	check_closed(_metadata, &self->g, self->b, p.server, sent);
}

TEST_F(tcp, what_a_server_sent_before_it_closed_arrives_inside)
{
	struct pair p = connection(self->a, self->b, FAMILY);
	long sent;

	/* It ends in LAST_ACK. */
	CALL(self->a, SYS_shutdown, p.client, SHUT_WR);
	ASSERT_TRUE(comes_to(self->b, p.server, TCP_CLOSE_WAIT));
	sent = fill_up(self->b, p.server);
	ASSERT_LT(0, sent);
	ASSERT_EQ(0, CALL(self->b, SYS_close, p.server));
	check_closed(_metadata, &self->g, self->a, p.client, sent);
}

TEST_F(tcp, what_a_member_sent_before_it_was_killed_arrives_inside)
{
	struct pair p = connection(self->a, self->b, FAMILY);
	long sent = fill_up(self->a, p.client);

	ASSERT_LT(0, sent);
	part(self->a);
	check_closed(_metadata, &self->g, self->b, p.server, sent);
	self->a = actor();
}

/* All was received, so the other end is not even there any more. */
TEST_F(tcp, one_whose_other_end_is_gone_is_idle)
{
	struct pair p = connection(self->a, self->b, FAMILY);

	ASSERT_EQ(5, send_text(self->a, p.client, "hello"));
	ASSERT_EQ(0, CALL(self->a, SYS_close, p.client));
	ASSERT_TRUE(comes_to(self->b, p.server, TCP_CLOSE_WAIT));
	/* That the end has come is said a little later. */
	ASSERT_TRUE(EVENTUALLY(!has_state(self->b, FAMILY, TCP_FIN_WAIT1)));
	FREEZE();
	EXPECT_STREQ("idle", class_of(&self->g, self->b, p.server));
	THAW();
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP, poll_fd(self->b, p.server));
	EXPECT_EQ(5, receive(self->b, p.server));
	EXPECT_EQ(0, receive(self->b, p.server));
	EXPECT_EQ(1, send_text(self->b, p.server, "x"));
}

TEST_F(tcp, what_an_outsider_closed_is_reset)
{
	struct pair p = connection(self->out, self->b, FAMILY);

	ASSERT_LT(0, fill_up(self->out, p.client));
	ASSERT_EQ(0, CALL(self->out, SYS_close, p.client));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->b, p.server));
	THAW();
	EXPECT_EQ(-ECONNRESET, read_to_end(self->b, p.server));
}

/* ---- special modes ---- */

/* A genuine reset: the peer closes without lingering. */
static bool reset_by(struct actor *peer, int fd)
{
	return !set_linger(peer, fd, 0) && !CALL(peer, SYS_close, fd);
}

static long receive_urgent(struct actor *a, int fd)
{
	return CALL(a, SYS_recvfrom, fd, buf_of(a), 1, MSG_OOB, NULL, NULL);
}

static int at_mark(struct actor *a, int fd)
{
	int *at = (int *)buf_of(a);

	return CALL(a, SYS_ioctl, fd, SIOCATMARK, at) ? -1 : *at;
}

/* "ab", and "!" that is urgent */
static bool send_urgent(struct actor *a, int fd, struct actor *b, int to)
{
	return send_text(a, fd, "ab") == 2 &&
	       CALL(a, SYS_sendto, fd, "!", 1, MSG_OOB, NULL, 0) == 1 &&
	       comes_to_read(b, to, 2) &&
	       EVENTUALLY(poll_fd(b, to) & POLLIN);
}

TEST_F(tcp, urgent_data_between_members_stay)
{
	struct pair p = connection(self->a, self->b, FAMILY);

	ASSERT_TRUE(send_urgent(self->a, p.client, self->b, p.server));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->b, p.server));
	THAW();
	EXPECT_EQ(2, receive(self->b, p.server));
	EXPECT_EQ(1, at_mark(self->b, p.server));
	EXPECT_EQ(1, receive_urgent(self->b, p.server));
	EXPECT_EQ('!', *buf_of(self->b));
	EXPECT_TRUE(carries(self->a, p.client, self->b, p.server));
}

TEST_F(tcp, urgent_data_are_as_after_a_genuine_reset)
{
	struct pair p = connection(self->out, self->a, FAMILY);
	struct pair q = connection(self->out, self->b, FAMILY);
	int i;

	ASSERT_TRUE(send_urgent(self->out, p.client, self->a, p.server));
	ASSERT_TRUE(send_urgent(self->out, q.client, self->b, q.server));
	ASSERT_TRUE(reset_by(self->out, q.client));
	ASSERT_TRUE(fails(self->b, q.server));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, p.server));
	EXPECT_STREQ("idle", class_of(&self->g, self->b, q.server));
	THAW();
	EXPECT_EQ(2, receive(self->a, p.server));
	EXPECT_EQ(2, receive(self->b, q.server));
	EXPECT_EQ(at_mark(self->b, q.server), at_mark(self->a, p.server));
	EXPECT_EQ(receive_urgent(self->b, q.server),
		  receive_urgent(self->a, p.server));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(receive(self->b, q.server),
			  receive(self->a, p.server));
}

/* Encrypt and decrypt in the kernel, with a key that everybody knows. */
static int use_tls(struct actor *a, int fd)
{
	struct tls12_crypto_info_aes_gcm_128 *key = (void *)buf_of(a);
	int err;

	strcpy(buf_of(a), "tls");
	err = CALL(a, SYS_setsockopt, fd, IPPROTO_TCP, TCP_ULP, buf_of(a), 4);
	memset(key, 7, sizeof(*key));
	key->info.version = TLS_1_2_VERSION;
	key->info.cipher_type = TLS_CIPHER_AES_GCM_128;
	return err ?: CALL(a, SYS_setsockopt, fd, SOL_TLS, TLS_TX, key,
			   sizeof(*key)) ?:
	       CALL(a, SYS_setsockopt, fd, SOL_TLS, TLS_RX, key, sizeof(*key));
}

/* Two records that wait to be read. */
static bool send_records(struct actor *a, int fd, struct actor *b, int to)
{
	return send_text(a, fd, "one") == 3 && send_text(a, fd, "second") == 6 &&
	       EVENTUALLY(poll_fd(b, to) & POLLIN);
}

TEST_F(tcp, tls_between_members_goes_on)
{
	struct pair p = connection(self->a, self->b, FAMILY);

	sh("modprobe -q tls");
	ASSERT_EQ(0, use_tls(self->a, p.client));
	ASSERT_EQ(0, use_tls(self->b, p.server));
	ASSERT_TRUE(send_records(self->a, p.client, self->b, p.server));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->a, p.client));
	EXPECT_STREQ("internal", class_of(&self->g, self->b, p.server));
	THAW();
	EXPECT_EQ(9, receive(self->b, p.server));
	EXPECT_STREQ("onesecond", buf_of(self->b));
	EXPECT_TRUE(carries(self->a, p.client, self->b, p.server));
}

TEST_F(tcp, tls_is_as_after_a_genuine_reset)
{
	struct pair p = connection(self->out, self->a, FAMILY);
	struct pair q = connection(self->out, self->b, FAMILY);
	int i;

	sh("modprobe -q tls");
	ASSERT_EQ(0, use_tls(self->a, p.server));
	ASSERT_EQ(0, use_tls(self->b, q.server));
	ASSERT_EQ(0, use_tls(self->out, p.client));
	ASSERT_EQ(0, use_tls(self->out, q.client));
	ASSERT_TRUE(send_records(self->out, p.client, self->a, p.server));
	ASSERT_TRUE(send_records(self->out, q.client, self->b, q.server));
	ASSERT_TRUE(reset_by(self->out, q.client));
	ASSERT_TRUE(fails(self->b, q.server));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, p.server));
	THAW();
	for (i = 0; i < 4; i++) {
		long genuine = receive(self->b, q.server);

		TH_LOG("a genuine reset reads %ld", genuine);
		EXPECT_EQ(genuine, receive(self->a, p.server));
	}
	EXPECT_EQ(send_text(self->b, q.server, "x"),
		  send_text(self->a, p.server, "x"));
	EXPECT_EQ(-ECONNRESET, receive(self->out, p.client));
}

TEST_F(tcp, blocked_reader_of_tls_wakes)
{
	struct pair p = connection(self->out, self->a, FAMILY);

	sh("modprobe -q tls");
	ASSERT_EQ(0, use_tls(self->a, p.server));
	ASSERT_EQ(0, use_tls(self->out, p.client));
	START(self->a, SYS_recvfrom, p.server, buf_of(self->a), 16, 0, NULL,
	      NULL);
	ASSERT_TRUE(sleeps_in(self->a->pid, SYS_recvfrom));
	FREEZE();
	THAW();
	EXPECT_EQ(-ECONNRESET, result(self->a));
	EXPECT_EQ(-ECONNRESET, receive(self->out, p.client));
}

TEST_F(tcp, repair_without_a_connection_is_idle)
{
	int fd = bound(self->a, FAMILY);

	ASSERT_EQ(0, set(self->a, fd, IPPROTO_TCP, TCP_REPAIR, 1));
	FREEZE();
	EXPECT_STREQ("idle", class_of(&self->g, self->a, fd));
	THAW();
	EXPECT_EQ(0, set(self->a, fd, IPPROTO_TCP, TCP_REPAIR, 0));
}

TEST_F(tcp, repair_between_members_is_internal)
{
	struct pair p = connection(self->a, self->b, FAMILY);

	ASSERT_EQ(0, set(self->a, p.client, IPPROTO_TCP, TCP_REPAIR, 1));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->a, p.client));
	EXPECT_STREQ("internal", class_of(&self->g, self->b, p.server));
	THAW();
	EXPECT_EQ(0, set(self->a, p.client, IPPROTO_TCP, TCP_REPAIR, 0));
	EXPECT_TRUE(carries(self->a, p.client, self->b, p.server));
}

TEST_F(tcp, repair_does_not_keep_from_a_reset)
{
	struct pair p = connection(self->a, self->out, FAMILY);

	ASSERT_EQ(0, set(self->a, p.client, IPPROTO_TCP, TCP_REPAIR, 1));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, p.client));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->out, p.server));
	EXPECT_EQ(0, set(self->a, p.client, IPPROTO_TCP, TCP_REPAIR, 0));
	EXPECT_EQ(-ECONNRESET, receive(self->a, p.client));
	EXPECT_EQ(0, receive(self->a, p.client));
}

/* ---- addresses ---- */

/* A connection is whose queue it came to, not whose port it went to. */
TEST_F(tcp, reuseport_with_an_outsider)
{
	int ours = listen_together(self->a, FAMILY, NULL, 0), port, theirs, i;
	int fds[32], n = 32, internal = 0, external = 0, queued;

	port = port_of(self->a, ours);
	theirs = listen_together(self->out, FAMILY, NULL, port);
	ASSERT_LE(0, theirs);
	for (i = 0; i < n; i++) {
		fds[i] = connect_to(self->b, FAMILY, NULL, port, 0);
		ASSERT_LE(0, fds[i]);
	}
	ASSERT_TRUE(EVENTUALLY(info_of(self->a, ours)->tcpi_unacked +
			       info_of(self->out, theirs)->tcpi_unacked ==
			       (unsigned int)n));
	queued = info_of(self->a, ours)->tcpi_unacked;
	ASSERT_TRUE(queued > 0 && queued < n);
	FREEZE();
	for (i = 0; i < n; i++) {
		internal += !strcmp("internal",
				    class_of(&self->g, self->b, fds[i]));
		external += !strcmp("external",
				    class_of(&self->g, self->b, fds[i]));
	}
	EXPECT_EQ(queued, internal);
	EXPECT_EQ(n - queued, external);
	THAW();
	for (i = 0; i < queued; i++) {
		int server = accept_from(self->a, ours);

		EXPECT_EQ(1, send_text(self->a, server, "x"));
	}
	for (i = internal = 0; i < n; i++)
		internal += receive(self->b, fds[i]) == 1;
	EXPECT_EQ(queued, internal);
}

TEST_F(tcp, ipv6_socket_with_ipv4_addresses)
{
	int l = listener_at(self->a, FAMILY,
			    FAMILY == AF_INET ? NULL : "::ffff:127.0.0.1", 16);
	int port = port_of(self->a, l), client, server, other, outer;

	client = connect_to(self->b, AF_INET6, "::ffff:127.0.0.1", port, 0);
	server = accept_from(self->a, l);
	other = connect_to(self->out, AF_INET6, "::ffff:127.0.0.1", port, 0);
	outer = accept_from(self->a, l);
	ASSERT_LE(0, outer);
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->b, client));
	EXPECT_STREQ("internal", class_of(&self->g, self->a, server));
	EXPECT_STREQ("external", class_of(&self->g, self->a, outer));
	THAW();
	EXPECT_TRUE(carries(self->b, client, self->a, server));
	EXPECT_EQ(-ECONNRESET, receive(self->out, other));
}

/* What is to be sent again is sent again while the group stands still. */
TEST_F(tcp, keepalive_is_answered_for_who_stands_still)
{
	struct pair p = connection(self->a, self->b, FAMILY);

	ASSERT_EQ(0, set(self->a, p.client, SOL_SOCKET, SO_KEEPALIVE, 1));
	ASSERT_EQ(0, set(self->a, p.client, IPPROTO_TCP, TCP_KEEPIDLE, 1));
	ASSERT_EQ(0, set(self->a, p.client, IPPROTO_TCP, TCP_KEEPINTVL, 1));
	ASSERT_EQ(0, set(self->a, p.client, IPPROTO_TCP, TCP_KEEPCNT, 1));
	ASSERT_EQ(0, set(self->a, p.client, IPPROTO_TCP, TCP_USER_TIMEOUT,
			 1000));
	FREEZE();
	msleep(3500);
	THAW();
	EXPECT_TRUE(carries(self->a, p.client, self->b, p.server));
}

TEST_HARNESS_MAIN
