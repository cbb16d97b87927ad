// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every errno of the interface; bad input changes nothing.
 */
#include <sys/mount.h>
#include <sys/stat.h>
#include "extsock_test.h"

FIXTURE(input)
{
	struct group g;
	struct actor *m;
};

FIXTURE_SETUP(input)
{
	make_group(&self->g, "errno");
	self->m = member(&self->g);
}

FIXTURE_TEARDOWN(input)
{
	part(self->m);
	EXPECT_TRUE(drop_group(&self->g));
}

TEST_F(input, commands_not_understood)
{
	char big[EXTSOCK_COMMAND_MAX + 2];
	int c;

	memset(big, 'x', sizeof(big));
	EXPECT_EQ(-EINVAL, control(&self->g, "bogus"));
	EXPECT_EQ(-EINVAL, control(&self->g, "freezing"));
	EXPECT_EQ(-EINVAL, control(&self->g, "freeze bogus"));
	EXPECT_EQ(-EINVAL, control(&self->g, "freeze policy=bogus"));
	EXPECT_EQ(-EINVAL, control(&self->g, "freeze policy=-"));
	EXPECT_EQ(-EINVAL, control(&self->g, "freeze wait_ms=0"));
	EXPECT_EQ(-EINVAL, control(&self->g, "freeze wait_ms=x"));
	EXPECT_EQ(-EINVAL, control(&self->g, "freeze wait_ms=99999999999"));
	EXPECT_EQ(-EINVAL, control(&self->g, "freeze wait_ms=1\n lease"));
	EXPECT_EQ(-EINVAL, control(&self->g, "thaw bogus"));
	EXPECT_EQ(-EINVAL, control(&self->g, " \n"));
	/* To the kernel a blank; in UTF-8 a part of many letters. */
	EXPECT_EQ(-EINVAL, control(&self->g, "\240freeze"));
	EXPECT_EQ(-EINVAL, control(&self->g, "freeze\xa0"));
	EXPECT_EQ(-EINVAL, write_file(procfs(&self->g, "control"), big,
				      sizeof(big)));
	EXPECT_EQ(-EINVAL, write_file(procfs(&self->g, "control"),
				      "freeze\0lease", 12));
	EXPECT_TRUE(state_is(&self->g, "running"));

	c = open(procfs(&self->g, "control"), O_RDWR);
	EXPECT_EQ(-1, write(c, "freeze b\x01gus", 12));
	memset(big, 0, sizeof(big));
	EXPECT_GT(pread(c, big, sizeof(big) - 1, 0), 0);
	EXPECT_NE(NULL, strstr(big, "not understood"));
	EXPECT_TRUE(strstr(big, "b\\x01gus") || strstr(big, "b\\001gus"));
	close(c);
}

/* A text that is refused, why, and what is said of it. */
struct refused {
	const char *text;
	size_t len;
	int err;
	const char *why;
};

/* What can be read from where the file stands. */
static char *answer(int fd)
{
	static char text[2048];
	ssize_t len = read(fd, text, sizeof(text) - 1);

	text[len < 0 ? 0 : len] = '\0';
	return text;
}

/* It has an outcome of its own, which is read from its beginning. */
TEST_F(input, what_is_no_command_is_told)
{
	static const char big[EXTSOCK_COMMAND_MAX + 1];
	const struct refused refused[] = {
		{ "bogus", 5, EINVAL, "not understood: \"bogus\"; expected " },
		{ "", 0, EINVAL, "not understood: \"\"; expected " },
		{ big, sizeof(big), EINVAL, "more than 128 bytes\n" },
		{ "thaw\0keep", 9, EINVAL, "a NUL is no text\n" },
		{ NULL, 4, EFAULT, "what was written cannot be read\n" },
		{ "freeze", 6, EBUSY, "the group is frozen\n" },
	};
	size_t i;
	int c;

	c = open(procfs(&self->g, "control"), O_RDWR);
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const struct refused *r = &refused[i];
		char *said;

		ASSERT_EQ(6, write(c, "freeze", 6));
		EXPECT_EQ(0, strncmp(answer(c), "frozen: ", 8));
		EXPECT_EQ(-1, write(c, r->text, r->len));
		EXPECT_EQ(r->err, errno);
		said = answer(c);
		EXPECT_EQ(0, strncmp(said, r->why, strlen(r->why)))
			TH_LOG("%zu: \"%s\"", i, said);
		EXPECT_TRUE(state_is(&self->g, "frozen"));
		ASSERT_EQ(4, write(c, "thaw", 4));
	}
	close(c);
}

/* Otherwise a reader would take the list that there is for the one that was written. */
TEST_F(input, what_is_no_list_is_told)
{
	static const char big[EXTSOCK_RULES_SIZE + 1];
	const struct refused refused[] = {
		{ "bogus", 5, EINVAL, "line 1: " },
		{ big, sizeof(big), E2BIG, "more than 262144 bytes\n" },
		{ "keep\0any", 8, EINVAL, "a NUL is no text\n" },
		{ NULL, 4, EFAULT, "what was written cannot be read\n" },
	};
	size_t i;
	int r;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		r = open(procfs(&self->g, "rules"), O_RDWR);
		ASSERT_EQ(8, write(r, "keep any", 8));
		EXPECT_EQ(0, lseek(r, 0, SEEK_SET));
		EXPECT_STREQ("keep any\n", answer(r));
		EXPECT_EQ(-1, write(r, refused[i].text, refused[i].len));
		EXPECT_EQ(refused[i].err, errno);
		EXPECT_EQ(0, strncmp(answer(r), refused[i].why,
				     strlen(refused[i].why)))
			TH_LOG("%zu", i);
		close(r);
		EXPECT_STREQ("keep any\n", slurp(procfs(&self->g, "rules")));
	}
}

TEST_F(input, whitespace_is_fine)
{
	EXPECT_EQ(0, control(&self->g, "  freeze   policy=keep \n"));
	EXPECT_EQ(0, control(&self->g, "thaw\tkeep\n"));
}

TEST_F(input, wrong_state)
{
	EXPECT_EQ(-EBUSY, control(&self->g, "thaw"));
	ASSERT_EQ(0, control(&self->g, "freeze"));
	EXPECT_EQ(-EBUSY, control(&self->g, "freeze"));
	EXPECT_EQ(-EBUSY, put(sysfs(&self->g, "members"), "%d", getpid()));
	EXPECT_EQ(-EBUSY, put(sysfs(&self->g, "members"), "-%d",
			      self->m->pid));
	EXPECT_EQ(0, control(&self->g, "thaw"));
}

TEST_F(input, empty_group)
{
	struct group empty;

	make_group(&empty, "empty");
	EXPECT_EQ(-ESRCH, control(&empty, "freeze"));
	EXPECT_TRUE(drop_group(&empty));
}

static void freeze_self(struct stage *s)
{
	struct group g;

	strcpy(g.name, s->buf);
	s->ret = control(&g, "freeze");
}

TEST_F(input, a_member_cannot_freeze_its_own_group)
{
	strcpy(buf_of(self->m), self->g.name);
	START_FN(self->m, freeze_self);
	EXPECT_EQ(-EDEADLK, result(self->m));
	EXPECT_TRUE(state_is(&self->g, "running"));
}

TEST_F(input, settings)
{
	const char * const bad[] = { "", "0", "-1", "x", "1x", "86400001",
				     "99999999999999999999", "1\n\n" };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int want = *bad[i] ? -EINVAL : 0;

		EXPECT_EQ(want, put(sysfs(&self->g, "freeze_ms"), "%s",
				    bad[i]));
		EXPECT_EQ(want, put(sysfs(&self->g, "wait_ms"), "%s", bad[i]));
	}
	EXPECT_STREQ("10000\n", slurp(sysfs(&self->g, "freeze_ms")));
	EXPECT_STREQ("60000\n", slurp(sysfs(&self->g, "wait_ms")));
	EXPECT_EQ(-EINVAL, put(sysfs(&self->g, "policy"), "bogus"));
	EXPECT_STREQ("reset\n", slurp(sysfs(&self->g, "policy")));
	EXPECT_EQ(0, put(sysfs(&self->g, "policy"), "keep\n"));
	EXPECT_STREQ("keep\n", slurp(sysfs(&self->g, "policy")));
}

/* ---- somebody in the way ---- */

FIXTURE(blocked)
{
	struct group g;
	struct actor *spinner;
	struct actor *m;
	int fs;
	int fd;
	int peer;
};

FIXTURE_SETUP(blocked)
{
	int l = listener(OUTSIDE, AF_INET);

	self->fs = -1;
	make_group(&self->g, "blocked");
	self->m = member(&self->g);
	self->spinner = member(&self->g);
	self->fd = connect_to(self->spinner, AF_INET, NULL,
			      port_of(OUTSIDE, l), 0);
	self->peer = accept_from(OUTSIDE, l);
	START_FN(self->spinner, spin);
	if (!mount_fs())
		SKIP(return, "no ext4 on a loop device here");
	self->fs = open(FS_DIR, O_RDONLY);
	ASSERT_EQ(0, ioctl(self->fs, FIFREEZE, 0));
	START_FN(self->m, write_there);
	msleep(200);
	ASSERT_FALSE(is_done(self->m));
}

FIXTURE_TEARDOWN(blocked)
{
	if (self->fs >= 0) {
		ioctl(self->fs, FITHAW, 0);
		close(self->fs);
	}
	part(self->m);
	part(self->spinner);
	umount(FS_DIR);
	EXPECT_TRUE(drop_group(&self->g));
}

TEST_F(blocked, deadline_undoes_everything_and_says_who)
{
	char text[2048] = "", want[32];
	int c;

	ASSERT_EQ(0, put(sysfs(&self->g, "freeze_ms"), "300"));
	c = open(procfs(&self->g, "control"), O_RDWR);
	EXPECT_EQ(-1, write(c, "freeze", 6));
	EXPECT_EQ(ETIMEDOUT, errno);
	EXPECT_GT(pread(c, text, sizeof(text) - 1, 0), 0);
	snprintf(want, sizeof(want), "PID %d ", self->m->pid);
	EXPECT_TRUE(strstr(text, want));
	EXPECT_FALSE(has_pointer(text)) TH_LOG("%s", text);
	close(c);
	EXPECT_TRUE(state_is(&self->g, "running"));
	EXPECT_TRUE(moves(self->spinner->stage));
	EXPECT_EQ(1, stat_of(&self->g, "freezes_failed"));
	/* no socket was touched */
	EXPECT_EQ(1, send(self->peer, "x", 1, 0));
	msleep(100);
	EXPECT_EQ(1, send(self->peer, "x", 1, MSG_NOSIGNAL));
	/* when it is out of the way the freeze works */
	ASSERT_EQ(0, ioctl(self->fs, FITHAW, 0));
	EXPECT_EQ(0, result(self->m));
	EXPECT_EQ(0, control(&self->g, "freeze"));
	EXPECT_EQ(0, control(&self->g, "thaw"));
}

/* The trap is the cgroup freezer's as well: undoing ours leaves it its own. */
/* Who wants to wait for sockets as well is told not to wait for this, either. */
TEST_F(blocked, a_thaw_ends_a_drain_that_has_not_begun)
{
	struct drain d;
	long begun;

	if (self->fs < 0)
		return;
	ASSERT_EQ(0, put(sysfs(&self->g, "freeze_ms"), "%d", 60000));
	ASSERT_TRUE(give(&d, &self->g, "freeze policy=wait"));
	ASSERT_TRUE(EVENTUALLY(state_is(&self->g, "draining")));
	msleep(100);
	begun = now_ms();
	EXPECT_EQ(0, command(&self->g, "thaw"));
	EXPECT_EQ(-EINTR, end_of(&d));
	EXPECT_NE(NULL, strstr(d.said, "ended by a thaw")) TH_LOG("%s", d.said);
	EXPECT_GT(20000, now_ms() - begun);
	EXPECT_TRUE(state_is(&self->g, "running"));
	EXPECT_TRUE(moves(self->spinner->stage));
	close(d.fd);
}

TEST_F(blocked, undoing_leaves_the_cgroup_freezer_alone)
{
	ASSERT_EQ(0, enter_cgroup(self->m->pid));
	ASSERT_EQ(0, put(CG "/cgroup.freeze", "1"));
	ASSERT_EQ(0, put(sysfs(&self->g, "freeze_ms"), "300"));
	EXPECT_EQ(-ETIMEDOUT, control(&self->g, "freeze"));
	ASSERT_EQ(0, ioctl(self->fs, FITHAW, 0));
	EXPECT_TRUE(EVENTUALLY(cgroup_frozen()));
	EXPECT_FALSE(is_done(self->m));
	ASSERT_EQ(0, put(CG "/cgroup.freeze", "0"));
	EXPECT_EQ(0, result(self->m));
	EXPECT_TRUE(leave_cgroup(self->m->pid));
}

static void on_alarm(int sig)
{
}

TEST_F(blocked, a_signal_to_the_caller_undoes_everything)
{
	struct sigaction sa = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &sa, NULL);
	alarm(1);
	EXPECT_EQ(-EINTR, control(&self->g, "freeze"));
	EXPECT_TRUE(state_is(&self->g, "running"));
	EXPECT_TRUE(moves(self->spinner->stage));
}

TEST_HARNESS_MAIN
