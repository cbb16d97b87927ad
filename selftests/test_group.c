// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups and members: names, joining and leaving, from fork to exit.
 */
#include "extsock_test.h"

#include <linux/capability.h>
#include <sys/mount.h>

FIXTURE(group) {
	struct group group;
};

FIXTURE_SETUP(group)
{
	begin(_metadata, &self->group);
}

FIXTURE_TEARDOWN(group)
{
	end(&self->group);
}

TEST_F(group, a_pid_adds_and_a_negative_one_removes)
{
	struct actor *actor = stranger();

	EXPECT_STREQ("", members(&self->group));
	EXPECT_EQ(0, join(&self->group, actor->pid));
	EXPECT_STREQ(format("%d\n", actor->pid), members(&self->group));
	EXPECT_EQ(0, leave(&self->group, actor->pid));
	EXPECT_STREQ("", members(&self->group));
	EXPECT_EQ(0, join(&self->group, actor->pid));
	EXPECT_TRUE(is_member(&self->group, actor->pid));
}

TEST_F(group, members_are_listed_one_per_line)
{
	struct actor *one = stranger(), *two = stranger(), *three = stranger();

	ASSERT_EQ(0, join(&self->group, one->pid));
	ASSERT_EQ(0, join(&self->group, two->pid));
	ASSERT_EQ(0, join(&self->group, three->pid));
	EXPECT_EQ(3, count_members(&self->group));
	EXPECT_TRUE(is_member(&self->group, one->pid));
	EXPECT_TRUE(is_member(&self->group, two->pid));
	EXPECT_TRUE(is_member(&self->group, three->pid));
}

TEST_F(group, zero_is_the_writer)
{
	struct actor *actor = stranger();

	ASSERT_EQ(0, ask(actor, job_join, (long)&self->group, 0));
	EXPECT_STREQ(format("%d\n", actor->pid), members(&self->group));
}

TEST_F(group, the_file_group_is_that_of_default)
{
	struct group def = { .name = EXTSOCK_GROUP_DEFAULT };
	const char *file = EXTSOCK_SYSFS_ROOT "/" EXTSOCK_SYSFS_GROUP;
	struct actor *actor = stranger();

	ASSERT_EQ(0, put(file, format("%d\n", actor->pid)));
	EXPECT_TRUE(is_member(&def, actor->pid));
	EXPECT_EQ(1, count_lines(get(file), format("%d", actor->pid)));
	EXPECT_FALSE(is_member(&self->group, actor->pid));
	EXPECT_EQ(0, put(file, format("-%d\n", actor->pid)));
	EXPECT_FALSE(is_member(&def, actor->pid));
}

TEST_F(group, present_children_stay_what_they_are)
{
	struct actor *parent = stranger();
	pid_t child = call(parent, SYS_fork, 0, 0, 0, 0, 0, 0);

	if (!child)
		pause();
	ASSERT_LT(0, child);
	ASSERT_EQ(0, join(&self->group, parent->pid));
	EXPECT_FALSE(is_member(&self->group, child));
	kill(child, SIGKILL);
}

/*
 * What a new process finds when it runs for the first time. Nothing here but
 * system calls, since it may share its parent's memory.
 */
static int finds_itself(const char *path)
{
	char text[4096], mine[16];
	int fd, len = 0, i, digits = 0;
	pid_t pid = syscall(SYS_getpid);
	ssize_t n;

	for (i = pid; i; i /= 10)
		digits++;
	for (i = digits; i; i--, pid /= 10)
		mine[i - 1] = '0' + pid % 10;
	mine[digits] = '\n';
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return 0;
	while (len < (int)sizeof(text)) {
		n = read(fd, text + len, sizeof(text) - len);
		if (n <= 0)
			break;
		len += n;
	}
	close(fd);
	return memmem(text, len, mine, digits + 1) != NULL;
}

/* Create children in one way, many times; how many were no members? */
static long job_have_children(struct actor *me, long *arg)
{
	const char *path = (const char *)arg[0];
	int i, status, bad = 0;
	pid_t pid;

	(void)me;
	for (i = 0; i < 100; i++) {
		switch (arg[1]) {
		case 'v':
			pid = vfork();
			break;
		case 'c':
			pid = syscall(SYS_clone, SIGCHLD | CLONE_FILES |
				      CLONE_FS, NULL, NULL, NULL, 0);
			break;
		default:
			pid = fork();
		}
		if (!pid)
			_exit(finds_itself(path) ? 0 : 1);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			bad++;
	}
	return bad;
}

TEST_F(group, a_forked_child_is_a_member_before_it_runs)
{
	struct actor *parent = member(&self->group);
	char *path = group_file(&self->group, EXTSOCK_SYSFS_MEMBERS);

	EXPECT_EQ(0, ask(parent, job_have_children, (long)path, 'f'));
	EXPECT_EQ(100, stat_of(&self->group, "forked"));
	EXPECT_EQ(1, count_members(&self->group));
}

TEST_F(group, a_vforked_child_is_a_member_before_it_runs)
{
	struct actor *parent = member(&self->group);
	char *path = group_file(&self->group, EXTSOCK_SYSFS_MEMBERS);

	EXPECT_EQ(0, ask(parent, job_have_children, (long)path, 'v'));
	EXPECT_EQ(1, count_members(&self->group));
}

TEST_F(group, a_cloned_child_is_a_member_before_it_runs)
{
	struct actor *parent = member(&self->group);
	char *path = group_file(&self->group, EXTSOCK_SYSFS_MEMBERS);

	EXPECT_EQ(0, ask(parent, job_have_children, (long)path, 'c'));
	EXPECT_EQ(1, count_members(&self->group));
}

TEST_F(group, the_child_of_a_thread_is_a_member)
{
	struct actor *thread = thread_of(member(&self->group));
	char *path = group_file(&self->group, EXTSOCK_SYSFS_MEMBERS);

	EXPECT_EQ(0, ask(thread, job_have_children, (long)path, 'f'));
}

static long job_have_descendants(struct actor *me, long *arg)
{
	int depth = arg[0];
	pid_t pid;

	(void)me;
	while (depth--) {
		pid = fork();
		if (pid)
			break;
		prctl(PR_SET_PDEATHSIG, 0);
	}
	/* The first generation answers, the last one and all between stay. */
	if (getpid() != me->pid)
		for (;;)
			pause();
	return pid;
}

TEST_F(group, grandchildren_are_members)
{
	struct actor *parent = member(&self->group);

	ASSERT_LT(0, ask(parent, job_have_descendants, 10, 0));
	EXPECT_TRUE(eventually(count_members(&self->group) == 11))
		TH_LOG("members: %s", members(&self->group));
}

TEST_F(group, orphans_stay_members)
{
	struct actor *parent = member(&self->group);
	pid_t child = ask(parent, job_have_descendants, 1, 0);

	ASSERT_LT(0, child);
	kill(parent->pid, SIGKILL);
	EXPECT_TRUE(eventually(!is_member(&self->group, parent->pid)));
	EXPECT_TRUE(is_member(&self->group, child));
}

TEST_F(group, threads_are_no_further_members)
{
	struct actor *actor = member(&self->group);
	int i;

	for (i = 0; i < 5; i++)
		thread_of(actor);
	EXPECT_STREQ(format("%d\n", actor->pid), members(&self->group));
}

TEST_F(group, who_exits_is_no_member_even_as_a_zombie)
{
	struct actor *actor = member(&self->group);

	start(actor, SYS_exit_group, 3, 0, 0, 0, 0, 0);
	ASSERT_TRUE(eventually(is_dead(actor->pid)));
	EXPECT_EQ('Z', task_state(actor->pid, actor->pid));
	EXPECT_STREQ("", members(&self->group));
}

TEST_F(group, who_is_killed_is_no_member)
{
	struct actor *actor = member(&self->group);

	kill(actor->pid, SIGKILL);
	ASSERT_TRUE(eventually(is_dead(actor->pid)));
	EXPECT_STREQ("", members(&self->group));
}

TEST_F(group, the_end_of_a_thread_is_not_that_of_the_process)
{
	struct actor *actor = member(&self->group);
	struct actor *thread = thread_of(actor);

	start(thread, SYS_exit, 0, 0, 0, 0, 0, 0);
	ASSERT_TRUE(eventually(task_state(actor->pid, thread->tid) == '?'));
	EXPECT_TRUE(is_member(&self->group, actor->pid));
}

TEST_F(group, the_main_thread_may_exit_first)
{
	struct actor *actor = member(&self->group);
	struct actor *thread = thread_of(actor);

	start(actor, SYS_exit, 0, 0, 0, 0, 0, 0);
	ASSERT_TRUE(eventually(task_state(actor->pid, actor->pid) == 'Z'));
	EXPECT_TRUE(is_member(&self->group, actor->pid));

	/* It is one to be frozen, too. */
	start_beating(thread);
	ASSERT_TRUE(moves(thread));
	ASSERT_EQ(0, freeze(&self->group))
		TH_LOG("%s", outcome(&self->group));
	EXPECT_TRUE(stands_still(thread));
	ASSERT_EQ(0, thaw(&self->group));
	EXPECT_TRUE(moves(thread));

	/* It is none when its last thread has gone. */
	kill(actor->pid, SIGKILL);
	ASSERT_TRUE(eventually(is_dead(actor->pid)));
	EXPECT_STREQ("", members(&self->group));
}

static long job_exec(struct actor *me, long *arg)
{
	char **argv = (char **)arg[0];

	(void)me;
	execvp(argv[0], argv);
	return -errno;
}

static void start_exec(struct actor *actor, char **argv)
{
	give(actor, job_exec, (long)argv, 0, 0, 0, 0, 0, 0);
}

static const char *program_of(pid_t pid)
{
	return get_line(format("/proc/%d/comm", pid));
}

TEST_F(group, exec_does_not_leave)
{
	char *argv[] = { "sleep", "1000", NULL };
	struct actor *actor = member(&self->group);

	start_exec(actor, argv);
	ASSERT_TRUE(eventually(!strcmp(program_of(actor->pid), "sleep")));
	EXPECT_STREQ(format("%d\n", actor->pid), members(&self->group));
}

TEST_F(group, exec_of_another_thread_does_not_leave)
{
	char *argv[] = { "sleep", "1000", NULL };
	struct actor *actor = member(&self->group);

	start_exec(thread_of(actor), argv);
	ASSERT_TRUE(eventually(!strcmp(program_of(actor->pid), "sleep")));
	EXPECT_STREQ(format("%d\n", actor->pid), members(&self->group));

	/* The entry is a good one: it leaves at its end. */
	kill(actor->pid, SIGKILL);
	EXPECT_TRUE(eventually(!count_members(&self->group)));
}

TEST_F(group, children_after_exec_are_members)
{
	char *argv[] = { "sh", "-c", "sleep 1000 & sleep 1000 & wait", NULL };
	struct actor *actor = member(&self->group);

	start_exec(actor, argv);
	EXPECT_TRUE(eventually(count_members(&self->group) == 3))
		TH_LOG("members: %s", members(&self->group));
}

TEST_F(group, init_and_kernel_threads_are_refused)
{
	int err = join(&self->group, 1);

	EXPECT_TRUE(err == -EINVAL || err == -EPERM)
		TH_LOG("PID 1: %d", err);
	err = join(&self->group, 2);
	EXPECT_TRUE(err == -EINVAL || err == -EPERM)
		TH_LOG("PID 2: %d", err);
	EXPECT_STREQ("", members(&self->group));
}

TEST_F(group, who_does_not_exist_is_refused)
{
	struct actor *dead = stranger(), *alive = stranger();

	EXPECT_EQ(-ESRCH, join(&self->group, 4194304));
	kill(dead->pid, SIGKILL);
	ASSERT_EQ(dead->pid, waitpid(dead->pid, NULL, 0));
	EXPECT_EQ(-ESRCH, join(&self->group, dead->pid));
	EXPECT_EQ(-ESRCH, leave(&self->group, dead->pid));
	EXPECT_EQ(-ESRCH, leave(&self->group, alive->pid));
	/* A thread is no process. */
	EXPECT_EQ(-ESRCH, join(&self->group, thread_of(alive)->tid));
	EXPECT_STREQ("", members(&self->group));
}

TEST_F(group, a_zombie_is_refused)
{
	struct actor *actor = stranger();

	kill(actor->pid, SIGKILL);
	ASSERT_TRUE(eventually(is_dead(actor->pid)));
	EXPECT_EQ(-ESRCH, join(&self->group, actor->pid));
	EXPECT_STREQ("", members(&self->group));
}

TEST_F(group, a_process_is_in_one_group_at_most)
{
	struct actor *actor = member(&self->group);
	struct group other;

	group_open(&other, "b");
	EXPECT_EQ(-EBUSY, join(&self->group, actor->pid));
	EXPECT_EQ(-EBUSY, join(&other, actor->pid));
	EXPECT_EQ(-ESRCH, leave(&other, actor->pid));
	EXPECT_STREQ("", members(&other));
	EXPECT_TRUE(is_member(&self->group, actor->pid));

	EXPECT_EQ(0, leave(&self->group, actor->pid));
	EXPECT_EQ(0, join(&other, actor->pid));
	group_close(&other);
}

TEST_F(group, nobody_joins_or_leaves_what_is_frozen)
{
	struct actor *actor = member(&self->group), *other = stranger();

	ASSERT_EQ(0, freeze(&self->group));
	EXPECT_EQ(-EBUSY, join(&self->group, other->pid));
	EXPECT_EQ(-EBUSY, leave(&self->group, actor->pid));
	EXPECT_STREQ(format("%d\n", actor->pid), members(&self->group));
	ASSERT_EQ(0, thaw(&self->group));
	EXPECT_EQ(0, join(&self->group, other->pid));
	EXPECT_EQ(0, leave(&self->group, actor->pid));
}

/* Its child is PID 1 of a new namespace, and an actor. */
static long job_enter_pid_namespace(struct actor *me, long *arg)
{
	struct actor *first = (struct actor *)arg[0];
	pid_t pid;

	(void)me;
	if (unshare(CLONE_NEWPID))
		return -errno;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		play(first);
	}
	return pid < 0 ? -errno : pid;
}

/* In the namespace: have a child; returns its PID there. */
static long job_have_child(struct actor *me, long *arg)
{
	pid_t pid = fork();

	(void)me;
	(void)arg;
	while (!pid)
		pause();
	return pid;
}

static long job_join_pid(struct actor *me, long *arg)
{
	(void)me;
	return join((const struct group *)arg[0], arg[1]);
}

static long job_read_members(struct actor *me, long *arg)
{
	strcpy(me->buf, members((const struct group *)arg[0]));
	return 0;
}

TEST_F(group, pids_are_those_of_the_writers_and_readers_namespace)
{
	struct actor *parent = stranger(), *first = new_actor();
	struct actor *elsewhere = member(&self->group);
	pid_t inner, outer, pid;
	char *list, *line;

	pid = ask(parent, job_enter_pid_namespace, (long)first, 0);
	if (pid == -EINVAL)
		SKIP(return, "this kernel has no PID namespaces");
	ASSERT_LT(0, pid);
	first->pid = pid;
	inner = ask(first, job_have_child, 0, 0);
	ASSERT_LT(1, inner);
	ASSERT_EQ(0, ask(first, job_join_pid, (long)&self->group, inner));

	/* Seen from here it is the child, with the PID it has here. */
	ASSERT_EQ(2, count_members(&self->group));
	list = members(&self->group);
	outer = 0;
	for (line = strtok(list, "\n"); line; line = strtok(NULL, "\n"))
		if (atoi(line) != elsewhere->pid)
			outer = atoi(line);
	EXPECT_NE(NULL, strstr(get(format("/proc/%d/status", outer)),
			       format("NSpid:\t%d\t%d\n", outer, inner)))
		TH_LOG("PID %d is not PID %d there", outer, inner);

	/* Seen from there it is the only one. */
	ASSERT_EQ(0, ask(first, job_read_members, (long)&self->group, 0));
	EXPECT_STREQ(format("%d\n", inner), first->buf);

	/* PIDs from here mean nothing there. */
	EXPECT_EQ(-ESRCH, ask(first, job_join_pid, (long)&self->group,
			      elsewhere->pid));
	kill(outer, SIGKILL);
	kill(pid, SIGKILL);
	EXPECT_TRUE(eventually(count_members(&self->group) == 1));
}

TEST_F(group, groups_come_and_go_by_name)
{
	static const char * const good[] = {
		"a", "0", "a.b_c-d", "0-", "x..y",
		"abcdefghijklmnopqrstuvwxyz012345",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		EXPECT_EQ(0, create_group(good[i]))
			TH_LOG("%s", good[i]);
		EXPECT_EQ(1, count_lines(get(GROUPS), good[i]));
		EXPECT_EQ(0, access(format(EXTSOCK_SYSFS_ROOT "/%s/"
					   EXTSOCK_SYSFS_STATE, good[i]),
				    F_OK));
		EXPECT_EQ(0, access(format(EXTSOCK_PROC_ROOT "/%s/"
					   EXTSOCK_PROC_SOCKETS, good[i]),
				    F_OK));
		EXPECT_EQ(0, delete_group(good[i]));
		EXPECT_EQ(0, count_lines(get(GROUPS), good[i]));
		EXPECT_NE(0, access(format(EXTSOCK_SYSFS_ROOT "/%s", good[i]),
				    F_OK));
		EXPECT_NE(0, access(format(EXTSOCK_PROC_ROOT "/%s", good[i]),
				    F_OK));
	}
}

TEST_F(group, bad_names_are_refused)
{
	static const char * const bad[] = {
		"", ".", "..", ".a", "-a", "_a", "A", "aB", "a/b", "../a",
		"a b", "a\tb", "a\nb", "\303\244", "a%s", "*",
		"abcdefghijklmnopqrstuvwxyz0123456",
	};
	char *before = get(GROUPS);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, create_group(bad[i]))
			TH_LOG("\"%s\"", bad[i]);
		EXPECT_EQ(-EINVAL, delete_group(bad[i]))
			TH_LOG("\"%s\"", bad[i]);
	}
	EXPECT_EQ(-EINVAL, put(GROUPS, "name-without-a-sign\n"));
	EXPECT_STREQ(before, get(GROUPS));
}

TEST_F(group, a_name_is_given_once)
{
	static const char * const reserved[] = {
		EXTSOCK_SYSFS_VERSION, EXTSOCK_SYSFS_GROUP,
		EXTSOCK_SYSFS_GROUPS,
	};
	unsigned int i;

	EXPECT_EQ(-EEXIST, create_group(self->group.name));
	EXPECT_EQ(-EEXIST, create_group(EXTSOCK_GROUP_DEFAULT));
	for (i = 0; i < ARRAY_SIZE(reserved); i++) {
		int err = create_group(reserved[i]);

		EXPECT_TRUE(err == -EEXIST || err == -EINVAL)
			TH_LOG("%s: %d", reserved[i], err);
		EXPECT_EQ(0, count_lines(get(GROUPS), reserved[i]));
	}
	EXPECT_STREQ(EXTSOCK_VERSION,
		     get_line(EXTSOCK_SYSFS_ROOT "/" EXTSOCK_SYSFS_VERSION));
}

TEST_F(group, only_an_existing_group_can_be_deleted)
{
	int err = delete_group(EXTSOCK_GROUP_DEFAULT);

	EXPECT_EQ(-ENOENT, delete_group("nobody-made-this"));
	EXPECT_TRUE(err == -EINVAL || err == -EBUSY)
		TH_LOG("default: %d", err);
	EXPECT_EQ(1, count_lines(get(GROUPS), EXTSOCK_GROUP_DEFAULT));
}

TEST_F(group, only_an_empty_running_group_can_be_deleted)
{
	struct actor *actor = member(&self->group);
	int err;

	EXPECT_EQ(-ENOTEMPTY, delete_group(self->group.name));
	ASSERT_EQ(0, freeze(&self->group));
	err = delete_group(self->group.name);
	EXPECT_TRUE(err == -EBUSY || err == -ENOTEMPTY)
		TH_LOG("frozen: %d", err);

	/* Its only member dies: it is empty, but still frozen. */
	kill(actor->pid, SIGKILL);
	ASSERT_TRUE(eventually(!count_members(&self->group)));
	EXPECT_EQ(-EBUSY, delete_group(self->group.name));
	EXPECT_STREQ(EXTSOCK_STATE_FROZEN, state(&self->group));
	EXPECT_EQ(0, thaw(&self->group));
	EXPECT_EQ(1, count_lines(get(GROUPS), self->group.name));
}

/* The name of the n-th of many groups, all of them long. */
static const char *long_name(int n)
{
	return format("%d-a-rather-long-name-%06d", n % 10, n);
}

TEST_F(group, the_list_of_groups_may_be_longer_than_a_page)
{
	int i, n = 200;
	char *list;

	for (i = 0; i < n; i++)
		ASSERT_EQ(0, create_group(long_name(i)));
	list = get(GROUPS);
	EXPECT_LT(4096, strlen(list));
	for (i = 0; i < n; i++)
		EXPECT_EQ(1, count_lines(list, long_name(i)))
			TH_LOG("%s", long_name(i));
	for (i = 0; i < n; i++)
		EXPECT_EQ(0, delete_group(long_name(i)));
	list = get(GROUPS);
	for (i = 0; i < n; i++)
		EXPECT_EQ(0, count_lines(list, long_name(i)));
}

TEST_F(group, an_open_control_file_outlives_its_group)
{
	struct group other;

	group_open(&other, "b");
	EXPECT_EQ(0, delete_group(other.name));
	EXPECT_GT(0, command(&other, "freeze"));
	EXPECT_EQ(0, create_group(other.name));
	EXPECT_GT(0, command(&other, "freeze"));
	close(other.control);
	EXPECT_EQ(0, delete_group(other.name));
}

TEST_F(group, joining_and_leaving_race_with_fork_and_exit)
{
	struct actor *parent = member(&self->group);
	char *path = group_file(&self->group, EXTSOCK_SYSFS_MEMBERS);
	struct actor *other = stranger();
	long end = now_ms() + 2000;

	give(parent, job_have_children, (long)path, 'f', 0, 0, 0, 0, 0);
	while (now_ms() < end) {
		EXPECT_EQ(0, join(&self->group, other->pid));
		EXPECT_EQ(0, leave(&self->group, other->pid));
	}
	EXPECT_EQ(0, await(parent));
	EXPECT_STREQ(format("%d\n", parent->pid), members(&self->group));
}

TEST_HARNESS_MAIN
