// SPDX-License-Identifier: GPL-2.0-only
/*
 * A freeze stops everybody, nobody notices, and a thaw undoes it.
 */
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include "extsock_test.h"

FIXTURE(freeze)
{
	struct group g;
	struct actor *m;
};

FIXTURE_SETUP(freeze)
{
	make_group(&self->g, "freeze");
	self->m = member(&self->g);
}

FIXTURE_TEARDOWN(freeze)
{
	part(self->m);
	EXPECT_TRUE(drop_group(&self->g));
}

static pthread_barrier_t all_there;

static void *beat(void *heart)
{
	pthread_barrier_wait(&all_there);
	for (;;)
		++*(_Atomic unsigned long *)heart;
	return NULL;
}

/* None begins before all are there: it would keep the others from being made. */
static void beat_in_threads(struct stage *s)
{
	int n = s->arg[1], i;
	pthread_t t;

	pthread_barrier_init(&all_there, NULL, n);
	for (i = 1; i < n; i++)
		pthread_create(&t, NULL, beat, heart(s, i));
	beat(heart(s, 0));
}

static void start_threads(struct actor *a, int n)
{
	start(a, -1L, (long)beat_in_threads, (long)n, 0L, 0L, 0L, 0L);
}

TEST_F(freeze, stops_a_busy_process)
{
	START_FN(self->m, spin);
	ASSERT_TRUE(moves(self->m->stage));
	FREEZE();
	EXPECT_TRUE(state_is(&self->g, "frozen"));
	EXPECT_TRUE(stands(self->m->stage));
	THAW();
	EXPECT_TRUE(state_is(&self->g, "running"));
	EXPECT_TRUE(moves(self->m->stage));
}

TEST_F(freeze, stops_all_threads)
{
	start_threads(self->m, 50);
	ASSERT_TRUE(all_move(self->m->stage, 50));
	FREEZE();
	EXPECT_TRUE(all_stand(self->m->stage, 50, 500));
	THAW();
	EXPECT_TRUE(all_move(self->m->stage, 50));
}

TEST_F(freeze, blocked_calls_restart)
{
	int *fds = (int *)buf_of(self->m);
	char byte = 'x';
	int pipes[2];

	/* the pipe is made here and found by the member under /proc */
	ASSERT_EQ(0, pipe(pipes));
	sprintf(buf_of(self->m), "/proc/%d/fd/%d", getpid(), pipes[0]);
	fds[64] = CALL(self->m, SYS_openat, AT_FDCWD, buf_of(self->m), O_RDONLY,
		       0);
	START(self->m, SYS_read, fds[64], buf_of(self->m), 1);
	msleep(100);
	FREEZE();
	THAW();
	msleep(100);
	ASSERT_FALSE(is_done(self->m));
	ASSERT_EQ(1, write(pipes[1], &byte, 1));
	EXPECT_EQ(1, result(self->m));
}

TEST_F(freeze, parent_sees_nothing)
{
	int status;

	FREEZE();
	EXPECT_EQ(0, waitpid(self->m->pid, &status,
			     WNOHANG | WUNTRACED | WCONTINUED));
	THAW();
	msleep(50);
	EXPECT_EQ(0, waitpid(self->m->pid, &status,
			     WNOHANG | WUNTRACED | WCONTINUED));
}

TEST_F(freeze, sigcont_does_not_undo_it)
{
	START_FN(self->m, spin);
	ASSERT_TRUE(moves(self->m->stage));
	FREEZE();
	kill(self->m->pid, SIGCONT);
	EXPECT_TRUE(stands(self->m->stage));
	THAW();
}

TEST_F(freeze, sigkill_kills)
{
	int status;

	FREEZE();
	kill(self->m->pid, SIGKILL);
	EXPECT_TRUE(EVENTUALLY(waitpid(self->m->pid, &status, WNOHANG) ==
			       self->m->pid));
	EXPECT_TRUE(EVENTUALLY(!count_members(&self->g)));
	EXPECT_TRUE(state_is(&self->g, "frozen"));
	THAW();
	self->m = actor();
}

static void on_usr1(int sig)
{
	actors_stage->sigpipes = 100;
}

static void catch_usr1(struct stage *s)
{
	signal(SIGUSR1, on_usr1);
	s->ret = 0;
}

TEST_F(freeze, signals_arrive_afterwards)
{
	START_FN(self->m, catch_usr1);
	ASSERT_EQ(0, result(self->m));
	FREEZE();
	kill(self->m->pid, SIGUSR1);
	msleep(100);
	EXPECT_EQ(0, self->m->stage->sigpipes);
	THAW();
	EXPECT_TRUE(EVENTUALLY(self->m->stage->sigpipes == 100));
}

TEST_F(freeze, a_stopped_member_stays_stopped)
{
	START_FN(self->m, spin);
	kill(self->m->pid, SIGSTOP);
	ASSERT_TRUE(EVENTUALLY(state_of(self->m->pid) == 'T'));
	FREEZE();
	THAW();
	EXPECT_EQ('T', state_of(self->m->pid));
	FREEZE();
	kill(self->m->pid, SIGCONT);
	EXPECT_TRUE(stands(self->m->stage));
	THAW();
	EXPECT_TRUE(moves(self->m->stage));
}

static void vfork_sleep(struct stage *s)
{
	pid_t pid = vfork();

	if (!pid) {
		execl("/bin/sleep", "sleep", "0.5", NULL);
		_exit(1);
	}
	s->ret = pid > 0 ? 0 : -1;
}

static void vfork_and_wait(struct stage *s)
{
	pid_t pid = vfork();

	if (!pid) {
		/* the parent stands in vfork as long as this lasts */
		syscall(SYS_pause);
		_exit(1);
	}
	s->ret = 0;
}

TEST_F(freeze, in_vfork)
{
	START_FN(self->m, vfork_and_wait);
	ASSERT_TRUE(EVENTUALLY(count_members(&self->g) == 2));
	msleep(50);
	FREEZE();
	EXPECT_FALSE(is_done(self->m));
	THAW();
	msleep(50);
	EXPECT_FALSE(is_done(self->m));
}

TEST_F(freeze, vfork_in_a_loop)
{
	int i;

	for (i = 0; i < 20; i++) {
		START_FN(self->m, vfork_sleep);
		FREEZE();
		THAW();
		ASSERT_EQ(0, result(self->m));
	}
}

/* ---- together with cgroups ---- */

TEST_F(freeze, in_a_frozen_cgroup)
{
	START_FN(self->m, spin);
	ASSERT_EQ(0, enter_cgroup(self->m->pid));
	ASSERT_EQ(0, put(CG "/cgroup.freeze", "1"));
	ASSERT_TRUE(EVENTUALLY(cgroup_frozen()));
	FREEZE();
	THAW();
	/* ours ended, the cgroup's did not */
	EXPECT_TRUE(stands(self->m->stage));
	EXPECT_TRUE(EVENTUALLY(cgroup_frozen()));
	FREEZE();
	ASSERT_EQ(0, put(CG "/cgroup.freeze", "0"));
	EXPECT_TRUE(stands(self->m->stage));
	EXPECT_TRUE(state_is(&self->g, "frozen"));
	THAW();
	EXPECT_TRUE(moves(self->m->stage));
	EXPECT_TRUE(leave_cgroup(self->m->pid));
}

TEST_F(freeze, moved_between_cgroups)
{
	START_FN(self->m, spin);
	FREEZE();
	ASSERT_EQ(0, enter_cgroup(self->m->pid));
	EXPECT_TRUE(stands(self->m->stage));
	ASSERT_EQ(0, put(CG "/cgroup.freeze", "1"));
	EXPECT_TRUE(EVENTUALLY(cgroup_frozen()));
	ASSERT_TRUE(leave_cgroup(self->m->pid));
	EXPECT_TRUE(stands(self->m->stage));
	THAW();
	EXPECT_TRUE(moves(self->m->stage));
}

#define CG1	"/tmp/freezer"

/* On some kernels it hides how a task sleeps. */
TEST_F(freeze, frozen_by_cgroup_v1_too)
{
	START_FN(self->m, spin);
	mkdir(CG1, 0755);
	ASSERT_EQ(0, mount("none", CG1, "cgroup", 0, "freezer"));
	ASSERT_EQ(0, mkdir(CG1 "/test", 0755));
	ASSERT_EQ(0, put(CG1 "/test/cgroup.procs", "%d", self->m->pid));
	FREEZE();
	ASSERT_EQ(0, put(CG1 "/test/freezer.state", "FROZEN"));
	EXPECT_TRUE(EVENTUALLY(!strcmp(slurp(CG1 "/test/freezer.state"),
				       "FROZEN\n")));
	THAW();
	EXPECT_TRUE(stands(self->m->stage));
	ASSERT_EQ(0, put(CG1 "/test/freezer.state", "THAWED"));
	EXPECT_TRUE(moves(self->m->stage));
	put(CG1 "/cgroup.procs", "%d", self->m->pid);
	rmdir(CG1 "/test");
	umount(CG1);
	rmdir(CG1);
}

/* ---- together with what the kernel does for a task ---- */

#define CORE_PATTERN	"/proc/sys/kernel/core_pattern"
#define CORE		"/tmp/core"
#define CORE_SIZE	(8 << 20)

static void crash(struct stage *s)
{
	mmap(NULL, CORE_SIZE, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

static void freeze_it(struct stage *s)
{
	s->ret = command((struct group *)s->arg[1], "freeze");
}

static bool dumps(struct actor *a)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", a->pid);
	START_FN(a, crash);
	return EVENTUALLY(strstr(slurp(path), "CoreDumping:\t1"));
}

/* Of the core that is there in the end, or -1. */
static long core_size(void)
{
	struct stat st;

	if (!EVENTUALLY(!stat(CORE, &st)))
		return -1;
	unlink(CORE);
	return st.st_size;
}

/* Also if its tracer comes or goes meanwhile. */
TEST_F(freeze, a_core_is_written_to_its_end)
{
	static const char slow[] = "#!/bin/sh\nsleep 2\n"
		"cat >" CORE ".part\nmv " CORE ".part " CORE "\n";
	char *pattern = strdup(slurp(CORE_PATTERN));
	struct actor *freezer = actor();
	pid_t tracer;

	close(open("/tmp/slow", O_CREAT | O_WRONLY, 0755));
	ASSERT_EQ(0, put("/tmp/slow", "%s", slow));
	ASSERT_EQ(0, put(CORE_PATTERN, "|/tmp/slow"));
	EXPECT_TRUE(dumps(self->m));
	put(sysfs(&self->g, "freeze_ms"), "300");
	EXPECT_EQ(-ETIMEDOUT, command(&self->g, "freeze"));
	put(sysfs(&self->g, "freeze_ms"), "60000");
	start(freezer, -1L, (long)freeze_it, (long)&self->g, 0L, 0L, 0L, 0L);
	EXPECT_TRUE(EVENTUALLY(state_is(&self->g, "freezing")));
	tracer = fork();
	if (!tracer) {
		ptrace(PTRACE_SEIZE, self->m->pid, 0, 0);
		_exit(0);
	}
	waitpid(tracer, NULL, 0);
	EXPECT_EQ(0, result(freezer));
	EXPECT_LT(CORE_SIZE, core_size());
	EXPECT_EQ(0, command(&self->g, "thaw"));
	part(freezer);
	put(CORE_PATTERN, "%s", pattern);
	free(pattern);
	unlink("/tmp/slow");
}

/* ---- together with tracers ---- */

TEST_F(freeze, an_attached_member_is_the_tracers_until_it_detaches)
{
	START_FN(self->m, spin);
	FREEZE();
	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, self->m->pid, 0, 0));
	EXPECT_TRUE(stands(self->m->stage));
	ASSERT_TRUE(trace_stop(self->m->pid));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, self->m->pid, 0, 0));
	EXPECT_TRUE(moves(self->m->stage));
	kill(self->m->pid, SIGUSR2);
	ASSERT_TRUE(trace_stop(self->m->pid));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->m->pid, 0, 0));
	EXPECT_TRUE(stands(self->m->stage));
	EXPECT_TRUE(state_is(&self->g, "frozen"));
	THAW();
	EXPECT_TRUE(moves(self->m->stage));
}

TEST_F(freeze, a_seized_member_stands_until_interrupted)
{
	START_FN(self->m, spin);
	FREEZE();
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->m->pid, 0, 0));
	EXPECT_TRUE(stands(self->m->stage));
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, self->m->pid, 0, 0));
	ASSERT_TRUE(trace_stop(self->m->pid));
	EXPECT_TRUE(stands(self->m->stage));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, self->m->pid, 0, 0));
	EXPECT_TRUE(moves(self->m->stage));
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, self->m->pid, 0, 0));
	ASSERT_TRUE(trace_stop(self->m->pid));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->m->pid, 0, 0));
	EXPECT_TRUE(stands(self->m->stage));
	THAW();
	EXPECT_TRUE(moves(self->m->stage));
}

/* It lets the member run, but the cgroup does not. */
TEST_F(freeze, traced_in_a_frozen_cgroup)
{
	START_FN(self->m, spin);
	ASSERT_EQ(0, enter_cgroup(self->m->pid));
	FREEZE();
	ASSERT_EQ(0, put(CG "/cgroup.freeze", "1"));
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->m->pid, 0, 0));
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, self->m->pid, 0, 0));
	ASSERT_TRUE(trace_stop(self->m->pid));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, self->m->pid, 0, 0));
	EXPECT_TRUE(EVENTUALLY(cgroup_frozen()));
	EXPECT_TRUE(stands(self->m->stage));
	THAW();
	EXPECT_TRUE(stands(self->m->stage));
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, self->m->pid, 0, 0));
	ASSERT_TRUE(trace_stop(self->m->pid));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->m->pid, 0, 0));
	EXPECT_TRUE(EVENTUALLY(cgroup_frozen()));
	EXPECT_TRUE(stands(self->m->stage));
	ASSERT_EQ(0, put(CG "/cgroup.freeze", "0"));
	EXPECT_TRUE(moves(self->m->stage));
	EXPECT_TRUE(leave_cgroup(self->m->pid));
}

/* As long as its tracer has not stopped it nothing else lets it run. */
TEST_F(freeze, seized_and_its_cgroup_is_thawed)
{
	START_FN(self->m, spin);
	ASSERT_EQ(0, enter_cgroup(self->m->pid));
	FREEZE();
	ASSERT_EQ(0, put(CG "/cgroup.freeze", "1"));
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->m->pid, 0, 0));
	ASSERT_EQ(0, put(CG "/cgroup.freeze", "0"));
	EXPECT_TRUE(stands(self->m->stage));
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, self->m->pid, 0, 0));
	ASSERT_TRUE(trace_stop(self->m->pid));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, self->m->pid, 0, 0));
	EXPECT_TRUE(moves(self->m->stage));
	/* Now that it is the tracer's, a cgroup counts as it does elsewhere. */
	ASSERT_EQ(0, put(CG "/cgroup.freeze", "1"));
	EXPECT_TRUE(EVENTUALLY(cgroup_frozen()));
	ASSERT_EQ(0, put(CG "/cgroup.freeze", "0"));
	EXPECT_TRUE(moves(self->m->stage));
	THAW();
	EXPECT_TRUE(leave_cgroup(self->m->pid));
}

static void *rest(void *unused)
{
	pause();
	return NULL;
}

static void have_threads(struct stage *s)
{
	pthread_t t;
	int i;

	for (i = 0; i < s->arg[1]; i++)
		pthread_create(&t, NULL, rest, NULL);
	s->ret = 0;
}

/* A crowd that the freeze comes to first leaves time for the tracer. */
TEST_F(freeze, a_member_seized_before_the_freeze_comes_to_it)
{
	struct actor *last = member(&self->g), *freezer = actor();
	int i;

	start(self->m, -1L, (long)have_threads, 500L, 0L, 0L, 0L, 0L);
	ASSERT_EQ(0, result(self->m));
	START_FN(last, spin);
	for (i = 0; i < 10; i++) {
		start(freezer, -1L, (long)freeze_it, (long)&self->g, 0L, 0L, 0L,
		      0L);
		while (state_is(&self->g, "running"))
			;
		ASSERT_EQ(0, ptrace(PTRACE_SEIZE, last->pid, 0, 0));
		ASSERT_EQ(0, result(freezer)) TH_LOG("%d", i);
		EXPECT_TRUE(stands(last->stage));
		THAW();
		ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, last->pid, 0, 0));
		ASSERT_TRUE(trace_stop(last->pid));
		ASSERT_EQ(0, ptrace(PTRACE_DETACH, last->pid, 0, 0));
		EXPECT_TRUE(moves(last->stage));
	}
}

TEST_F(freeze, stands_again_when_the_tracer_dies)
{
	pid_t tracer;
	int status;

	START_FN(self->m, spin);
	FREEZE();
	tracer = fork();
	if (!tracer) {
		ptrace(PTRACE_ATTACH, self->m->pid, 0, 0);
		waitpid(self->m->pid, &status, __WALL);
		ptrace(PTRACE_CONT, self->m->pid, 0, 0);
		for (;;)
			pause();
	}
	EXPECT_TRUE(moves(self->m->stage));
	kill(tracer, SIGKILL);
	waitpid(tracer, &status, 0);
	/* it ran when its tracer died, and is on its way into the trap */
	EXPECT_TRUE(EVENTUALLY(stands(self->m->stage)));
	THAW();
	EXPECT_TRUE(moves(self->m->stage));
}

TEST_F(freeze, traced_before)
{
	START_FN(self->m, spin);
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->m->pid, 0, 0));
	FREEZE();
	EXPECT_TRUE(stands(self->m->stage));
	THAW();
	EXPECT_TRUE(moves(self->m->stage));
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, self->m->pid, 0, 0));
	ASSERT_TRUE(trace_stop(self->m->pid));
	FREEZE();
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->m->pid, 0, 0));
	EXPECT_TRUE(stands(self->m->stage));
	THAW();
	EXPECT_TRUE(moves(self->m->stage));
}

TEST_F(freeze, thawed_while_traced)
{
	START_FN(self->m, spin);
	FREEZE();
	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, self->m->pid, 0, 0));
	ASSERT_TRUE(trace_stop(self->m->pid));
	THAW();
	EXPECT_TRUE(stands(self->m->stage));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->m->pid, 0, 0));
	EXPECT_TRUE(moves(self->m->stage));
}

/* ---- many ---- */

/* Children that fork in turn and end at once. */
static void fork_loop(struct stage *s)
{
	for (;;) {
		pid_t pid = fork();

		s->counter++;
		if (!pid) {
			if (s->counter % 3 && !fork())
				_exit(0);
			_exit(0);
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

TEST_F(freeze, under_a_fork_loop)
{
	int i;

	START_FN(self->m, fork_loop);
	ASSERT_TRUE(moves(self->m->stage));
	for (i = 0; i < 20; i++) {
		FREEZE();
		EXPECT_TRUE(stands(self->m->stage));
		THAW();
		EXPECT_TRUE(moves(self->m->stage));
	}
	EXPECT_EQ(0, stat_of(&self->g, "lost"));
}

static void multiply(struct stage *s)
{
	int i;

	for (i = 0; i < s->arg[1]; i++)
		if (!fork())
			for (;;) {
				++*heart(s, i);
				usleep(1000000);
			}
	s->ret = 0;
}

/* Or as few as test_scale has. */
TEST_F_TIMEOUT(freeze, a_thousand_processes, 200)
{
	int n = number("EXTSOCK_PROCESSES", 1000) < 1000 ? 99 : 999, i;

	ASSERT_EQ(0, put(sysfs(&self->g, "freeze_ms"), "60000"));
	start(self->m, -1L, (long)multiply, (long)n, 0L, 0L, 0L, 0L);
	/* a thousand forks take their time when emulated */
	for (i = 0; i < 6 && result(self->m); i++)
		;
	ASSERT_EQ(0, result(self->m));
	ASSERT_TRUE(EVENTUALLY(count_members(&self->g) == 1 + n));
	ASSERT_TRUE(all_move(self->m->stage, n));
	FREEZE();
	/* longer than from one beat to the next */
	EXPECT_TRUE(all_stand(self->m->stage, n, 2500));
	EXPECT_EQ(1 + n, count_members(&self->g));
	THAW();
	EXPECT_TRUE(all_move(self->m->stage, n));
}

TEST_F(freeze, fifty_cycles)
{
	int i;

	start_threads(self->m, 4);
	ASSERT_TRUE(all_move(self->m->stage, 4));
	for (i = 0; i < 50; i++) {
		FREEZE();
		THAW();
	}
	EXPECT_TRUE(all_move(self->m->stage, 4));
	EXPECT_EQ(50, stat_of(&self->g, "freezes"));
	EXPECT_EQ(50, stat_of(&self->g, "thaws"));
}

/* ---- lease, deadline, state ---- */

TEST_F(freeze, a_lease_ends_with_its_file)
{
	int l = listener(OUTSIDE, AF_INET), fd, peer, c;

	fd = connect_to(self->m, AF_INET, NULL, port_of(OUTSIDE, l), 0);
	peer = accept_from(OUTSIDE, l);
	c = open(procfs(&self->g, "control"), O_RDWR);
	ASSERT_EQ(12, write(c, "freeze lease", 12));
	EXPECT_TRUE(state_is(&self->g, "frozen"));
	close(c);
	EXPECT_TRUE(EVENTUALLY(state_is(&self->g, "running")));
	EXPECT_TRUE(carries(self->m, fd, OUTSIDE, peer));
}

TEST_F(freeze, a_lease_ends_with_its_killed_controller)
{
	int l = listener(OUTSIDE, AF_INET), fd, peer, status;
	pid_t pid;

	fd = connect_to(self->m, AF_INET, NULL, port_of(OUTSIDE, l), 0);
	peer = accept_from(OUTSIDE, l);
	pid = fork();
	if (!pid) {
		int c = open(procfs(&self->g, "control"), O_RDWR);

		if (write(c, "freeze lease", 12) != 12)
			_exit(1);
		for (;;)
			pause();
	}
	ASSERT_TRUE(EVENTUALLY(state_is(&self->g, "frozen")));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	EXPECT_TRUE(EVENTUALLY(state_is(&self->g, "running")));
	EXPECT_TRUE(carries(self->m, fd, OUTSIDE, peer));
}

TEST_F(freeze, without_lease_it_stays)
{
	FREEZE();
	msleep(100);
	EXPECT_TRUE(state_is(&self->g, "frozen"));
	THAW();
}

TEST_F(freeze, another_file_does_not_end_the_lease)
{
	int c = open(procfs(&self->g, "control"), O_RDWR);
	int d = open(procfs(&self->g, "control"), O_RDWR);

	ASSERT_EQ(12, write(c, "freeze lease", 12));
	close(d);
	msleep(50);
	EXPECT_TRUE(state_is(&self->g, "frozen"));
	/* thawed by somebody else and frozen again: it is over */
	THAW();
	FREEZE();
	close(c);
	msleep(50);
	EXPECT_TRUE(state_is(&self->g, "frozen"));
	THAW();
}

TEST_F(freeze, who_has_a_lease_thaws_no_other_freeze)
{
	int c = open(procfs(&self->g, "control"), O_RDWR);
	char text[256] = "";

	ASSERT_EQ(12, write(c, "freeze lease", 12));
	THAW();
	EXPECT_EQ(-1, write(c, "thaw keep", 9));
	EXPECT_EQ(EBUSY, errno);
	FREEZE();
	EXPECT_EQ(-1, write(c, "thaw keep", 9));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_LT(0, pread(c, text, sizeof(text) - 1, 0));
	EXPECT_NE(NULL, strstr(text, "somebody else"));
	EXPECT_TRUE(state_is(&self->g, "frozen"));
	THAW();
	/* its own, and then a freeze without one, are its to thaw */
	EXPECT_EQ(12, write(c, "freeze lease", 12));
	EXPECT_EQ(4, write(c, "thaw", 4));
	FREEZE();
	EXPECT_EQ(4, write(c, "thaw", 4));
	EXPECT_TRUE(state_is(&self->g, "running"));
	close(c);
}

static void wait_for_state(struct stage *s)
{
	struct pollfd p = { .events = POLLPRI };
	char text[32];

	p.fd = open(s->buf, O_RDONLY);
	if (read(p.fd, text, sizeof(text)) <= 0)
		_exit(1);
	s->counter = 1;
	s->ret = poll(&p, 1, PATIENCE_MS);
}

TEST_F(freeze, state_can_be_polled)
{
	struct actor *a = actor();

	strcpy(buf_of(a), sysfs(&self->g, "state"));
	START_FN(a, wait_for_state);
	ASSERT_TRUE(EVENTUALLY(a->stage->counter == 1));
	msleep(50);
	EXPECT_FALSE(is_done(a));
	FREEZE();
	EXPECT_EQ(1, result(a));
	THAW();
	part(a);
}

TEST_HARNESS_MAIN
