// SPDX-License-Identifier: GPL-2.0-only
/*
 * A freeze that waits: for which sockets, in which ways it ends, and what can be
 * seen of it meanwhile.
 */
#define COMMON_TESTS	2
#include "extsock_test.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP	262
#endif

FIXTURE(drain)
{
	struct group g;
	struct actor *m;
	struct actor *other;
	int listener;
	int fd;
	int peer;
	struct drain d;
};

FIXTURE_VARIANT(drain)
{
	int family;
	int type;
};

FIXTURE_VARIANT_ADD(drain, ipv4) { AF_INET, SOCK_STREAM };
FIXTURE_VARIANT_ADD(drain, ipv6) { AF_INET6, SOCK_STREAM };
FIXTURE_VARIANT_ADD(drain, unix_stream) { AF_UNIX, SOCK_STREAM };
FIXTURE_VARIANT_ADD(drain, unix_seqpacket) { AF_UNIX, SOCK_SEQPACKET };

/* A member, connected to a server outside of the group, and one who is not. */
FIXTURE_SETUP(drain)
{
	make_group(&self->g, "drain");
	self->m = member(&self->g);
	self->other = member(&self->g);
	self->listener = variant->family == AF_UNIX ?
			 unix_server(OUTSIDE, variant->type) :
			 listener(OUTSIDE, variant->family);
	self->fd = client_of(self->m, OUTSIDE, self->listener);
	self->peer = accept_from(OUTSIDE, self->listener);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->peer);
}

FIXTURE_TEARDOWN(drain)
{
	part(self->m);
	part(self->other);
	EXPECT_TRUE(drop_group(&self->g));
}

#define DRAIN(text)	ASSERT_TRUE(begin_drain(&self->d, &self->g, text))
/* The same, if it may be over before anybody looks. */
#define GIVE(text)	ASSERT_TRUE(give(&self->d, &self->g, text))

#define DRAINS()	ASSERT_TRUE(drains(&self->d, &self->g))

/* Frozen, and the drain did it. */
#define DRAINED()							\
do {									\
	ASSERT_EQ(0, end_of(&self->d)) TH_LOG("%s", self->d.said);	\
	ASSERT_TRUE(state_is(&self->g, "frozen"));			\
} while (0)

/* Everybody runs, for this reason, which its outcome has. */
#define FAILED(want, part)						\
do {									\
	ASSERT_EQ(want, end_of(&self->d)) TH_LOG("%s", self->d.said);	\
	EXPECT_TRUE(state_is(&self->g, "running"));			\
	EXPECT_NE(NULL, strstr(self->d.said, part))			\
		TH_LOG("it says: %s", self->d.said);			\
} while (0)

/* As NAME/sockets has a server's address. */
static char *name_of(int server)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} a;
	socklen_t len = sizeof(a);
	static char name[128];

	memset(&a, 0, sizeof(a));
	getsockname(server, &a.sa, &len);
	if (a.sa.sa_family == AF_INET)
		snprintf(name, sizeof(name), "127.0.0.1:%d",
			 ntohs(a.in.sin_port));
	else if (a.sa.sa_family == AF_INET6)
		snprintf(name, sizeof(name), "[::1]:%d",
			 ntohs(a.in6.sin6_port));
	else
		snprintf(name, sizeof(name), "@%s", a.un.sun_path + 1);
	return name;
}

static void be_called(struct actor *a, const char *name)
{
	strcpy(buf_of(a), name);
	CALL(a, SYS_prctl, PR_SET_NAME, buf_of(a));
}

/* As a peer that has no more use for it. */
static void reset_by(int fd)
{
	struct linger now = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

/* Does its row come to tell of this descriptor? */
static bool is_waited_for(const struct group *g, pid_t pid, int fd)
{
	return EVENTUALLY(!strcmp(column_of(g, pid, fd, "action"), "wait"));
}

/* ---- meanwhile ---- */

TEST_F(drain, members_run_and_can_be_seen)
{
	pid_t pid = self->m->pid;

	START_FN(self->other, spin);
	DRAIN("freeze policy=wait");
	DRAINS();
	EXPECT_TRUE(moves(self->other->stage));
	EXPECT_TRUE(carries(self->m, self->fd, OUTSIDE, self->peer));
	EXPECT_EQ(1, count_rows(&self->g));
	EXPECT_STREQ("external", class_of(&self->g, self->m, self->fd));
	EXPECT_STREQ("wait", column_of(&self->g, pid, self->fd, "action"));
	EXPECT_STREQ("established", column_of(&self->g, pid, self->fd,
					      "state"));
	EXPECT_STREQ(name_of(self->listener),
		     column_of(&self->g, pid, self->fd, "remote"));
	EXPECT_STREQ("test_drain", column_of(&self->g, pid, self->fd,
					     "command"));
}

/* ---- it ends ---- */

TEST_F(drain, when_its_socket_is_closed)
{
	DRAIN("freeze policy=wait");
	DRAINS();
	START_FN(self->other, spin);
	ASSERT_TRUE(moves(self->other->stage));
	CLOSE_LAST(self->m, self->fd);
	DRAINED();
	EXPECT_TRUE(stands(self->other->stage));
	EXPECT_STREQ("absent", class_of(&self->g, self->m, self->fd));
	EXPECT_EQ(0, receive(OUTSIDE, self->peer));
	EXPECT_STREQ("thawed: 0 sockets reset\n",
		     outcome_of(&self->g, "thaw"));
	EXPECT_TRUE(moves(self->other->stage));
	EXPECT_EQ(1, stat_of(&self->g, "freezes"));
	EXPECT_EQ(0, stat_of(&self->g, "freezes_failed"));
}

TEST_F(drain, when_its_owner_exits)
{
	DRAIN("freeze policy=wait");
	DRAINS();
	START(self->m, SYS_exit_group, 0);
	DRAINED();
	THAW();
	EXPECT_EQ(0, receive(OUTSIDE, self->peer));
}

TEST_F(drain, when_its_owner_is_killed)
{
	DRAIN("freeze policy=wait");
	DRAINS();
	kill(self->m->pid, SIGKILL);
	DRAINED();
	THAW();
	EXPECT_EQ(0, receive(OUTSIDE, self->peer));
}

static void exec_sleep(struct stage *s)
{
	execl("/bin/sleep", "sleep", "1000", NULL);
}

TEST_F(drain, when_exec_closes_it)
{
	ASSERT_EQ(0, CALL(self->m, SYS_fcntl, self->fd, F_SETFD, FD_CLOEXEC));
	DRAIN("freeze policy=wait");
	DRAINS();
	START_FN(self->m, exec_sleep);
	DRAINED();
	THAW();
	EXPECT_EQ(0, receive(OUTSIDE, self->peer));
}

TEST_F(drain, when_its_peer_resets_it)
{
	DRAIN("freeze policy=wait");
	DRAINS();
	reset_by(self->peer);
	DRAINED();
	EXPECT_STREQ("idle", class_of(&self->g, self->m, self->fd));
	THAW();
	/* As it was: the thaw has no part in it. */
	EXPECT_EQ(variant->family == AF_UNIX ? 0 : -ECONNRESET,
		  receive(self->m, self->fd));
	EXPECT_EQ(0, stat_of(&self->g, "sockets_reset"));
}

TEST_F(drain, when_its_last_descriptor_is_closed)
{
	int twin = CALL(self->m, SYS_dup, self->fd);

	ASSERT_LE(0, twin);
	DRAIN("freeze policy=wait");
	EXPECT_EQ(1, count_rows(&self->g));
	EXPECT_EQ(0, CALL(self->m, SYS_close, self->fd));
	DRAINS();
	EXPECT_EQ(1, count_rows(&self->g));
	EXPECT_TRUE(is_waited_for(&self->g, self->m->pid, twin));
	CLOSE_LAST(self->m, twin);
	DRAINED();
	THAW();
}

static void fork_and_wait(struct stage *s)
{
	pid_t pid = fork();

	while (!pid)
		pause();
	s->ret = pid;
}

TEST_F(drain, when_its_last_owner_has_closed_it)
{
	pid_t child;

	START_FN(self->m, fork_and_wait);
	child = result(self->m);
	ASSERT_LT(0, child);
	DRAIN("freeze policy=wait");
	EXPECT_EQ(1, count_rows(&self->g));
	EXPECT_EQ(0, CALL(self->m, SYS_close, self->fd));
	DRAINS();
	EXPECT_EQ(1, count_rows(&self->g));
	EXPECT_TRUE(is_waited_for(&self->g, child, self->fd));
	kill(child, SIGKILL);
	DRAINED();
	THAW();
}

/* Who is born meanwhile is a member as ever. */
TEST_F(drain, when_a_child_born_meanwhile_has_closed_it)
{
	pid_t child;

	DRAIN("freeze policy=wait");
	START_FN(self->m, fork_and_wait);
	child = result(self->m);
	ASSERT_LT(0, child);
	EXPECT_TRUE(is_member(&self->g, child));
	EXPECT_EQ(0, CALL(self->m, SYS_close, self->fd));
	DRAINS();
	EXPECT_TRUE(is_waited_for(&self->g, child, self->fd));
	kill(child, SIGKILL);
	DRAINED();
	THAW();
}

TEST_F(drain, when_one_opened_before_joining_is_closed)
{
	struct actor *late = actor();
	int fd = client_of(late, OUTSIDE, self->listener);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, CALL(late, SYS_close, self->listener));
	ASSERT_EQ(0, CALL(late, SYS_close, self->peer));
	ASSERT_EQ(0, CALL(self->m, SYS_close, self->fd));
	ASSERT_EQ(0, join(&self->g, late));
	DRAIN("freeze policy=wait");
	DRAINS();
	EXPECT_EQ(1, count_rows(&self->g));
	EXPECT_STREQ("wait", column_of(&self->g, late->pid, fd, "action"));
	CLOSE_LAST(late, fd);
	DRAINED();
	THAW();
	part(late);
}

/* A way for descriptors to leave the group, which is not waited for. */
static int way_out(struct __test_metadata *_metadata, const struct group *g,
		   struct actor *a, int *far)
{
	int l = unix_server(OUTSIDE, SOCK_STREAM), fd;
	char rule[128];

	snprintf(rule, sizeof(rule), "keep unix path %s", name_of(l));
	EXPECT_EQ(0, set_rules(g, rule));
	fd = client_of(a, OUTSIDE, l);
	*far = accept_from(OUTSIDE, l);
	close(l);
	return fd;
}

TEST_F(drain, when_an_outsider_has_got_it)
{
	int far, way = way_out(_metadata, &self->g, self->m, &far), got;

	ASSERT_LE(0, way);
	DRAIN("freeze policy=wait");
	DRAINS();
	ASSERT_TRUE(send_fd(self->m, way, self->fd));
	got = receive_fd(OUTSIDE, far);
	ASSERT_LE(0, got);
	CLOSE_LAST(self->m, self->fd);
	DRAINED();
	THAW();
	EXPECT_TRUE(carries(OUTSIDE, got, OUTSIDE, self->peer));
}

/* Nobody has received it yet, but that is an outsider's to do. */
TEST_F(drain, when_it_is_on_its_way_to_an_outsider)
{
	int far, way = way_out(_metadata, &self->g, self->m, &far), got;

	ASSERT_LE(0, way);
	DRAIN("freeze policy=wait");
	DRAINS();
	ASSERT_TRUE(send_fd(self->m, way, self->fd));
	CLOSE_LAST(self->m, self->fd);
	DRAINED();
	THAW();
	got = receive_fd(OUTSIDE, far);
	ASSERT_LE(0, got);
	EXPECT_TRUE(carries(OUTSIDE, got, OUTSIDE, self->peer));
}

/* It would not be reset, so nobody waits for it. */
TEST_F(drain, at_once_if_an_outsider_has_it_as_well)
{
	int got = pass_out(self->m, self->fd);

	ASSERT_LE(0, got);
	ASSERT_EQ(0, command(&self->g, "freeze policy=wait"));
	EXPECT_STREQ("shared", class_of(&self->g, self->m, self->fd));
	THAW();
	EXPECT_TRUE(carries(self->m, self->fd, OUTSIDE, self->peer));
}

/* In a message that it has sent itself. Newer kernels do not let us look there. */
TEST_F(drain, when_one_in_flight_inside_is_closed)
{
	int over[2];

	ASSERT_EQ(0, CALL(self->m, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0,
			  buf_of(self->m)));
	memcpy(over, buf_of(self->m), sizeof(over));
	ASSERT_TRUE(send_fd(self->m, over[0], self->fd));
	ASSERT_EQ(0, CALL(self->m, SYS_close, self->fd));
	if (!can_see_messages()) {
		ASSERT_EQ(0, command(&self->g, "freeze policy=wait"));
		THAW();
		return;
	}
	DRAIN("freeze policy=wait");
	DRAINS();
	EXPECT_EQ(1, count_rows(&self->g));
	self->fd = receive_fd(self->m, over[1]);
	ASSERT_LE(0, self->fd);
	DRAINS();
	CLOSE_LAST(self->m, self->fd);
	DRAINED();
	THAW();
}

/* One direction is enough to be a connection. */
TEST_F(drain, when_one_half_closed_by_its_peer_is_closed)
{
	ASSERT_EQ(0, shutdown(self->peer, SHUT_WR));
	EXPECT_EQ(0, receive(self->m, self->fd));
	DRAIN("freeze policy=wait");
	DRAINS();
	EXPECT_EQ(1, count_rows(&self->g));
	CLOSE_LAST(self->m, self->fd);
	DRAINED();
	THAW();
}

TEST_F(drain, when_one_half_closed_by_a_member_is_closed)
{
	DRAIN("freeze policy=wait");
	EXPECT_EQ(0, CALL(self->m, SYS_shutdown, self->fd, SHUT_WR));
	EXPECT_EQ(0, receive(OUTSIDE, self->peer));
	DRAINS();
	EXPECT_EQ(1, count_rows(&self->g));
	CLOSE_LAST(self->m, self->fd);
	DRAINED();
	THAW();
}

/* The descriptor is still there, the connection is not. */
TEST_F(drain, when_both_sides_have_shut_it_down)
{
	DRAIN("freeze policy=wait");
	START(self->m, SYS_shutdown, self->fd, SHUT_RDWR);
	/* of a unix socket one side is enough */
	if (variant->family != AF_UNIX) {
		DRAINS();
	}
	EXPECT_EQ(0, shutdown(self->peer, SHUT_RDWR));
	DRAINED();
	EXPECT_STREQ("idle", class_of(&self->g, self->m, self->fd));
	THAW();
	EXPECT_EQ(0, receive(self->m, self->fd));
}

/* In how many milliseconds, at best of five times? */
static long drain_ends_in(struct drain *d, const struct group *g,
			  struct actor *m, int listener, bool by_peer)
{
	long best = LONG_MAX, begun;
	int i, fd, peer;

	for (i = 0; i < 5; i++) {
		fd = client_of(m, OUTSIDE, listener);
		peer = accept_from(OUTSIDE, listener);
		/* Members run, and the look at the beginning is over. */
		if (!begin_drain(d, g, "freeze policy=wait") ||
		    CALL(m, SYS_getppid) <= 0 || !drains(d, g))
			return LONG_MAX;
		begun = now_ms();
		if (by_peer)
			reset_by(peer);
		else
			CLOSE_LAST(m, fd);
		if (end_of(d) || command(g, "thaw"))
			return LONG_MAX;
		if (now_ms() - begun < best)
			best = now_ms() - begun;
		if (!by_peer)
			close(peer);
	}
	return best;
}

/* Not when somebody next looks: beside a freeze and a thaw that wait for nothing. */
TEST_F(drain, at_once)
{
	long limit = LONG_MAX, begun, ms;
	int i;

	ASSERT_EQ(0, CALL(self->m, SYS_close, self->fd));
	for (i = 0; i < 5; i++) {
		begun = now_ms();
		FREEZE();
		THAW();
		if (now_ms() - begun < limit)
			limit = now_ms() - begun;
	}
	limit += 500;
	ms = drain_ends_in(&self->d, &self->g, self->m, self->listener, false);
	EXPECT_GT(limit, ms);
	ms = drain_ends_in(&self->d, &self->g, self->m, self->listener, true);
	EXPECT_GT(limit, ms);
}

/* ---- it fails ---- */

TEST_F(drain, at_the_deadline)
{
	long begun = now_ms(), took;
	char pid[16];

	be_called(self->m, "its-owner");
	snprintf(pid, sizeof(pid), "%d", self->m->pid);
	GIVE("freeze policy=wait wait_ms=700");
	FAILED(-ETIMEDOUT, name_of(self->listener));
	took = now_ms() - begun;
	EXPECT_LE(700, took);
	EXPECT_GT(10000, took);
	EXPECT_NE(NULL, strstr(self->d.said, "its-owner"))
		TH_LOG("it says: %s", self->d.said);
	EXPECT_NE(NULL, strstr(self->d.said, pid))
		TH_LOG("it says: %s", self->d.said);
	EXPECT_TRUE(carries(self->m, self->fd, OUTSIDE, self->peer));
	EXPECT_EQ(1, stat_of(&self->g, "freezes_failed"));
	EXPECT_EQ(0, stat_of(&self->g, "freezes"));
	/* afterwards it freezes as ever */
	FREEZE();
	EXPECT_STREQ("reset", column_of(&self->g, self->m->pid, self->fd,
					"action"));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->m, self->fd));
}

TEST_F(drain, when_somebody_else_thaws)
{
	DRAIN("freeze policy=wait");
	DRAINS();
	EXPECT_EQ(0, command(&self->g, "thaw"));
	FAILED(-EINTR, "thaw");
	EXPECT_TRUE(carries(self->m, self->fd, OUTSIDE, self->peer));
	DRAIN("freeze policy=wait");
	EXPECT_EQ(0, command(&self->g, "thaw keep"));
	FAILED(-EINTR, "thaw");
	EXPECT_TRUE(carries(self->m, self->fd, OUTSIDE, self->peer));
	EXPECT_EQ(-EBUSY, control(&self->g, "thaw"));
	EXPECT_EQ(2, stat_of(&self->g, "freezes_failed"));
	DRAIN("freeze policy=wait");
	CLOSE_LAST(self->m, self->fd);
	DRAINED();
	THAW();
}

static void on_usr1(int sig)
{
}

TEST_F(drain, when_its_caller_gets_a_signal)
{
	struct sigaction sa = { .sa_handler = on_usr1 };

	sigaction(SIGUSR1, &sa, NULL);
	DRAIN("freeze policy=wait");
	DRAINS();
	pthread_kill(self->d.thread, SIGUSR1);
	FAILED(-EINTR, "signal");
	EXPECT_TRUE(carries(self->m, self->fd, OUTSIDE, self->peer));
}

TEST_F(drain, when_its_caller_is_killed)
{
	pid_t pid = fork();

	if (!pid)
		_exit(control(&self->g, "freeze policy=wait lease") != 0);
	ASSERT_TRUE(EVENTUALLY(state_is(&self->g, "draining")));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	EXPECT_TRUE(EVENTUALLY(state_is(&self->g, "running")));
	EXPECT_TRUE(carries(self->m, self->fd, OUTSIDE, self->peer));
}

/* ---- what is asked for, and by whom ---- */

FIXTURE(asked)
{
	struct group g;
	struct actor *m;
	struct actor *other;
	int listener;
	int fd;
	int peer;
	struct drain d;
};

FIXTURE_SETUP(asked)
{
	make_group(&self->g, "asked");
	self->m = member(&self->g);
	self->other = member(&self->g);
	self->listener = listener_at(OUTSIDE, AF_INET, NULL, 256);
	self->fd = client_of(self->m, OUTSIDE, self->listener);
	self->peer = accept_from(OUTSIDE, self->listener);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->peer);
}

FIXTURE_TEARDOWN(asked)
{
	part(self->m);
	part(self->other);
	EXPECT_TRUE(drop_group(&self->g));
}

#define ACTION(a, fd)	column_of(&self->g, (a)->pid, fd, "action")

static int port_rule(const struct group *g, const char *fmt, int server)
{
	char text[256];

	snprintf(text, sizeof(text), fmt, port_of(OUTSIDE, server));
	return set_rules(g, text);
}

/* ---- policy and rules ---- */

TEST_F(asked, by_nobody)
{
	FREEZE();
	EXPECT_STREQ("reset", ACTION(self->m, self->fd));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->m, self->fd));
}

TEST_F(asked, by_the_groups_policy)
{
	ASSERT_EQ(0, put(sysfs(&self->g, "policy"), "wait"));
	EXPECT_STREQ("wait\n", slurp(sysfs(&self->g, "policy")));
	DRAIN("freeze");
	DRAINS();
	CLOSE_LAST(self->m, self->fd);
	DRAINED();
	THAW();
}

TEST_F(asked, the_command_is_stronger_than_the_groups_policy)
{
	ASSERT_EQ(0, put(sysfs(&self->g, "policy"), "wait"));
	ASSERT_EQ(0, command(&self->g, "freeze policy=keep"));
	EXPECT_STREQ("keep", ACTION(self->m, self->fd));
	THAW();
	EXPECT_TRUE(carries(self->m, self->fd, OUTSIDE, self->peer));
	ASSERT_EQ(0, command(&self->g, "freeze policy=reset"));
	EXPECT_STREQ("reset", ACTION(self->m, self->fd));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->m, self->fd));
}

TEST_F(asked, by_a_rule)
{
	int l = listener(OUTSIDE, AF_INET), fd;

	fd = client_of(self->m, OUTSIDE, l);
	ASSERT_EQ(0, port_rule(&self->g, "wait tcp port %d", self->listener));
	DRAIN("freeze");
	DRAINS();
	/* what the policy is about is not waited for */
	EXPECT_EQ(1, count_rows(&self->g));
	EXPECT_STREQ("wait", ACTION(self->m, self->fd));
	CLOSE_LAST(self->m, self->fd);
	DRAINED();
	EXPECT_STREQ("reset", ACTION(self->m, fd));
	EXPECT_STREQ("thawed: 1 socket reset\n", outcome_of(&self->g, "thaw"));
	EXPECT_EQ(-ECONNRESET, receive(self->m, fd));
}

/* A list with a rule that says so, which nothing matches. */
TEST_F(asked, by_a_rule_about_nothing)
{
	ASSERT_EQ(0, set_rules(&self->g, "wait tcp to 192.0.2.0/24"));
	FREEZE();
	EXPECT_STREQ("reset", ACTION(self->m, self->fd));
	THAW();
}

TEST_F(asked, a_rule_is_stronger_than_the_policy)
{
	ASSERT_EQ(0, port_rule(&self->g, "keep tcp port %d", self->listener));
	ASSERT_EQ(0, command(&self->g, "freeze policy=wait"));
	EXPECT_STREQ("keep", ACTION(self->m, self->fd));
	THAW();
	EXPECT_TRUE(carries(self->m, self->fd, OUTSIDE, self->peer));
	ASSERT_EQ(0, port_rule(&self->g, "reset tcp port %d", self->listener));
	ASSERT_EQ(0, command(&self->g, "freeze policy=wait"));
	EXPECT_STREQ("reset", ACTION(self->m, self->fd));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->m, self->fd));
}

TEST_F(asked, the_first_rule_counts)
{
	ASSERT_EQ(0, port_rule(&self->g, "reset tcp port %d\nwait any",
			       self->listener));
	FREEZE();
	EXPECT_STREQ("reset", ACTION(self->m, self->fd));
	ASSERT_EQ(0, command(&self->g, "thaw keep"));
	ASSERT_EQ(0, port_rule(&self->g, "wait tcp port %d\nreset any",
			       self->listener));
	DRAIN("freeze");
	DRAINS();
	CLOSE_LAST(self->m, self->fd);
	DRAINED();
	THAW();
}

/* What libraries open silently no program will ever close. */
TEST_F(asked, default_rules_come_first)
{
	struct sockaddr_un x = { AF_UNIX, "" };
	struct sockaddr_in ldap = {
		.sin_family = AF_INET, .sin_port = htons(389),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	int a = socket(AF_INET, SOCK_STREAM, 0), b, fds[2];

	strcpy(x.sun_path + 1, "/tmp/.X11-unix/X98");
	b = socket(AF_UNIX, SOCK_STREAM, 0);
	ASSERT_EQ(0, bind(a, (void *)&ldap, sizeof(ldap)));
	ASSERT_EQ(0, listen(a, 4));
	ASSERT_EQ(0, bind(b, (void *)&x, offsetof(struct sockaddr_un, sun_path) +
			  1 + strlen(x.sun_path + 1)));
	ASSERT_EQ(0, listen(b, 4));
	fds[0] = client_of(self->m, OUTSIDE, a);
	fds[1] = client_of(self->m, OUTSIDE, b);
	ASSERT_LE(0, fds[0]);
	ASSERT_LE(0, fds[1]);
	DRAIN("freeze policy=wait");
	DRAINS();
	EXPECT_EQ(1, count_rows(&self->g));
	CLOSE_LAST(self->m, self->fd);
	DRAINED();
	EXPECT_STREQ("reset", ACTION(self->m, fds[0]));
	EXPECT_STREQ("reset", ACTION(self->m, fds[1]));
	EXPECT_STREQ("thawed: 2 sockets reset\n", outcome_of(&self->g, "thaw"));
	EXPECT_EQ(-ECONNRESET, receive(self->m, fds[0]));
	EXPECT_EQ(-ECONNRESET, receive(self->m, fds[1]));
}

/* A freeze goes by what was set when it began. */
TEST_F(asked, what_is_set_meanwhile_is_for_the_next)
{
	DRAIN("freeze policy=wait");
	EXPECT_EQ(0, set_rules(&self->g, "keep any"));
	EXPECT_EQ(0, put(sysfs(&self->g, "policy"), "keep"));
	EXPECT_EQ(0, put(sysfs(&self->g, "wait_ms"), "1"));
	DRAINS();
	EXPECT_STREQ("wait", ACTION(self->m, self->fd));
	EXPECT_EQ(0, command(&self->g, "thaw"));
	FAILED(-EINTR, "");
	ASSERT_EQ(0, command(&self->g, "freeze policy=wait"));
	EXPECT_STREQ("keep", ACTION(self->m, self->fd));
	THAW();
}

/* ---- what is waited for ---- */

TEST_F(asked, nothing_to_wait_for)
{
	struct pair p = connection(self->m, self->other, AF_INET);
	int sv[2];

	ASSERT_EQ(0, CALL(self->m, SYS_close, self->fd));
	ASSERT_LE(0, CALL(self->m, SYS_socket, AF_INET, SOCK_STREAM, 0));
	ASSERT_EQ(0, CALL(self->m, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0,
			  buf_of(self->m)));
	memcpy(sv, buf_of(self->m), sizeof(sv));
	ASSERT_EQ(0, command(&self->g, "freeze policy=wait wait_ms=86400000"));
	EXPECT_STREQ("internal", class_of(&self->g, self->m, p.client));
	THAW();
	EXPECT_TRUE(carries(self->m, p.client, self->other, p.server));
	EXPECT_TRUE(carries(self->m, sv[0], self->m, sv[1]));
}

TEST_F(asked, only_what_is_waited_for_has_a_row)
{
	struct pair in = connection(self->m, self->other, AF_INET);
	int kept = listener(OUTSIDE, AF_INET), away = listener(OUTSIDE, AF_INET);
	char rules[128];
	int fds[2];

	snprintf(rules, sizeof(rules), "keep tcp port %d\nreset tcp port %d\n",
		 port_of(OUTSIDE, kept), port_of(OUTSIDE, away));
	ASSERT_EQ(0, set_rules(&self->g, rules));
	fds[0] = client_of(self->m, OUTSIDE, kept);
	fds[1] = client_of(self->other, OUTSIDE, away);
	DRAIN("freeze policy=wait");
	DRAINS();
	EXPECT_EQ(1, count_rows(&self->g));
	EXPECT_STREQ("external", class_of(&self->g, self->m, self->fd));
	CLOSE_LAST(self->m, self->fd);
	DRAINED();
	EXPECT_STREQ("keep", ACTION(self->m, fds[0]));
	EXPECT_STREQ("reset", ACTION(self->other, fds[1]));
	EXPECT_STREQ("internal", class_of(&self->g, self->m, in.client));
	THAW();
	EXPECT_TRUE(carries(self->m, fds[0], OUTSIDE,
			    accept_from(OUTSIDE, kept)));
	EXPECT_EQ(-ECONNRESET, receive(self->other, fds[1]));
	EXPECT_TRUE(carries(self->m, in.client, self->other, in.server));
}

/* What a member accepted is waited for as what it connected. */
TEST_F(asked, for_an_accepted_one)
{
	struct pair p = connection(OUTSIDE, self->m, AF_INET);

	ASSERT_EQ(0, CALL(self->m, SYS_close, self->fd));
	DRAIN("freeze policy=wait");
	DRAINS();
	EXPECT_EQ(1, count_rows(&self->g));
	EXPECT_STREQ("wait", ACTION(self->m, p.server));
	CLOSE_LAST(self->m, p.server);
	DRAINED();
	EXPECT_STREQ("listening", class_of(&self->g, self->m, p.listener));
	THAW();
	EXPECT_EQ(0, receive(OUTSIDE, p.client));
}

TEST_F(asked, for_a_multipath_one)
{
	int l = listener_by(OUTSIDE, IPPROTO_MPTCP, AF_INET, NULL, 16);
	int fd = CALL(self->m, SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_MPTCP);

	ASSERT_EQ(0, connect_fd(self->m, fd, AF_INET, NULL,
				port_of(OUTSIDE, l)));
	ASSERT_EQ(0, CALL(self->m, SYS_close, self->fd));
	DRAIN("freeze policy=wait");
	DRAINS();
	EXPECT_EQ(1, count_rows(&self->g));
	EXPECT_STREQ("wait", ACTION(self->m, fd));
	CLOSE_LAST(self->m, fd);
	DRAINED();
	THAW();
}

TEST_F(asked, for_many)
{
	struct actor *owner[] = { self->m, self->other };
	int fds[200], n = 200, i;

	ASSERT_EQ(0, CALL(self->m, SYS_close, self->fd));
	for (i = 0; i < n; i++) {
		fds[i] = client_of(owner[i % 2], OUTSIDE, self->listener);
		ASSERT_LE(0, fds[i]);
	}
	DRAIN("freeze policy=wait");
	EXPECT_EQ(n, count_rows(&self->g));
	for (i = 0; i < n - 1; i++) {
		ASSERT_EQ(0, CALL(owner[i % 2], SYS_close, fds[i]));
		if (i % 50 == 49) {
			EXPECT_TRUE(EVENTUALLY(count_rows(&self->g) ==
					       n - i - 1));
		}
	}
	DRAINS();
	EXPECT_TRUE(EVENTUALLY(count_rows(&self->g) == 1));
	EXPECT_STREQ("wait", ACTION(owner[i % 2], fds[i]));
	CLOSE_LAST(owner[i % 2], fds[i]);
	DRAINED();
	THAW();
}

/* More than the outcome has room for: it says so, in whole lines. */
TEST_F(asked, for_too_many)
{
	int n = 60, i;
	size_t len;

	for (i = 0; i < n; i++)
		ASSERT_LE(0, client_of(self->m, OUTSIDE, self->listener));
	GIVE("freeze policy=wait wait_ms=500");
	FAILED(-ETIMEDOUT, name_of(self->listener));
	len = strlen(self->d.said);
	EXPECT_EQ('\n', self->d.said[len - 1]);
	EXPECT_NE(NULL, strstr(self->d.said, "no socket was touched\n"))
		TH_LOG("it says: %s", self->d.said);
	EXPECT_TRUE(carries(self->m, self->fd, OUTSIDE, self->peer));
}

/* ---- how long ---- */

TEST_F(asked, as_long_as_the_group_says)
{
	long begun = now_ms();

	ASSERT_EQ(0, put(sysfs(&self->g, "wait_ms"), "500"));
	GIVE("freeze policy=wait");
	FAILED(-ETIMEDOUT, "wait_ms");
	EXPECT_LE(500, now_ms() - begun);
}

TEST_F(asked, as_long_as_the_command_says)
{
	long begun = now_ms();

	ASSERT_EQ(0, put(sysfs(&self->g, "wait_ms"), "1"));
	GIVE("freeze policy=wait wait_ms=500");
	FAILED(-ETIMEDOUT, "500");
	EXPECT_LE(500, now_ms() - begun);
	ASSERT_EQ(0, put(sysfs(&self->g, "wait_ms"), "86400000"));
	EXPECT_EQ(-ETIMEDOUT, control(&self->g, "freeze policy=wait wait_ms=1"));
	EXPECT_TRUE(state_is(&self->g, "running"));
	DRAIN("freeze policy=wait wait_ms=86400000");
	DRAINS();
	CLOSE_LAST(self->m, self->fd);
	DRAINED();
	THAW();
}

TEST_F(asked, too_long)
{
	EXPECT_EQ(-EINVAL, control(&self->g, "freeze policy=wait wait_ms=0"));
	EXPECT_EQ(-EINVAL, control(&self->g, "freeze policy=wait wait_ms=-1"));
	EXPECT_EQ(-EINVAL, control(&self->g, "freeze policy=wait wait_ms="));
	EXPECT_EQ(-EINVAL, control(&self->g,
				   "freeze policy=wait wait_ms=86400001"));
	EXPECT_EQ(-EINVAL, control(&self->g,
				   "freeze policy=wait wait_ms=4294967297"));
	EXPECT_TRUE(state_is(&self->g, "running"));
}

/* Not who had it when the drain began. */
TEST_F(asked, the_deadline_names_who_has_it_then)
{
	char name[64];
	pid_t child;

	START_FN(self->m, fork_and_wait);
	child = result(self->m);
	ASSERT_LT(0, child);
	snprintf(name, sizeof(name), "test_drain[%d]", child);
	DRAIN("freeze policy=wait wait_ms=3000");
	EXPECT_EQ(0, CALL(self->m, SYS_close, self->fd));
	FAILED(-ETIMEDOUT, name);
	kill(child, SIGKILL);
}

/* ---- who else comes meanwhile ---- */

TEST_F(asked, nobody_joins_or_leaves_meanwhile)
{
	struct actor *late = actor();

	DRAIN("freeze policy=wait");
	EXPECT_EQ(-EBUSY, join(&self->g, late));
	EXPECT_EQ(-EBUSY, put(sysfs(&self->g, "members"), "-%d",
			      self->other->pid));
	EXPECT_EQ(-EBUSY, control(&self->g, "freeze"));
	EXPECT_EQ(-EBUSY, control(&self->g, "freeze policy=wait"));
	EXPECT_NE(0, groups("-%s", self->g.name));
	EXPECT_EQ(2, count_members(&self->g));
	DRAINS();
	CLOSE_LAST(self->m, self->fd);
	DRAINED();
	THAW();
	EXPECT_EQ(0, join(&self->g, late));
	part(late);
}

/* Nobody is left who could be frozen, or who could close something. */
TEST_F(asked, all_members_die)
{
	int err;

	DRAIN("freeze policy=wait");
	part(self->other);
	kill(self->m->pid, SIGKILL);
	err = end_of(&self->d);
	EXPECT_TRUE(err == 0 || err == -ESRCH) TH_LOG("it is %d", err);
	EXPECT_TRUE(state_is(&self->g, err ? "running" : "frozen"));
	self->other = actor();
}

TEST_F(asked, two_groups_at_a_time)
{
	struct group there;
	struct actor *c;
	struct drain d;
	struct pair p;

	make_group(&there, "there");
	c = member(&there);
	ASSERT_EQ(0, CALL(c, SYS_close, self->peer));
	p = connection(self->m, c, AF_INET);
	DRAIN("freeze policy=wait");
	ASSERT_TRUE(begin_drain(&d, &there, "freeze policy=wait"));
	EXPECT_STREQ("wait", ACTION(self->m, p.client));
	EXPECT_STREQ("wait", column_of(&there, c->pid, p.server, "action"));
	EXPECT_EQ(0, CALL(self->m, SYS_close, self->fd));
	DRAINS();
	EXPECT_TRUE(drains(&d, &there));
	CLOSE_LAST(self->m, p.client);
	DRAINED();
	CLOSE_LAST(c, p.server);
	EXPECT_EQ(0, end_of(&d));
	EXPECT_TRUE(state_is(&there, "frozen"));
	THAW();
	EXPECT_TRUE(state_is(&there, "frozen"));
	EXPECT_EQ(0, command(&there, "thaw"));
	part(c);
	EXPECT_TRUE(drop_group(&there));
}

/* ---- lease and state ---- */

TEST_F(asked, a_lease_ends_with_its_file)
{
	int l = listener(OUTSIDE, AF_INET), fd = client_of(self->m, OUTSIDE, l);

	ASSERT_EQ(0, port_rule(&self->g, "reset tcp port %d", l));
	DRAIN("freeze policy=wait lease");
	CLOSE_LAST(self->m, self->fd);
	DRAINED();
	close(self->d.fd);
	EXPECT_TRUE(EVENTUALLY(state_is(&self->g, "running")));
	EXPECT_TRUE(carries(self->m, fd, OUTSIDE, accept_from(OUTSIDE, l)));
}

/* It never came to own a freeze. */
TEST_F(asked, a_lease_that_failed_ends_nothing)
{
	GIVE("freeze policy=wait lease wait_ms=200");
	FAILED(-ETIMEDOUT, "");
	FREEZE();
	close(self->d.fd);
	msleep(100);
	EXPECT_TRUE(state_is(&self->g, "frozen"));
	THAW();
}

/* What poll() promises is there to be read, until it is this. */
static bool changes_to(int fd, const char *want)
{
	struct pollfd p = { .fd = fd, .events = POLLPRI };
	char text[32] = "";

	while (poll(&p, 1, PATIENCE_MS) == 1) {
		memset(text, 0, sizeof(text));
		if (pread(fd, text, sizeof(text) - 1, 0) > 0 &&
		    !strcmp(text, want))
			return true;
	}
	return false;
}

TEST_F(asked, state_can_be_polled)
{
	int fd = open(sysfs(&self->g, "state"), O_RDONLY);
	char text[32] = "";

	ASSERT_EQ(8, pread(fd, text, sizeof(text), 0));
	EXPECT_STREQ("running\n", text);
	GIVE("freeze policy=wait wait_ms=500");
	EXPECT_TRUE(changes_to(fd, "draining\n"));
	EXPECT_TRUE(changes_to(fd, "running\n"));
	FAILED(-ETIMEDOUT, "");
	DRAIN("freeze policy=wait");
	EXPECT_TRUE(changes_to(fd, "draining\n"));
	CLOSE_LAST(self->m, self->fd);
	EXPECT_TRUE(changes_to(fd, "frozen\n"));
	DRAINED();
	THAW();
	EXPECT_TRUE(changes_to(fd, "running\n"));
	close(fd);
}

/* ---- sockets that hold no connection ---- */

FIXTURE(datagram)
{
	struct group g;
	struct actor *m;
	int server;
	int fd;
	struct drain d;
};

FIXTURE_VARIANT(datagram)
{
	int family;
};

FIXTURE_VARIANT_ADD(datagram, ipv4) { AF_INET };
FIXTURE_VARIANT_ADD(datagram, ipv6) { AF_INET6 };
FIXTURE_VARIANT_ADD(datagram, unix_dgram) { AF_UNIX };

FIXTURE_SETUP(datagram)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, variant->family, NULL, 0);

	make_group(&self->g, "datagram");
	self->m = member(&self->g);
	if (variant->family == AF_UNIX) {
		self->server = unix_server(OUTSIDE, SOCK_DGRAM);
	} else {
		self->server = socket(variant->family, SOCK_DGRAM, 0);
		ASSERT_EQ(0, bind(self->server, (void *)&ss, len));
	}
	self->fd = client_of(self->m, OUTSIDE, self->server);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(datagram)
{
	part(self->m);
	EXPECT_TRUE(drop_group(&self->g));
}

TEST_F(datagram, not_by_policy)
{
	ASSERT_EQ(0, command(&self->g, "freeze policy=wait"));
	EXPECT_STREQ("keep", ACTION(self->m, self->fd));
	THAW();
	EXPECT_EQ(4, send_text(self->m, self->fd, "ping"));
	EXPECT_EQ(4, receive(OUTSIDE, self->server));
}

TEST_F(datagram, by_a_rule)
{
	ASSERT_EQ(0, set_rules(&self->g, "wait udp\nwait unix"));
	DRAIN("freeze");
	DRAINS();
	EXPECT_EQ(1, count_rows(&self->g));
	EXPECT_STREQ("wait", ACTION(self->m, self->fd));
	EXPECT_EQ(4, send_text(self->m, self->fd, "ping"));
	EXPECT_EQ(4, receive(OUTSIDE, self->server));
	CLOSE_LAST(self->m, self->fd);
	DRAINED();
	THAW();
}

TEST_F(datagram, until_it_has_no_destination)
{
	struct sockaddr *nobody = (void *)buf_of(self->m);

	ASSERT_EQ(0, set_rules(&self->g, "wait udp\nwait unix"));
	DRAIN("freeze");
	DRAINS();
	memset(nobody, 0, sizeof(*nobody));
	START(self->m, SYS_connect, self->fd, nobody, sizeof(*nobody));
	DRAINED();
	EXPECT_STREQ("idle", class_of(&self->g, self->m, self->fd));
	THAW();
}

TEST_F(datagram, until_the_deadline)
{
	ASSERT_EQ(0, set_rules(&self->g, "wait udp\nwait unix"));
	GIVE("freeze wait_ms=300");
	FAILED(-ETIMEDOUT, name_of(self->server));
	EXPECT_EQ(4, send_text(self->m, self->fd, "ping"));
	EXPECT_EQ(4, receive(OUTSIDE, self->server));
}

TEST_F(datagram, not_for_one_without_destination)
{
	int fd;

	ASSERT_EQ(0, CALL(self->m, SYS_close, self->fd));
	ASSERT_EQ(0, set_rules(&self->g, "wait any"));
	fd = variant->family == AF_UNIX ?
	     unix_server(self->m, SOCK_DGRAM) :
	     CALL(self->m, SYS_socket, variant->family, SOCK_DGRAM, 0);
	ASSERT_LE(0, fd);
	FREEZE();
	EXPECT_STREQ("idle", class_of(&self->g, self->m, fd));
	THAW();
}

TEST_HARNESS_MAIN
