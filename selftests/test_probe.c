// SPDX-License-Identifier: GPL-2.0-only
/*
 * The probes miss nothing, however many wait in accept, and leave nothing
 * behind, however many connections come and go.
 */
#include "extsock_test.h"

#define ACCEPTORS	25
#define CONNECTIONS	200

/* More tags than a page holds: what a slab in a CPU's hands may hide. */
#define SLAB_OF_TAGS	64

FIXTURE(probe)
{
	struct group g;
	struct actor *m;
};

FIXTURE_SETUP(probe)
{
	make_group(&self->g, "probe");
	self->m = member(&self->g);
}

FIXTURE_TEARDOWN(probe)
{
	part(self->m);
	EXPECT_TRUE(drop_group(&self->g));
}

/* The names of those in stats that end in _nmissed, and the sum. */
static long long missed(const struct group *g, int *names)
{
	char *line, *rest = slurp(procfs(g, "stats")), *word;
	long long sum = 0;

	*names = 0;
	while ((line = strsep(&rest, "\n"))) {
		word = strsep(&line, " ");
		if (!line || strlen(word) < 8 ||
		    strcmp(word + strlen(word) - 8, "_nmissed"))
			continue;
		sum += atoll(line);
		++*names;
	}
	return sum;
}

/* Accept one connection after another; how many is s->counter. */
static void accept_all(struct stage *s)
{
	for (;;) {
		int fd = accept(s->arg[1], NULL, NULL);

		if (fd < 0)
			_exit(1);
		s->counter++;
		close(fd);
	}
}

static void fork_acceptor(struct stage *s)
{
	int fd = s->arg[1];
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		s->arg[1] = fd;
		accept_all(s);
	}
	s->ret = pid < 0 ? -errno : 0;
}

TEST_F(probe, idle_acceptors_make_it_miss_nothing)
{
	int fd = listener(self->m, AF_INET), port = port_of(self->m, fd);
	long long before, after;
	int i, names;

	ASSERT_GE(fd, 0);
	for (i = 0; i < ACCEPTORS; i++) {
		start(self->m, -1L, (long)fork_acceptor, (long)fd, 0L, 0L, 0L,
		      0L);
		ASSERT_EQ(0, result(self->m));
	}
	ASSERT_TRUE(EVENTUALLY(count_members(&self->g) == ACCEPTORS + 1));
	msleep(500);
	before = stat_of(&self->g, "probe_security_sock_graft_hits");
	ASSERT_LE(0, before);
	for (i = 0; i < CONNECTIONS; i++) {
		int client = connect_to(OUTSIDE, AF_INET, NULL, port, 0);

		ASSERT_GE(client, 0);
		close(client);
	}
	ASSERT_TRUE(EVENTUALLY(self->m->stage->counter == CONNECTIONS))
		TH_LOG("%lu accepted", self->m->stage->counter);
	after = stat_of(&self->g, "probe_security_sock_graft_hits");
	EXPECT_GE(after - before, CONNECTIONS);
	EXPECT_EQ(0, missed(&self->g, &names));
	EXPECT_LE(2, names);
}

TEST_F(probe, every_connect_is_seen)
{
	int fd = listener_at(OUTSIDE, AF_INET, NULL, CONNECTIONS);
	long long before;
	int i, names;

	before = stat_of(&self->g, "probe_tcp_connect_hits");
	ASSERT_LE(0, before);
	for (i = 0; i < CONNECTIONS; i++) {
		int client = connect_to(self->m, AF_INET, NULL,
					port_of(OUTSIDE, fd), 0);

		ASSERT_GE(client, 0);
		ASSERT_EQ(0, CALL(self->m, SYS_close, client));
		ASSERT_LE(0, accept_from(OUTSIDE, fd));
	}
	EXPECT_LE(CONNECTIONS, stat_of(&self->g, "probe_tcp_connect_hits") -
		  before);
	EXPECT_EQ(0, missed(&self->g, &names));
}

/* ---- what tags must not hold up ---- */

static void enter_namespace(struct stage *s)
{
	s->ret = unshare(CLONE_NEWNET) ? -errno :
					 system("ip link set lo up");
}

static bool link_exists(void)
{
	return !access("/sys/class/net/extsock0", F_OK);
}

/* A link goes when the namespace of its other end does. */
TEST_F(probe, a_network_namespace_ends_with_its_processes)
{
	struct actor *a = actor();
	char command[128];
	struct pair p;

	START_FN(a, enter_namespace);
	ASSERT_EQ(0, result(a));
	snprintf(command, sizeof(command),
		 "ip link add extsock0 type veth peer name extsock1 netns %d",
		 a->pid);
	ASSERT_EQ(0, system(command));
	ASSERT_EQ(0, join(&self->g, a));
	p = connection(a, a, AF_INET);
	ASSERT_LE(0, connection(a, a, AF_INET6).server);
	ASSERT_EQ(0, CALL(a, SYS_close, p.client));
	ASSERT_LT(0, count_rows(&self->g));
	ASSERT_TRUE(link_exists());
	part(a);
	EXPECT_TRUE(EVENTUALLY(!link_exists()));
	EXPECT_EQ(0, count_rows(&self->g));
}

/* ---- growth ---- */

/*
 * Objects in use of the cache of tags, -1 if there is no such cache. Freed ones
 * that a CPU or KASAN's quarantine still keeps count as in use, so shrink first.
 */
static long active_tags(void)
{
	char *line, *rest;
	long active;
	int fd = open("/sys/kernel/slab/extsock_tag/shrink", O_WRONLY);

	if (fd >= 0) {
		if (write(fd, "1", 1) != 1)
			return -1;
		close(fd);
	}
	rest = slurp("/proc/slabinfo");
	while ((line = strsep(&rest, "\n")))
		if (sscanf(line, "extsock_tag %ld", &active) == 1)
			return active;
	return -1;
}

static long connections(void)
{
	const char *n = getenv("EXTSOCK_CONNECTIONS");

	return n ? atol(n) : 10000;
}

/* Open and close; a RST leaves no TIME_WAIT, which would use up the ports. */
static void open_and_close(struct stage *s)
{
	struct linger now = { 1, 0 };
	long n = s->arg[3], i;

	for (i = 0; i < n; i++) {
		struct sockaddr_in to = {
			.sin_family = AF_INET, .sin_port = htons(s->arg[2]),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		};
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		char c;

		if (connect(fd, (struct sockaddr *)&to, sizeof(to))) {
			s->ret = -errno;
			return;
		}
		/* Half of them end in the ordinary way, the server first. */
		if (i % 2)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &now,
				   sizeof(now));
		else if (shutdown(fd, SHUT_WR) || read(fd, &c, 1))
			_exit(3);
		close(fd);
		s->counter++;
	}
	s->ret = 0;
}

/* A server that closes each connection when its client has, or was reset. */
static void serve(struct stage *s)
{
	int fd;
	char c;

	while ((fd = accept(s->arg[1], NULL, NULL)) >= 0) {
		s->counter++;
		if (read(fd, &c, 1) > 0)
			_exit(2);
		close(fd);
	}
	_exit(1);
}

static void connect_to_itself(struct stage *s)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	socklen_t len = sizeof(to);
	int l = socket(AF_INET, SOCK_STREAM, 0), i;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(l, (void *)&to, len) || listen(l, 16) ||
	    getsockname(l, (void *)&to, &len))
		_exit(1);
	s->ret = 0;
	for (i = 0; i < s->arg[1]; i++)
		if (connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&to, len) ||
		    accept(l, NULL, NULL) < 0)
			s->ret = -errno;
}

/* The last member leaves, its sockets stay open, and others need the CPU. */
TEST_F_TIMEOUT(probe, without_members_there_are_no_tags, 1500)
{
	struct actor *busy[2] = { actor(), actor() }, *late = actor();
	long n = connections() < 8000 ? 800 : 8000;
	int i;

	start(self->m, -1L, (long)connect_to_itself, n, 0L, 0L, 0L, 0L);
	/* so many connections take their time when emulated */
	for (i = 0; i < 60 && result(self->m); i++)
		;
	ASSERT_EQ(0, result(self->m));
	EXPECT_EQ(2 * n, count_rows(&self->g));
	START_FN(busy[0], spin);
	START_FN(busy[1], spin);
	ASSERT_EQ(0, put(sysfs(&self->g, "members"), "-%d", self->m->pid));
	EXPECT_TRUE(EVENTUALLY(!count_rows(&self->g)))
		TH_LOG("%d rows are left", count_rows(&self->g));
	ASSERT_EQ(0, join(&self->g, late));
	EXPECT_EQ(0, count_rows(&self->g));
	part(busy[0]);
	part(busy[1]);
	part(late);
}

/* As many as one wants, so the test itself sees whether it goes on. */
TEST_F_TIMEOUT(probe, connections_that_came_and_went_leave_no_tag, 36000)
{
	struct actor *server = member(&self->g);
	int fd = listener_at(server, AF_INET, NULL, 1024);
	int port = port_of(server, fd), names;
	long n = connections();
	unsigned long done;

	ASSERT_GE(fd, 0);
	ASSERT_LE(0, active_tags());
	start(server, -1L, (long)serve, (long)fd, 0L, 0L, 0L, 0L);
	start(self->m, -1L, (long)open_and_close, 0L, (long)port, n, 0L, 0L);
	do {
		done = self->m->stage->counter;
		if (is_done(self->m))
			break;
	} while (EVENTUALLY(self->m->stage->counter != done ||
			    is_done(self->m)));
	ASSERT_EQ(0, result(self->m));
	ASSERT_EQ(n, (long)self->m->stage->counter);
	/* A reset may overtake the end of its handshake: then there is nobody to accept. */
	ASSERT_TRUE(waits_in(server, SYS_accept));
	ASSERT_LE(n * 9 / 10, (long)server->stage->counter);

	/* Only those in TIME_WAIT's way are left, and these have no tag. */
	EXPECT_TRUE(EVENTUALLY(count_rows(&self->g) == 0))
		TH_LOG("%d rows are left", count_rows(&self->g));
	EXPECT_TRUE(EVENTUALLY(active_tags() <= 2 * SLAB_OF_TAGS))
		TH_LOG("%ld tags are left", active_tags());
	EXPECT_LE(n, stat_of(&self->g, "probe_tcp_connect_hits"));
	EXPECT_EQ(0, missed(&self->g, &names));
	part(server);
}

TEST_HARNESS_MAIN
