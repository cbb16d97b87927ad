// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unix sockets: who is at the other end, and what both see after a thaw.
 */
#include "extsock_test.h"

FIXTURE(unixsock)
{
	struct group g;
	struct actor *m;
	struct sockaddr_un name;
	socklen_t len;
	int listener;
	int fd;
	int peer;
};

FIXTURE_VARIANT(unixsock)
{
	int type;
	bool abstract;
};

FIXTURE_VARIANT_ADD(unixsock, stream) { SOCK_STREAM, true };
FIXTURE_VARIANT_ADD(unixsock, stream_path) { SOCK_STREAM, false };
FIXTURE_VARIANT_ADD(unixsock, seqpacket) { SOCK_SEQPACKET, true };

/* A name that nobody else has; abstract ones begin with a NUL. */
static socklen_t name_socket(struct sockaddr_un *un, const char *what,
			     bool abstract)
{
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	snprintf(un->sun_path, sizeof(un->sun_path), "/tmp/%s %d", what,
		 getpid());
	if (!abstract) {
		unlink(un->sun_path);
		return sizeof(*un);
	}
	un->sun_path[0] = '\0';
	return offsetof(struct sockaddr_un, sun_path) + 1 +
	       strlen(un->sun_path + 1);
}

static int unix_listener(struct actor *a, int type,
			 const struct sockaddr_un *un, socklen_t len)
{
	int fd = CALL(a, SYS_socket, AF_UNIX, type, 0);

	memcpy(buf_of(a), un, sizeof(*un));
	if (fd < 0 || CALL(a, SYS_bind, fd, buf_of(a), len) ||
	    CALL(a, SYS_listen, fd, 16))
		return -1;
	return fd;
}

static int unix_connect(struct actor *a, int type, const struct sockaddr_un *un,
			socklen_t len)
{
	int fd = CALL(a, SYS_socket, AF_UNIX, type, 0), err;

	memcpy(buf_of(a), un, sizeof(*un));
	err = CALL(a, SYS_connect, fd, buf_of(a), len);
	return err ? err : fd;
}

/* A member, connected to a server outside of the group. */
FIXTURE_SETUP(unixsock)
{
	make_group(&self->g, "unix");
	self->m = member(&self->g);
	self->len = name_socket(&self->name, "out side", variant->abstract);
	self->listener = unix_listener(OUTSIDE, variant->type, &self->name,
				       self->len);
	self->fd = unix_connect(self->m, variant->type, &self->name, self->len);
	self->peer = accept_from(OUTSIDE, self->listener);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->peer);
}

FIXTURE_TEARDOWN(unixsock)
{
	part(self->m);
	EXPECT_TRUE(drop_group(&self->g));
	if (!variant->abstract)
		unlink(self->name.sun_path);
}

/* ---- what both ends see ---- */

/* Both have two bytes to read. One is reset by a thaw, the other by its peer. */
TEST_F(unixsock, looks_as_if_its_peer_had_reset_it)
{
	int fd = unix_connect(self->m, variant->type, &self->name, self->len);
	int peer = accept_from(OUTSIDE, self->listener), i;
	long want, got;

	ASSERT_LE(0, peer);
	ASSERT_EQ(2, send_text(OUTSIDE, self->peer, "hi"));
	ASSERT_EQ(2, send_text(OUTSIDE, peer, "hi"));
	/* its peer closes it with something unread */
	ASSERT_EQ(4, send_text(self->m, fd, "lost"));
	close(peer);
	FREEZE();
	EXPECT_STREQ("idle", class_of(&self->g, self->m, fd));
	EXPECT_STREQ("external", class_of(&self->g, self->m, self->fd));
	EXPECT_STREQ("reset", column_of(&self->g, self->m->pid, self->fd,
					"action"));
	THAW();
	EXPECT_EQ(poll_fd(self->m, fd), poll_fd(self->m, self->fd));
	for (i = 0; i < 4; i++) {
		want = receive(self->m, fd);
		got = receive(self->m, self->fd);
		EXPECT_EQ(want, got) TH_LOG("in read %d", i);
	}
	for (i = 0; i < 3; i++) {
		want = send_text(self->m, fd, "x");
		got = send_text(self->m, self->fd, "x");
		EXPECT_EQ(want, got) TH_LOG("in write %d", i);
	}
	EXPECT_EQ(-EPIPE, got);
	EXPECT_EQ(0, self->m->stage->sigpipes % 2);
}

TEST_F(unixsock, the_error_once_then_the_end)
{
	FREEZE();
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->m, self->fd));
	EXPECT_EQ(0, receive(self->m, self->fd));
	EXPECT_EQ(0, receive(self->m, self->fd));
	EXPECT_EQ(-EPIPE, send_text(self->m, self->fd, "x"));
	EXPECT_EQ(1, stat_of(&self->g, "sockets_reset"));
}

TEST_F(unixsock, unread_data_stays)
{
	long first, second;

	ASSERT_EQ(5, send_text(OUTSIDE, self->peer, "hello"));
	FREEZE();
	THAW();
	first = receive(self->m, self->fd);
	second = receive(self->m, self->fd);
	/* seqpacket has the error first, as it always does */
	EXPECT_EQ(variant->type == SOCK_STREAM ? 5 : -ECONNRESET, first);
	EXPECT_EQ(variant->type == SOCK_STREAM ? -ECONNRESET : 5, second);
	EXPECT_EQ(0, receive(self->m, self->fd));
}

TEST_F(unixsock, poll_says_all)
{
	FREEZE();
	THAW();
	EXPECT_EQ(POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP,
		  poll_fd(self->m, self->fd));
}

TEST_F(unixsock, peer_is_told)
{
	FREEZE();
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, self->peer));
	EXPECT_EQ(0, receive(OUTSIDE, self->peer));
	EXPECT_EQ(-EPIPE, CALL(OUTSIDE, SYS_sendto, self->peer, "x", 1,
			       MSG_NOSIGNAL, NULL, 0));
}

TEST_F(unixsock, blocked_reader_wakes)
{
	START(self->m, SYS_recvfrom, self->fd, buf_of(self->m), 16, 0, NULL,
	      NULL);
	ASSERT_TRUE(sleeps_in(self->m->pid, SYS_recvfrom));
	FREEZE();
	THAW();
	EXPECT_EQ(-ECONNRESET, result(self->m));
	EXPECT_EQ(0, receive(self->m, self->fd));
}

static long read_for_long(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0) < 0 ? -errno : 0;
}

static void read_peer(struct stage *s)
{
	s->ret = read_for_long(s->arg[1]);
}

TEST_F(unixsock, blocked_peer_wakes)
{
	struct actor *out = actor();

	/* it has the peer's descriptor from here */
	start(out, -1L, (long)read_peer, (long)self->peer, 0L, 0L, 0L, 0L);
	ASSERT_TRUE(sleeps_in(out->pid, SYS_recvfrom));
	FREEZE();
	EXPECT_FALSE(is_done(out));
	THAW();
	EXPECT_EQ(-ECONNRESET, result(out));
	part(out);
}

TEST_F(unixsock, blocked_writer_wakes)
{
	char *b = buf_of(self->m);
	long sent;

	do {
		sent = CALL(self->m, SYS_sendto, self->fd, b, 8192,
			    MSG_DONTWAIT, NULL, 0);
	} while (sent > 0);
	ASSERT_EQ(-EAGAIN, sent);
	START(self->m, SYS_sendto, self->fd, b, 8192, MSG_NOSIGNAL, NULL, 0);
	ASSERT_TRUE(sleeps_in(self->m->pid, SYS_sendto));
	FREEZE();
	EXPECT_FALSE(is_done(self->m));
	THAW();
	sent = result(self->m);
	EXPECT_TRUE(sent == -EPIPE || sent == -ECONNRESET)
		TH_LOG("it is %ld", sent);
}

TEST_F(unixsock, blocked_poller_wakes)
{
	struct pollfd *p = (void *)buf_of(self->m);

	p->fd = self->fd;
	p->events = POLLIN;
	START(self->m, SYS_poll, p, 1, -1);
	ASSERT_TRUE(sleeps_in(self->m->pid, SYS_poll));
	FREEZE();
	THAW();
	EXPECT_EQ(1, result(self->m));
	EXPECT_EQ(POLLIN | POLLERR | POLLHUP, p->revents);
}

TEST_F(unixsock, edge_triggered_epoll_sees_it)
{
	struct epoll_event *e = (void *)buf_of(self->m);
	int ep = CALL(self->m, SYS_epoll_create1, 0);

	e->events = EPOLLIN | EPOLLET;
	ASSERT_EQ(0, CALL(self->m, SYS_epoll_ctl, ep, EPOLL_CTL_ADD, self->fd,
			  e));
	ASSERT_EQ(0, CALL(self->m, SYS_epoll_wait, ep, e, 1, 0));
	FREEZE();
	THAW();
	EXPECT_EQ(1, CALL(self->m, SYS_epoll_wait, ep, e, 1, 0));
	EXPECT_EQ(EPOLLIN | EPOLLERR | EPOLLHUP, e->events);
}

TEST_F(unixsock, thaw_keep_touches_nothing)
{
	FREEZE();
	ASSERT_EQ(0, command(&self->g, "thaw keep"));
	EXPECT_TRUE(carries(self->m, self->fd, OUTSIDE, self->peer));
}

/* What has been reset is no connection the next time. */
TEST_F(unixsock, second_cycle)
{
	int fd, peer;

	FREEZE();
	THAW();
	fd = unix_connect(self->m, variant->type, &self->name, self->len);
	peer = accept_from(OUTSIDE, self->listener);
	ASSERT_TRUE(carries(self->m, fd, OUTSIDE, peer));
	FREEZE();
	EXPECT_STREQ("idle", class_of(&self->g, self->m, self->fd));
	EXPECT_STREQ("external", class_of(&self->g, self->m, fd));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->m, fd));
	EXPECT_EQ(-ECONNRESET, receive(self->m, self->fd));
}

TEST_F(unixsock, killed_member_closes_in_the_ordinary_way)
{
	ASSERT_EQ(5, send_text(self->m, self->fd, "bytes"));
	FREEZE();
	part(self->m);
	EXPECT_EQ(5, receive(OUTSIDE, self->peer));
	EXPECT_EQ(0, receive(OUTSIDE, self->peer));
	THAW();
	self->m = actor();
}

/* ---- who is at the other end ---- */

static void check_internal(struct __test_metadata *_metadata,
			   const struct group *g, struct actor *a, int fa,
			   struct actor *b, int fb)
{
	ASSERT_LE(0, fa);
	ASSERT_LE(0, fb);
	ASSERT_EQ(0, command(g, "freeze"));
	EXPECT_STREQ("internal", class_of(g, a, fa));
	EXPECT_STREQ("internal", class_of(g, b, fb));
	ASSERT_EQ(0, command(g, "thaw"));
	EXPECT_TRUE(carries(a, fa, b, fb));
}

TEST_F(unixsock, internal)
{
	struct actor *server = member(&self->g);
	struct sockaddr_un un;
	socklen_t len = name_socket(&un, "inside", variant->abstract);
	int l = unix_listener(server, variant->type, &un, len);
	int fd = unix_connect(self->m, variant->type, &un, len);

	check_internal(_metadata, &self->g, self->m, fd, server,
		       accept_from(server, l));
	ASSERT_EQ(0, command(&self->g, "freeze"));
	EXPECT_STREQ("listening", class_of(&self->g, server, l));
	ASSERT_EQ(0, command(&self->g, "thaw"));
	part(server);
}

TEST_F(unixsock, internal_socketpair)
{
	int sv[2];

	ASSERT_EQ(0, CALL(self->m, SYS_socketpair, AF_UNIX, variant->type, 0,
			  buf_of(self->m)));
	memcpy(sv, buf_of(self->m), sizeof(sv));
	check_internal(_metadata, &self->g, self->m, sv[0], self->m, sv[1]);
}

TEST_F(unixsock, queued_internal)
{
	struct actor *server = member(&self->g);
	struct sockaddr_un un;
	socklen_t len = name_socket(&un, "inside", variant->abstract);
	int l = unix_listener(server, variant->type, &un, len);
	int fd = unix_connect(self->m, variant->type, &un, len);

	ASSERT_LE(0, fd);
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->m, fd));
	EXPECT_STREQ("internal", column_of(&self->g, server->pid, -1, "class"));
	THAW();
	EXPECT_TRUE(carries(self->m, fd, server, accept_from(server, l)));
	part(server);
}

TEST_F(unixsock, queued_external)
{
	struct sockaddr_un un;
	socklen_t len = name_socket(&un, "inside", variant->abstract);
	int l = unix_listener(self->m, variant->type, &un, len);
	int fd = unix_connect(OUTSIDE, variant->type, &un, len), server;

	ASSERT_LE(0, fd);
	FREEZE();
	EXPECT_STREQ("external", column_of(&self->g, self->m->pid, -1,
					   "class"));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, fd));
	server = accept_from(self->m, l);
	ASSERT_LE(0, server);
	EXPECT_EQ(-ECONNRESET, receive(self->m, server));
	EXPECT_EQ(0, receive(self->m, server));
	/* the listener lives on */
	fd = unix_connect(OUTSIDE, variant->type, &un, len);
	EXPECT_TRUE(carries(OUTSIDE, fd, self->m, accept_from(self->m, l)));
}

TEST_F(unixsock, arrived_while_frozen_stays)
{
	struct sockaddr_un un;
	socklen_t len = name_socket(&un, "inside", variant->abstract);
	int l = unix_listener(self->m, variant->type, &un, len), fd;

	FREEZE();
	fd = unix_connect(OUTSIDE, variant->type, &un, len);
	ASSERT_LE(0, fd);
	THAW();
	EXPECT_TRUE(carries(OUTSIDE, fd, self->m, accept_from(self->m, l)));
}

/* The server outside has not accepted it yet. */
TEST_F(unixsock, not_yet_accepted_outside)
{
	int fd = unix_connect(self->m, variant->type, &self->name, self->len);
	int peer;

	ASSERT_LE(0, fd);
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->m, fd));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->m, fd));
	peer = accept_from(OUTSIDE, self->listener);
	ASSERT_LE(0, peer);
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, peer));
}

TEST_F(unixsock, to_another_group_is_external)
{
	struct group other;
	struct actor *a;
	int fd;

	make_group(&other, "other");
	a = member(&other);
	fd = pass_fd(a, self->peer);
	ASSERT_LE(0, fd);
	close(self->peer);
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->m, self->fd));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(a, fd));
	part(a);
	EXPECT_TRUE(drop_group(&other));
}

/* Its other end was sent and not received yet, and closed. */
TEST_F(unixsock, to_one_in_flight_is_not_reset)
{
	int sv[2], over[2], fd;

	ASSERT_EQ(0, CALL(self->m, SYS_socketpair, AF_UNIX, variant->type, 0,
			  buf_of(self->m)));
	memcpy(sv, buf_of(self->m), sizeof(sv));
	ASSERT_EQ(0, CALL(self->m, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0,
			  buf_of(self->m)));
	memcpy(over, buf_of(self->m), sizeof(over));
	ASSERT_TRUE(send_fd(self->m, over[0], sv[1]));
	ASSERT_EQ(0, CALL(self->m, SYS_close, sv[1]));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->m, sv[0]));
	EXPECT_STREQ(can_see_messages() ? "internal" : "shared",
		     class_in_flight(&self->g, self->m));
	THAW();
	fd = receive_fd(self->m, over[1]);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(carries(self->m, sv[0], self->m, fd));
}

/* It waits at a listening socket that was sent and not received yet. */
TEST_F(unixsock, queued_at_one_in_flight_is_not_reset)
{
	struct sockaddr_un un;
	socklen_t len = name_socket(&un, "inside", variant->abstract);
	int l = unix_listener(self->m, variant->type, &un, len), over[2];
	int fd = unix_connect(self->m, variant->type, &un, len);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, CALL(self->m, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0,
			  buf_of(self->m)));
	memcpy(over, buf_of(self->m), sizeof(over));
	ASSERT_TRUE(send_fd(self->m, over[0], l));
	ASSERT_EQ(0, CALL(self->m, SYS_close, l));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->m, fd));
	THAW();
	l = receive_fd(self->m, over[1]);
	ASSERT_LE(0, l);
	EXPECT_TRUE(carries(self->m, fd, self->m, accept_from(self->m, l)));
}

/* An outsider's end is outside, in however many messages it is. */
TEST_F(unixsock, to_an_outsiders_one_in_flight_is_external)
{
	int over[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, over));
	ASSERT_TRUE(send_fd(OUTSIDE, over[0], self->peer));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->m, self->fd));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, self->peer));
}

TEST_F(unixsock, shared_with_an_outsider_is_not_reset)
{
	int got, sv[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, variant->type, 0, sv));
	got = pass_fd(self->m, sv[0]);
	ASSERT_LE(0, got);
	FREEZE();
	EXPECT_STREQ("shared", class_of(&self->g, self->m, got));
	THAW();
	EXPECT_TRUE(carries(OUTSIDE, sv[0], OUTSIDE, sv[1]));
	EXPECT_TRUE(carries(self->m, got, OUTSIDE, sv[1]));
}

TEST_F(unixsock, names_are_shown)
{
	char want[128];

	snprintf(want, sizeof(want), "%sout\\040side\\040%d",
		 variant->abstract ? "@tmp/" : "/tmp/", getpid());
	FREEZE();
	EXPECT_STREQ("unix", column_of(&self->g, self->m->pid, self->fd,
				       "family"));
	EXPECT_STREQ("-", column_of(&self->g, self->m->pid, self->fd, "local"));
	EXPECT_STREQ(want, column_of(&self->g, self->m->pid, self->fd,
				     "remote"));
	THAW();
}

/* The longest has no room for a NUL; one that begins with an @ is no abstract one. */
TEST_F(unixsock, strange_names_are_shown)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char want[128] = "/tmp/";
	int fd = socket(AF_UNIX, variant->type, 0);

	memset(want + 5, 'x', sizeof(un.sun_path) - 5);
	memcpy(un.sun_path, want, sizeof(un.sun_path));
	unlink(want);
	ASSERT_EQ(0, bind(fd, (void *)&un, sizeof(un)));
	ASSERT_EQ(0, listen(fd, 1));
	ASSERT_EQ(0, chdir("/tmp"));
	unlink("@x");
	fd = CALL(self->m, SYS_socket, AF_UNIX, variant->type, 0);
	CALL(self->m, SYS_chdir, strcpy(buf_of(self->m), "/tmp"));
	*(struct sockaddr_un *)buf_of(self->m) = (struct sockaddr_un){
		.sun_family = AF_UNIX, .sun_path = "@x",
	};
	ASSERT_EQ(0, CALL(self->m, SYS_bind, fd, buf_of(self->m), sizeof(un)));
	memcpy(buf_of(self->m), &un, sizeof(un));
	ASSERT_EQ(0, CALL(self->m, SYS_connect, fd, buf_of(self->m),
			  sizeof(un)));
	FREEZE();
	EXPECT_STREQ(want, column_of(&self->g, self->m->pid, fd, "remote"));
	EXPECT_STREQ("\\100x", column_of(&self->g, self->m->pid, fd, "local"));
	THAW();
	unlink(want);
	unlink("@x");
}

/* ---- datagram ---- */

FIXTURE(datagram)
{
	struct group g;
	struct actor *m;
};

FIXTURE_SETUP(datagram)
{
	make_group(&self->g, "datagram");
	self->m = member(&self->g);
}

FIXTURE_TEARDOWN(datagram)
{
	part(self->m);
	EXPECT_TRUE(drop_group(&self->g));
}

static int datagram_at(struct actor *a, const struct sockaddr_un *un,
		       socklen_t len)
{
	int fd = CALL(a, SYS_socket, AF_UNIX, SOCK_DGRAM, 0);

	memcpy(buf_of(a), un, sizeof(*un));
	return CALL(a, SYS_bind, fd, buf_of(a), len) ? -1 : fd;
}

/* As a program is connected to syslog. */
TEST_F(datagram, to_an_outsider_is_kept)
{
	struct sockaddr_un un;
	socklen_t len = name_socket(&un, "log", true);
	int log = datagram_at(OUTSIDE, &un, len);
	int fd = unix_connect(self->m, SOCK_DGRAM, &un, len);

	ASSERT_LE(0, log);
	ASSERT_LE(0, fd);
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->m, fd));
	EXPECT_STREQ("keep", column_of(&self->g, self->m->pid, fd, "action"));
	THAW();
	ASSERT_EQ(4, send_text(self->m, fd, "line"));
	EXPECT_EQ(4, receive(OUTSIDE, log));
}

/* One error, and nothing else. */
TEST_F(datagram, reset_by_a_rule)
{
	struct sockaddr_un un;
	socklen_t len = name_socket(&un, "log", true);
	int log = datagram_at(OUTSIDE, &un, len);
	int fd = unix_connect(self->m, SOCK_DGRAM, &un, len);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, set_rules(&self->g, "reset unix path @*log*"));
	FREEZE();
	EXPECT_STREQ("reset", column_of(&self->g, self->m->pid, fd, "action"));
	THAW();
	EXPECT_EQ(-ECONNREFUSED, send_text(self->m, fd, "line"));
	ASSERT_EQ(4, send_text(self->m, fd, "line"));
	EXPECT_EQ(4, receive(OUTSIDE, log));
}

TEST_F(datagram, to_a_member_is_internal)
{
	struct actor *a = member(&self->g);
	struct sockaddr_un un;
	socklen_t len = name_socket(&un, "log", true);
	int log = datagram_at(a, &un, len);
	int fd = unix_connect(self->m, SOCK_DGRAM, &un, len);

	ASSERT_LE(0, fd);
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->m, fd));
	EXPECT_STREQ("idle", class_of(&self->g, a, log));
	THAW();
	ASSERT_EQ(4, send_text(self->m, fd, "line"));
	EXPECT_EQ(4, receive(a, log));
	part(a);
}

TEST_F(datagram, without_a_peer_is_idle)
{
	int fd = CALL(self->m, SYS_socket, AF_UNIX, SOCK_DGRAM, 0);

	FREEZE();
	EXPECT_STREQ("idle", class_of(&self->g, self->m, fd));
	THAW();
}

TEST_HARNESS_MAIN
