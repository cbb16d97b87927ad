// SPDX-License-Identifier: GPL-2.0-only
/*
 * All kinds of tasks, however they were born, wherever they sleep, and however
 * they end: each is a member in time, stands still, and goes on as if nothing
 * had been.
 */
#include "extsock_test.h"

#include <linux/io_uring.h>
#include <sys/ptrace.h>

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	180

#define CROWD	96

FIXTURE(task)
{
	struct group g;
	struct actor *m;
};

FIXTURE_SETUP(task)
{
	make_group(&self->g, "task");
	self->m = member(&self->g);
}

FIXTURE_TEARDOWN(task)
{
	part(self->m);
	EXPECT_TRUE(drop_group(&self->g));
}

/* ---- birth ---- */

/*
 * What a new process finds when it runs for the first time. Only system calls,
 * since it may share its parent's memory.
 */
static int finds_itself(const char *path)
{
	int fd, len = 0, i, digits = 0;
	pid_t pid = syscall(SYS_getpid);
	char list[4096], mine[16];
	ssize_t n;

	for (i = pid; i; i /= 10)
		digits++;
	for (i = digits; i; i--, pid /= 10)
		mine[i - 1] = '0' + pid % 10;
	mine[digits] = '\n';
	fd = open(path, O_RDONLY);
	while (fd >= 0 && len < (int)sizeof(list)) {
		n = read(fd, list + len, sizeof(list) - len);
		if (n <= 0)
			break;
		len += n;
	}
	close(fd);
	return memmem(list, len, mine, digits + 1) != NULL;
}

/* s->buf is the path of the list, s->arg[1] the way; how many were missing? */
static void have_children(struct stage *s)
{
	int i, status;
	pid_t pid;

	s->ret = 0;
	for (i = 0; i < 50; i++) {
		if (s->arg[1] == 'v')
			pid = vfork();
		else if (s->arg[1] == 'c')
			pid = syscall(SYS_clone, SIGCHLD | CLONE_FILES |
				      CLONE_FS, NULL, NULL, NULL, 0);
		else
			pid = fork();
		if (!pid)
			_exit(finds_itself(s->buf) ? 0 : 1);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			s->ret++;
	}
}

static void *have_children_too(void *s)
{
	have_children(s);
	return NULL;
}

static void let_thread_have_children(struct stage *s)
{
	pthread_t thread;

	pthread_create(&thread, NULL, have_children_too, s);
	pthread_join(thread, NULL);
}

FIXTURE(birth)
{
	struct group g;
	struct actor *m;
};

FIXTURE_VARIANT(birth)
{
	void (*job)(struct stage *s);
	long way;
};

FIXTURE_VARIANT_ADD(birth, fork) { have_children, 'f' };
FIXTURE_VARIANT_ADD(birth, vfork) { have_children, 'v' };
FIXTURE_VARIANT_ADD(birth, clone) { have_children, 'c' };
FIXTURE_VARIANT_ADD(birth, thread) { let_thread_have_children, 'f' };

FIXTURE_SETUP(birth)
{
	make_group(&self->g, "birth");
	self->m = member(&self->g);
}

FIXTURE_TEARDOWN(birth)
{
	part(self->m);
	EXPECT_TRUE(drop_group(&self->g));
}

TEST_F(birth, a_child_is_a_member_before_it_runs)
{
	strcpy(buf_of(self->m), sysfs(&self->g, "members"));
	start(self->m, -1L, (long)variant->job, variant->way, 0L, 0L, 0L, 0L);
	EXPECT_EQ(0, result(self->m));
	EXPECT_EQ(50, stat_of(&self->g, "forked"));
	EXPECT_TRUE(EVENTUALLY(count_members(&self->g) == 1));
}

/* ---- death ---- */

static void have_child(struct stage *s)
{
	pid_t pid = fork();

	/* s is the parent's as well */
	while (!pid)
		pause();
	s->ret = pid < 0 ? -errno : pid;
}

TEST_F(task, a_zombie_is_no_member)
{
	START(self->m, SYS_exit_group, 0);
	ASSERT_TRUE(EVENTUALLY(state_of(self->m->pid) == 'Z'));
	EXPECT_FALSE(is_member(&self->g, self->m->pid));
	EXPECT_EQ(-ESRCH, join(&self->g, self->m));
}

static void *nap_on(void *s)
{
	((struct stage *)s)->counter = syscall(SYS_gettid);
	for (;;)
		pause();
	return NULL;
}

static void start_thread(struct stage *s)
{
	pthread_t thread;

	s->ret = -pthread_create(&thread, NULL, nap_on, s);
}

TEST_F(task, a_thread_is_no_process)
{
	struct actor *a = actor();

	START_FN(a, start_thread);
	ASSERT_EQ(0, result(a));
	ASSERT_TRUE(EVENTUALLY(a->stage->counter));
	EXPECT_EQ(-ESRCH, put(sysfs(&self->g, "members"), "%ld",
			      (long)a->stage->counter));
	EXPECT_EQ(1, count_members(&self->g));
	part(a);
}

/* ---- sleep ---- */

TEST_F(task, poll_goes_on)
{
	int pipes[2], fd;
	struct pollfd *p = (void *)buf_of(self->m);

	ASSERT_EQ(0, pipe(pipes));
	sprintf(buf_of(self->m), "/proc/%d/fd/%d", getpid(), pipes[0]);
	fd = CALL(self->m, SYS_open, buf_of(self->m), O_RDONLY);
	ASSERT_GE(fd, 0);
	*p = (struct pollfd){ .fd = fd, .events = POLLIN };
	START(self->m, SYS_poll, p, 1, -1);
	ASSERT_TRUE(sleeps_in(self->m->pid, SYS_poll));
	FREEZE();
	ASSERT_EQ(1, write(pipes[1], "x", 1));
	msleep(100);
	EXPECT_FALSE(is_done(self->m));
	THAW();
	EXPECT_EQ(1, result(self->m));
	EXPECT_EQ(POLLIN, p->revents);
}

TEST_F(task, futex_goes_on)
{
	_Atomic int *word = (void *)buf_of(self->m);

	*word = 7;
	START(self->m, SYS_futex, word, FUTEX_WAIT, 7, NULL);
	ASSERT_TRUE(sleeps_in(self->m->pid, SYS_futex));
	FREEZE();
	THAW();
	msleep(100);
	ASSERT_FALSE(is_done(self->m));
	EXPECT_TRUE(EVENTUALLY(syscall(SYS_futex, word, FUTEX_WAKE, 1) == 1));
	EXPECT_EQ(0, result(self->m));
}

TEST_F(task, nanosleep_ends_when_it_should)
{
	struct timespec *t = (void *)buf_of(self->m);
	long begun = now_ms();

	*t = (struct timespec){ .tv_sec = 2 };
	START(self->m, SYS_nanosleep, t, NULL);
	ASSERT_TRUE(sleeps_in(self->m->pid, SYS_nanosleep));
	FREEZE();
	THAW();
	EXPECT_EQ(0, result(self->m));
	EXPECT_LE(1990, now_ms() - begun);
}

TEST_F(task, accept_goes_on)
{
	int fd = listener(self->m, AF_INET), port = port_of(self->m, fd);

	START(self->m, SYS_accept, fd, NULL, NULL);
	ASSERT_TRUE(sleeps_in(self->m->pid, SYS_accept));
	FREEZE();
	THAW();
	msleep(100);
	ASSERT_FALSE(is_done(self->m));
	ASSERT_LE(0, connect_to(OUTSIDE, AF_INET, NULL, port, 0));
	EXPECT_LT(fd, result(self->m));
}

TEST_F(task, waitpid_goes_on)
{
	pid_t child;

	START_FN(self->m, have_child);
	child = result(self->m);
	ASSERT_LT(0, child);
	START(self->m, SYS_wait4, -1, NULL, 0, NULL);
	ASSERT_TRUE(sleeps_in(self->m->pid, SYS_wait4));
	FREEZE();
	kill(child, SIGKILL);
	msleep(100);
	EXPECT_FALSE(is_done(self->m));
	THAW();
	EXPECT_EQ(child, result(self->m));
}

/* ---- signals ---- */

TEST_F(task, a_stop_sent_while_frozen_takes_effect_afterwards)
{
	int status;

	FREEZE();
	kill(self->m->pid, SIGSTOP);
	msleep(100);
	EXPECT_EQ(0, waitpid(self->m->pid, &status, WUNTRACED | WNOHANG));
	THAW();
	EXPECT_TRUE(EVENTUALLY(waitpid(self->m->pid, &status,
				       WUNTRACED | WNOHANG) == self->m->pid &&
			       WIFSTOPPED(status)));
	EXPECT_EQ(SIGSTOP, WSTOPSIG(status));
	kill(self->m->pid, SIGCONT);
	EXPECT_EQ(self->m->pid, CALL(self->m, SYS_getpid));
}

/* The kernel does not keep a deadly signal from a task that stands still. */
TEST_F(task, a_deadly_signal_kills_at_once_and_is_reported_as_it_is)
{
	int status;

	FREEZE();
	kill(self->m->pid, SIGTERM);
	EXPECT_TRUE(EVENTUALLY(waitpid(self->m->pid, &status, WNOHANG) ==
			       self->m->pid));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGTERM, WTERMSIG(status));
	EXPECT_TRUE(state_is(&self->g, "frozen"));
	THAW();
	self->m = actor();
}

/* ---- a tracer goes from system call to system call ---- */

static void call_and_count(struct stage *s)
{
	for (;;) {
		syscall(SYS_getppid);
		s->counter++;
	}
}

TEST_F(task, a_tracer_can_follow_system_calls)
{
	unsigned long before;
	int i;

	START_FN(self->m, call_and_count);
	ASSERT_TRUE(EVENTUALLY(self->m->stage->counter));
	FREEZE();
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->m->pid, 0, 0));
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, self->m->pid, 0, 0));
	ASSERT_TRUE(trace_stop(self->m->pid));
	before = self->m->stage->counter;
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, ptrace(PTRACE_SYSCALL, self->m->pid, 0, 0));
		ASSERT_TRUE(trace_stop(self->m->pid));
	}
	/* Two stops for each system call. */
	EXPECT_LE(before + 9, self->m->stage->counter);
	EXPECT_GE(before + 11, self->m->stage->counter);
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->m->pid, 0, 0));
	before = self->m->stage->counter;
	msleep(200);
	EXPECT_GE(before + 1, self->m->stage->counter);
	before = self->m->stage->counter;
	msleep(200);
	EXPECT_EQ(before, self->m->stage->counter);
	THAW();
	EXPECT_TRUE(EVENTUALLY(self->m->stage->counter > before + 100));
}

/* ---- crowds ---- */

/* Each process takes a heart, has two children who do the same, and lives. */
static void multiply(struct stage *s)
{
	int mine = s->counter++, children = 0;

	while (children < 2) {
		usleep(20000);
		if (fork()) {
			children++;
			continue;
		}
		children = 0;
		mine = s->counter++;
		if (mine >= CROWD)
			_exit(0);
	}
	for (;;) {
		++*heart(s, mine);
		usleep(10000);
	}
}

TEST_F(task, none_escapes_from_a_tree_that_grows)
{
	struct stage *s = self->m->stage;
	int i;

	/* a fork takes its time when emulated, and ends before its caller stops */
	ASSERT_EQ(0, put(sysfs(&self->g, "freeze_ms"), "60000"));
	START_FN(self->m, multiply);
	ASSERT_TRUE(EVENTUALLY(s->counter > 2));
	for (i = 0; i < 20; i++) {
		FREEZE();
		EXPECT_TRUE(all_stand(s, CROWD, 100));
		EXPECT_TRUE(stands(s));
		THAW();
		msleep(10);
	}
	ASSERT_TRUE(EVENTUALLY(s->counter >= CROWD));
	EXPECT_TRUE(all_move(s, CROWD));
	EXPECT_EQ(0, stat_of(&self->g, "lost"));
}

/* ---- coming and going ---- */

static void *count_one(void *s)
{
	((struct stage *)s)->counter++;
	return NULL;
}

static void threads_come_and_go(struct stage *s)
{
	pthread_t t;

	for (;;)
		if (!pthread_create(&t, NULL, count_one, s))
			pthread_join(t, NULL);
}

TEST_F(task, threads_that_come_and_go)
{
	int i;

	START_FN(self->m, threads_come_and_go);
	for (i = 0; i < 20; i++) {
		ASSERT_TRUE(moves(self->m->stage));
		FREEZE();
		EXPECT_TRUE(stands(self->m->stage));
		THAW();
	}
	EXPECT_TRUE(moves(self->m->stage));
	EXPECT_EQ(1, count_members(&self->g));
}

/* A thread that is not the first one calls exec, over and over. */
static void *exec_again(void *unused)
{
	static const char again[] = "echo >&7; exec sh -c \"$0\" \"$0\"";

	execl("/bin/sh", "sh", "-c", again, again, NULL);
	return NULL;
}

static void exec_in_a_loop(struct stage *s)
{
	pthread_t t;

	dup2(s->arg[1], 7);
	pthread_create(&t, NULL, exec_again, NULL);
	pause();
}

static int bytes_in(int pipe)
{
	char bytes[4096];
	ssize_t n;
	int sum = 0;

	while ((n = read(pipe, bytes, sizeof(bytes))) > 0)
		sum += n;
	return sum;
}

TEST_F(task, exec_in_a_loop)
{
	int pipes[2], i;
	struct actor *a;

	ASSERT_EQ(0, pipe2(pipes, O_NONBLOCK));
	/* it has the pipe from here */
	a = member(&self->g);
	start(a, -1L, (long)exec_in_a_loop, (long)pipes[1], 0L, 0L, 0L, 0L);
	for (i = 0; i < 20; i++) {
		ASSERT_TRUE(EVENTUALLY(bytes_in(pipes[0])));
		FREEZE();
		bytes_in(pipes[0]);
		msleep(100);
		EXPECT_EQ(0, bytes_in(pipes[0]));
		THAW();
	}
	EXPECT_TRUE(EVENTUALLY(bytes_in(pipes[0])));
	EXPECT_TRUE(is_member(&self->g, a->pid));
	part(a);
}

/* ---- io_uring ---- */

static long ring_enter(int fd, unsigned int submit, unsigned int wait)
{
	return syscall(SYS_io_uring_enter, fd, submit, wait,
		       wait ? IORING_ENTER_GETEVENTS : 0, NULL, 0);
}

/*
 * Read a byte from the pipe s->arg[1] in a worker: IOSQE_ASYNC makes it wait
 * there. s->ret is what io_uring returned, s->arg[2] the result.
 */
static void read_by_worker(struct stage *s)
{
	struct io_uring_params p = { 0 };
	int fd = syscall(SYS_io_uring_setup, 4, &p);
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	char *sq, *cq;

	s->ret = fd < 0 ? -errno : 0;
	if (fd < 0)
		return;
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * sizeof(__u32),
		  PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(*cqe),
		  PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_CQ_RING);
	sqe = mmap(NULL, p.sq_entries * sizeof(*sqe), PROT_READ | PROT_WRITE,
		   MAP_SHARED, fd, IORING_OFF_SQES);
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_READ;
	sqe->flags = IOSQE_ASYNC;
	sqe->fd = s->arg[1];
	sqe->addr = (long)s->buf;
	sqe->len = 1;
	*(__u32 *)(sq + p.sq_off.array) = 0;
	__atomic_store_n((__u32 *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	s->ret = ring_enter(fd, 1, 0);
	s->counter = 1;
	while (!__atomic_load_n((__u32 *)(cq + p.cq_off.tail),
				__ATOMIC_ACQUIRE))
		ring_enter(fd, 0, 1);
	cqe = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
	s->arg[2] = cqe->res;
}

TEST_F(task, a_worker_of_io_uring_stands_still)
{
	int pipes[2], fd;

	ASSERT_EQ(0, pipe(pipes));
	sprintf(buf_of(self->m), "/proc/%d/fd/%d", getpid(), pipes[0]);
	fd = CALL(self->m, SYS_open, buf_of(self->m), O_RDONLY);
	ASSERT_GE(fd, 0);
	buf_of(self->m)[0] = '-';
	start(self->m, -1L, (long)read_by_worker, (long)fd, 0L, 0L, 0L, 0L);
	ASSERT_TRUE(EVENTUALLY(self->m->stage->counter || is_done(self->m)));
	if (!self->m->stage->counter && self->m->stage->ret == -ENOSYS)
		SKIP(return, "this kernel has no io_uring");
	ASSERT_EQ(1, self->m->stage->counter);
	msleep(200);
	FREEZE();
	ASSERT_EQ(1, write(pipes[1], "w", 1));
	msleep(300);
	EXPECT_EQ('-', buf_of(self->m)[0]);
	EXPECT_FALSE(is_done(self->m));
	THAW();
	EXPECT_EQ(1, result(self->m));
	/* A stop interrupts an operation in a worker, as any signal does. */
	EXPECT_TRUE((self->m->stage->arg[2] == 1 &&
		     buf_of(self->m)[0] == 'w') ||
		    self->m->stage->arg[2] == -EINTR)
		TH_LOG("the result is %ld", self->m->stage->arg[2]);
}

/* ---- lists that are longer than a page ---- */

TEST_F(task, many_groups_are_read_whole)
{
	char name[EXTSOCK_NAME_MAX + 1], *list;
	int i, n = 200;

	for (i = 0; i < n; i++)
		ASSERT_EQ(0, groups("+a-rather-long-name-%06d", i));
	list = strdup(slurp(EXTSOCK_SYSFS_ROOT "/groups"));
	EXPECT_LT(4096, strlen(list));
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "\na-rather-long-name-%06d\n", i);
		EXPECT_NE(NULL, strstr(list, name));
		EXPECT_EQ(0, groups("-a-rather-long-name-%06d", i));
	}
	EXPECT_EQ(NULL, strstr(slurp(EXTSOCK_SYSFS_ROOT "/groups"),
			       "a-rather-long-name"));
}

TEST_HARNESS_MAIN
