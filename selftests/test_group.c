// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups and members, from fork to exit.
 */
#include "extsock_test.h"

FIXTURE(group)
{
	struct group g;
	struct actor *m;
};

FIXTURE_SETUP(group)
{
	make_group(&self->g, "group");
	self->m = member(&self->g);
}

FIXTURE_TEARDOWN(group)
{
	part(self->m);
	EXPECT_TRUE(drop_group(&self->g));
}

TEST_F(group, adds_and_removes)
{
	EXPECT_TRUE(is_member(&self->g, self->m->pid));
	EXPECT_EQ(-EBUSY, join(&self->g, self->m));
	EXPECT_EQ(0, put(sysfs(&self->g, "members"), "-%d", self->m->pid));
	EXPECT_FALSE(is_member(&self->g, self->m->pid));
	EXPECT_EQ(-ESRCH, put(sysfs(&self->g, "members"), "-%d", self->m->pid));
	EXPECT_EQ(0, join(&self->g, self->m));
}

TEST_F(group, a_process_is_in_one_group)
{
	EXPECT_EQ(-EBUSY, put(EXTSOCK_SYSFS_ROOT "/group", "%d", self->m->pid));
}

static void join_self(struct stage *s)
{
	s->ret = write_file((char *)s->buf, "0", 1);
}

TEST_F(group, zero_is_the_writer)
{
	struct actor *a = actor();

	strcpy(buf_of(a), sysfs(&self->g, "members"));
	START_FN(a, join_self);
	EXPECT_EQ(0, result(a));
	EXPECT_TRUE(is_member(&self->g, a->pid));
	part(a);
}

TEST_F(group, default_has_two_names)
{
	struct actor *a = actor();

	EXPECT_EQ(0, put(EXTSOCK_SYSFS_ROOT "/group", "%d", a->pid));
	EXPECT_TRUE(is_member(&(struct group){ "default" }, a->pid));
	part(a);
	EXPECT_TRUE(EVENTUALLY(!is_member(&(struct group){ "default" },
					  a->pid)));
}

/* Whoever was counted as one who left has been counted before. */
TEST_F(group, the_dead_do_not_join)
{
	pid_t pid = fork();
	siginfo_t info;

	if (!pid)
		_exit(0);
	ASSERT_EQ(0, waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	EXPECT_EQ(-ESRCH, put(sysfs(&self->g, "members"), "%d", pid));
	EXPECT_EQ(1, count_members(&self->g));
	EXPECT_EQ(1, stat_of(&self->g, "joined") + stat_of(&self->g, "forked") -
		     stat_of(&self->g, "left"));
	waitpid(pid, NULL, 0);
}

static void fork_some(struct stage *s)
{
	int i;

	for (i = 0; i < 20; i++)
		if (!fork()) {
			if (i == 19 && !fork())
				setsid();
			pause();
		}
	s->ret = 0;
}

TEST_F(group, children_and_grandchildren_are_members)
{
	START_FN(self->m, fork_some);
	ASSERT_EQ(0, result(self->m));
	EXPECT_TRUE(EVENTUALLY(count_members(&self->g) == 22));
}

static void *exec_sleep(void *unused)
{
	execl("/bin/sleep", "sleep", "1000", NULL);
	_exit(1);
}

static void exec_from_thread(struct stage *s)
{
	pthread_t t;

	pthread_create(&t, NULL, exec_sleep, NULL);
	pause();
}

TEST_F(group, exec_does_not_leave)
{
	START_FN(self->m, exec_from_thread);
	ASSERT_TRUE(EVENTUALLY(is_named(self->m->pid, "sleep")));
	EXPECT_TRUE(is_member(&self->g, self->m->pid));
}

static void *count_up(void *stage)
{
	for (;;)
		((struct stage *)stage)->counter++;
	return NULL;
}

static void exit_main_thread(struct stage *s)
{
	pthread_t t;

	pthread_create(&t, NULL, count_up, s);
	pthread_exit(NULL);
}

TEST_F(group, stays_while_a_thread_lives)
{
	unsigned long before;

	START_FN(self->m, exit_main_thread);
	ASSERT_TRUE(EVENTUALLY(self->m->stage->counter > 0));
	msleep(50);
	EXPECT_TRUE(is_member(&self->g, self->m->pid));
	ASSERT_EQ(0, control(&self->g, "freeze"));
	before = self->m->stage->counter;
	msleep(50);
	EXPECT_EQ(before, self->m->stage->counter);
	ASSERT_EQ(0, control(&self->g, "thaw"));
	EXPECT_TRUE(EVENTUALLY(self->m->stage->counter > before));
}

TEST_F(group, refuses_who_cannot_be_a_member)
{
	char *members = sysfs(&self->g, "members");

	EXPECT_EQ(-EINVAL, put(members, "1"));
	EXPECT_EQ(-EINVAL, put(members, "2"));
	EXPECT_EQ(-ESRCH, put(members, "4194000"));
	EXPECT_EQ(-EINVAL, put(members, "-"));
	EXPECT_EQ(-EINVAL, put(members, "+5"));
	EXPECT_EQ(-EINVAL, put(members, "--5"));
	EXPECT_EQ(-EINVAL, put(members, "5x"));
	EXPECT_EQ(-EINVAL, put(members, "4194000\n\n"));
	EXPECT_EQ(-EINVAL, put(members, "99999999999"));
	EXPECT_EQ(-EINVAL, write_file(members, "5\0006", 3));
	EXPECT_EQ(1, count_members(&self->g));
}

/*
 * In a PID namespace of its own: it adds PID 2 as it sees it, and so it is
 * called in the table of sockets.
 */
static void in_namespace(struct stage *s)
{
	struct group g;
	pid_t pid;

	strcpy(g.name, s->buf);

	if (unshare(CLONE_NEWPID)) {
		s->ret = -errno;
		return;
	}
	pid = fork();
	if (!pid) {
		pid_t child;

		/* PID 1 there: all others end with it */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		child = fork();
		if (!child) {
			s->counter = socket(AF_INET, SOCK_STREAM, 0);
			pause();
		}
		s->arg[1] = child;
		s->arg[2] = put(sysfs(&g, "members"), "%d", child);
		s->arg[3] = strcmp(slurp(sysfs(&g, "members")), "2\n");
		while (!s->counter)
			usleep(1000);
		if (!command(&g, "freeze"))
			s->arg[5] = !strcmp(column_of(&g, 2, s->counter,
						      "class"), "idle");
		command(&g, "thaw");
		s->arg[4] = 1;
		pause();
	}
	s->ret = EVENTUALLY(s->arg[4]) ? 0 : -ETIME;
}

TEST_F(group, pids_are_those_of_the_namespace)
{
	struct actor *a = actor();

	EXPECT_EQ(0, put(sysfs(&self->g, "members"), "-%d", self->m->pid));
	strcpy(buf_of(a), self->g.name);
	START_FN(a, in_namespace);
	ASSERT_EQ(0, result(a));
	EXPECT_EQ(2, a->stage->arg[1]);
	EXPECT_EQ(0, a->stage->arg[2]);
	EXPECT_EQ(0, a->stage->arg[3]);
	EXPECT_EQ(1, a->stage->arg[5]);
	/* from here it is another number */
	ASSERT_EQ(1, count_members(&self->g));
	EXPECT_FALSE(is_member(&self->g, 2));
	kill(atoi(slurp(sysfs(&self->g, "members"))), SIGKILL);
	EXPECT_TRUE(EVENTUALLY(!count_members(&self->g)));
	part(a);
}

TEST(names)
{
	EXPECT_EQ(-EINVAL, groups("+"));
	EXPECT_EQ(-EINVAL, groups("+Upper"));
	EXPECT_EQ(-EINVAL, groups("+.dot"));
	EXPECT_EQ(-EINVAL, groups("+a/b"));
	EXPECT_EQ(-EINVAL, groups("+../x"));
	EXPECT_EQ(-EINVAL, groups("name"));
	EXPECT_EQ(-EINVAL, groups("+123456789012345678901234567890123"));
	EXPECT_EQ(0, groups("+12345678901234567890123456789012"));
	EXPECT_EQ(-EEXIST, groups("+12345678901234567890123456789012"));
	EXPECT_EQ(0, groups("-12345678901234567890123456789012"));
	EXPECT_EQ(-ENOENT, groups("-12345678901234567890123456789012"));
	EXPECT_EQ(-EEXIST, groups("+default"));
	EXPECT_EQ(-EEXIST, groups("+group"));
	EXPECT_EQ(-EEXIST, groups("+groups"));
	EXPECT_EQ(-EEXIST, groups("+version"));
	EXPECT_EQ(-EINVAL, groups("-default"));
}

TEST_F(group, deletes_only_the_empty_and_running)
{
	EXPECT_EQ(-ENOTEMPTY, groups("-%s", self->g.name));
	ASSERT_EQ(0, control(&self->g, "freeze"));
	EXPECT_EQ(-EBUSY, groups("-%s", self->g.name));
	part(self->m);
	EXPECT_TRUE(EVENTUALLY(!count_members(&self->g)));
	EXPECT_EQ(-EBUSY, groups("-%s", self->g.name));
	EXPECT_EQ(0, control(&self->g, "thaw"));
	EXPECT_EQ(0, groups("-%s", self->g.name));
	make_group(&self->g, "group");
	self->m = actor();
}

/* A child can be found by its PID before it has become a member. */
static void fork_and_tell(struct stage *s)
{
	for (;;) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		s->counter = pid;
		waitpid(pid, NULL, 0);
	}
}

TEST_F(group, added_while_being_born)
{
	long until = now_ms() + 5000;
	struct group other;

	make_group(&other, "other");
	START_FN(self->m, fork_and_tell);
	ASSERT_TRUE(moves(self->m->stage));
	while (now_ms() < until)
		put(sysfs(&other, "members"), "%lu",
		    self->m->stage->counter + 1);
	part(self->m);
	EXPECT_TRUE(EVENTUALLY(!count_members(&self->g)));
	EXPECT_TRUE(EVENTUALLY(!count_members(&other)));
	EXPECT_TRUE(drop_group(&other));
	self->m = actor();
}

/* What a reader is given is of one list, or it is told to begin again. */
TEST_F(group, two_readers)
{
	int one = open(sysfs(&self->g, "members"), O_RDONLY);
	int two = open(sysfs(&self->g, "members"), O_RDONLY);
	struct actor *late;
	char text[64];
	ssize_t len;

	len = read(one, text, sizeof(text));
	EXPECT_LT(1, len);
	EXPECT_EQ(len, read(two, text, sizeof(text)));
	EXPECT_EQ(0, read(one, text, sizeof(text)));
	EXPECT_EQ(0, read(two, text, sizeof(text)));
	/* The list grows, and somebody else begins: one has come to its end still. */
	EXPECT_EQ(len, pread(one, text, sizeof(text), 0));
	late = member(&self->g);
	EXPECT_LT(len, pread(two, text, sizeof(text), 0));
	EXPECT_EQ(0, pread(one, text, sizeof(text), len));
	EXPECT_EQ(-1, pread(one, text, sizeof(text), len - 1));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LT(len, pread(one, text, sizeof(text), 0));
	close(one);
	close(two);
	part(late);
}

#define MANY		130
#define SOME		4096

/* A piece of the list of groups, added to what was read before. */
static size_t read_piece(int fd, char *list, size_t len)
{
	ssize_t got = pread(fd, list + len, SOME, len);

	list[len + (got > 0 ? got : 0)] = '\0';
	return got > 0 ? len + got : len;
}

/* What goes between two pieces takes no part of another group's name along. */
TEST(many_groups_are_read_whole)
{
	static char list[4 * SOME];
	size_t len, was;
	char line[64];
	int fd, i;

	/* Several pages. */
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, groups("+group-with-a-long-name-%08d", i));
	fd = open(EXTSOCK_SYSFS_ROOT "/groups", O_RDONLY);
	len = read_piece(fd, list, 0);
	EXPECT_EQ(SOME, len);
	ASSERT_EQ(0, groups("-group-with-a-long-name-%08d", 0));
	do {
		was = len;
		len = read_piece(fd, list, was);
	} while (len > was);
	EXPECT_EQ(0, strncmp(list, "default\n", 8));
	EXPECT_EQ('\n', list[len - 1]);
	for (i = 1; i < MANY; i++) {
		snprintf(line, sizeof(line), "\ngroup-with-a-long-name-%08d\n", i);
		EXPECT_NE(NULL, strstr(list, line)) TH_LOG("%s", line);
		ASSERT_EQ(0, groups("-group-with-a-long-name-%08d", i));
	}
	/* Who begins again finds those that there are now. */
	EXPECT_EQ(8, read_piece(fd, list, 0));
	EXPECT_STREQ("default\n", list);
	close(fd);
}

TEST_F_TIMEOUT(group, many_members_are_read_whole, 500)
{
	int i, n;

	if (in_a_hurry())
		SKIP(return, "a thousand children take too long here");
	for (i = 0; i < 48; i++) {
		START_FN(self->m, fork_some);
		ASSERT_EQ(0, result(self->m));
	}
	n = 1 + 48 * 21;
	EXPECT_TRUE(EVENTUALLY(count_members(&self->g) == n));
}

TEST_HARNESS_MAIN
