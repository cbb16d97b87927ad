// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many processes with many sockets in one freeze. How many is told by the
 * environment: EXTSOCK_PROCESSES and, of each process, EXTSOCK_EACH sockets.
 */
#include <sys/resource.h>

#include "extsock_test.h"

/* ---- what each process does ---- */

/**
 * struct crowd - what the processes share
 * @ready: how many have opened all of theirs
 * @failed: how many could not
 * @port: where an outsider listens
 * @each: how many sockets each opens
 * @go: raised when they are to look after their connections
 * @reset: external connections that were found reset
 * @alive: internal connections that carried data
 */
struct crowd {
	_Atomic int ready;
	_Atomic int failed;
	int port;
	int each;
	_Atomic int go;
	_Atomic int reset;
	_Atomic int alive;
};

static struct crowd *crowd;

static bool connect_out(int *fd)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_port = htons(crowd->port),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};

	*fd = socket(AF_INET, SOCK_STREAM, 0);
	return *fd >= 0 && !connect(*fd, (void *)&sin, sizeof(sin));
}

/* Two ends of a connection, both in this process. */
static bool connect_in(int l, const struct sockaddr_in *at, int *fds)
{
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (fds[0] < 0 || connect(fds[0], (const void *)at, sizeof(*at)))
		return false;
	fds[1] = accept(l, NULL, NULL);
	return fds[1] >= 0;
}

/*
 * Of ten sockets one is a listener or not connected, one leads outside, four are
 * two TCP connections inside and four are two unix ones.
 */
static bool open_ten(int l, const struct sockaddr_in *at, int *fds)
{
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	return fds[0] >= 0 && connect_out(&fds[1]) &&
	       connect_in(l, at, fds + 2) && connect_in(l, at, fds + 4) &&
	       !socketpair(AF_UNIX, SOCK_STREAM, 0, fds + 6) &&
	       !socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds + 8);
}

static void look_after_ten(const int *fds)
{
	char c;

	if (read(fds[1], &c, 1) < 0 && errno == ECONNRESET)
		crowd->reset++;
	crowd->alive += write(fds[2], "x", 1) == 1 && read(fds[3], &c, 1) == 1;
	crowd->alive += write(fds[4], "x", 1) == 1 && read(fds[5], &c, 1) == 1;
	crowd->alive += write(fds[6], "x", 1) == 1 && read(fds[7], &c, 1) == 1;
	crowd->alive += write(fds[8], "x", 1) == 1 && read(fds[9], &c, 1) == 1;
}

static void be_one_of_many(void)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	socklen_t len = sizeof(at);
	int l = socket(AF_INET, SOCK_STREAM, 0), i;
	int *fds = calloc(crowd->each, sizeof(*fds));
	bool fine;

	/* An address of its own: 127.x.y.z has ports enough for all. */
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 256 + getpid() % 65536);
	fine = l >= 0 && fds && !bind(l, (void *)&at, sizeof(at)) &&
	       !listen(l, 2) && !getsockname(l, (void *)&at, &len);
	for (i = 0; fine && i < crowd->each; i += 10)
		fine = open_ten(l, &at, fds + i);
	/* All that are counted are in these tens. */
	close(l);
	crowd->failed += !fine;
	crowd->ready++;
	while (!crowd->go)
		syscall(SYS_futex, &crowd->go, FUTEX_WAIT, 0, NULL);
	for (i = 0; i < crowd->each; i += 10)
		look_after_ten(fds + i);
	crowd->ready++;
	for (;;)
		pause();
}

static void make_crowd(struct stage *s)
{
	long n = s->arg[1];

	signal(SIGCHLD, SIG_IGN);
	for (s->ret = 0; s->ret < n; s->ret++) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			be_one_of_many();
		}
	}
}

/* ---- who listens outside ---- */

static void *accept_all(void *l)
{
	for (;;)
		accept(*(int *)l, NULL, NULL);
	return NULL;
}

FIXTURE(scale)
{
	struct group g;
	struct actor *parent;
	int listener;
	int processes;
};

FIXTURE_SETUP(scale)
{
	struct rlimit files = { 1048576, 1048576 };
	pthread_t thread;

	setrlimit(RLIMIT_NOFILE, &files);
	self->processes = number("EXTSOCK_PROCESSES", 1000);
	crowd = mmap(NULL, sizeof(*crowd), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	crowd->each = number("EXTSOCK_EACH", 100);
	make_group(&self->g, "scale");
	ASSERT_EQ(0, put(sysfs(&self->g, "freeze_ms"), "120000"));
	self->parent = member(&self->g);
	/* After the fork: it is nobody else's. */
	self->listener = listener_at(OUTSIDE, AF_INET, NULL, 4096);
	crowd->port = port_of(OUTSIDE, self->listener);
	ASSERT_EQ(0, pthread_create(&thread, NULL, accept_all,
				    &self->listener));
}

FIXTURE_TEARDOWN(scale)
{
	part(self->parent);
	EXPECT_TRUE(drop_group(&self->g));
}

static bool comes_to_ready(int n)
{
	long until = now_ms() + 15 * PATIENCE_MS;

	while (crowd->ready < n && now_ms() < until)
		msleep(20);
	return crowd->ready == n;
}

/* How many rows have this class. */
static int rows_of(const struct group *g, const char *class)
{
	char want[32], *p = slurp(procfs(g, "sockets"));
	int n = 0;

	snprintf(want, sizeof(want), " %s ", class);
	for (; (p = strstr(p, want)); p++)
		n++;
	return n;
}

TEST_F_TIMEOUT(scale, a_thousand_processes, 900)
{
	int n = self->processes, tens = n * crowd->each / 10;
	long begin, frozen;
	char want[256];

	START(self->parent, -1L, make_crowd, n);
	ASSERT_TRUE(comes_to_ready(n));
	ASSERT_EQ(n, result(self->parent));
	ASSERT_EQ(0, crowd->failed);
	begin = now_ms();
	snprintf(want, sizeof(want),
		 "frozen: %d processes, %d sockets: %d internal, %d external, %d idle\n",
		 n + 1, 10 * tens, 8 * tens, tens, tens);
	EXPECT_STREQ(want, outcome_of(&self->g, "freeze"));
	frozen = now_ms();
	EXPECT_EQ(8 * tens, rows_of(&self->g, "internal"));
	EXPECT_EQ(tens, rows_of(&self->g, "external"));
	EXPECT_EQ(tens, rows_of(&self->g, "idle"));
	TH_LOG("frozen within %ld ms, read within %ld ms", frozen - begin,
	       now_ms() - frozen);
	begin = now_ms();
	snprintf(want, sizeof(want), "thawed: %d sockets reset\n", tens);
	EXPECT_STREQ(want, outcome_of(&self->g, "thaw"));
	TH_LOG("thawed within %ld ms", now_ms() - begin);
	crowd->ready = 0;
	crowd->go = 1;
	syscall(SYS_futex, &crowd->go, FUTEX_WAKE, INT_MAX);
	EXPECT_TRUE(comes_to_ready(n));
	EXPECT_EQ(tens, crowd->reset);
	EXPECT_EQ(4 * tens, crowd->alive);
}

TEST_HARNESS_MAIN
