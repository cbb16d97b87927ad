// SPDX-License-Identifier: GPL-2.0-only
/*
 * The census finds every socket once, and the verdict is right.
 */
#include "extsock_test.h"

FIXTURE(class)
{
	struct group g;
	struct actor *a;
	struct actor *b;
};

FIXTURE_SETUP(class)
{
	make_group(&self->g, "class");
	self->a = member(&self->g);
	self->b = member(&self->g);
}

FIXTURE_TEARDOWN(class)
{
	part(self->a);
	part(self->b);
	EXPECT_TRUE(drop_group(&self->g));
}

static void check_internal(struct __test_metadata *_metadata,
			   const struct group *g, struct actor *a,
			   struct actor *b, struct pair p)
{
	ASSERT_GE(p.client, 0);
	ASSERT_GE(p.server, 0);
	ASSERT_EQ(0, control(g, "freeze"));
	EXPECT_STREQ("internal", class_of(g, a, p.client));
	EXPECT_STREQ("internal", class_of(g, b, p.server));
	EXPECT_STREQ("listening", class_of(g, b, p.listener));
	ASSERT_EQ(0, control(g, "thaw"));
	EXPECT_TRUE(carries(a, p.client, b, p.server));
}

TEST_F(class, internal_ipv4)
{
	check_internal(_metadata, &self->g, self->a, self->b,
		       connection(self->a, self->b, AF_INET));
}

TEST_F(class, internal_ipv6)
{
	check_internal(_metadata, &self->g, self->a, self->b,
		       connection(self->a, self->b, AF_INET6));
}

TEST_F(class, internal_within_one_process)
{
	struct pair p;

	p.listener = listener(self->a, AF_INET);
	p.client = connect_to(self->a, AF_INET, NULL,
			      port_of(self->a, p.listener), 0);
	p.server = accept_from(self->a, p.listener);
	check_internal(_metadata, &self->g, self->a, self->a, p);
}

TEST_F(class, internal_ipv4_client_of_dual_stack_server)
{
	struct pair p;

	p.listener = listener_at(self->b, AF_INET6, "::", 16);
	p.client = connect_to(self->a, AF_INET, NULL,
			      port_of(self->b, p.listener), 0);
	p.server = accept_from(self->b, p.listener);
	check_internal(_metadata, &self->g, self->a, self->b, p);
}

static void check_with_flags(struct __test_metadata *_metadata,
			     const struct group *g, struct actor *a,
			     struct actor *b, int flags)
{
	struct pair p;

	p.listener = listener(b, AF_INET);
	p.client = connect_to(a, AF_INET, NULL, port_of(b, p.listener), flags);
	p.server = accept_from(b, p.listener);
	ASSERT_TRUE(comes_to(a, p.client, TCP_ESTABLISHED));
	check_internal(_metadata, g, a, b, p);
}

TEST_F(class, internal_close_on_exec)
{
	check_with_flags(_metadata, &self->g, self->a, self->b, SOCK_CLOEXEC);
}

TEST_F(class, internal_nonblocking)
{
	check_with_flags(_metadata, &self->g, self->a, self->b, SOCK_NONBLOCK);
}

TEST_F(class, internal_and_external_at_one_port)
{
	struct pair p = connection(self->a, self->b, AF_INET);
	int port = port_of(self->b, p.listener);
	int client = connect_to(OUTSIDE, AF_INET, NULL, port, 0);
	int server = accept_from(self->b, p.listener);

	ASSERT_GE(server, 0);
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->a, p.client));
	EXPECT_STREQ("internal", class_of(&self->g, self->b, p.server));
	EXPECT_STREQ("external", class_of(&self->g, self->b, server));
	THAW();
	EXPECT_TRUE(carries(self->a, p.client, self->b, p.server));
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, client));
}

static void check_queued_internal(struct __test_metadata *_metadata,
				  const struct group *g, struct actor *a,
				  struct actor *b, int family)
{
	int l = listener(b, family), server;
	int client = connect_to(a, family, NULL, port_of(b, l), 0);

	ASSERT_GE(client, 0);
	ASSERT_TRUE(comes_to_queue(b, l, 1));
	ASSERT_EQ(0, command(g, "freeze"));
	EXPECT_STREQ("internal", class_of(g, a, client));
	EXPECT_STREQ("internal", column_of(g, b->pid, -1, "class"));
	ASSERT_EQ(0, command(g, "thaw"));
	server = accept_from(b, l);
	EXPECT_TRUE(carries(a, client, b, server));
}

TEST_F(class, queued_internal_ipv4)
{
	check_queued_internal(_metadata, &self->g, self->a, self->b, AF_INET);
}

TEST_F(class, queued_internal_ipv6)
{
	check_queued_internal(_metadata, &self->g, self->a, self->b, AF_INET6);
}

static void check_queued_external(struct __test_metadata *_metadata,
				  const struct group *g, struct actor *b,
				  int family)
{
	int l = listener(b, family), server, again;
	int port = port_of(b, l);
	int client = connect_to(OUTSIDE, family, NULL, port, 0);

	ASSERT_TRUE(comes_to_queue(b, l, 1));
	ASSERT_EQ(0, command(g, "freeze"));
	EXPECT_STREQ("external", column_of(g, b->pid, -1, "class"));
	ASSERT_EQ(0, command(g, "thaw"));
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, client));
	server = accept_from(b, l);
	ASSERT_GE(server, 0);
	EXPECT_EQ(-ECONNRESET, receive(b, server));
	/* the listener lives on */
	again = connect_to(OUTSIDE, family, NULL, port, 0);
	server = accept_from(b, l);
	EXPECT_TRUE(carries(OUTSIDE, again, b, server));
}

TEST_F(class, queued_external_ipv4)
{
	check_queued_external(_metadata, &self->g, self->b, AF_INET);
}

TEST_F(class, queued_external_ipv6)
{
	check_queued_external(_metadata, &self->g, self->b, AF_INET6);
}

TEST_F(class, arrived_while_frozen_stays)
{
	int l = listener(self->b, AF_INET), port = port_of(self->b, l);
	int client, server;

	FREEZE();
	client = connect_to(OUTSIDE, AF_INET, NULL, port, 0);
	ASSERT_GE(client, 0);
	THAW();
	server = accept_from(self->b, l);
	EXPECT_TRUE(carries(OUTSIDE, client, self->b, server));
}

TEST_F(class, opened_before_joining)
{
	struct actor *late = actor();
	int l = listener(OUTSIDE, AF_INET), peer;
	int fd = connect_to(late, AF_INET, NULL, port_of(OUTSIDE, l), 0);
	long long unseen;

	peer = accept_from(OUTSIDE, l);
	ASSERT_EQ(0, join(&self->g, late));
	unseen = stat_of(&self->g, "sockets_unseen");
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, late, fd));
	EXPECT_STREQ("-", column_of(&self->g, late->pid, fd, "direction"));
	EXPECT_EQ(unseen + 1, stat_of(&self->g, "sockets_unseen"));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(late, fd));
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, peer));
	part(late);
}

TEST_F(class, a_pair_opened_before_joining)
{
	struct actor *a = actor(), *b = actor();
	struct pair p = connection(a, b, AF_INET);
	long long unseen = stat_of(&self->g, "sockets_unseen");

	ASSERT_EQ(0, join(&self->g, a));
	ASSERT_EQ(0, join(&self->g, b));
	check_internal(_metadata, &self->g, a, b, p);
	EXPECT_EQ(unseen + 2, stat_of(&self->g, "sockets_unseen"));
	part(a);
	part(b);
}

TEST_F(class, idle_is_still_good_afterwards)
{
	int fd = CALL(self->a, SYS_socket, AF_INET, SOCK_STREAM, 0);
	int l = listener(OUTSIDE, AF_INET);

	FREEZE();
	EXPECT_STREQ("idle", class_of(&self->g, self->a, fd));
	THAW();
	ASSERT_EQ(0, connect_fd(self->a, fd, AF_INET, NULL,
				port_of(OUTSIDE, l)));
	EXPECT_TRUE(carries(self->a, fd, OUTSIDE, accept_from(OUTSIDE, l)));
}

static void fork_and_wait(struct stage *s)
{
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	s->ret = pid;
}

TEST_F(class, inherited_is_found_once)
{
	struct pair p = connection(self->a, self->b, AF_INET);
	int rows;
	pid_t child;

	FREEZE();
	rows = count_rows(&self->g);
	THAW();
	START_FN(self->a, fork_and_wait);
	child = result(self->a);
	ASSERT_GT(child, 0);
	FREEZE();
	EXPECT_EQ(rows, count_rows(&self->g));
	EXPECT_STREQ("internal", class_of(&self->g, self->a, p.client));
	THAW();
	EXPECT_TRUE(carries(self->a, p.client, self->b, p.server));
	kill(child, SIGKILL);
}

static void exec_and_keep(struct stage *s)
{
	execl("/bin/sleep", "keeper", "1000", NULL);
}

TEST_F(class, kept_over_exec)
{
	int l = listener(OUTSIDE, AF_INET);
	int fd = connect_to(self->a, AF_INET, NULL, port_of(OUTSIDE, l), 0);
	int peer = accept_from(OUTSIDE, l);

	START_FN(self->a, exec_and_keep);
	ASSERT_TRUE(EVENTUALLY(is_named(self->a->pid, "sleep")));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, fd));
	EXPECT_STREQ("connect", column_of(&self->g, self->a->pid, fd,
					  "direction"));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, peer));
}

TEST_F(class, passed_and_closed_by_an_outsider)
{
	int l = listener(OUTSIDE, AF_INET);
	int fd = connect_to(OUTSIDE, AF_INET, NULL, port_of(OUTSIDE, l), 0);
	int peer = accept_from(OUTSIDE, l);
	int got = pass_fd(self->a, fd);

	ASSERT_GE(got, 0);
	close(fd);
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, got));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, peer));
}

TEST_F(class, shared_with_an_outsider_is_not_reset)
{
	int l = listener(OUTSIDE, AF_INET);
	int fd = connect_to(OUTSIDE, AF_INET, NULL, port_of(OUTSIDE, l), 0);
	int peer = accept_from(OUTSIDE, l);
	int got = pass_fd(self->a, fd);

	ASSERT_GE(got, 0);
	FREEZE();
	EXPECT_STREQ("shared", class_of(&self->g, self->a, got));
	EXPECT_STREQ("-", column_of(&self->g, self->a->pid, got, "action"));
	THAW();
	EXPECT_TRUE(carries(OUTSIDE, fd, OUTSIDE, peer));
	EXPECT_TRUE(carries(self->a, got, OUTSIDE, peer));
}

/* Somebody takes it after the census: then it is not the group's alone. */
TEST_F(class, taken_by_an_outsider_while_frozen_is_not_reset)
{
	int l = listener(OUTSIDE, AF_INET);
	int fd = connect_to(self->a, AF_INET, NULL, port_of(OUTSIDE, l), 0);
	int peer = accept_from(OUTSIDE, l), got;

	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, fd));
	got = pass_out(self->a, fd);
	ASSERT_GE(got, 0);
	THAW();
	EXPECT_TRUE(carries(OUTSIDE, got, OUTSIDE, peer));
}

/* Descriptors passed from member to member are found once. */
TEST_F(class, passed_to_another_member)
{
	int l = listener(OUTSIDE, AF_INET);
	int fd = connect_to(OUTSIDE, AF_INET, NULL, port_of(OUTSIDE, l), 0);
	int peer = accept_from(OUTSIDE, l);
	int one = pass_fd(self->a, fd), two = pass_fd(self->b, fd);
	int rows;

	ASSERT_GE(two, 0);
	close(fd);
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, one));
	rows = count_rows(&self->g);
	THAW();
	EXPECT_EQ(1, rows);
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, peer));
}

TEST_F(class, the_other_end_of_one_in_flight_is_internal)
{
	struct pair p = connection(self->a, self->b, AF_INET);
	int sv[2], fd;

	ASSERT_EQ(0, CALL(self->b, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0,
			  buf_of(self->b)));
	memcpy(sv, buf_of(self->b), sizeof(sv));
	ASSERT_TRUE(send_fd(self->b, sv[0], p.server));
	ASSERT_EQ(0, CALL(self->b, SYS_close, p.server));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->a, p.client));
	THAW();
	fd = receive_fd(self->b, sv[1]);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(carries(self->a, p.client, self->b, fd));
}

/* A descriptor table that a process outside uses as well. */
static void clone_with_files(struct stage *s)
{
	pid_t pid = syscall(SYS_clone, SIGCHLD | CLONE_FILES, NULL, NULL, NULL,
			    0);

	while (!pid)
		pause();
	s->ret = pid;
}

TEST_F(class, a_table_shared_with_an_outsider)
{
	int l = listener(OUTSIDE, AF_INET);
	int fd = connect_to(self->a, AF_INET, NULL, port_of(OUTSIDE, l), 0);
	int peer = accept_from(OUTSIDE, l);
	pid_t child;

	START_FN(self->a, clone_with_files);
	child = result(self->a);
	ASSERT_GT(child, 0);
	ASSERT_EQ(0, put(sysfs(&self->g, "members"), "-%d", child));
	FREEZE();
	EXPECT_STREQ("shared", class_of(&self->g, self->a, fd));
	THAW();
	EXPECT_TRUE(carries(self->a, fd, OUTSIDE, peer));
	kill(child, SIGKILL);
}

TEST_F(class, between_two_groups_is_external)
{
	struct group other;
	struct actor *c;
	struct pair p;

	make_group(&other, "other");
	c = member(&other);
	p = connection(self->a, c, AF_INET);
	ASSERT_GE(p.server, 0);
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, p.client));
	ASSERT_EQ(0, control(&self->g, "thaw keep"));
	ASSERT_EQ(0, control(&other, "freeze"));
	EXPECT_STREQ("external", class_of(&other, c, p.server));
	ASSERT_EQ(0, control(&other, "thaw"));
	EXPECT_EQ(-ECONNRESET, receive(self->a, p.client));
	part(c);
	EXPECT_TRUE(drop_group(&other));
}

TEST_F(class, to_one_who_has_left_is_external)
{
	struct pair p = connection(self->a, self->b, AF_INET);

	ASSERT_EQ(0, put(sysfs(&self->g, "members"), "-%d", self->b->pid));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, p.client));
	EXPECT_EQ(1, count_rows(&self->g));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->b, p.server));
}

/* A listener at a port that others listen at, too, with room for nobody. */
static int full_listener(struct actor *a, const char *ip, int port)
{
	struct sockaddr_storage *ss = (void *)(buf_of(a) + 64);
	int fd = CALL(a, SYS_socket, AF_INET, SOCK_STREAM, 0);
	int *one = (int *)buf_of(a);
	socklen_t len = address(ss, AF_INET, ip, port);

	*one = 1;
	CALL(a, SYS_setsockopt, fd, SOL_SOCKET, SO_REUSEPORT, one,
	     sizeof(*one));
	if (CALL(a, SYS_bind, fd, ss, len) || CALL(a, SYS_listen, fd, 0))
		return -1;
	return fd;
}

/* Both listen at the port, and the outsider's address is the better one. */
TEST_F(class, connecting_to_an_outsider_at_a_members_port)
{
	int inside = full_listener(self->b, "0.0.0.0", 0), outside, fd, i;
	int port = port_of(self->b, inside);
	struct sockaddr_storage *ss = (void *)buf_of(self->a);
	socklen_t len;

	outside = full_listener(OUTSIDE, "127.0.0.1", port);
	ASSERT_LE(0, inside);
	ASSERT_LE(0, outside);
	for (i = 0; i < 3; i++)
		connect_to(OUTSIDE, AF_INET, NULL, port, SOCK_NONBLOCK);
	fd = CALL(self->a, SYS_socket, AF_INET, SOCK_STREAM, 0);
	len = address(ss, AF_INET, NULL, port);
	START(self->a, SYS_connect, fd, ss, len);
	ASSERT_TRUE(sleeps_in(self->a->pid, SYS_connect));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, fd));
	THAW();
	EXPECT_EQ(-ECONNREFUSED, result(self->a));
}

TEST_F(class, hundreds_of_descriptors)
{
	int i, n = 300, first = -1;

	for (i = 0; i < n; i++) {
		int fd = CALL(self->a, SYS_socket, AF_INET, SOCK_STREAM, 0);

		if (first < 0)
			first = fd;
		ASSERT_EQ(first + i, fd);
	}
	FREEZE();
	EXPECT_EQ(n, count_rows(&self->g));
	EXPECT_STREQ("idle", class_of(&self->g, self->a, first));
	EXPECT_STREQ("idle", class_of(&self->g, self->a, first + n - 1));
	THAW();
}

/* Whatever happens to the sockets: data, an end, a reset, a new client. */
TEST_F(class, the_table_does_not_change_while_frozen)
{
	int l = listener(self->b, AF_INET), port = port_of(self->b, l);
	int ended = connect_to(OUTSIDE, AF_INET, NULL, port, 0);
	int reset = connect_to(OUTSIDE, AF_INET, NULL, port, 0);
	struct linger now = { 1, 0 };
	int fds[2] = { accept_from(self->b, l), accept_from(self->b, l) };
	char *before;

	ASSERT_GE(fds[1], 0);
	ASSERT_GE(connection(self->a, self->b, AF_INET).server, 0);
	FREEZE();
	before = strdup(slurp(procfs(&self->g, "sockets")));
	ASSERT_EQ(1, send(ended, "x", 1, 0));
	close(ended);
	setsockopt(reset, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(reset);
	ASSERT_LE(0, connect_to(OUTSIDE, AF_INET, NULL, port, 0));
	/* and to the members */
	part(self->a);
	EXPECT_STREQ(before, slurp(procfs(&self->g, "sockets")));
	THAW();
	free(before);
}

TEST_F(class, tags_tell_who_opened_it)
{
	struct pair p;
	char pid[16];

	strcpy(buf_of(self->a), "a b\\c\n\"d");
	ASSERT_EQ(0, CALL(self->a, SYS_prctl, PR_SET_NAME, buf_of(self->a)));
	p = connection(self->a, self->b, AF_INET);
	ASSERT_EQ(2, count_rows(&self->g));
	FREEZE();
	EXPECT_STREQ("connect", column_of(&self->g, self->a->pid, p.client,
					  "direction"));
	EXPECT_STREQ("accept", column_of(&self->g, self->b->pid, p.server,
					 "direction"));
	snprintf(pid, sizeof(pid), "%d", self->a->pid);
	EXPECT_STREQ(pid, column_of(&self->g, self->a->pid, p.client,
				    "opener"));
	EXPECT_STREQ("a\\040b\\134c\\012\\042d",
		     column_of(&self->g, self->a->pid, p.client, "command"));
	THAW();
	CALL(self->a, SYS_close, p.client);
	CALL(self->b, SYS_close, p.server);
	EXPECT_TRUE(EVENTUALLY(!count_rows(&self->g)));
}

/* What the other columns say of a socket of this very process's kind. */
TEST_F(class, the_table_says_what_ss_says)
{
	struct pair p = connection(self->a, self->b, AF_INET);
	char want[64], path[64], link[64] = "";
	double opened, now = time(NULL);
	uint64_t *cookie = (void *)buf_of(self->a);
	socklen_t *len = (void *)(buf_of(self->a) + 64);

	*len = sizeof(*cookie);
	ASSERT_EQ(0, CALL(self->a, SYS_getsockopt, p.client, SOL_SOCKET,
			  SO_COOKIE, cookie, len));
	FREEZE();
	snprintf(want, sizeof(want), "%llx", (unsigned long long)*cookie);
	EXPECT_STREQ(want, column_of(&self->g, self->a->pid, p.client,
				     "cookie"));
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", self->a->pid, p.client);
	ASSERT_LT(0, readlink(path, link, sizeof(link) - 1));
	snprintf(want, sizeof(want), "socket:[%s]",
		 column_of(&self->g, self->a->pid, p.client, "inode"));
	EXPECT_STREQ(want, link);
	memset(link, 0, sizeof(link));
	ASSERT_LT(0, readlink("/proc/self/ns/net", link, sizeof(link) - 1));
	snprintf(want, sizeof(want), "net:[%s]",
		 column_of(&self->g, self->a->pid, p.client, "netns"));
	EXPECT_STREQ(want, link);
	opened = atof(column_of(&self->g, self->a->pid, p.client, "opened"));
	EXPECT_TRUE(opened > now - 60 && opened < now + 60);
	THAW();
}

/* ---- two network namespaces, joined by veth ---- */

/* left connects to right, by its address ip */
static struct pair connection_over_veth(struct actor *left, struct actor *right,
					int family, const char *ip)
{
	struct pair p = { -1, -1, -1 };

	if (join_namespaces())
		return p;
	enter(left, "left");
	enter(right, "right");
	p.listener = listener_at(right, family, ip, 16);
	p.client = connect_to(left, family, ip, port_of(right, p.listener), 0);
	p.server = accept_from(right, p.listener);
	return p;
}

TEST_F(class, internal_over_veth_ipv4)
{
	check_internal(_metadata, &self->g, self->a, self->b,
		       connection_over_veth(self->a, self->b, AF_INET,
					    "10.9.0.2"));
	sh("ip netns del left; ip netns del right");
}

TEST_F(class, internal_over_veth_ipv6)
{
	check_internal(_metadata, &self->g, self->a, self->b,
		       connection_over_veth(self->a, self->b, AF_INET6,
					    "fd09::2"));
	sh("ip netns del left; ip netns del right");
}

static void check_external_over_veth(struct __test_metadata *_metadata,
				     const struct group *g, struct actor *a,
				     int family, const char *ip)
{
	struct actor *out = actor();
	struct pair p = connection_over_veth(a, out, family, ip);

	ASSERT_GE(p.server, 0);
	ASSERT_EQ(0, command(g, "freeze"));
	EXPECT_STREQ("external", class_of(g, a, p.client));
	ASSERT_EQ(0, command(g, "thaw"));
	EXPECT_EQ(-ECONNRESET, receive(out, p.server));
	part(out);
	sh("ip netns del left; ip netns del right");
}

TEST_F(class, external_over_veth_ipv4)
{
	check_external_over_veth(_metadata, &self->g, self->a, AF_INET,
				 "10.9.0.2");
}

TEST_F(class, external_over_veth_ipv6)
{
	check_external_over_veth(_metadata, &self->g, self->a, AF_INET6,
				 "fd09::2");
}

/*
 * Connections of which the client's side is complete and the server's is not, as
 * its last packet is on the way: whenever that arrives, they are internal.
 */
TEST_F(class, handshakes_that_end_during_the_freeze)
{
	int fds[30], n = 30, i, round, held = listener(OUTSIDE, AF_INET);
	struct pair p;

	/* a socket that is shared makes the census look for a while */
	ASSERT_LE(0, pass_fd(self->b, held));
	p = connection_over_veth(self->a, self->b, AF_INET, "10.9.0.2");
	ASSERT_GE(p.server, 0);
	ASSERT_EQ(0, sh("tc -n left qdisc add dev vl root netem delay 60ms"));
	for (round = 0; round < 5; round++) {
		p.listener = listener_at(self->b, AF_INET, "10.9.0.2", 64);
		for (i = 0; i < n; i++) {
			fds[i] = connect_to(self->a, AF_INET, "10.9.0.2",
					    port_of(self->b, p.listener),
					    SOCK_NONBLOCK);
			ASSERT_LE(0, fds[i]);
			msleep(4);
		}
		FREEZE();
		for (i = 0; i < n; i++)
			EXPECT_STREQ("internal",
				     class_of(&self->g, self->a, fds[i]));
		THAW();
		ASSERT_TRUE(comes_to_queue(self->b, p.listener, n));
		for (i = 0; i < n; i++) {
			EXPECT_FALSE(poll_fd(self->a, fds[i]) & POLLERR);
			CALL(self->a, SYS_close, fds[i]);
		}
		CALL(self->b, SYS_close, p.listener);
	}
	sh("ip netns del left; ip netns del right");
}

/* The same four values in two namespaces are not the same connection. */
TEST_F(class, loopback_counts_within_its_namespace)
{
	struct actor *near = actor(), *far = actor();
	struct sockaddr_storage *ss;
	struct pair p, q;
	socklen_t len;
	int port, cport;

	ASSERT_EQ(0, join_namespaces());
	enter(self->a, "left");
	enter(near, "left");
	enter(self->b, "right");
	enter(far, "right");
	/* a (left) -> near (left), both loopback */
	p = connection(self->a, near, AF_INET);
	ASSERT_GE(p.server, 0);
	port = port_of(near, p.listener);
	cport = port_of(self->a, p.client);
	/* far (right) -> b (right) with the very same ports */
	q.listener = CALL(self->b, SYS_socket, AF_INET, SOCK_STREAM, 0);
	ss = (void *)buf_of(self->b);
	len = address(ss, AF_INET, NULL, port);
	ASSERT_EQ(0, CALL(self->b, SYS_bind, q.listener, ss, len));
	ASSERT_EQ(0, CALL(self->b, SYS_listen, q.listener, 1));
	q.client = CALL(far, SYS_socket, AF_INET, SOCK_STREAM, 0);
	ss = (void *)buf_of(far);
	len = address(ss, AF_INET, NULL, cport);
	ASSERT_EQ(0, CALL(far, SYS_bind, q.client, ss, len));
	ASSERT_EQ(0, connect_fd(far, q.client, AF_INET, NULL, port));
	q.server = accept_from(self->b, q.listener);
	ASSERT_GE(q.server, 0);
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, p.client));
	EXPECT_STREQ("external", class_of(&self->g, self->b, q.server));
	THAW();
	part(near);
	part(far);
	sh("ip netns del left; ip netns del right");
}

TEST_HARNESS_MAIN
