// SPDX-License-Identifier: GPL-2.0-only
/*
 * While a group drains, clients from outside wait in the backlog of its members'
 * listening sockets, and those from inside do not: how that looks to those who
 * accept, and to the clients.
 */
#define COMMON_TESTS	2
#include "extsock_test.h"

FIXTURE(backlog)
{
	struct group g;
	struct long_drain l;
	struct actor *m;
	struct actor *also;
	struct actor *in;
	struct actor *owner;
	struct actor *out;
	struct actor *other;
	int listener;
	struct place door;
};

FIXTURE_VARIANT(backlog)
{
	int family;
	int type;
	int protocol;
	int client;
};

FIXTURE_VARIANT_ADD(backlog, ipv4) {
	AF_INET, SOCK_STREAM, IPPROTO_TCP, IPPROTO_TCP
};
FIXTURE_VARIANT_ADD(backlog, ipv6) {
	AF_INET6, SOCK_STREAM, IPPROTO_TCP, IPPROTO_TCP
};
FIXTURE_VARIANT_ADD(backlog, mptcp) {
	AF_INET, SOCK_STREAM, IPPROTO_MPTCP, IPPROTO_MPTCP
};
FIXTURE_VARIANT_ADD(backlog, mptcp_server) {
	AF_INET, SOCK_STREAM, IPPROTO_MPTCP, IPPROTO_TCP
};
FIXTURE_VARIANT_ADD(backlog, stream) { AF_UNIX, SOCK_STREAM, 0, 0 };
FIXTURE_VARIANT_ADD(backlog, seqpacket) { AF_UNIX, SOCK_SEQPACKET, 0, 0 };

#define UNIX	(variant->family == AF_UNIX)
#define MPTCP	(variant->protocol == IPPROTO_MPTCP)

static int open_door(const FIXTURE_VARIANT(backlog) *variant, struct actor *a,
		     int backlog, struct place *door)
{
	int fd = UNIX ? unix_server(a, variant->type) :
		 listener_by(a, variant->protocol, variant->family, NULL, 16);

	if (fd >= 0) {
		CALL(a, SYS_listen, fd, backlog);
		*door = place_of(a, fd);
	}
	return fd;
}

/* A server and a client inside, two clients outside. */
FIXTURE_SETUP(backlog)
{
	make_group(&self->g, "backlog");
	self->owner = member(&self->g);
	self->m = member(&self->g);
	self->also = member(&self->g);
	self->in = member(&self->g);
	self->out = actor();
	self->other = actor();
	self->listener = open_door(variant, self->m, 16, &self->door);
	ASSERT_LE(0, self->listener);
}

FIXTURE_TEARDOWN(backlog)
{
	part(self->m);
	part(self->also);
	part(self->in);
	part(self->owner);
	part(self->out);
	part(self->other);
	EXPECT_TRUE(drop_group(&self->g));
}

static int client(const FIXTURE_VARIANT(backlog) *variant, struct actor *a)
{
	return CALL(a, SYS_socket, variant->family, variant->type,
		    variant->client);
}

/* A client that has come and said its name; connected at once. */
static int come(const FIXTURE_VARIANT(backlog) *variant, struct actor *a,
		const struct place *door, const char *name)
{
	int fd = client(variant, a);
	long err = connect_place(a, fd, door);

	if (err)
		return err;
	return send_text(a, fd, name) == (long)strlen(name) ? fd : -1;
}

/* COME(fd, who, name): to the server's door. */
#define COME(fd, who, name) \
	ASSERT_LE(0, fd = come(variant, who, &self->door, name))

static void do_not_block(struct actor *a, int fd)
{
	CALL(a, SYS_fcntl, fd, F_SETFL, O_NONBLOCK);
}

static bool is_readable(struct actor *a, int fd)
{
	return poll_fd(a, fd) & POLLIN;
}

/* Accept who comes to be there. */
static int accept_soon(struct actor *a, int listener)
{
	return EVENTUALLY(is_readable(a, listener)) ?
	       accept_from(a, listener) : -ETIME;
}

/* ---- one who accepts ---- */

TEST_F(backlog, who_accepts_waits)
{
	enum opening how;
	int fd, server;

	for (how = 0; how < OPENINGS; how++) {
		TH_LOG("way %d", how);
		BEGIN_DRAIN();
		START(self->m, SYS_accept, self->listener, NULL, NULL);
		COME(fd, self->out, "outside");
		ASSERT_TRUE(waits_in(self->m, SYS_accept));
		EXPECT_EQ(1, count_rows(&self->g));
		OPEN(how);
		server = result(self->m);
		EXPECT_STREQ("outside", said_by(self->m, server));
		EXPECT_TRUE(carries(self->out, fd, self->m, server));
		CALL(self->m, SYS_close, server);
		CALL(self->out, SYS_close, fd);
	}
}

TEST_F(backlog, who_has_waited_before_waits_on)
{
	enum opening how;
	int fd, server;

	for (how = 0; how < OPENINGS; how++) {
		TH_LOG("way %d", how);
		START(self->m, SYS_accept, self->listener, NULL, NULL);
		ASSERT_TRUE(sleeps_in(self->m->pid, SYS_accept));
		BEGIN_DRAIN();
		COME(fd, self->out, "outside");
		ASSERT_TRUE(waits_in(self->m, SYS_accept));
		OPEN(how);
		server = result(self->m);
		EXPECT_STREQ("outside", said_by(self->m, server));
		EXPECT_TRUE(carries(self->out, fd, self->m, server));
		CALL(self->m, SYS_close, server);
		CALL(self->out, SYS_close, fd);
	}
}

TEST_F(backlog, who_does_not_block_is_to_come_again)
{
	enum opening how;
	int fd, server;

	do_not_block(self->m, self->listener);
	for (how = 0; how < OPENINGS; how++) {
		TH_LOG("way %d", how);
		BEGIN_DRAIN();
		COME(fd, self->out, "outside");
		msleep(100);
		EXPECT_EQ(-EAGAIN, accept_from(self->m, self->listener));
		EXPECT_FALSE(is_readable(self->m, self->listener));
		OPEN(how);
		server = accept_soon(self->m, self->listener);
		EXPECT_STREQ("outside", said_by(self->m, server));
		EXPECT_TRUE(carries(self->out, fd, self->m, server));
		CALL(self->m, SYS_close, server);
		CALL(self->out, SYS_close, fd);
	}
}

TEST_F(backlog, who_polls_waits)
{
	struct pollfd *p = (void *)buf_of(self->m);
	enum opening how;
	int fd, server;

	for (how = 0; how < OPENINGS; how++) {
		TH_LOG("way %d", how);
		BEGIN_DRAIN();
		p->fd = self->listener;
		p->events = POLLIN;
		START(self->m, SYS_poll, p, 1, -1);
		COME(fd, self->out, "outside");
		ASSERT_TRUE(waits_in(self->m, SYS_poll));
		OPEN(how);
		EXPECT_EQ(1, result(self->m));
		EXPECT_EQ(POLLIN, p->revents);
		server = accept_from(self->m, self->listener);
		EXPECT_STREQ("outside", said_by(self->m, server));
		CALL(self->m, SYS_close, server);
		CALL(self->out, SYS_close, fd);
	}
}

static int events_of(struct actor *a, int ep)
{
	return CALL(a, SYS_epoll_wait, ep, buf_of(a), 1, 0);
}

TEST_F(backlog, who_waits_for_an_edge_gets_one)
{
	int ep = epoll_on(self->m, self->listener, EPOLLIN | EPOLLET);
	enum opening how;
	int fd, server;

	do_not_block(self->m, self->listener);
	for (how = 0; how < OPENINGS; how++) {
		TH_LOG("way %d", how);
		BEGIN_DRAIN();
		COME(fd, self->out, "outside");
		msleep(100);
		EXPECT_EQ(0, events_of(self->m, ep));
		OPEN(how);
		EXPECT_TRUE(EVENTUALLY(events_of(self->m, ep) == 1));
		server = accept_from(self->m, self->listener);
		EXPECT_STREQ("outside", said_by(self->m, server));
		CALL(self->m, SYS_close, server);
		CALL(self->out, SYS_close, fd);
	}
}

TEST_F(backlog, who_sleeps_until_an_edge_wakes)
{
	int ep = epoll_on(self->m, self->listener, EPOLLIN | EPOLLET), fd;

	BEGIN_DRAIN();
	START(self->m, SYS_epoll_wait, ep, buf_of(self->m), 1, -1);
	COME(fd, self->out, "outside");
	ASSERT_TRUE(waits_in(self->m, SYS_epoll_wait));
	OPEN(GIVEN_UP);
	EXPECT_EQ(1, result(self->m));
	EXPECT_STREQ("outside", said_by(self->m, accept_from(self->m,
							     self->listener)));
}

/* The edge was seen before the drain, and then there was nobody. */
TEST_F(backlog, who_came_in_vain_gets_another_edge)
{
	int ep = epoll_on(self->m, self->listener, EPOLLIN | EPOLLET);
	enum opening how;
	int fd, server;

	do_not_block(self->m, self->listener);
	for (how = 0; how < OPENINGS; how++) {
		TH_LOG("way %d", how);
		COME(fd, self->out, "outside");
		ASSERT_TRUE(EVENTUALLY(events_of(self->m, ep) == 1));
		BEGIN_DRAIN();
		EXPECT_EQ(-EAGAIN, accept_from(self->m, self->listener));
		EXPECT_EQ(0, events_of(self->m, ep));
		OPEN(how);
		EXPECT_TRUE(EVENTUALLY(events_of(self->m, ep) == 1));
		server = accept_from(self->m, self->listener);
		EXPECT_STREQ("outside", said_by(self->m, server));
		CALL(self->m, SYS_close, server);
		CALL(self->out, SYS_close, fd);
	}
}

TEST_F(backlog, as_long_as_the_program_wants_to_wait)
{
	struct timeval *limit = (void *)buf_of(self->m);
	long begin;
	int fd;

	/* Linux knows no such limit for multipath TCP's accept. */
	if (MPTCP)
		return;
	limit->tv_sec = 0;
	limit->tv_usec = 300000;
	ASSERT_EQ(0, CALL(self->m, SYS_setsockopt, self->listener, SOL_SOCKET,
			  SO_RCVTIMEO, limit, sizeof(*limit)));
	BEGIN_DRAIN();
	COME(fd, self->out, "outside");
	begin = now_ms();
	EXPECT_EQ(-EAGAIN, accept_from(self->m, self->listener));
	EXPECT_LE(290, now_ms() - begin);
	OPEN(THAWED);
	EXPECT_STREQ("outside", said_by(self->m, accept_soon(self->m,
							     self->listener)));
}

TEST_F(backlog, a_signal_interrupts_it)
{
	int fd;

	ASSERT_EQ(0, count_usr1(self->m, 0));
	BEGIN_DRAIN();
	START(self->m, SYS_accept, self->listener, NULL, NULL);
	COME(fd, self->out, "outside");
	ASSERT_TRUE(waits_in(self->m, SYS_accept));
	kill(self->m->pid, SIGUSR1);
	EXPECT_EQ(-EINTR, result(self->m));
	OPEN(THAWED);
	EXPECT_STREQ("outside", said_by(self->m, accept_soon(self->m,
							     self->listener)));
}

TEST_F(backlog, signals_that_do_not_interrupt_it)
{
	int fd;

	ASSERT_EQ(0, count_usr1(self->m, SA_RESTART));
	BEGIN_DRAIN();
	START(self->m, SYS_accept, self->listener, NULL, NULL);
	COME(fd, self->out, "outside");
	ASSERT_TRUE(waits_in(self->m, SYS_accept));
	kill(self->m->pid, SIGUSR1);
	EXPECT_TRUE(EVENTUALLY(self->m->stage->counter == 1));
	ASSERT_TRUE(waits_in(self->m, SYS_accept));
	kill(self->m->pid, SIGSTOP);
	EXPECT_TRUE(EVENTUALLY(state_of(self->m->pid) == 'T'));
	kill(self->m->pid, SIGCONT);
	ASSERT_TRUE(waits_in(self->m, SYS_accept));
	OPEN(THAWED);
	EXPECT_STREQ("outside", said_by(self->m, result(self->m)));
}

/* ---- who comes when ---- */

TEST_F(backlog, from_inside_one_gets_in_at_once)
{
	int fd, in, server;

	BEGIN_DRAIN();
	START(self->m, SYS_accept, self->listener, NULL, NULL);
	COME(fd, self->out, "outside");
	ASSERT_TRUE(waits_in(self->m, SYS_accept));
	COME(in, self->in, "inside");
	server = result(self->m);
	EXPECT_STREQ("inside", said_by(self->m, server));
	EXPECT_TRUE(carries(self->in, in, self->m, server));
	END_DRAIN();
	EXPECT_STREQ("internal", class_of(&self->g, self->m, server));
	EXPECT_STREQ("internal", class_of(&self->g, self->in, in));
	THAW();
	EXPECT_TRUE(carries(self->in, in, self->m, server));
	server = accept_soon(self->m, self->listener);
	EXPECT_STREQ("outside", said_by(self->m, server));
	EXPECT_TRUE(carries(self->out, fd, self->m, server));
}

/* A child connects the socket s->arg[1] to s->buf, and is gone. */
static void connect_by_child(struct stage *s)
{
	pid_t pid = fork();

	if (!pid)
		_exit(connect(s->arg[1], (void *)s->buf, s->arg[2]));
	s->ret = waitpid(pid, NULL, 0) == pid ? 0 : -errno;
}

/* Others come before it is accepted. */
TEST_F(backlog, from_who_was_inside_one_gets_in)
{
	int fd, in, server;

	BEGIN_DRAIN();
	in = client(variant, self->in);
	memcpy(buf_of(self->in), &self->door.ss, self->door.len);
	start(self->in, -1L, (long)connect_by_child, (long)in,
	      (long)self->door.len, 0L, 0L, 0L);
	ASSERT_EQ(0, result(self->in));
	COME(fd, self->out, "outside");
	server = accept_soon(self->m, self->listener);
	EXPECT_TRUE(carries(self->in, in, self->m, server));
	EXPECT_FALSE(is_readable(self->m, self->listener));
	OPEN(THAWED);
	EXPECT_STREQ("outside", said_by(self->m, accept_soon(self->m,
							     self->listener)));
}

TEST_F(backlog, in_the_order_in_which_they_came)
{
	static const char *outside[] = { "1", "2", "3", "4" };
	enum opening how;
	int fds[4], servers[4], in[2], i;

	do_not_block(self->m, self->listener);
	for (how = 0; how < OPENINGS; how++) {
		TH_LOG("way %d", how);
		COME(fds[0], self->out, "1");
		COME(fds[1], self->other, "2");
		ASSERT_TRUE(EVENTUALLY(is_readable(self->m, self->listener)));
		BEGIN_DRAIN();
		COME(in[0], self->in, "a");
		COME(fds[2], self->out, "3");
		COME(in[1], self->also, "b");
		COME(fds[3], self->other, "4");
		for (i = 0; i < 2; i++) {
			int server = accept_soon(self->m, self->listener);

			EXPECT_STREQ(i ? "b" : "a", said_by(self->m, server));
			CALL(self->m, SYS_close, server);
		}
		/* Of a multipath one whose other end is closed nobody knows whose that was. */
		CALL(self->in, SYS_close, in[0]);
		CALL(self->also, SYS_close, in[1]);
		EXPECT_EQ(-EAGAIN, accept_from(self->m, self->listener));
		OPEN(how);
		for (i = 0; i < 4; i++) {
			servers[i] = accept_soon(self->m, self->listener);
			EXPECT_STREQ(outside[i], said_by(self->m, servers[i]));
			EXPECT_TRUE(carries(i & 1 ? self->other : self->out,
					    fds[i], self->m, servers[i]));
			CALL(self->m, SYS_close, servers[i]);
		}
		for (i = 0; i < 4; i++)
			CALL(i & 1 ? self->other : self->out, SYS_close,
			     fds[i]);
	}
}

TEST_F(backlog, what_the_table_says)
{
	int before, fd;

	COME(before, self->out, "before");
	ASSERT_TRUE(EVENTUALLY(is_readable(self->m, self->listener)));
	BEGIN_DRAIN();
	EXPECT_EQ(1, count_rows(&self->g));
	END_DRAIN();
	EXPECT_EQ(2, count_rows(&self->g));
	EXPECT_STREQ("listening", class_of(&self->g, self->m, self->listener));
	EXPECT_STREQ("external", column_of(&self->g, self->m->pid, -1,
					   "class"));
	EXPECT_STREQ("keep", column_of(&self->g, self->m->pid, -1, "action"));
	COME(fd, self->other, "frozen");
	THAW();
	EXPECT_EQ(0, stat_of(&self->g, "sockets_reset"));
	EXPECT_STREQ("before", said_by(self->m, accept_soon(self->m,
							    self->listener)));
	EXPECT_STREQ("frozen", said_by(self->m, accept_soon(self->m,
							    self->listener)));
}

/* Nobody is held at it before the group has been stopped again. */
TEST_F(backlog, a_listener_that_comes_meanwhile)
{
	int l, one, two, server;
	struct place door;

	BEGIN_DRAIN();
	l = open_door(variant, self->m, 16, &door);
	one = come(variant, self->out, &door, "one");
	ASSERT_LE(0, one);
	server = accept_soon(self->m, l);
	EXPECT_STREQ("one", said_by(self->m, server));
	EXPECT_TRUE(is_next(&self->l, self->m, server));
	two = come(variant, self->other, &door, "two");
	ASSERT_LE(0, two);
	msleep(100);
	EXPECT_FALSE(is_readable(self->m, l));
	CLOSE_LAST(self->m, server);
	OPEN(THAWED);
	EXPECT_STREQ("two", said_by(self->m, accept_soon(self->m, l)));
}

/* Where one has room, two can wait while the gate is closed; of unix, just one. */
TEST_F(backlog, a_full_one)
{
	int l, one, two;
	struct place door;

	l = open_door(variant, self->m, UNIX, &door);
	BEGIN_DRAIN();
	one = come(variant, self->out, &door, "one");
	ASSERT_LE(0, one);
	two = client(variant, self->other);
	start_connect(self->other, two, &door);
	START(self->m, SYS_accept, l, NULL, NULL);
	ASSERT_TRUE(waits_in(self->m, SYS_accept));
	EXPECT_EQ(0, result(self->other));
	OPEN(THAWED);
	EXPECT_STREQ("one", said_by(self->m, result(self->m)));
	ASSERT_EQ(3, send_text(self->other, two, "two"));
	EXPECT_STREQ("two", said_by(self->m, accept_soon(self->m, l)));
}

/* From a port of the range that the rules name. */
static int come_from(const FIXTURE_VARIANT(backlog) *variant, struct actor *a,
		     int port, const struct place *door, const char *name)
{
	struct sockaddr_storage *ss = (void *)buf_of(a);
	int fd = client(variant, a);

	if (!UNIX && CALL(a, SYS_bind, fd, ss,
			  address(ss, variant->family, NULL, port)))
		return -1;
	return connect_place(a, fd, door) ||
	       send_text(a, fd, name) != (long)strlen(name) ? -1 : fd;
}

TEST_F(backlog, clients_that_are_not_waited_for)
{
	static const char *actions[] = { "keep", "reset" };
	char rules[64];
	int i, server, fd;

	for (i = 0; i < 2; i++) {
		snprintf(rules, sizeof(rules),
			 "%s tcp port 20000-20009\n%s unix", actions[i],
			 actions[i]);
		ASSERT_EQ(0, set_rules(&self->g, rules));
		BEGIN_DRAIN();
		fd = come_from(variant, self->out, 20000 + i, &self->door,
			       "by rule");
		ASSERT_LE(0, fd);
		server = accept_soon(self->m, self->listener);
		EXPECT_STREQ("by rule", said_by(self->m, server));
		END_DRAIN();
		EXPECT_STREQ(actions[i], column_of(&self->g, self->m->pid,
						   server, "action"));
		THAW();
		EXPECT_EQ(i ? -ECONNRESET : 1, i ? receive(self->out, fd) :
			  send_text(self->out, fd, "x"));
		CALL(self->m, SYS_close, server);
		CALL(self->out, SYS_close, fd);
	}
}

TEST_F(backlog, nobody_elses)
{
	struct actor *stranger;
	struct group g;
	struct place door;
	int l;

	make_group(&g, "other");
	stranger = member(&g);
	BEGIN_DRAIN();
	l = open_door(variant, stranger, 16, &door);
	ASSERT_LE(0, come(variant, self->out, &door, "outside"));
	EXPECT_STREQ("outside", said_by(stranger, accept_soon(stranger, l)));
	l = open_door(variant, self->other, 16, &door);
	ASSERT_LE(0, come(variant, self->out, &door, "outside"));
	EXPECT_STREQ("outside", said_by(self->other, accept_soon(self->other,
								 l)));
	OPEN(THAWED);
	part(stranger);
	EXPECT_TRUE(drop_group(&g));
}

/* ---- several who accept ---- */

static int give_listener(struct actor *from, int fd, struct actor *to)
{
	int ours = pass_out(from, fd), theirs = pass_fd(to, ours);

	close(ours);
	return theirs;
}

TEST_F(backlog, several_accept_from_one)
{
	struct actor *who[] = { self->m, self->also, self->in };
	int l[3], in, fd, i, done;
	struct actor *friend = member(&self->g);
	char names[3][16] = { "" };

	for (i = 0; i < 3; i++) {
		l[i] = i ? give_listener(self->m, self->listener, who[i]) :
			   self->listener;
		ASSERT_LE(0, l[i]);
	}
	for (i = 0; i < 3; i++)
		START(who[i], SYS_accept, l[i], NULL, NULL);
	BEGIN_DRAIN();
	COME(fd, self->out, "one");
	COME(fd, self->other, "two");
	for (i = 0; i < 3; i++)
		ASSERT_TRUE(waits_in(who[i], SYS_accept));
	COME(in, friend, "inside");
	EXPECT_TRUE(EVENTUALLY(is_done(who[0]) || is_done(who[1]) ||
			       is_done(who[2])));
	msleep(100);
	for (i = done = 0; i < 3; i++) {
		if (!is_done(who[i]))
			continue;
		strcpy(names[i], said_by(who[i], result(who[i])));
		EXPECT_STREQ("inside", names[i]);
		done++;
	}
	EXPECT_EQ(1, done);
	OPEN(THAWED);
	/* The other two get one each. */
	for (i = done = 0; i < 3; i++) {
		if (*names[i])
			continue;
		strcpy(names[i], said_by(who[i], result(who[i])));
		done += !strcmp(names[i], "one") ? 1 :
			!strcmp(names[i], "two") ? 2 : 4;
	}
	EXPECT_EQ(3, done);
	part(friend);
}

static void accept_in_a_child(struct stage *s)
{
	pid_t child = fork();
	char text[16] = "";
	int fd;

	if (child) {
		s->ret = child;
		return;
	}
	fd = accept(s->arg[1], NULL, NULL);
	if (recv(fd, text, sizeof(text), 0) == 7)
		s->counter = 1;
	for (;;)
		pause();
}

TEST_F(backlog, a_child_that_is_born_meanwhile_waits)
{
	pid_t child;
	int fd;

	BEGIN_DRAIN();
	start(self->m, -1L, (long)accept_in_a_child, (long)self->listener, 0L,
	      0L, 0L, 0L);
	child = result(self->m);
	ASSERT_LT(0, child);
	COME(fd, self->out, "outside");
	ASSERT_TRUE(sleeps_in(child, SYS_accept));
	msleep(100);
	EXPECT_EQ(0, self->m->stage->counter);
	OPEN(THAWED);
	EXPECT_TRUE(EVENTUALLY(self->m->stage->counter == 1));
}

/* One of two listeners at a port is an outsider's. */
TEST_F(backlog, listeners_at_one_port)
{
	int n = 16, fds[16], ours, theirs, port, i, inside = 0, outside = 0;

	if (UNIX || MPTCP)
		return;
	ours = listen_together(self->m, variant->family, NULL, 0);
	port = port_of(self->m, ours);
	theirs = listen_together(self->other, variant->family, NULL, port);
	ASSERT_LE(0, theirs);
	do_not_block(self->m, ours);
	do_not_block(self->other, theirs);
	BEGIN_DRAIN();
	for (i = 0; i < n; i++) {
		fds[i] = connect_to(self->out, variant->family, NULL, port, 0);
		ASSERT_LE(0, fds[i]);
	}
	while (accept_from(self->other, theirs) >= 0)
		outside++;
	EXPECT_TRUE(outside > 0 && outside < n)
		TH_LOG("%d of %d got in", outside, n);
	EXPECT_EQ(-EAGAIN, accept_from(self->m, ours));
	OPEN(THAWED);
	EXPECT_TRUE(EVENTUALLY(is_readable(self->m, ours)));
	while (accept_from(self->m, ours) >= 0)
		inside++;
	EXPECT_EQ(n, inside + outside);
}

/* ---- clients or listeners that go ---- */

/* What a client sees whose listener is closed before somebody accepts. */
static long end_by_close(const FIXTURE_VARIANT(backlog) *variant,
			 struct actor *server, struct actor *a)
{
	struct place door;
	int l = open_door(variant, server, 16, &door);
	int fd = come(variant, a, &door, "in vain");

	if (!EVENTUALLY(is_readable(server, l)))
		return -ETIME;
	CALL(server, SYS_close, l);
	return receive(a, fd);
}

TEST_F(backlog, a_listener_that_is_closed)
{
	long as_ever = end_by_close(variant, self->also, self->out);
	int before, fd;

	COME(before, self->out, "in vain");
	BEGIN_DRAIN();
	COME(fd, self->other, "in vain");
	CALL(self->m, SYS_close, self->listener);
	EXPECT_EQ(as_ever, receive(self->out, before));
	EXPECT_EQ(as_ever, receive(self->other, fd));
	OPEN(THAWED);
}

TEST_F(backlog, a_listener_whose_owner_is_killed)
{
	long as_ever = end_by_close(variant, self->also, self->out);
	int before, fd;

	COME(before, self->out, "in vain");
	BEGIN_DRAIN();
	COME(fd, self->other, "in vain");
	START(self->m, SYS_accept, self->listener, NULL, NULL);
	ASSERT_TRUE(waits_in(self->m, SYS_accept));
	part(self->m);
	EXPECT_EQ(as_ever, receive(self->out, before));
	EXPECT_EQ(as_ever, receive(self->other, fd));
	OPEN(THAWED);
	self->m = actor();
}

TEST_F(backlog, a_listener_whose_owner_is_killed_while_frozen)
{
	long as_ever = end_by_close(variant, self->also, self->out);
	int before, fd;

	COME(before, self->out, "in vain");
	BEGIN_DRAIN();
	COME(fd, self->other, "in vain");
	END_DRAIN();
	part(self->m);
	THAW();
	EXPECT_EQ(as_ever, receive(self->out, before));
	EXPECT_EQ(as_ever, receive(self->other, fd));
	self->m = actor();
}

TEST_F(backlog, a_listener_that_is_shut_down)
{
	int ours, fd;

	if (MPTCP)
		return;
	BEGIN_DRAIN();
	ours = pass_out(self->m, self->listener);
	START(self->m, SYS_accept, self->listener, NULL, NULL);
	COME(fd, self->out, "in vain");
	ASSERT_TRUE(waits_in(self->m, SYS_accept));
	EXPECT_EQ(0, shutdown(ours, SHUT_RDWR));
	EXPECT_EQ(-EINVAL, result(self->m));
	if (!UNIX)
		EXPECT_EQ(-ECONNRESET, receive(self->out, fd));
	close(ours);
	OPEN(THAWED);
}

/* A client goes, by the ordinary way or with a reset. */
static void leave(struct actor *a, int fd, bool at_once)
{
	struct linger *at = (void *)buf_of(a);

	at->l_onoff = at_once;
	at->l_linger = 0;
	CALL(a, SYS_setsockopt, fd, SOL_SOCKET, SO_LINGER, at, sizeof(*at));
	CALL(a, SYS_close, fd);
}

TEST_F(backlog, a_client_that_leaves)
{
	long as_ever[3], now[3];
	int way, fd, server, i;

	for (way = 0; way < 2; way++) {
		TH_LOG("%s", way ? "with a reset" : "closed");
		COME(fd, self->out, "bye");
		ASSERT_TRUE(EVENTUALLY(is_readable(self->m, self->listener)));
		leave(self->out, fd, way);
		server = accept_from(self->m, self->listener);
		for (i = 0; i < 3; i++)
			as_ever[i] = receive(self->m, server);
		CALL(self->m, SYS_close, server);
		BEGIN_DRAIN();
		COME(fd, self->out, "bye");
		leave(self->out, fd, way);
		START(self->m, SYS_accept, self->listener, NULL, NULL);
		ASSERT_TRUE(waits_in(self->m, SYS_accept));
		OPEN(THAWED);
		server = result(self->m);
		for (i = 0; i < 3; i++) {
			now[i] = receive(self->m, server);
			EXPECT_EQ(as_ever[i], now[i]) TH_LOG("in read %d", i);
		}
		CALL(self->m, SYS_close, server);
	}
}

TEST_F(backlog, a_client_that_is_killed)
{
	int fd, server;

	BEGIN_DRAIN();
	COME(fd, self->out, "bye");
	part(self->out);
	START(self->m, SYS_accept, self->listener, NULL, NULL);
	ASSERT_TRUE(waits_in(self->m, SYS_accept));
	OPEN(THAWED);
	server = result(self->m);
	EXPECT_STREQ("bye", said_by(self->m, server));
	EXPECT_EQ(0, receive(self->m, server));
	self->out = actor();
}

TEST_F(backlog, many_times)
{
	int i, k, fds[8], server;

	for (i = 0; i < 10; i++) {
		BEGIN_DRAIN();
		for (k = 0; k < 8; k++)
			COME(fds[k], self->out, "many");
		OPEN(i % OPENINGS);
		for (k = 0; k < 8; k++) {
			server = accept_soon(self->m, self->listener);
			ASSERT_STREQ("many", said_by(self->m, server));
			CALL(self->m, SYS_close, server);
			CALL(self->out, SYS_close, fds[k]);
		}
	}
}

/* ---- network namespaces ---- */

FIXTURE(netns_backlog)
{
	struct group g;
	struct long_drain l;
	struct actor *m;
	struct actor *in;
	struct actor *owner;
	struct actor *out;
};

FIXTURE_VARIANT(netns_backlog)
{
	int family;
	const char *far;
};

FIXTURE_VARIANT_ADD(netns_backlog, ipv4) { AF_INET, "10.9.0.2" };
FIXTURE_VARIANT_ADD(netns_backlog, ipv6) { AF_INET6, "fd09::2" };

FIXTURE_SETUP(netns_backlog)
{
	ASSERT_EQ(0, join_namespaces());
	make_group(&self->g, "backlog");
	self->owner = member(&self->g);
	self->m = member(&self->g);
	self->in = member(&self->g);
	self->out = actor();
	enter(self->m, "right");
	enter(self->in, "left");
	enter(self->out, "left");
}

FIXTURE_TEARDOWN(netns_backlog)
{
	part(self->m);
	part(self->in);
	part(self->owner);
	part(self->out);
	EXPECT_TRUE(drop_group(&self->g));
	sh("ip netns del left; ip netns del right");
}

TEST_F(netns_backlog, from_outside_waits_from_inside_gets_in)
{
	int l = listener_at(self->m, variant->family, variant->far, 16);
	int port = port_of(self->m, l), in, out, server;

	BEGIN_DRAIN();
	out = connect_to(self->out, variant->family, variant->far, port, 0);
	ASSERT_LE(0, out);
	START(self->m, SYS_accept, l, NULL, NULL);
	ASSERT_TRUE(waits_in(self->m, SYS_accept));
	in = connect_to(self->in, variant->family, variant->far, port, 0);
	ASSERT_LE(0, in);
	server = result(self->m);
	EXPECT_TRUE(carries(self->in, in, self->m, server));
	END_DRAIN();
	EXPECT_STREQ("keep", column_of(&self->g, self->m->pid, -1, "action"));
	THAW();
	EXPECT_TRUE(carries(self->out, out, self->m, accept_soon(self->m, l)));
}

TEST_HARNESS_MAIN
