// SPDX-License-Identifier: GPL-2.0-only
/*
 * While a group drains its members' new connections to outside wait, until the
 * thaw or until the freeze is given up: how that looks to those who connect, and
 * who need not wait.
 */
#include <sys/ptrace.h>

#define COMMON_TESTS	2
#include "extsock_test.h"

/* Wait until a member's call has come to wait, and still does some time later. */
#define WAITS_IN(a, nr)	ASSERT_TRUE(waits_in(a, nr))

/* ---- TCP and multipath TCP ---- */

FIXTURE(tcp_gate)
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

FIXTURE_VARIANT(tcp_gate)
{
	int family;
	int protocol;
	const char *ip;
	int server;
	const char *any;
};

FIXTURE_VARIANT_ADD(tcp_gate, ipv4) {
	AF_INET, IPPROTO_TCP, "127.0.0.1", AF_INET, "0.0.0.0"
};
FIXTURE_VARIANT_ADD(tcp_gate, ipv6) {
	AF_INET6, IPPROTO_TCP, "::1", AF_INET6, "::"
};
FIXTURE_VARIANT_ADD(tcp_gate, mapped) {
	AF_INET6, IPPROTO_TCP, "::ffff:127.0.0.1", AF_INET, "0.0.0.0"
};
FIXTURE_VARIANT_ADD(tcp_gate, mptcp) {
	AF_INET, IPPROTO_MPTCP, "127.0.0.1", AF_INET, "0.0.0.0"
};

static struct place at_port(const FIXTURE_VARIANT(tcp_gate) *variant, int port)
{
	struct place p;

	p.len = address(&p.ss, variant->family, variant->ip, port);
	return p;
}

static int server_of(const FIXTURE_VARIANT(tcp_gate) *variant, struct actor *a)
{
	return listener_by(a, variant->protocol, variant->server, NULL, 16);
}

/* Two members and a server outside; another member has what is waited for. */
FIXTURE_SETUP(tcp_gate)
{
	ASSERT_EQ(0, make_corner());
	ASSERT_EQ(0, allow_fastopen(FASTOPEN_FREE));
	make_group(&self->g, "gate");
	self->owner = member(&self->g);
	self->m = member(&self->g);
	self->n = member(&self->g);
	self->out = actor();
	enter(self->m, "corner");
	enter(self->n, "corner");
	enter(self->out, "corner");
	self->listener = server_of(variant, self->out);
	self->server = at_port(variant, port_of(self->out, self->listener));
}

FIXTURE_TEARDOWN(tcp_gate)
{
	part(self->m);
	part(self->n);
	part(self->owner);
	part(self->out);
	EXPECT_TRUE(drop_group(&self->g));
	sh("ip netns del corner");
}

static int client(const FIXTURE_VARIANT(tcp_gate) *variant, struct actor *a,
		  int flags)
{
	return CALL(a, SYS_socket, variant->family, SOCK_STREAM | flags,
		    variant->protocol);
}

TEST_F(tcp_gate, a_blocking_connect_waits)
{
	enum opening how;
	int fd;

	for (how = 0; how < OPENINGS; how++) {
		TH_LOG("way %d", how);
		BEGIN_DRAIN();
		fd = client(variant, self->m, 0);
		start_connect(self->m, fd, &self->server);
		WAITS_IN(self->m, SYS_connect);
		EXPECT_TRUE(has_state(self->m, variant->family, TCP_SYN_SENT));
		EXPECT_TRUE(nothing_comes(self->out, self->listener));
		OPEN(how);
		EXPECT_EQ(0, result(self->m));
		EXPECT_TRUE(leads_to(self->m, fd, self->out, self->listener));
		CALL(self->m, SYS_close, fd);
	}
}

TEST_F(tcp_gate, a_connect_that_does_not_block_is_in_progress)
{
	enum opening how;
	int fd, port;

	for (how = 0; how < OPENINGS; how++) {
		TH_LOG("way %d", how);
		BEGIN_DRAIN();
		fd = client(variant, self->m, SOCK_NONBLOCK);
		EXPECT_EQ(-EINPROGRESS, connect_place(self->m, fd,
						      &self->server));
		EXPECT_EQ(-EALREADY, connect_place(self->m, fd, &self->server));
		port = port_of(self->m, fd);
		EXPECT_LT(0, port);
		EXPECT_TRUE(nothing_comes(self->out, self->listener));
		EXPECT_EQ(TCP_SYN_SENT, info_of(self->m, fd)->tcpi_state);
		EXPECT_EQ(0, poll_fd(self->m, fd));
		EXPECT_EQ(0, error_of(self->m, fd));
		OPEN(how);
		EXPECT_TRUE(EVENTUALLY(poll_fd(self->m, fd) == POLLOUT));
		EXPECT_EQ(0, error_of(self->m, fd));
		EXPECT_EQ(port, port_of(self->m, fd));
		EXPECT_TRUE(leads_to(self->m, fd, self->out, self->listener));
		CALL(self->m, SYS_close, fd);
	}
}

TEST_F(tcp_gate, what_the_table_says)
{
	pid_t owner = self->owner->pid;
	int fd;

	BEGIN_DRAIN();
	fd = client(variant, self->m, SOCK_NONBLOCK);
	ASSERT_EQ(-EINPROGRESS, connect_place(self->m, fd, &self->server));
	/* It is not waited for. */
	EXPECT_EQ(1, count_rows(&self->g));
	EXPECT_STREQ("wait", column_of(&self->g, owner, self->l.last.client,
				       "action"));
	END_DRAIN();
	EXPECT_STREQ("idle", class_of(&self->g, self->m, fd));
	EXPECT_STREQ("-", column_of(&self->g, self->m->pid, fd, "action"));
	EXPECT_STREQ("syn-sent", column_of(&self->g, self->m->pid, fd,
					   "state"));
	THAW();
	EXPECT_EQ(0, stat_of(&self->g, "sockets_reset"));
	EXPECT_TRUE(leads_to(self->m, fd, self->out, self->listener));
}

TEST_F(tcp_gate, pollers_wake_when_it_opens)
{
	struct pollfd *p = (void *)buf_of(self->m);
	int fd = client(variant, self->m, SOCK_NONBLOCK);

	BEGIN_DRAIN();
	ASSERT_EQ(-EINPROGRESS, connect_place(self->m, fd, &self->server));
	p->fd = fd;
	p->events = POLLOUT;
	START(self->m, SYS_poll, p, 1, -1);
	WAITS_IN(self->m, SYS_poll);
	OPEN(GIVEN_UP);
	EXPECT_EQ(1, result(self->m));
	EXPECT_EQ(POLLOUT, p->revents);
}

/* A SYN is sent twice, which takes three seconds, and then given up. */
static int give_up_soon(void)
{
	return sh("ip netns exec corner sysctl -qew net.ipv4.tcp_syn_retries=1 net.ipv4.tcp_syn_linear_timeouts=0");
}

TEST_F(tcp_gate, waits_for_longer_than_a_syn_is_sent_again)
{
	int one, two = client(variant, self->n, 0);
	long begin;

	ASSERT_EQ(0, give_up_soon());
	one = client(variant, self->m, SOCK_NONBLOCK);
	BEGIN_DRAIN();
	ASSERT_EQ(-EINPROGRESS, connect_place(self->m, one, &self->server));
	start_connect(self->n, two, &self->server);
	msleep(4000);
	EXPECT_EQ(0, poll_fd(self->m, one));
	EXPECT_FALSE(is_done(self->n));
	EXPECT_TRUE(nothing_comes(self->out, self->listener));
	END_DRAIN();
	msleep(500);
	THAW();
	/* No later than the next would have been sent if this were the first. */
	begin = now_ms();
	EXPECT_EQ(0, result(self->n));
	EXPECT_TRUE(EVENTUALLY(poll_fd(self->m, one) == POLLOUT));
	EXPECT_GT(2500, now_ms() - begin);
}

TEST_F(tcp_gate, is_lost_and_sent_again_afterwards)
{
	int fd = client(variant, self->m, 0);

	BEGIN_DRAIN();
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	ASSERT_EQ(0, lose("syn"));
	OPEN(THAWED);
	EXPECT_TRUE(lasts(self->m));
	lose(NULL);
	EXPECT_EQ(0, result(self->m));
	EXPECT_TRUE(leads_to(self->m, fd, self->out, self->listener));
}

TEST_F(tcp_gate, times_out_afterwards_if_there_is_no_answer)
{
	int fd;

	ASSERT_EQ(0, give_up_soon());
	fd = client(variant, self->m, 0);
	BEGIN_DRAIN();
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	ASSERT_EQ(0, lose("syn"));
	OPEN(GIVEN_UP);
	EXPECT_EQ(-ETIMEDOUT, result(self->m));
}

/* It is not held any more when the SYN would be sent again. */
TEST_F(tcp_gate, is_refused_when_nobody_listens_any_more)
{
	int fd = client(variant, self->m, 0);

	BEGIN_DRAIN();
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	CALL(self->out, SYS_close, self->listener);
	EXPECT_EQ(-ECONNREFUSED, result(self->m));
	OPEN(THAWED);
}

TEST_F(tcp_gate, gets_in_when_a_member_has_come_to_listen)
{
	int fd = client(variant, self->m, 0), l;
	int port = port_of(self->out, self->listener);

	BEGIN_DRAIN();
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	CALL(self->out, SYS_close, self->listener);
	l = listen_together(self->n, variant->server, NULL, port);
	ASSERT_LE(0, l);
	EXPECT_EQ(0, result(self->m));
	EXPECT_TRUE(leads_to(self->m, fd, self->n, l));
	END_DRAIN();
	EXPECT_STREQ("internal", class_of(&self->g, self->m, fd));
	THAW();
}

TEST_F(tcp_gate, closed_while_it_waits)
{
	int fd = client(variant, self->m, SOCK_NONBLOCK);

	BEGIN_DRAIN();
	ASSERT_EQ(-EINPROGRESS, connect_place(self->m, fd, &self->server));
	ASSERT_EQ(0, CALL(self->m, SYS_close, fd));
	EXPECT_TRUE(EVENTUALLY(!has_state(self->m, variant->family,
					  TCP_SYN_SENT)));
	OPEN(THAWED);
	EXPECT_TRUE(nothing_comes_late(self->out, self->listener));
}

TEST_F(tcp_gate, called_off_and_used_again_while_it_waits)
{
	int fd = client(variant, self->m, SOCK_NONBLOCK);
	int l = server_of(variant, self->n);
	struct place inside = at_port(variant, port_of(self->n, l));

	BEGIN_DRAIN();
	ASSERT_EQ(-EINPROGRESS, connect_place(self->m, fd, &self->server));
	*(sa_family_t *)buf_of(self->m) = AF_UNSPEC;
	ASSERT_EQ(0, CALL(self->m, SYS_connect, fd, buf_of(self->m),
			  sizeof(struct sockaddr_in6)));
	make_blocking(self->m, fd);
	EXPECT_EQ(0, connect_place(self->m, fd, &inside));
	EXPECT_TRUE(leads_to(self->m, fd, self->n, l));
	OPEN(THAWED);
	EXPECT_TRUE(nothing_comes_late(self->out, self->listener));
}

/* ---- signals and tracers ---- */

TEST_F(tcp_gate, a_signal_interrupts_it)
{
	int fd = client(variant, self->m, 0);

	ASSERT_EQ(0, count_usr1(self->m, 0));
	BEGIN_DRAIN();
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	kill(self->m->pid, SIGUSR1);
	EXPECT_EQ(-EINTR, result(self->m));
	/* It goes on without a call, and one can wait for it again. */
	EXPECT_TRUE(nothing_comes(self->out, self->listener));
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	OPEN(THAWED);
	EXPECT_EQ(0, result(self->m));
	EXPECT_TRUE(leads_to(self->m, fd, self->out, self->listener));
}

TEST_F(tcp_gate, a_signal_does_not_interrupt_what_is_restarted)
{
	int fd = client(variant, self->m, 0);

	ASSERT_EQ(0, count_usr1(self->m, SA_RESTART));
	BEGIN_DRAIN();
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	kill(self->m->pid, SIGUSR1);
	EXPECT_TRUE(EVENTUALLY(self->m->stage->counter == 1));
	WAITS_IN(self->m, SYS_connect);
	EXPECT_TRUE(nothing_comes(self->out, self->listener));
	OPEN(THAWED);
	EXPECT_EQ(0, result(self->m));
	EXPECT_TRUE(leads_to(self->m, fd, self->out, self->listener));
}

TEST_F(tcp_gate, a_stop_and_its_end)
{
	int fd = client(variant, self->m, 0);

	BEGIN_DRAIN();
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	kill(self->m->pid, SIGSTOP);
	EXPECT_TRUE(EVENTUALLY(state_of(self->m->pid) == 'T'));
	kill(self->m->pid, SIGCONT);
	WAITS_IN(self->m, SYS_connect);
	EXPECT_TRUE(nothing_comes(self->out, self->listener));
	kill(self->m->pid, SIGSTOP);
	EXPECT_TRUE(EVENTUALLY(state_of(self->m->pid) == 'T'));
	OPEN(THAWED);
	EXPECT_TRUE(EVENTUALLY(poll_fd(self->out, self->listener) & POLLIN));
	kill(self->m->pid, SIGCONT);
	EXPECT_EQ(0, result(self->m));
	EXPECT_TRUE(leads_to(self->m, fd, self->out, self->listener));
}

TEST_F(tcp_gate, a_deadly_signal)
{
	enum opening how;

	for (how = 0; how < OPENINGS; how++) {
		struct actor *victim = self->m;
		int fd = client(variant, victim, 0);

		TH_LOG("way %d", how);
		BEGIN_DRAIN();
		start_connect(victim, fd, &self->server);
		WAITS_IN(victim, SYS_connect);
		part(victim);
		EXPECT_TRUE(EVENTUALLY(!has_state(self->out, variant->family,
						  TCP_SYN_SENT)));
		OPEN(how);
		EXPECT_TRUE(nothing_comes_late(self->out, self->listener));
		self->m = member(&self->g);
		enter(self->m, "corner");
	}
}

TEST_F(tcp_gate, killed_when_frozen)
{
	int fd = client(variant, self->m, 0);

	BEGIN_DRAIN();
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	END_DRAIN();
	part(self->m);
	EXPECT_TRUE(state_is(&self->g, "frozen"));
	THAW();
	EXPECT_TRUE(nothing_comes_late(self->out, self->listener));
	self->m = actor();
}

TEST_F(tcp_gate, a_tracer_comes_and_goes)
{
	int fd = client(variant, self->m, 0);

	BEGIN_DRAIN();
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, self->m->pid, 0, 0));
	ASSERT_TRUE(trace_stop(self->m->pid));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->m->pid, 0, 0));
	WAITS_IN(self->m, SYS_connect);
	EXPECT_TRUE(nothing_comes(self->out, self->listener));
	OPEN(THAWED);
	EXPECT_EQ(0, result(self->m));
	EXPECT_TRUE(leads_to(self->m, fd, self->out, self->listener));
}

TEST_F(tcp_gate, does_not_end_in_a_tracers_hands)
{
	int fd = client(variant, self->m, 0);

	BEGIN_DRAIN();
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, self->m->pid, 0, 0));
	ASSERT_TRUE(trace_stop(self->m->pid));
	OPEN(THAWED);
	EXPECT_TRUE(EVENTUALLY(poll_fd(self->out, self->listener) & POLLIN));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->m->pid, 0, 0));
	EXPECT_EQ(0, result(self->m));
	EXPECT_TRUE(leads_to(self->m, fd, self->out, self->listener));
}

/* Nobody knows what a tracer does with its system calls. */
TEST_F(tcp_gate, who_is_traced_need_not_wait)
{
	int fd = client(variant, self->m, 0);

	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->m->pid, 0, 0));
	BEGIN_DRAIN();
	ASSERT_EQ(0, connect_place(self->m, fd, &self->server));
	EXPECT_TRUE(leads_to(self->m, fd, self->out, self->listener));
	EXPECT_TRUE(is_next(&self->l, self->m, fd));
	CLOSE_LAST(self->m, fd);
	OPEN(THAWED);
}

/* ---- what only plain TCP has ---- */

#define PLAIN	(variant->protocol == IPPROTO_TCP)

/* A checkpointer puts a connection together again: that sends nothing. */
TEST_F(tcp_gate, repair_need_not_wait)
{
	int fd = client(variant, self->m, 0);

	if (!PLAIN)
		return;
	ASSERT_EQ(0, set(self->m, fd, IPPROTO_TCP, TCP_REPAIR, 1));
	BEGIN_DRAIN();
	EXPECT_EQ(0, connect_place(self->m, fd, &self->server));
	EXPECT_EQ(TCP_ESTABLISHED, info_of(self->m, fd)->tcpi_state);
	CALL(self->m, SYS_close, fd);
	OPEN(THAWED);
	EXPECT_TRUE(nothing_comes_late(self->out, self->listener));
}

static int set_send_timeout(struct actor *a, int fd, int ms)
{
	struct timeval *at = (void *)buf_of(a);

	at->tv_sec = ms / 1000;
	at->tv_usec = ms % 1000 * 1000;
	return CALL(a, SYS_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, at,
		    sizeof(*at));
}

/* Linux knows no such limit for multipath TCP's connect. */
TEST_F(tcp_gate, as_long_as_the_program_wants_to_wait)
{
	int fd = client(variant, self->m, 0);
	long begin;

	if (!PLAIN)
		return;
	ASSERT_EQ(0, set_send_timeout(self->m, fd, 300));
	BEGIN_DRAIN();
	begin = now_ms();
	EXPECT_EQ(-EINPROGRESS, connect_place(self->m, fd, &self->server));
	EXPECT_LE(290, now_ms() - begin);
	EXPECT_TRUE(nothing_comes(self->out, self->listener));
	OPEN(THAWED);
	EXPECT_TRUE(comes_to(self->m, fd, TCP_ESTABLISHED));
	EXPECT_TRUE(leads_to(self->m, fd, self->out, self->listener));
}

/* Connect by sending "hello". */
static void start_fastopen(struct actor *a, int fd, const struct place *to)
{
	struct place *there = (void *)(buf_of(a) + 512);

	*there = *to;
	strcpy(buf_of(a), "hello");
	START(a, SYS_sendto, fd, buf_of(a), 5, MSG_FASTOPEN, &there->ss,
	      there->len);
}

/* It comes once, and the connection is good. */
static bool hello_comes(struct actor *a, int fd, struct actor *b, int listener)
{
	int server = accept_from(b, listener);

	make_blocking(a, fd);
	return receive(b, server) == 5 && !strcmp(buf_of(b), "hello") &&
	       carries(a, fd, b, server);
}

TEST_F(tcp_gate, data_in_the_syn_wait_with_it)
{
	enum opening how;
	int fd;

	if (!PLAIN)
		return;
	for (how = 0; how < OPENINGS; how++) {
		TH_LOG("way %d", how);
		BEGIN_DRAIN();
		fd = client(variant, self->m, SOCK_NONBLOCK);
		start_fastopen(self->m, fd, &self->server);
		EXPECT_EQ(5, result(self->m));
		EXPECT_EQ(TCP_SYN_SENT, info_of(self->m, fd)->tcpi_state);
		EXPECT_TRUE(nothing_comes(self->out, self->listener));
		OPEN(how);
		EXPECT_TRUE(hello_comes(self->m, fd, self->out,
					self->listener));
		CALL(self->m, SYS_close, fd);
	}
}

/*
 * A stop would be a signal to it: without an answer to its SYN it would begin anew
 * then, and Linux would send the data twice.
 */
TEST_F(tcp_gate, who_sends_data_in_the_syn_waits)
{
	static const int cookies[] = { FASTOPEN_FREE, FASTOPEN_COOKIE };
	size_t i;
	int fd;

	if (!PLAIN)
		return;
	for (i = 0; i < ARRAY_SIZE(cookies); i++) {
		ASSERT_EQ(0, allow_fastopen(cookies[i]));
		BEGIN_DRAIN();
		fd = client(variant, self->m, 0);
		start_fastopen(self->m, fd, &self->server);
		WAITS_IN(self->m, SYS_sendto);
		EXPECT_TRUE(nothing_comes(self->out, self->listener));
		OPEN(GIVEN_UP);
		EXPECT_EQ(5, result(self->m));
		EXPECT_TRUE(hello_comes(self->m, fd, self->out,
					self->listener));
		CALL(self->m, SYS_close, fd);
	}
}

/* The first write connects, whenever connect() was called. */
TEST_F(tcp_gate, a_connect_that_waits_for_the_first_write)
{
	int fd, before;

	if (!PLAIN)
		return;
	for (before = 0; before < 2; before++) {
		TH_LOG("%d", before);
		fd = client(variant, self->m, 0);
		ASSERT_EQ(0, set(self->m, fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT,
				 1));
		if (!before)
			BEGIN_DRAIN();
		ASSERT_EQ(0, connect_place(self->m, fd, &self->server));
		if (before)
			BEGIN_DRAIN();
		EXPECT_EQ(1, count_rows(&self->g));
		strcpy(buf_of(self->m), "hello");
		START(self->m, SYS_sendto, fd, buf_of(self->m), 5, 0, NULL, 0);
		WAITS_IN(self->m, SYS_sendto);
		EXPECT_TRUE(nothing_comes(self->out, self->listener));
		OPEN(GIVEN_UP);
		EXPECT_EQ(5, result(self->m));
		EXPECT_TRUE(hello_comes(self->m, fd, self->out,
					self->listener));
		CALL(self->m, SYS_close, fd);
	}
}

/* ---- who need not wait, and who must as well ---- */

TEST_F(tcp_gate, between_members_it_is_open)
{
	int l = server_of(variant, self->n), fds[2], i;
	struct place inside = at_port(variant, port_of(self->n, l));

	BEGIN_DRAIN();
	for (i = 0; i < 2; i++) {
		fds[i] = client(variant, self->m, 0);
		ASSERT_EQ(0, connect_place(self->m, fds[i], &inside));
		EXPECT_TRUE(leads_to(self->m, fds[i], self->n, l));
		/* And who listens only now. */
		l = server_of(variant, self->n);
		inside = at_port(variant, port_of(self->n, l));
	}
	EXPECT_EQ(1, count_rows(&self->g));
	END_DRAIN();
	for (i = 0; i < 2; i++)
		EXPECT_STREQ("internal", class_of(&self->g, self->m, fds[i]));
	THAW();
	EXPECT_EQ(0, stat_of(&self->g, "sockets_reset"));
}

/* The better address gets it. */
TEST_F(tcp_gate, an_outsider_at_a_members_port)
{
	int any = listen_together(self->n, variant->server, variant->any, 0);
	int port = port_of(self->n, any), fd;
	struct place both = at_port(variant, port);
	int here = listen_together(self->out, variant->server, NULL, port);

	ASSERT_LE(0, here);
	BEGIN_DRAIN();
	fd = client(variant, self->m, 0);
	start_connect(self->m, fd, &both);
	WAITS_IN(self->m, SYS_connect);
	EXPECT_TRUE(nothing_comes(self->out, here));
	OPEN(THAWED);
	EXPECT_EQ(0, result(self->m));
	EXPECT_TRUE(leads_to(self->m, fd, self->out, here));
}

TEST_F(tcp_gate, a_member_at_an_outsiders_port)
{
	int any = listen_together(self->out, variant->server, variant->any, 0);
	int port = port_of(self->out, any), fd;
	struct place both = at_port(variant, port);
	int here = listen_together(self->n, variant->server, NULL, port);

	ASSERT_LE(0, here);
	BEGIN_DRAIN();
	fd = client(variant, self->m, 0);
	EXPECT_EQ(0, connect_place(self->m, fd, &both));
	EXPECT_TRUE(leads_to(self->m, fd, self->n, here));
	OPEN(THAWED);
}

TEST_F(tcp_gate, destinations_that_are_not_waited_for)
{
	/* The first is in the list that every group has. */
	static const int ports[] = { 389, 5000 };
	static const char *actions[] = { "reset", "keep" };
	int l[2], fds[2], i;

	ASSERT_EQ(0, set_rules(&self->g, EXTSOCK_RULES_DEFAULT
					 "keep tcp port 5000"));
	for (i = 0; i < 2; i++) {
		l[i] = listen_together(self->out, variant->server, NULL,
				       ports[i]);
		ASSERT_LE(0, l[i]);
	}
	BEGIN_DRAIN();
	for (i = 0; i < 2; i++) {
		struct place there = at_port(variant, ports[i]);

		fds[i] = client(variant, self->m, 0);
		ASSERT_EQ(0, connect_place(self->m, fds[i], &there));
		EXPECT_TRUE(leads_to(self->m, fds[i], self->out, l[i]));
	}
	EXPECT_EQ(1, count_rows(&self->g));
	END_DRAIN();
	for (i = 0; i < 2; i++)
		EXPECT_STREQ(actions[i], column_of(&self->g, self->m->pid,
						   fds[i], "action"));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->m, fds[0]));
	EXPECT_EQ(4, send_text(self->m, fds[1], "kept"));
}

/* The kernel chose the port of who is waited for; 5001 is below those. */
TEST_F(tcp_gate, by_a_rule_that_waits)
{
	int fd = client(variant, self->m, 0), other = client(variant, self->n, 0);
	int l = listen_together(self->out, variant->server, NULL, 5001);
	struct place there = at_port(variant, 5001);

	ASSERT_EQ(0, set_rules(&self->g, "wait tcp port 32768-65535"));
	ASSERT_TRUE(begin_long_drain(&self->l, &self->g, self->owner,
				     "freeze policy=reset"));
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	EXPECT_EQ(0, connect_place(self->n, other, &there));
	EXPECT_TRUE(leads_to(self->n, other, self->out, l));
	OPEN(THAWED);
	EXPECT_EQ(0, result(self->m));
	EXPECT_TRUE(leads_to(self->m, fd, self->out, self->listener));
	EXPECT_EQ(-ECONNRESET, receive(self->n, other));
}

TEST_F(tcp_gate, refused_as_ever_where_nobody_listens)
{
	int fd = client(variant, self->m, 0);
	int other = client(variant, self->m, SOCK_NONBLOCK);
	struct place nobody = self->server;

	CALL(self->out, SYS_close, self->listener);
	BEGIN_DRAIN();
	EXPECT_EQ(-ECONNREFUSED, connect_place(self->m, fd, &nobody));
	connect_place(self->m, other, &nobody);
	EXPECT_TRUE(EVENTUALLY(poll_fd(self->m, other) & POLLERR));
	EXPECT_EQ(ECONNREFUSED, error_of(self->m, other));
	OPEN(THAWED);
}

TEST_F(tcp_gate, unreachable_as_ever)
{
	int fd = client(variant, self->m, 0);
	struct place nowhere;

	nowhere.len = address(&nowhere.ss, variant->family,
			      variant->server == AF_INET6 ? "fd77::1" :
			      variant->family == AF_INET6 ? "::ffff:10.77.0.1" :
							    "10.77.0.1", 5000);
	BEGIN_DRAIN();
	EXPECT_EQ(-ENETUNREACH, connect_place(self->m, fd, &nowhere));
	OPEN(THAWED);
}

static void *connect_thread(void *stage)
{
	struct stage *s = stage;
	struct place *to = (void *)(s->buf + 4096);

	if (!connect(s->arg[1], (void *)&to->ss, to->len))
		s->counter = 1;
	return NULL;
}

static void connect_in_a_thread(struct stage *s)
{
	pthread_t thread;

	s->ret = -pthread_create(&thread, NULL, connect_thread, s);
}

TEST_F(tcp_gate, a_thread_waits_alone)
{
	int l = server_of(variant, self->n), fd = client(variant, self->m, 0);
	struct place inside = at_port(variant, port_of(self->n, l));
	int other = client(variant, self->m, 0);

	BEGIN_DRAIN();
	memcpy(buf_of(self->m) + 4096, &self->server, sizeof(self->server));
	start(self->m, -1L, (long)connect_in_a_thread, (long)fd, 0L, 0L, 0L, 0L);
	ASSERT_EQ(0, result(self->m));
	EXPECT_TRUE(EVENTUALLY(has_state(self->m, variant->family,
					 TCP_SYN_SENT)));
	EXPECT_EQ(0, connect_place(self->m, other, &inside));
	EXPECT_TRUE(leads_to(self->m, other, self->n, l));
	EXPECT_TRUE(nothing_comes(self->out, self->listener));
	EXPECT_EQ(0, self->m->stage->counter);
	OPEN(THAWED);
	EXPECT_TRUE(EVENTUALLY(self->m->stage->counter == 1));
	EXPECT_TRUE(leads_to(self->m, fd, self->out, self->listener));
}

static void connect_in_a_child(struct stage *s)
{
	pid_t child = fork();

	if (child) {
		s->ret = child;
		return;
	}
	connect_thread(s);
	for (;;)
		pause();
}

TEST_F(tcp_gate, a_child_that_is_born_meanwhile_waits)
{
	int fd = client(variant, self->m, 0);

	BEGIN_DRAIN();
	memcpy(buf_of(self->m) + 4096, &self->server, sizeof(self->server));
	start(self->m, -1L, (long)connect_in_a_child, (long)fd, 0L, 0L, 0L, 0L);
	ASSERT_LT(0, result(self->m));
	EXPECT_TRUE(sleeps_in(self->m->stage->ret, SYS_connect));
	EXPECT_TRUE(nothing_comes(self->out, self->listener));
	OPEN(THAWED);
	EXPECT_TRUE(EVENTUALLY(self->m->stage->counter == 1));
	EXPECT_TRUE(leads_to(self->m, fd, self->out, self->listener));
}

TEST_F(tcp_gate, another_group_need_not_wait)
{
	struct actor *stranger;
	struct group other;
	int fd;

	make_group(&other, "other");
	stranger = member(&other);
	enter(stranger, "corner");
	BEGIN_DRAIN();
	fd = client(variant, stranger, 0);
	EXPECT_EQ(0, connect_place(stranger, fd, &self->server));
	EXPECT_TRUE(leads_to(stranger, fd, self->out, self->listener));
	OPEN(THAWED);
	part(stranger);
	EXPECT_TRUE(drop_group(&other));
}

/* Once its SYN is on its way it is a connection that the next drain waits for. */
TEST_F(tcp_gate, the_next_drain)
{
	int fd = client(variant, self->m, SOCK_NONBLOCK);

	BEGIN_DRAIN();
	ASSERT_EQ(-EINPROGRESS, connect_place(self->m, fd, &self->server));
	ASSERT_EQ(0, lose("syn"));
	OPEN(GIVEN_UP);
	BEGIN_DRAIN();
	EXPECT_TRUE(EVENTUALLY(count_rows(&self->g) == 2));
	EXPECT_STREQ("wait", column_of(&self->g, self->m->pid, fd, "action"));
	CALL(self->m, SYS_close, fd);
	END_DRAIN();
	THAW();
}

/* ---- unix sockets, and datagrams by a rule ---- */

FIXTURE(gate)
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

FIXTURE_VARIANT(gate)
{
	int family;
	int type;
	const char *path;
};

FIXTURE_VARIANT_ADD(gate, stream) { AF_UNIX, SOCK_STREAM, NULL };
FIXTURE_VARIANT_ADD(gate, stream_path) { AF_UNIX, SOCK_STREAM, "/tmp/gate" };
FIXTURE_VARIANT_ADD(gate, stream_relative) { AF_UNIX, SOCK_STREAM, "gate" };
FIXTURE_VARIANT_ADD(gate, seqpacket) { AF_UNIX, SOCK_SEQPACKET, NULL };
FIXTURE_VARIANT_ADD(gate, dgram) { AF_UNIX, SOCK_DGRAM, NULL };
FIXTURE_VARIANT_ADD(gate, udp) { AF_INET, SOCK_DGRAM, NULL };
FIXTURE_VARIANT_ADD(gate, udp_ipv6) { AF_INET6, SOCK_DGRAM, NULL };

#define DATAGRAMS	(variant->type == SOCK_DGRAM)

static struct place at_path(const char *path)
{
	struct place p = { .len = sizeof(struct sockaddr_un) };
	struct sockaddr_un *un = (void *)&p.ss;

	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, path);
	return p;
}

/* A socket that others can connect to, and where that is. */
static int open_door(const FIXTURE_VARIANT(gate) *variant, struct actor *a,
		     const char *path, struct place *door)
{
	int fd = CALL(a, SYS_socket, variant->family, variant->type, 0);
	socklen_t len = sizeof(sa_family_t);

	if (path) {
		*door = at_path(path);
		memcpy(buf_of(a), &door->ss, door->len);
		CALL(a, SYS_unlink, ((struct sockaddr_un *)buf_of(a))->sun_path);
		memcpy(buf_of(a), &door->ss, door->len);
		len = door->len;
	} else if (variant->family != AF_UNIX) {
		len = address((void *)buf_of(a), variant->family, NULL, 0);
	} else {
		*(sa_family_t *)buf_of(a) = AF_UNIX;
	}
	if (CALL(a, SYS_bind, fd, buf_of(a), len))
		return -1;
	if (!path)
		*door = place_of(a, fd);
	return DATAGRAMS || !CALL(a, SYS_listen, fd, 16) ? fd : -1;
}

static int chdir_to_tmp(struct actor *a)
{
	strcpy(buf_of(a), "/tmp");
	return CALL(a, SYS_chdir, buf_of(a));
}

FIXTURE_SETUP(gate)
{
	make_group(&self->g, "gate");
	self->owner = member(&self->g);
	self->m = member(&self->g);
	self->n = member(&self->g);
	self->out = actor();
	ASSERT_EQ(0, chdir_to_tmp(self->m));
	ASSERT_EQ(0, chdir_to_tmp(self->n));
	ASSERT_EQ(0, chdir_to_tmp(self->out));
	self->listener = open_door(variant, self->out, variant->path,
				   &self->server);
	ASSERT_LE(0, self->listener);
	if (DATAGRAMS)
		ASSERT_EQ(0, set_rules(&self->g, "wait any"));
}

FIXTURE_TEARDOWN(gate)
{
	part(self->m);
	part(self->n);
	part(self->owner);
	part(self->out);
	EXPECT_TRUE(drop_group(&self->g));
	unlink("/tmp/gate");
	unlink("/tmp/inside");
}

static int visitor(const FIXTURE_VARIANT(gate) *variant, struct actor *a,
		   int flags)
{
	return CALL(a, SYS_socket, variant->family, variant->type | flags, 0);
}

static bool is_connected(struct actor *a, int fd)
{
	socklen_t *len = (void *)(buf_of(a) + 256);

	*len = 128;
	return CALL(a, SYS_getpeername, fd, buf_of(a), len) != -ENOTCONN;
}

/* Is it connected to who is behind this door? */
static bool is_inside(const FIXTURE_VARIANT(gate) *variant, struct actor *a,
		      int fd, struct actor *b, int door)
{
	if (!DATAGRAMS)
		return leads_to(a, fd, b, door);
	return is_connected(a, fd) && send_text(a, fd, "hello") == 5 &&
	       receive(b, door) == 5;
}

TEST_F(gate, a_blocking_connect_waits)
{
	enum opening how;
	int fd;

	for (how = 0; how < OPENINGS; how++) {
		TH_LOG("way %d", how);
		BEGIN_DRAIN();
		fd = visitor(variant, self->m, 0);
		start_connect(self->m, fd, &self->server);
		WAITS_IN(self->m, SYS_connect);
		EXPECT_TRUE(nothing_comes(self->out, self->listener));
		EXPECT_EQ(1, count_rows(&self->g));
		OPEN(how);
		EXPECT_EQ(0, result(self->m));
		EXPECT_TRUE(is_inside(variant, self->m, fd, self->out,
				      self->listener));
		CALL(self->m, SYS_close, fd);
	}
}

/*
 * There is no error that programs do not take for final, so it is let pass, and
 * waited for as any other.
 */
TEST_F(gate, a_connect_that_does_not_block_is_delayed)
{
	int fd = visitor(variant, self->m, SOCK_NONBLOCK);
	long begin;

	BEGIN_DRAIN();
	begin = now_ms();
	EXPECT_EQ(0, connect_place(self->m, fd, &self->server));
	EXPECT_LE(990, now_ms() - begin);
	EXPECT_TRUE(is_inside(variant, self->m, fd, self->out,
			      self->listener));
	EXPECT_TRUE(is_next(&self->l, self->m, fd));
	CLOSE_LAST(self->m, fd);
	OPEN(THAWED);
}

/* At best of ten times: it would go on by itself after a second. */
TEST_F(gate, a_connect_that_does_not_block_waits_no_longer_than_the_others)
{
	long best = LONG_MAX, begun;
	int i, fd;

	for (i = 0; i < 10 && best >= 900; i++) {
		fd = visitor(variant, self->m, SOCK_NONBLOCK);
		BEGIN_DRAIN();
		begun = now_ms();
		start_connect(self->m, fd, &self->server);
		msleep(100);
		EXPECT_TRUE(!is_done(self->m) || now_ms() - begun >= 900);
		OPEN(GIVEN_UP);
		EXPECT_EQ(0, result(self->m));
		if (now_ms() - begun < best)
			best = now_ms() - begun;
		EXPECT_TRUE(is_inside(variant, self->m, fd, self->out,
				      self->listener));
	}
	EXPECT_GT(900, best);
}

TEST_F(gate, what_the_table_says)
{
	int fd = visitor(variant, self->m, 0);

	BEGIN_DRAIN();
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	END_DRAIN();
	EXPECT_STREQ("idle", class_of(&self->g, self->m, fd));
	EXPECT_STREQ("-", column_of(&self->g, self->m->pid, fd, "action"));
	THAW();
	EXPECT_EQ(0, result(self->m));
	EXPECT_TRUE(is_inside(variant, self->m, fd, self->out,
			      self->listener));
}

TEST_F(gate, as_long_as_the_program_wants_to_wait)
{
	int fd = visitor(variant, self->m, 0);
	long begin;

	ASSERT_EQ(0, set_send_timeout(self->m, fd, 300));
	BEGIN_DRAIN();
	begin = now_ms();
	EXPECT_EQ(-EAGAIN, connect_place(self->m, fd, &self->server));
	EXPECT_LE(290, now_ms() - begin);
	EXPECT_FALSE(is_connected(self->m, fd));
	OPEN(THAWED);
	EXPECT_EQ(0, connect_place(self->m, fd, &self->server));
	EXPECT_TRUE(is_inside(variant, self->m, fd, self->out,
			      self->listener));
}

TEST_F(gate, is_told_if_who_listened_is_gone)
{
	int fd = visitor(variant, self->m, 0);

	BEGIN_DRAIN();
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	CALL(self->out, SYS_close, self->listener);
	OPEN(THAWED);
	EXPECT_EQ(variant->family == AF_UNIX ? -ECONNREFUSED : 0,
		  result(self->m));
}

TEST_F(gate, a_signal_interrupts_it)
{
	int fd = visitor(variant, self->m, 0);

	ASSERT_EQ(0, count_usr1(self->m, 0));
	BEGIN_DRAIN();
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	kill(self->m->pid, SIGUSR1);
	EXPECT_EQ(-EINTR, result(self->m));
	EXPECT_FALSE(is_connected(self->m, fd));
	OPEN(THAWED);
	EXPECT_TRUE(nothing_comes(self->out, self->listener));
	EXPECT_EQ(0, connect_place(self->m, fd, &self->server));
	EXPECT_TRUE(is_inside(variant, self->m, fd, self->out,
			      self->listener));
}

TEST_F(gate, a_signal_does_not_interrupt_what_is_restarted)
{
	int fd = visitor(variant, self->m, 0);

	ASSERT_EQ(0, count_usr1(self->m, SA_RESTART));
	BEGIN_DRAIN();
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	kill(self->m->pid, SIGUSR1);
	EXPECT_TRUE(EVENTUALLY(self->m->stage->counter == 1));
	WAITS_IN(self->m, SYS_connect);
	EXPECT_TRUE(nothing_comes(self->out, self->listener));
	OPEN(THAWED);
	EXPECT_EQ(0, result(self->m));
	EXPECT_TRUE(is_inside(variant, self->m, fd, self->out,
			      self->listener));
}

/* What has a limit is never restarted. */
TEST_F(gate, a_signal_interrupts_what_has_a_limit)
{
	int fd = visitor(variant, self->m, 0);

	ASSERT_EQ(0, count_usr1(self->m, SA_RESTART));
	ASSERT_EQ(0, set_send_timeout(self->m, fd, PATIENCE_MS));
	BEGIN_DRAIN();
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	kill(self->m->pid, SIGUSR1);
	EXPECT_EQ(-EINTR, result(self->m));
	OPEN(THAWED);
}

TEST_F(gate, a_stop_and_its_end)
{
	int fd = visitor(variant, self->m, 0);

	BEGIN_DRAIN();
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	kill(self->m->pid, SIGSTOP);
	EXPECT_TRUE(EVENTUALLY(state_of(self->m->pid) == 'T'));
	kill(self->m->pid, SIGCONT);
	WAITS_IN(self->m, SYS_connect);
	EXPECT_TRUE(nothing_comes(self->out, self->listener));
	OPEN(THAWED);
	EXPECT_EQ(0, result(self->m));
	EXPECT_TRUE(is_inside(variant, self->m, fd, self->out,
			      self->listener));
}

TEST_F(gate, a_deadly_signal)
{
	enum opening how;

	for (how = 0; how < OPENINGS; how++) {
		int fd = visitor(variant, self->m, 0);

		TH_LOG("way %d", how);
		BEGIN_DRAIN();
		start_connect(self->m, fd, &self->server);
		WAITS_IN(self->m, SYS_connect);
		part(self->m);
		OPEN(how);
		EXPECT_TRUE(nothing_comes(self->out, self->listener));
		self->m = member(&self->g);
		ASSERT_EQ(0, chdir_to_tmp(self->m));
	}
}

TEST_F(gate, killed_when_frozen)
{
	int fd = visitor(variant, self->m, 0);

	BEGIN_DRAIN();
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	END_DRAIN();
	part(self->m);
	EXPECT_TRUE(state_is(&self->g, "frozen"));
	THAW();
	EXPECT_TRUE(nothing_comes(self->out, self->listener));
	self->m = actor();
}

TEST_F(gate, a_tracer_comes_and_goes)
{
	int fd = visitor(variant, self->m, 0);

	BEGIN_DRAIN();
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, self->m->pid, 0, 0));
	ASSERT_TRUE(trace_stop(self->m->pid));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->m->pid, 0, 0));
	WAITS_IN(self->m, SYS_connect);
	EXPECT_TRUE(nothing_comes(self->out, self->listener));
	OPEN(THAWED);
	EXPECT_EQ(0, result(self->m));
	EXPECT_TRUE(is_inside(variant, self->m, fd, self->out,
			      self->listener));
}

TEST_F(gate, who_is_traced_need_not_wait)
{
	int fd = visitor(variant, self->m, 0);

	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->m->pid, 0, 0));
	BEGIN_DRAIN();
	ASSERT_EQ(0, connect_place(self->m, fd, &self->server));
	EXPECT_TRUE(is_inside(variant, self->m, fd, self->out,
			      self->listener));
	EXPECT_TRUE(is_next(&self->l, self->m, fd));
	CLOSE_LAST(self->m, fd);
	OPEN(THAWED);
}

TEST_F(gate, between_members_it_is_open)
{
	const char *path = variant->path ? "inside" : NULL;
	struct place inside;
	int door = open_door(variant, self->n, path, &inside), fds[2], i;

	ASSERT_LE(0, door);
	BEGIN_DRAIN();
	for (i = 0; i < 2; i++) {
		fds[i] = visitor(variant, self->m, 0);
		ASSERT_EQ(0, connect_place(self->m, fds[i], &inside));
		EXPECT_TRUE(is_inside(variant, self->m, fds[i], self->n, door));
		/* And who listens only now. */
		if (!i)
			door = open_door(variant, self->n, path, &inside);
	}
	EXPECT_EQ(1, count_rows(&self->g));
	END_DRAIN();
	EXPECT_STREQ("internal", class_of(&self->g, self->m, fds[1]));
	THAW();
	EXPECT_EQ(0, stat_of(&self->g, "sockets_reset"));
}

TEST_F(gate, destinations_that_are_not_waited_for)
{
	static const char *rules[] = {
		"keep unix\nkeep udp\n", "reset unix\nreset udp\n",
	};
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		ASSERT_EQ(0, set_rules(&self->g, rules[i]));
		BEGIN_DRAIN();
		fd = visitor(variant, self->m, 0);
		EXPECT_EQ(0, connect_place(self->m, fd, &self->server));
		EXPECT_TRUE(is_inside(variant, self->m, fd, self->out,
				      self->listener));
		OPEN(THAWED);
		CALL(self->m, SYS_close, fd);
	}
}

TEST_F(gate, datagrams_need_not_wait_without_a_rule)
{
	int fd = visitor(variant, self->m, 0);

	if (!DATAGRAMS)
		return;
	ASSERT_EQ(0, set_rules(&self->g, ""));
	BEGIN_DRAIN();
	EXPECT_EQ(0, connect_place(self->m, fd, &self->server));
	EXPECT_TRUE(is_inside(variant, self->m, fd, self->out,
			      self->listener));
	OPEN(THAWED);
}

/* Of these there is no connection, whatever a rule says. */
TEST_F(gate, datagrams_need_not_wait_without_connect)
{
	int fd = visitor(variant, self->m, 0);
	struct place *there = (void *)(buf_of(self->m) + 512);

	if (!DATAGRAMS)
		return;
	BEGIN_DRAIN();
	*there = self->server;
	strcpy(buf_of(self->m), "hello");
	EXPECT_EQ(5, CALL(self->m, SYS_sendto, fd, buf_of(self->m), 5, 0,
			  &there->ss, there->len));
	EXPECT_EQ(5, receive(self->out, self->listener));
	OPEN(THAWED);
}

/* Until it has passed it is connected to whom it was. */
TEST_F(gate, datagrams_that_were_connected_before)
{
	int fd = visitor(variant, self->m, 0), door;
	struct place inside;

	if (!DATAGRAMS)
		return;
	door = open_door(variant, self->n, NULL, &inside);
	ASSERT_EQ(0, connect_place(self->m, fd, &inside));
	ASSERT_EQ(0, count_usr1(self->m, 0));
	BEGIN_DRAIN();
	start_connect(self->m, fd, &self->server);
	WAITS_IN(self->m, SYS_connect);
	kill(self->m->pid, SIGUSR1);
	EXPECT_EQ(-EINTR, result(self->m));
	EXPECT_TRUE(is_inside(variant, self->m, fd, self->n, door));
	/* And it can always be disconnected. */
	*(sa_family_t *)buf_of(self->m) = AF_UNSPEC;
	EXPECT_EQ(0, CALL(self->m, SYS_connect, fd, buf_of(self->m),
			  sizeof(struct sockaddr_in6)));
	EXPECT_FALSE(is_connected(self->m, fd));
	OPEN(THAWED);
}

TEST_F(gate, refused_as_ever_where_nobody_listens)
{
	int fd = visitor(variant, self->m, 0);
	int other = visitor(variant, self->m, SOCK_NONBLOCK);

	if (variant->family != AF_UNIX)
		return;
	CALL(self->out, SYS_close, self->listener);
	BEGIN_DRAIN();
	EXPECT_EQ(-ECONNREFUSED, connect_place(self->m, fd, &self->server));
	EXPECT_EQ(-ECONNREFUSED, connect_place(self->m, other, &self->server));
	unlink("/tmp/gate");
	EXPECT_EQ(variant->path ? -ENOENT : -ECONNREFUSED,
		  connect_place(self->m, fd, &self->server));
	OPEN(THAWED);
}

TEST_F(gate, an_address_of_another_family_is_refused_as_ever)
{
	int fd = visitor(variant, self->m, 0);
	struct sockaddr_in6 *to = (void *)buf_of(self->m);

	if (variant->family != AF_INET)
		return;
	BEGIN_DRAIN();
	*to = (struct sockaddr_in6) { .sin6_family = AF_INET6 };
	inet_pton(AF_INET6, "fd09::2", &to->sin6_addr);
	to->sin6_port = htons(7);
	EXPECT_EQ(-EAFNOSUPPORT, CALL(self->m, SYS_connect, fd, to, sizeof(*to)));
	OPEN(THAWED);
}

TEST_F(gate, through_a_symbolic_link)
{
	int fd = visitor(variant, self->m, 0), door;
	struct place inside, link = at_path("link");

	if (!variant->path)
		return;
	door = open_door(variant, self->n, "inside", &inside);
	unlink("/tmp/link");
	ASSERT_EQ(0, symlink("inside", "/tmp/link"));
	BEGIN_DRAIN();
	EXPECT_EQ(0, connect_place(self->m, fd, &link));
	EXPECT_TRUE(is_inside(variant, self->m, fd, self->n, door));
	unlink("/tmp/link");
	ASSERT_EQ(0, symlink("gate", "/tmp/link"));
	fd = visitor(variant, self->m, 0);
	start_connect(self->m, fd, &link);
	WAITS_IN(self->m, SYS_connect);
	EXPECT_TRUE(nothing_comes(self->out, self->listener));
	OPEN(THAWED);
	EXPECT_EQ(0, result(self->m));
	unlink("/tmp/link");
}

/* ---- network namespaces ---- */

FIXTURE(netns_gate)
{
	struct group g;
	struct long_drain l;
	struct actor *left;
	struct actor *right;
	struct actor *owner;
	struct actor *out;
	int listener;
	struct place server;
};

FIXTURE_VARIANT(netns_gate)
{
	int family;
	const char *far;
};

FIXTURE_VARIANT_ADD(netns_gate, ipv4) { AF_INET, "10.9.0.2" };
FIXTURE_VARIANT_ADD(netns_gate, ipv6) { AF_INET6, "fd09::2" };

/* A member on the left; another and an outsider on the right. */
FIXTURE_SETUP(netns_gate)
{
	ASSERT_EQ(0, join_namespaces());
	make_group(&self->g, "gate");
	self->owner = member(&self->g);
	self->left = member(&self->g);
	self->right = member(&self->g);
	self->out = actor();
	enter(self->left, "left");
	enter(self->right, "right");
	enter(self->out, "right");
	self->listener = listener_at(self->out, variant->family, variant->far,
				     16);
	ASSERT_LE(0, self->listener);
	self->server = place_of(self->out, self->listener);
}

FIXTURE_TEARDOWN(netns_gate)
{
	part(self->left);
	part(self->right);
	part(self->owner);
	part(self->out);
	EXPECT_TRUE(drop_group(&self->g));
	sh("ip netns del left; ip netns del right");
}

static int traveller(const FIXTURE_VARIANT(netns_gate) *variant,
		     struct actor *a)
{
	return CALL(a, SYS_socket, variant->family, SOCK_STREAM, 0);
}

TEST_F(netns_gate, to_an_outsider_waits)
{
	int fd = traveller(variant, self->left);

	BEGIN_DRAIN();
	start_connect(self->left, fd, &self->server);
	WAITS_IN(self->left, SYS_connect);
	EXPECT_TRUE(nothing_comes(self->out, self->listener));
	END_DRAIN();
	EXPECT_STREQ("idle", class_of(&self->g, self->left, fd));
	THAW();
	EXPECT_EQ(0, result(self->left));
	EXPECT_TRUE(leads_to(self->left, fd, self->out, self->listener));
}

TEST_F(netns_gate, to_a_member_is_open)
{
	int l = listener_at(self->right, variant->family, variant->far, 16);
	struct place inside = place_of(self->right, l);
	int i, fd;

	BEGIN_DRAIN();
	for (i = 0; i < 2; i++) {
		fd = traveller(variant, self->left);
		ASSERT_EQ(0, connect_place(self->left, fd, &inside));
		EXPECT_TRUE(leads_to(self->left, fd, self->right, l));
		/* And who listens only now. */
		l = listener_at(self->right, variant->family, variant->far, 16);
		inside = place_of(self->right, l);
	}
	EXPECT_EQ(1, count_rows(&self->g));
	OPEN(THAWED);
	EXPECT_EQ(0, stat_of(&self->g, "sockets_reset"));
}

/* A member may be about to. */
TEST_F(netns_gate, refused_as_ever_where_nobody_listens)
{
	int fd = traveller(variant, self->left), l;

	CALL(self->out, SYS_close, self->listener);
	BEGIN_DRAIN();
	EXPECT_EQ(-ECONNREFUSED, connect_place(self->left, fd, &self->server));
	l = CALL(self->right, SYS_socket, variant->family, SOCK_STREAM, 0);
	memcpy(buf_of(self->right), &self->server.ss, self->server.len);
	ASSERT_EQ(0, CALL(self->right, SYS_bind, l, buf_of(self->right),
			  self->server.len));
	ASSERT_EQ(0, CALL(self->right, SYS_listen, l, 16));
	EXPECT_EQ(0, connect_place(self->left, fd, &self->server));
	EXPECT_TRUE(leads_to(self->left, fd, self->right, l));
	OPEN(THAWED);
}

/* The left one's own address is no way to the right one's listener. */
TEST_F(netns_gate, loopback_counts_within_its_namespace)
{
	struct actor *beside = actor();
	int port = 5000, fd = traveller(variant, self->left), l;
	struct place own;

	enter(beside, "left");
	ASSERT_LE(0, listen_together(self->right, variant->family, NULL, port));
	l = listen_together(beside, variant->family, NULL, port);
	own = place_of(beside, l);
	BEGIN_DRAIN();
	start_connect(self->left, fd, &own);
	WAITS_IN(self->left, SYS_connect);
	OPEN(THAWED);
	EXPECT_EQ(0, result(self->left));
	EXPECT_TRUE(leads_to(self->left, fd, beside, l));
	part(beside);
}

/* A member has the name on the right, an outsider on the left. */
TEST_F(netns_gate, abstract_names_count_within_their_namespace)
{
	int inside = unix_server(self->right, SOCK_STREAM), outside, fd;
	struct place name = place_of(self->right, inside);
	struct actor *beside = actor();

	enter(beside, "left");
	outside = CALL(beside, SYS_socket, AF_UNIX, SOCK_STREAM, 0);
	memcpy(buf_of(beside), &name.ss, name.len);
	ASSERT_EQ(0, CALL(beside, SYS_bind, outside, buf_of(beside), name.len));
	ASSERT_EQ(0, CALL(beside, SYS_listen, outside, 1));
	BEGIN_DRAIN();
	fd = CALL(self->right, SYS_socket, AF_UNIX, SOCK_STREAM, 0);
	EXPECT_EQ(0, connect_place(self->right, fd, &name));
	fd = CALL(self->left, SYS_socket, AF_UNIX, SOCK_STREAM, 0);
	start_connect(self->left, fd, &name);
	WAITS_IN(self->left, SYS_connect);
	OPEN(THAWED);
	EXPECT_EQ(0, result(self->left));
	EXPECT_TRUE(leads_to(self->left, fd, beside, outside));
	part(beside);
}

TEST_HARNESS_MAIN
