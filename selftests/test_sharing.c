// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets that are held in the group and outside of it: for as long as they are,
 * nobody's connection is reset.
 */
#include "extsock_test.h"

#define THAW_SAYS(part)							\
do {									\
	char *said_ = outcome_of(&self->g, "thaw");			\
									\
	EXPECT_NE(NULL, strstr(said_, part)) TH_LOG("%s", said_);	\
} while (0)

FIXTURE(sharing)
{
	struct group g;
	struct actor *m;
	int listener;
	int fd;
	int peer;
};

FIXTURE_VARIANT(sharing)
{
	int family;
};

FIXTURE_VARIANT_ADD(sharing, ipv4) { AF_INET };
FIXTURE_VARIANT_ADD(sharing, ipv6) { AF_INET6 };
FIXTURE_VARIANT_ADD(sharing, unix_stream) { AF_UNIX };

/* A member, connected to a server outside of the group. */
FIXTURE_SETUP(sharing)
{
	make_group(&self->g, "sharing");
	self->m = member(&self->g);
	self->listener = server_at(OUTSIDE, variant->family);
	self->fd = client_of(self->m, OUTSIDE, self->listener);
	self->peer = accept_from(OUTSIDE, self->listener);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->peer);
}

FIXTURE_TEARDOWN(sharing)
{
	part(self->m);
	EXPECT_TRUE(drop_group(&self->g));
}

TEST_F(sharing, with_itself_is_not_shared)
{
	int twin = CALL(self->m, SYS_dup, self->fd);

	ASSERT_LE(0, twin);
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->m, self->fd));
	EXPECT_EQ(1, count_rows(&self->g));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->m, twin));
}

/* ---- with somebody outside ---- */

TEST_F(sharing, inherited_by_fork_before_joining)
{
	int fd = client_of(OUTSIDE, OUTSIDE, self->listener);
	int peer = accept_from(OUTSIDE, self->listener);
	struct actor *child = member(&self->g);

	ASSERT_EQ(0, CALL(child, SYS_close, peer));
	FREEZE();
	EXPECT_STREQ("shared", class_of(&self->g, child, fd));
	EXPECT_STREQ("-", column_of(&self->g, child->pid, fd, "action"));
	THAW();
	EXPECT_TRUE(carries(child, fd, OUTSIDE, peer));
	EXPECT_TRUE(carries(OUTSIDE, fd, OUTSIDE, peer));
	close(fd);
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, child, fd));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(child, fd));
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, peer));
	part(child);
}

static void fork_and_wait(struct stage *s)
{
	pid_t pid = fork();

	while (!pid)
		pause();
	s->ret = pid;
}

TEST_F(sharing, with_a_child_that_has_left)
{
	pid_t child;

	START_FN(self->m, fork_and_wait);
	child = result(self->m);
	ASSERT_LT(0, child);
	ASSERT_EQ(0, put(sysfs(&self->g, "members"), "-%d", child));
	FREEZE();
	EXPECT_STREQ("shared", class_of(&self->g, self->m, self->fd));
	THAW();
	EXPECT_TRUE(carries(self->m, self->fd, OUTSIDE, self->peer));
	kill(child, SIGKILL);
	ASSERT_TRUE(EVENTUALLY(state_of(child) == 'Z'));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->m, self->fd));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->m, self->fd));
}

/* It is an outsider's alone: no member has a descriptor. */
TEST_F(sharing, given_away_is_not_reset)
{
	int got = pass_out(self->m, self->fd);

	ASSERT_LE(0, got);
	ASSERT_EQ(0, CALL(self->m, SYS_close, self->fd));
	FREEZE();
	/* a unix one is not seen: the probes look at TCP */
	EXPECT_STREQ(variant->family == AF_UNIX ? "absent" : "shared",
		     column_of(&self->g, 0, -1, "class"));
	THAW_SAYS("thawed: 0 sockets reset\n");
	EXPECT_TRUE(carries(OUTSIDE, got, OUTSIDE, self->peer));
}

/* The other end would be reset as well, which somebody outside holds. */
TEST_F(sharing, its_other_end_is_internal)
{
	struct actor *server = member(&self->g);
	int l = server_at(server, variant->family);
	int fd = client_of(self->m, server, l), peer = accept_from(server, l);
	int got = pass_out(server, peer);

	ASSERT_LE(0, got);
	FREEZE();
	EXPECT_STREQ("shared", class_of(&self->g, server, peer));
	EXPECT_STREQ("internal", class_of(&self->g, self->m, fd));
	THAW();
	EXPECT_TRUE(carries(self->m, fd, server, peer));
	EXPECT_TRUE(carries(self->m, fd, OUTSIDE, got));
	part(server);
}

TEST_F(sharing, taken_while_frozen_and_given_back)
{
	int got;

	FREEZE();
	got = pass_out(self->m, self->fd);
	ASSERT_LE(0, got);
	close(got);
	THAW_SAYS("thawed: 1 socket reset\n");
	EXPECT_EQ(-ECONNRESET, receive(self->m, self->fd));
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, self->peer));
}

TEST_F(sharing, taken_while_frozen_and_kept)
{
	int got;

	FREEZE();
	got = pass_out(self->m, self->fd);
	ASSERT_LE(0, got);
	EXPECT_STREQ("external", class_of(&self->g, self->m, self->fd));
	THAW_SAYS("thawed: 0 sockets reset\nleft alone: 1,");
	EXPECT_TRUE(carries(self->m, self->fd, OUTSIDE, self->peer));
	EXPECT_TRUE(carries(OUTSIDE, got, OUTSIDE, self->peer));
	FREEZE();
	EXPECT_STREQ("shared", class_of(&self->g, self->m, self->fd));
	THAW_SAYS("thawed: 0 sockets reset\n");
	EXPECT_TRUE(carries(self->m, self->fd, OUTSIDE, self->peer));
	close(got);
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->m, self->fd));
	THAW_SAYS("thawed: 1 socket reset\n");
	EXPECT_EQ(-ECONNRESET, receive(self->m, self->fd));
}

/* Then who waits at it is not the group's alone either. */
TEST_F(sharing, a_listener_taken_while_frozen)
{
	int l = server_at(self->m, variant->family), got;
	int fd = client_of(OUTSIDE, self->m, l);

	ASSERT_LE(0, fd);
	FREEZE();
	EXPECT_STREQ("external", column_of(&self->g, self->m->pid, -1,
					   "class"));
	got = pass_out(self->m, l);
	ASSERT_LE(0, got);
	THAW_SAYS("thawed: 1 socket reset\nleft alone: 1,");
	EXPECT_EQ(-ECONNRESET, receive(self->m, self->fd));
	EXPECT_TRUE(carries(OUTSIDE, fd, OUTSIDE, accept_from(OUTSIDE, got)));
}

/* ---- with another group ---- */

TEST_F(sharing, with_another_group)
{
	struct group other;
	struct actor *c;
	int got, fd;

	make_group(&other, "other");
	got = pass_out(self->m, self->fd);
	close(self->listener);
	c = actor();
	ASSERT_EQ(0, join(&other, c));
	fd = got;
	close(got);
	ASSERT_EQ(0, CALL(c, SYS_close, self->peer));
	FREEZE();
	EXPECT_STREQ("shared", class_of(&self->g, self->m, self->fd));
	ASSERT_EQ(0, command(&other, "freeze"));
	EXPECT_STREQ("shared", class_of(&other, c, fd));
	THAW_SAYS("thawed: 0 sockets reset\n");
	ASSERT_EQ(0, command(&other, "thaw"));
	EXPECT_TRUE(carries(self->m, self->fd, OUTSIDE, self->peer));
	EXPECT_TRUE(carries(c, fd, OUTSIDE, self->peer));
	ASSERT_EQ(0, CALL(c, SYS_close, fd));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->m, self->fd));
	THAW_SAYS("thawed: 1 socket reset\n");
	EXPECT_EQ(-ECONNRESET, receive(self->m, self->fd));
	part(c);
	EXPECT_TRUE(drop_group(&other));
}

/* ---- a listening socket that its activator keeps, as systemd does ---- */

FIXTURE(activated)
{
	struct group g;
	struct actor *client;
	struct actor *m;
	int l;
};

FIXTURE_VARIANT(activated)
{
	int family;
};

FIXTURE_VARIANT_ADD(activated, ipv4) { AF_INET };
FIXTURE_VARIANT_ADD(activated, ipv6) { AF_INET6 };
FIXTURE_VARIANT_ADD(activated, unix_stream) { AF_UNIX };

/* A member that was born with it, and one that was not. */
FIXTURE_SETUP(activated)
{
	make_group(&self->g, "activated");
	self->client = member(&self->g);
	self->l = server_at(OUTSIDE, variant->family);
	ASSERT_LE(0, self->l);
	self->m = member(&self->g);
}

FIXTURE_TEARDOWN(activated)
{
	part(self->client);
	part(self->m);
	EXPECT_TRUE(drop_group(&self->g));
}

TEST_F(activated, both_can_go_on_accepting)
{
	int fd, peer;

	FREEZE();
	EXPECT_STREQ("shared", class_of(&self->g, self->m, self->l));
	EXPECT_STREQ("-", column_of(&self->g, self->m->pid, self->l, "action"));
	EXPECT_STREQ("listen", column_of(&self->g, self->m->pid, self->l,
					 "state"));
	THAW();
	fd = client_of(OUTSIDE, OUTSIDE, self->l);
	peer = accept_from(self->m, self->l);
	EXPECT_TRUE(carries(OUTSIDE, fd, self->m, peer));
	fd = client_of(OUTSIDE, OUTSIDE, self->l);
	peer = accept_from(OUTSIDE, self->l);
	EXPECT_TRUE(carries(OUTSIDE, fd, OUTSIDE, peer));
}

/* Either of them may accept it. */
TEST_F(activated, who_waits_is_shared)
{
	int fd = client_of(OUTSIDE, OUTSIDE, self->l);

	ASSERT_LE(0, fd);
	FREEZE();
	EXPECT_STREQ("shared", column_of(&self->g, self->m->pid, -1, "class"));
	EXPECT_EQ(2, count_rows(&self->g));
	THAW_SAYS("thawed: 0 sockets reset\n");
	EXPECT_TRUE(carries(OUTSIDE, fd, self->m,
			    accept_from(self->m, self->l)));
}

TEST_F(activated, a_member_that_waits_is_internal)
{
	int fd = client_of(self->client, OUTSIDE, self->l);

	ASSERT_LE(0, fd);
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->client, fd));
	EXPECT_STREQ("shared", column_of(&self->g, self->m->pid, -1, "class"));
	THAW_SAYS("thawed: 0 sockets reset\n");
	EXPECT_TRUE(carries(self->client, fd, self->m,
			    accept_from(self->m, self->l)));
}

TEST_F(activated, accepted_from_an_outsider_is_external)
{
	int fd = client_of(OUTSIDE, OUTSIDE, self->l);
	int peer = accept_from(self->m, self->l);

	ASSERT_LE(0, peer);
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->m, peer));
	THAW_SAYS("thawed: 1 socket reset\n");
	EXPECT_EQ(-ECONNRESET, receive(self->m, peer));
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, fd));
	/* the listener lives on */
	fd = client_of(OUTSIDE, OUTSIDE, self->l);
	peer = accept_from(self->m, self->l);
	EXPECT_TRUE(carries(OUTSIDE, fd, self->m, peer));
}

TEST_F(activated, accepted_from_a_member_is_internal)
{
	int fd = client_of(self->client, OUTSIDE, self->l);
	int peer = accept_from(self->m, self->l);

	ASSERT_LE(0, peer);
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->client, fd));
	EXPECT_STREQ("internal", class_of(&self->g, self->m, peer));
	THAW_SAYS("thawed: 0 sockets reset\n");
	EXPECT_TRUE(carries(self->client, fd, self->m, peer));
}

TEST_F(activated, accepted_by_the_activator_is_external)
{
	int fd = client_of(self->client, OUTSIDE, self->l);
	int peer = accept_from(OUTSIDE, self->l);

	ASSERT_LE(0, peer);
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->client, fd));
	THAW_SAYS("thawed: 1 socket reset\n");
	EXPECT_EQ(-ECONNRESET, receive(self->client, fd));
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, peer));
}

/* The one that was inherited is the group's alone then. */
TEST_F(activated, and_the_activator_has_gone)
{
	int fd = client_of(OUTSIDE, OUTSIDE, self->l), peer;

	ASSERT_LE(0, fd);
	close(self->l);
	FREEZE();
	EXPECT_STREQ("listening", class_of(&self->g, self->m, self->l));
	EXPECT_STREQ("external", column_of(&self->g, self->m->pid, -1,
					   "class"));
	THAW_SAYS("thawed: 1 socket reset\n");
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, fd));
	peer = accept_from(self->m, self->l);
	ASSERT_LE(0, peer);
	EXPECT_EQ(-ECONNRESET, receive(self->m, peer));
	fd = client_of(OUTSIDE, self->m, self->l);
	peer = accept_from(self->m, self->l);
	EXPECT_TRUE(carries(OUTSIDE, fd, self->m, peer));
}

TEST_HARNESS_MAIN
