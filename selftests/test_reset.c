// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an application and its peer see after a thaw: a reset external socket,
 * an internal one untouched.
 */
#include <sys/ptrace.h>

#include "extsock_test.h"
#include "page_test.h"

FIXTURE(reset)
{
	struct group g;
	struct actor *m;
	int listener;
	int fd;
	int peer;
};

FIXTURE_VARIANT(reset)
{
	int family;
};

FIXTURE_VARIANT_ADD(reset, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(reset, ipv6) { .family = AF_INET6 };

/* A member, connected to a server outside of the group. */
FIXTURE_SETUP(reset)
{
	make_group(&self->g, "reset");
	self->m = member(&self->g);
	self->listener = listener(OUTSIDE, variant->family);
	self->fd = connect_to(self->m, variant->family, NULL,
			      port_of(OUTSIDE, self->listener), 0);
	self->peer = accept_from(OUTSIDE, self->listener);
	ASSERT_GE(self->fd, 0);
	ASSERT_GE(self->peer, 0);
}

FIXTURE_TEARDOWN(reset)
{
	part(self->m);
	EXPECT_TRUE(drop_group(&self->g));
}

static void cycle(struct __test_metadata *_metadata, const struct group *g)
{
	ASSERT_EQ(0, control(g, "freeze"));
	ASSERT_EQ(0, control(g, "thaw"));
}

TEST_F(reset, unread_data_then_the_error_once_then_the_end)
{
	ASSERT_EQ(5, send_text(OUTSIDE, self->peer, "hello"));
	ASSERT_TRUE(comes_to_read(self->m, self->fd, 5));
	cycle(_metadata, &self->g);
	EXPECT_EQ(5, receive(self->m, self->fd));
	EXPECT_STREQ("hello", buf_of(self->m));
	EXPECT_EQ(-ECONNRESET, receive(self->m, self->fd));
	EXPECT_EQ(0, receive(self->m, self->fd));
	EXPECT_EQ(0, receive(self->m, self->fd));
}

TEST_F(reset, first_write_gets_the_error_without_sigpipe)
{
	cycle(_metadata, &self->g);
	EXPECT_EQ(-ECONNRESET, send_text(self->m, self->fd, "x"));
	EXPECT_EQ(0, self->m->stage->sigpipes);
	EXPECT_EQ(-EPIPE, send_text(self->m, self->fd, "x"));
	EXPECT_EQ(1, self->m->stage->sigpipes);
}

TEST_F(reset, poll_says_all)
{
	cycle(_metadata, &self->g);
	EXPECT_EQ(POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP,
		  poll_fd(self->m, self->fd));
}

TEST_F(reset, peer_is_told)
{
	cycle(_metadata, &self->g);
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, self->peer));
}

TEST_F(reset, own_address_stays)
{
	struct sockaddr_storage before, after;

	ASSERT_LT(0, port_of(self->m, self->fd));
	memcpy(&before, buf_of(self->m), sizeof(before));
	cycle(_metadata, &self->g);
	ASSERT_LT(0, port_of(self->m, self->fd));
	memcpy(&after, buf_of(self->m), sizeof(after));
	EXPECT_EQ(0, memcmp(&before, &after, variant->family == AF_INET ?
			    sizeof(struct sockaddr_in) :
			    sizeof(struct sockaddr_in6)));
}

TEST_F(reset, blocked_reader_wakes)
{
	START(self->m, SYS_recvfrom, self->fd, buf_of(self->m), 16, 0, NULL,
	      NULL);
	ASSERT_TRUE(sleeps_in(self->m->pid, SYS_recvfrom));
	ASSERT_EQ(0, control(&self->g, "freeze"));
	msleep(50);
	EXPECT_FALSE(is_done(self->m));
	ASSERT_EQ(0, control(&self->g, "thaw"));
	EXPECT_EQ(-ECONNRESET, result(self->m));
	EXPECT_EQ(0, receive(self->m, self->fd));
}

TEST_F(reset, blocked_poller_wakes)
{
	struct pollfd *p = (void *)buf_of(self->m);

	p->fd = self->fd;
	p->events = POLLIN;
	START(self->m, SYS_poll, p, 1, -1);
	ASSERT_TRUE(sleeps_in(self->m->pid, SYS_poll));
	cycle(_metadata, &self->g);
	EXPECT_EQ(1, result(self->m));
	EXPECT_EQ(POLLIN | POLLERR | POLLHUP, p->revents);
}

/* epoll_wait() returns EINTR after any stop; the program calls it again. */
static long epoll_after_thaw(struct actor *a, int ep)
{
	long ret = result(a);

	if (ret == -EINTR)
		ret = CALL(a, SYS_epoll_wait, ep, buf_of(a), 1, PATIENCE_MS);
	return ret;
}

TEST_F(reset, epoll_waiter_wakes)
{
	int ep = epoll_on(self->m, self->fd, EPOLLIN);
	struct epoll_event *e = (void *)buf_of(self->m);

	START(self->m, SYS_epoll_wait, ep, e, 1, -1);
	ASSERT_TRUE(sleeps_in(self->m->pid, SYS_epoll_wait));
	cycle(_metadata, &self->g);
	EXPECT_EQ(1, epoll_after_thaw(self->m, ep));
	EXPECT_EQ(EPOLLIN | EPOLLERR | EPOLLHUP, e->events);
}

TEST_F(reset, edge_triggered_epoll_waiter_wakes)
{
	int ep = epoll_on(self->m, self->fd, EPOLLIN | EPOLLET);
	struct epoll_event *e = (void *)buf_of(self->m);

	START(self->m, SYS_epoll_wait, ep, e, 1, -1);
	ASSERT_TRUE(sleeps_in(self->m->pid, SYS_epoll_wait));
	cycle(_metadata, &self->g);
	EXPECT_EQ(1, epoll_after_thaw(self->m, ep));
	EXPECT_EQ(EPOLLIN | EPOLLERR | EPOLLHUP, e->events);
}

TEST_F(reset, blocked_writer_wakes)
{
	char *b = buf_of(self->m);
	long sent;

	/* fill both sides' buffers, then block */
	do {
		sent = CALL(self->m, SYS_sendto, self->fd, b, 32768,
			    MSG_DONTWAIT, NULL, 0);
	} while (sent > 0);
	ASSERT_EQ(-EAGAIN, sent);
	START(self->m, SYS_sendto, self->fd, b, 32768, 0, NULL, 0);
	ASSERT_TRUE(sleeps_in(self->m->pid, SYS_sendto));
	cycle(_metadata, &self->g);
	EXPECT_EQ(-ECONNRESET, result(self->m));
	EXPECT_EQ(0, self->m->stage->sigpipes);
}

TEST_F(reset, close_wait)
{
	ASSERT_EQ(0, shutdown(self->peer, SHUT_WR));
	ASSERT_TRUE(comes_to(self->m, self->fd, TCP_CLOSE_WAIT));
	ASSERT_EQ(0, control(&self->g, "freeze"));
	EXPECT_STREQ("close-wait", column_of(&self->g, self->m->pid, self->fd,
					     "state"));
	ASSERT_EQ(0, control(&self->g, "thaw"));
	EXPECT_EQ(-ECONNRESET, send_text(self->m, self->fd, "x"));
	EXPECT_EQ(-ECONNRESET, send_text(OUTSIDE, self->peer, "x"));
}

/* The peer's end of file had come: Linux shows it also after a genuine reset. */
TEST_F(reset, close_wait_with_unread_data)
{
	ASSERT_EQ(5, send_text(OUTSIDE, self->peer, "hello"));
	ASSERT_EQ(0, shutdown(self->peer, SHUT_WR));
	ASSERT_TRUE(comes_to(self->m, self->fd, TCP_CLOSE_WAIT));
	cycle(_metadata, &self->g);
	EXPECT_EQ(5, receive(self->m, self->fd));
	EXPECT_EQ(0, receive(self->m, self->fd));
	EXPECT_EQ(-ECONNRESET, send_text(self->m, self->fd, "x"));
}

TEST_F(reset, fin_wait2)
{
	ASSERT_EQ(0, CALL(self->m, SYS_shutdown, self->fd, SHUT_WR));
	EXPECT_EQ(0, receive(OUTSIDE, self->peer));
	ASSERT_TRUE(comes_to(self->m, self->fd, TCP_FIN_WAIT2));
	ASSERT_EQ(0, control(&self->g, "freeze"));
	EXPECT_STREQ("fin-wait-2", column_of(&self->g, self->m->pid, self->fd,
					     "state"));
	ASSERT_EQ(0, control(&self->g, "thaw"));
	EXPECT_EQ(-ECONNRESET, receive(self->m, self->fd));
	EXPECT_EQ(0, receive(self->m, self->fd));
	/* A RST in CLOSE_WAIT, as the peer is in, reads EPIPE in Linux. */
	EXPECT_EQ(-EPIPE, CALL(OUTSIDE, SYS_sendto, self->peer, "x", 1,
			       MSG_NOSIGNAL, NULL, 0));
}

/* Is there a line of /proc/net/tcp[6] with both ports, in whatever state? */
static bool is_left(int family, int client, int server)
{
	char *line, *rest, one[16], two[16];

	rest = slurp(family == AF_INET ? "/proc/net/tcp" : "/proc/net/tcp6");
	snprintf(one, sizeof(one), ":%04X ", client);
	snprintf(two, sizeof(two), ":%04X ", server);
	while ((line = strsep(&rest, "\n")))
		if (strstr(line, one) && strstr(line, two))
			return true;
	return false;
}

TEST_F(reset, no_time_wait_is_left)
{
	int client = port_of(self->m, self->fd);
	int server = port_of(OUTSIDE, self->listener);

	ASSERT_TRUE(is_left(variant->family, client, server));
	cycle(_metadata, &self->g);
	EXPECT_EQ(1, stat_of(&self->g, "sockets_reset"));
	CALL(self->m, SYS_close, self->fd);
	close(self->peer);
	/* TIME_WAIT would last longer than that. */
	EXPECT_TRUE(EVENTUALLY(!is_left(variant->family, client, server)));
	EXPECT_EQ(0, count_rows(&self->g));
}

TEST_F(reset, thaw_keep_touches_nothing)
{
	ASSERT_EQ(0, control(&self->g, "freeze"));
	ASSERT_EQ(0, control(&self->g, "thaw keep"));
	EXPECT_TRUE(carries(self->m, self->fd, OUTSIDE, self->peer));
}

TEST_F(reset, policy_keep_touches_nothing)
{
	ASSERT_EQ(0, control(&self->g, "freeze policy=keep"));
	EXPECT_STREQ("keep", column_of(&self->g, self->m->pid, self->fd,
				       "action"));
	ASSERT_EQ(0, control(&self->g, "thaw"));
	EXPECT_TRUE(carries(self->m, self->fd, OUTSIDE, self->peer));
}

TEST_F(reset, the_groups_policy_is_what_counts)
{
	ASSERT_EQ(0, put(sysfs(&self->g, "policy"), "keep"));
	ASSERT_EQ(0, control(&self->g, "freeze"));
	EXPECT_STREQ("keep", column_of(&self->g, self->m->pid, self->fd,
				       "action"));
	ASSERT_EQ(0, control(&self->g, "thaw"));
	EXPECT_TRUE(carries(self->m, self->fd, OUTSIDE, self->peer));
	/* unless the command has another */
	ASSERT_EQ(0, control(&self->g, "freeze policy=reset"));
	ASSERT_EQ(0, control(&self->g, "thaw"));
	EXPECT_EQ(-ECONNRESET, receive(self->m, self->fd));
}

TEST_F(reset, tenth_cycle_is_like_the_first)
{
	int i, fd, peer;

	cycle(_metadata, &self->g);
	EXPECT_EQ(-ECONNRESET, receive(self->m, self->fd));
	for (i = 2; i <= 10; i++) {
		fd = connect_to(self->m, variant->family, NULL,
				port_of(OUTSIDE, self->listener), 0);
		peer = accept_from(OUTSIDE, self->listener);
		ASSERT_TRUE(carries(self->m, fd, OUTSIDE, peer));
		cycle(_metadata, &self->g);
		EXPECT_EQ(-ECONNRESET, receive(self->m, fd));
		EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, peer));
		CALL(self->m, SYS_close, fd);
		close(peer);
	}
}

/* To look into /proc/PID/fdinfo holds the file, for a moment each time. */
static void look_at_it(struct stage *s)
{
	char text[512];
	int fd;

	for (;;) {
		fd = open(s->buf, O_RDONLY);
		s->counter += read(fd, text, sizeof(text)) > 0;
		close(fd);
	}
}

TEST_F(reset, somebody_who_looks_does_not_prevent_it)
{
	struct actor *looker = actor();
	int i, fd, peer;

	/* the descriptor is the same in each round */
	sprintf(buf_of(looker), "/proc/%d/fdinfo/%d", self->m->pid, self->fd);
	START_FN(looker, look_at_it);
	ASSERT_TRUE(moves(looker->stage));
	for (i = 0; i < 50; i++) {
		cycle(_metadata, &self->g);
		ASSERT_EQ(-ECONNRESET, receive(self->m, self->fd));
		CALL(self->m, SYS_close, self->fd);
		fd = connect_to(self->m, variant->family, NULL,
				port_of(OUTSIDE, self->listener), 0);
		ASSERT_EQ(self->fd, fd);
		peer = accept_from(OUTSIDE, self->listener);
		ASSERT_LE(0, peer);
	}
	part(looker);
}

/* An actor's own, at the place that it tells. */
static void make_page(struct stage *s)
{
	int uffd;
	char *page = missing_page(&uffd);

	*(int *)s->buf = uffd;
	s->ret = (long)page;
}

/* One that a tracer lets run may lock its socket for as long as it likes. */
TEST_F(reset, what_a_traced_member_is_using_does_not_hold_up_the_thaw)
{
	struct drain thaw;
	char *page;
	int uffd;

	START_FN(self->m, make_page);
	page = (char *)result(self->m);
	if (!page)
		SKIP(return, "no userfaultfd here");
	uffd = pass_out(self->m, *(int *)buf_of(self->m));
	ASSERT_LE(0, uffd);
	FREEZE();
	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, self->m->pid, 0, 0));
	ASSERT_TRUE(trace_stop(self->m->pid));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, self->m->pid, 0, 0));
	ASSERT_EQ(5, send_text(OUTSIDE, self->peer, "hello"));
	START(self->m, SYS_recvfrom, self->fd, page, 5, 0, NULL, 0);
	ASSERT_TRUE(sleeps_in(self->m->pid, SYS_recvfrom));
	ASSERT_TRUE(give(&thaw, &self->g, "thaw"));
	EXPECT_EQ(0, end_of(&thaw));
	EXPECT_EQ(0, give_page(uffd, page, "a page"));
	EXPECT_TRUE(EVENTUALLY(thaw.over));
	EXPECT_NE(NULL, strstr(thaw.said, "left alone: 1,"));
	EXPECT_TRUE(state_is(&self->g, "running"));
	EXPECT_EQ(5, result(self->m));
	ASSERT_EQ(0, kill(self->m->pid, SIGSTOP));
	ASSERT_TRUE(trace_stop(self->m->pid));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->m->pid, 0, 0));
	close(uffd);
}

TEST_F(reset, killed_member_closes_in_the_ordinary_way)
{
	ASSERT_EQ(5, send_text(self->m, self->fd, "bytes"));
	ASSERT_EQ(0, control(&self->g, "freeze"));
	part(self->m);
	EXPECT_EQ(5, receive(OUTSIDE, self->peer));
	EXPECT_EQ(0, receive(OUTSIDE, self->peer));
	EXPECT_EQ(0, control(&self->g, "thaw"));
	self->m = actor();
}

/* ---- connecting ---- */

FIXTURE(connecting)
{
	struct group g;
	struct actor *m;
	int full;
	int fillers[16];
};

FIXTURE_VARIANT(connecting)
{
	int family;
};

FIXTURE_VARIANT_ADD(connecting, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(connecting, ipv6) { .family = AF_INET6 };

/* A listener outside whose queue is full: a SYN to it is dropped. */
FIXTURE_SETUP(connecting)
{
	int i;

	make_group(&self->g, "connecting");
	self->m = member(&self->g);
	self->full = listener_at(OUTSIDE, variant->family, NULL, 0);
	for (i = 0; i < 16; i++)
		self->fillers[i] = connect_to(OUTSIDE, variant->family, NULL,
					      port_of(OUTSIDE, self->full),
					      SOCK_NONBLOCK);
	msleep(100);
}

FIXTURE_TEARDOWN(connecting)
{
	part(self->m);
	EXPECT_TRUE(drop_group(&self->g));
}

TEST_F(connecting, blocking_connect_is_refused_and_the_socket_usable)
{
	int fd = CALL(self->m, SYS_socket, variant->family, SOCK_STREAM, 0);
	struct sockaddr_storage *ss = (void *)buf_of(self->m);
	socklen_t len = address(ss, variant->family, NULL,
				port_of(OUTSIDE, self->full));
	int ok = listener(OUTSIDE, variant->family), peer;

	START(self->m, SYS_connect, fd, ss, len);
	ASSERT_TRUE(sleeps_in(self->m->pid, SYS_connect));
	ASSERT_EQ(0, control(&self->g, "freeze"));
	EXPECT_STREQ("syn-sent", column_of(&self->g, self->m->pid, fd,
					   "state"));
	EXPECT_STREQ("external", class_of(&self->g, self->m, fd));
	ASSERT_EQ(0, control(&self->g, "thaw"));
	EXPECT_EQ(-ECONNREFUSED, result(self->m));
	ASSERT_EQ(0, connect_fd(self->m, fd, variant->family, NULL,
				port_of(OUTSIDE, ok)));
	peer = accept_from(OUTSIDE, ok);
	EXPECT_TRUE(carries(self->m, fd, OUTSIDE, peer));
}

TEST_F(connecting, nonblocking_connect_is_refused)
{
	int fd = connect_to(self->m, variant->family, NULL,
			    port_of(OUTSIDE, self->full), SOCK_NONBLOCK);
	int *err = (int *)buf_of(self->m);
	socklen_t *len = (socklen_t *)(buf_of(self->m) + 64);

	ASSERT_TRUE(comes_to(self->m, fd, TCP_SYN_SENT));
	ASSERT_EQ(0, control(&self->g, "freeze"));
	ASSERT_EQ(0, control(&self->g, "thaw"));
	EXPECT_TRUE(poll_fd(self->m, fd) & POLLERR);
	*len = sizeof(*err);
	ASSERT_EQ(0, CALL(self->m, SYS_getsockopt, fd, SOL_SOCKET, SO_ERROR,
			  err, len));
	EXPECT_EQ(ECONNREFUSED, *err);
}

/* The same queue, but it belongs to the group: nothing is refused. */
TEST_F(connecting, to_a_member_is_internal)
{
	int full = listener_at(self->m, variant->family, NULL, 0), fd, i;
	int port = port_of(self->m, full);
	struct actor *client = member(&self->g);

	for (i = 0; i < 8; i++)
		fd = connect_to(client, variant->family, NULL, port,
				SOCK_NONBLOCK);
	msleep(100);
	ASSERT_EQ(0, control(&self->g, "freeze"));
	EXPECT_STREQ("syn-sent", column_of(&self->g, client->pid, fd,
					   "state"));
	EXPECT_STREQ("internal", class_of(&self->g, client, fd));
	ASSERT_EQ(0, control(&self->g, "thaw"));
	EXPECT_FALSE(poll_fd(client, fd) & POLLERR);
	part(client);
}

/* ---- internal connections ---- */

/* Numbers in order, one way; the reader stops at the first that is wrong. */
static void numbers_out(struct stage *s)
{
	uint32_t n;

	for (n = 0;; n++)
		if (send(s->arg[1], &n, sizeof(n), 0) != sizeof(n))
			_exit(1);
}

static void numbers_in(struct stage *s)
{
	uint32_t n, got;

	for (n = 0;; n++) {
		if (recv(s->arg[1], &got, sizeof(got), MSG_WAITALL) !=
		    sizeof(got) || got != n)
			_exit(2);
		s->counter = n;
	}
}

TEST(numbered_messages_arrive_once_and_in_order)
{
	struct actor *out, *in;
	unsigned long before;
	struct group g;
	struct pair p;
	int i;

	make_group(&g, "numbers");
	out = member(&g);
	in = member(&g);
	p = connection(out, in, AF_INET6);
	ASSERT_GE(p.server, 0);
	start(out, -1L, (long)numbers_out, (long)p.client, 0L, 0L, 0L, 0L);
	start(in, -1L, (long)numbers_in, (long)p.server, 0L, 0L, 0L, 0L);
	ASSERT_TRUE(EVENTUALLY(in->stage->counter > 0));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, control(&g, "freeze"));
		EXPECT_STREQ("internal", class_of(&g, out, p.client));
		EXPECT_STREQ("internal", class_of(&g, in, p.server));
		before = in->stage->counter;
		msleep(50);
		EXPECT_EQ(before, in->stage->counter);
		ASSERT_EQ(0, control(&g, "thaw"));
		ASSERT_TRUE(EVENTUALLY(in->stage->counter > before));
	}
	EXPECT_EQ(0, waitpid(out->pid, NULL, WNOHANG));
	EXPECT_EQ(0, waitpid(in->pid, NULL, WNOHANG));
	part(out);
	part(in);
	EXPECT_TRUE(drop_group(&g));
}

TEST_HARNESS_MAIN
