// SPDX-License-Identifier: GPL-2.0-only
/*
 * Members that are killed. A process is no member any more from the beginning of its
 * end, and what it had it closes later: until then that is the group's.
 */
#include <sys/mount.h>

#include "extsock_test.h"

FIXTURE(exit)
{
	struct group g;
	int listener;
	int fd;
	int peer;
	int fs;
	struct actor *a;
	struct actor *b;
};

/* Two members that hold the same socket, connected to a server outside. */
FIXTURE_SETUP(exit)
{
	self->fs = -1;
	make_group(&self->g, "exit");
	self->listener = listener(OUTSIDE, AF_INET);
	self->fd = connect_to(OUTSIDE, AF_INET, NULL,
			      port_of(OUTSIDE, self->listener), 0);
	ASSERT_LE(0, self->fd);
	self->a = member(&self->g);
	self->b = member(&self->g);
	close(self->fd);
	self->peer = accept_from(OUTSIDE, self->listener);
	ASSERT_LE(0, self->peer);
}

FIXTURE_TEARDOWN(exit)
{
	ioctl(self->fs, FITHAW, 0);
	close(self->fs);
	part(self->a);
	part(self->b);
	EXPECT_TRUE(drop_group(&self->g));
	umount(FS_DIR);
}

/* The file is gone with the descriptor, which the test's file system delays. */
static void open_there(struct stage *s)
{
	s->ret = open(FS_DIR "/file", O_CREAT | O_RDWR, 0600);
	unlink(FS_DIR "/file");
}

/* To close that file takes as long as the test likes; the last one is closed first. */
static int freeze_fs(struct actor *a)
{
	int fs;

	if (!mount_fs())
		return -1;
	START_FN(a, open_there);
	if (result(a) < 0)
		return -1;
	fs = open(FS_DIR, O_RDONLY);
	return ioctl(fs, FIFREEZE, 0) ? -1 : fs;
}

/* Kill one: it leaves, and is not at its end yet. */
static bool begins_to_exit(const struct group *g, const struct actor *a)
{
	return !kill(a->pid, SIGKILL) && EVENTUALLY(!is_member(g, a->pid));
}

static bool waits_on(const struct drain *d)
{
	msleep(100);
	return !d->over;
}

TEST_F(exit, what_it_sent_arrives_inside)
{
	struct pair p = connection(self->a, self->b, AF_INET);
	long sent = fill_up(self->a, p.client);
	struct drain freeze;

	self->fs = freeze_fs(self->a);
	ASSERT_LE(0, self->fs);
	ASSERT_LT(0, sent);
	ASSERT_TRUE(begins_to_exit(&self->g, self->a));
	ASSERT_TRUE(give(&freeze, &self->g, "freeze"));
	EXPECT_TRUE(waits_on(&freeze));
	EXPECT_EQ(0, ioctl(self->fs, FITHAW, 0));
	EXPECT_EQ(0, end_of(&freeze));
	EXPECT_STREQ("internal", class_of(&self->g, self->b, p.server));
	THAW();
	EXPECT_EQ(1, stat_of(&self->g, "sockets_reset"));
	EXPECT_EQ(sent, read_to_end(self->b, p.server));
}

/* So many that to close them takes a while, and one after them all. */
static void take_many(struct stage *s)
{
	int fd = *(int *)s->buf, i;

	for (i = 100; i < 300000; i++)
		dup2(2, i);
	s->ret = dup2(fd, i) < 0 || close(fd) ? -errno : 0;
}

static long hold_last(struct actor *a, int fd)
{
	*(int *)buf_of(a) = fd;
	START_FN(a, take_many);
	return result(a);
}

TEST_F(exit, what_it_had_too_is_not_shared)
{
	ASSERT_EQ(0, hold_last(self->a, self->fd));
	ASSERT_EQ(0, kill(self->a->pid, SIGKILL));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->b, self->fd));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->b, self->fd));
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, self->peer));
}

/* It is not taken for somebody outside who has taken the socket. */
TEST_F(exit, a_thaw_waits_for_it)
{
	ASSERT_EQ(0, hold_last(self->a, self->fd));
	FREEZE();
	ASSERT_TRUE(begins_to_exit(&self->g, self->a));
	EXPECT_STREQ("thawed: 1 socket reset\n",
		     outcome_of(&self->g, "thaw"));
	EXPECT_EQ(-ECONNRESET, receive(self->b, self->fd));
	EXPECT_EQ(-ECONNRESET, receive(OUTSIDE, self->peer));
}

/* As many hold it as before, but they are not the same. */
TEST_F(exit, in_its_place_an_outsider_has_it)
{
	int got;

	FREEZE();
	got = pass_out(self->a, self->fd);
	ASSERT_LE(0, got);
	part(self->a);
	EXPECT_NE(NULL, strstr(outcome_of(&self->g, "thaw"), "left alone: 1,"));
	EXPECT_TRUE(carries(OUTSIDE, got, OUTSIDE, self->peer));
	EXPECT_TRUE(carries(self->b, self->fd, OUTSIDE, self->peer));
}

TEST_F(exit, only_an_outsider_has_it)
{
	int got;

	ASSERT_EQ(0, CALL(self->b, SYS_close, self->fd));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, self->fd));
	got = pass_out(self->a, self->fd);
	ASSERT_LE(0, got);
	part(self->a);
	EXPECT_NE(NULL, strstr(outcome_of(&self->g, "thaw"), "left alone: 1,"));
	EXPECT_TRUE(carries(OUTSIDE, got, OUTSIDE, self->peer));
}

/*
 * The first process of a PID namespace waits at its end for all others to be reaped.
 * Their parent, who need not live there, takes its time.
 */
TEST_F(exit, who_does_not_come_to_its_end_is_in_the_way)
{
	int here = open("/proc/self/ns/pid", O_RDONLY);
	struct actor *first;
	struct drain freeze;
	char who[64];
	pid_t zombie;

	ASSERT_EQ(0, put(sysfs(&self->g, "freeze_ms"), "300"));
	ASSERT_EQ(0, unshare(CLONE_NEWPID));
	first = member(&self->g);
	zombie = fork();
	if (!zombie)
		_exit(0);
	ASSERT_EQ(0, setns(here, CLONE_NEWPID));
	ASSERT_TRUE(EVENTUALLY(state_of(zombie) == 'Z'));
	ASSERT_TRUE(begins_to_exit(&self->g, first));
	ASSERT_TRUE(give(&freeze, &self->g, "freeze"));
	EXPECT_EQ(-ETIMEDOUT, end_of(&freeze));
	snprintf(who, sizeof(who), "in the way: PID %d (", first->pid);
	EXPECT_NE(NULL, strstr(freeze.said, who)) TH_LOG("%s", freeze.said);
	EXPECT_TRUE(state_is(&self->g, "running"));
	EXPECT_TRUE(carries(self->b, self->fd, OUTSIDE, self->peer));
	/* One need not wait for it. */
	ASSERT_EQ(0, put(sysfs(&self->g, "members"), "-%d", first->pid));
	EXPECT_EQ(-ESRCH, put(sysfs(&self->g, "members"), "-%d", first->pid));
	FREEZE();
	THAW();
	EXPECT_EQ(1, stat_of(&self->g, "sockets_reset"));
	ASSERT_EQ(zombie, waitpid(zombie, NULL, 0));
	waitpid(first->pid, NULL, 0);
}

TEST_HARNESS_MAIN
