// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory runs out: each allocation of an operation fails in turn, by the kernel's
 * fault injection, until one run of it has needed no more of them. Whatever fails is
 * told, and has changed nothing; what has begun to change something succeeds.
 *
 * Where the kernel can, only what is called by the module fails. Elsewhere whatever
 * the system call allocates does. Leaks are found by kmemleak after the unload.
 */
#include <linux/sched.h>
#include <sys/stat.h>

#include "module_test.h"
#include "uring_test.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP	262
#endif

#define FAULTS		"/proc/thread-self/fail-nth"
#define DEBUGFS		"/sys/kernel/debug"

/* No operation allocates so often. */
#define MOST		1000

/* ---- what fails ---- */

/* Of the calling thread. */
static int faults_of_me(void)
{
	static int fd = -1;
	static pid_t owner;

	if (owner != gettid()) {
		owner = gettid();
		fd = open(FAULTS, O_RDWR | O_CLOEXEC);
	}
	return fd;
}

/* From now on the n-th allocation of this thread fails; 0: none. */
static void let_fail(int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", n);

	if (pwrite(faults_of_me(), text, len, 0) != len)
		ksft_exit_fail_msg("cannot let allocations fail\n");
}

/* How many would have to follow until one fails. From now on nothing fails. */
static int until_failure(void)
{
	char text[16] = "";

	if (pread(faults_of_me(), text, sizeof(text) - 1, 0) <= 0)
		ksft_exit_fail_msg("cannot tell how often something was allocated\n");
	let_fail(0);
	return atoi(text);
}

/* Did it come to that? */
static bool has_failed(void)
{
	return !until_failure();
}

/* An actor's call s->arg[2](s->arg[3] ...), whose s->arg[1]-th allocation fails. */
static void call_short_of_memory(struct stage *s)
{
	long ret;

	let_fail(s->arg[1]);
	ret = syscall(s->arg[2], s->arg[3], s->arg[4], s->arg[5]);
	s->ret = ret < 0 ? -errno : ret;
	s->counter = has_failed();
}

#define CALL_SHORT(a, n, nr, ...)	call_short(a, n, nr, ##__VA_ARGS__, 0L, 0L, 0L)

static long call_short(struct actor *a, int n, long nr, long a1, long a2,
		       long a3, ...)
{
	start(a, -1L, (long)call_short_of_memory, (long)n, nr, a1, a2, a3);
	return result(a);
}

/* Did it come to that in an actor's last call? */
static bool has_failed_in(struct actor *a)
{
	return a->stage->counter;
}

/* Where there is little time only every so manyth allocation fails, others each time. */
static int every(int few)
{
	return in_a_hurry() ? few : 1;
}

/* A run for each of these allocations, until one has come to its end without a failure. */
#define EACH_RUN_OF(n, failed, step) \
	for (n = 1 + time(NULL) % (step), failed = true; \
	     failed && n < MOST; n += (step))
#define EACH_RUN(n, failed)	EACH_RUN_OF(n, failed, 1)

/* ---- whose allocations fail ---- */

/* Less than there is between the kernel and its modules, of which it is the only one. */
#define LEEWAY		(1UL << 24)

static int set_attribute(const char *of, const char *name, const char *value)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DEBUGFS "/%s/%s", of, name);
	return write_file(path, value, strlen(value));
}

/* Where the module's code is, and will be if it is loaded again. */
static void find_code(unsigned long *first, unsigned long *last)
{
	char *line, *rest = slurp("/proc/kallsyms");
	unsigned long at;
	char kind;

	*first = ULONG_MAX;
	*last = 0;
	while ((line = strsep(&rest, "\n"))) {
		if (!strstr(line, "\t[extsock]") ||
		    sscanf(line, "%lx %c", &at, &kind) != 2 ||
		    (kind != 't' && kind != 'T'))
			continue;
		if (at < *first)
			*first = at;
		if (at > *last)
			*last = at;
	}
	*first -= LEEWAY;
	*last += LEEWAY;
}

/* From a function of the kernel's to the next one; the list is in order. */
static bool find_function(const char *name, unsigned long *first,
			  unsigned long *last)
{
	char *text = slurp("/proc/kallsyms"), *at = strstr(text, name);

	while (at && at > text && at[-1] != '\n')
		at--;
	return at && sscanf(at, "%lx %*c %*s %lx", first, last) == 2;
}

static void set_range(const char *of, const char *which, unsigned long first,
		      unsigned long last)
{
	char name[32], text[32];

	snprintf(name, sizeof(name), "%s-start", which);
	snprintf(text, sizeof(text), "0x%lx", first);
	set_attribute(of, name, text);
	snprintf(name, sizeof(name), "%s-end", which);
	snprintf(text, sizeof(text), "0x%lx", last);
	set_attribute(of, name, text);
}

/*
 * Sleeping allocations fail, too, and nobody writes to the log. But there is memory for
 * slab caches: the kernel takes it for a mistake in itself if there is none.
 */
static void aim_at_module(const char *of)
{
	unsigned long first, last;

	set_attribute(of, "verbose", "0");
	set_attribute(of, "ignore-gfp-wait", "N");
	set_attribute(of, "ignore-gfp-highmem", "N");
	set_attribute(of, "min-order", "0");
	if (set_attribute(of, "stacktrace-depth", "32"))
		return;
	find_code(&first, &last);
	set_range(of, "require", first, last);
	if (find_function(" __kmem_cache_create_args\n", &first, &last))
		set_range(of, "reject", first, last);
}

/* ---- what must be as it was ---- */

/* A group with one of each of what a census and a gate allocate something for. */
FIXTURE(fault)
{
	struct group g;
	struct actor *owner;
	struct actor *other;
	struct pair internal;
	struct pair external;
	struct pair multipath;
	struct pair fixed;
	int far;
	int unix_external[2];
	int listener;
	int queued;
	int unix_listener;
	int unix_queued;
	int carrier[2];
	struct long_drain l;
};

static struct pair multipath_connection(struct actor *client)
{
	struct pair p;
	int port;

	p.listener = listener_by(OUTSIDE, IPPROTO_MPTCP, AF_INET, NULL, 16);
	port = port_of(OUTSIDE, p.listener);
	p.client = CALL(client, SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	p.server = connect_fd(client, p.client, AF_INET, NULL, port) ? -1 :
		   accept_from(OUTSIDE, p.listener);
	return p;
}

/* One that the client's ring alone has: what is known of it is its tag. */
static struct pair fixed_connection(struct actor *client)
{
	struct pair p = connection(client, OUTSIDE, AF_INET);
	struct order *o = order_of(client);

	if (by_ring(client, set_up))
		return (struct pair){ -1, -1, -1 };
	o->fd = p.client;
	o->slot = 0;
	if (by_ring(client, ring_register) != 1 ||
	    CALL(client, SYS_close, p.client))
		p.server = -1;
	return p;
}

FIXTURE_SETUP(fault)
{
	if (!is_there("/sys/module/extsock"))
		ASSERT_EQ(0, load());
	aim_at_module("failslab");
	aim_at_module("fail_page_alloc");
	make_group(&self->g, "fault");
	self->owner = member(&self->g);
	self->other = member(&self->g);
	self->internal = connection(self->owner, self->other, AF_INET);
	self->external = connection(self->owner, OUTSIDE, AF_INET6);
	self->multipath = multipath_connection(self->owner);
	self->fixed = fixed_connection(self->owner);
	self->far = unix_server(OUTSIDE, SOCK_STREAM);
	self->unix_external[0] = client_of(self->owner, OUTSIDE, self->far);
	self->unix_external[1] = accept_from(OUTSIDE, self->far);
	self->listener = listener(self->owner, AF_INET);
	self->queued = client_of(OUTSIDE, self->owner, self->listener);
	self->unix_listener = unix_server(self->owner, SOCK_STREAM);
	self->unix_queued = client_of(OUTSIDE, self->owner, self->unix_listener);
	ASSERT_EQ(0, CALL(self->owner, SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0,
			  buf_of(self->owner)));
	memcpy(self->carrier, buf_of(self->owner), sizeof(self->carrier));
	ASSERT_TRUE(send_fd(self->owner, self->carrier[0],
			    self->external.client));
	ASSERT_LE(0, self->multipath.server);
	ASSERT_LE(0, self->fixed.server);
	ASSERT_LE(0, self->queued);
	ASSERT_LE(0, self->unix_queued);
}

FIXTURE_TEARDOWN(fault)
{
	let_fail(0);
	close(self->external.server);
	close(self->external.listener);
	close(self->multipath.server);
	close(self->multipath.listener);
	close(self->fixed.server);
	close(self->fixed.listener);
	close(self->unix_external[1]);
	close(self->far);
	close(self->queued);
	close(self->unix_queued);
	part(self->owner);
	part(self->other);
	EXPECT_TRUE(drop_group(&self->g));
}

#define ASSERT_UNTOUCHED() do {						\
	ASSERT_TRUE(state_is(&self->g, "running"));			\
	ASSERT_TRUE(carries(self->owner, self->internal.client,		\
			    self->other, self->internal.server));	\
	ASSERT_TRUE(carries(self->owner, self->external.client,		\
			    OUTSIDE, self->external.server));		\
	ASSERT_TRUE(carries(self->owner, self->multipath.client,	\
			    OUTSIDE, self->multipath.server));		\
	ASSERT_EQ(POLLOUT, poll_fd(OUTSIDE, self->fixed.server));	\
	ASSERT_TRUE(carries(self->owner, self->unix_external[0],	\
			    OUTSIDE, self->unix_external[1]));		\
	ASSERT_TRUE(poll_fd(self->owner, self->listener) & POLLIN);	\
	ASSERT_TRUE(poll_fd(self->owner, self->unix_listener) & POLLIN);\
	ASSERT_EQ(0, error_of(OUTSIDE, self->queued));			\
	ASSERT_EQ(0, error_of(OUTSIDE, self->unix_queued));		\
} while (0)

/* That came, after at least so many. */
#define ASSERT_ALL_FAILED(n, failed, least) do {			\
	TH_LOG("%d allocations", n - 2);				\
	ASSERT_FALSE(failed);						\
	ASSERT_LE(least, n - 2);					\
} while (0)

/* ---- the module ---- */


/* What is left behind, probes for example, would run where there is no code any more. */
TEST_F_TIMEOUT(fault, module_is_loaded_or_leaves_nothing, 1800)
{
	int step = every(25), n;
	bool failed;
	long err;

	if (access(DEBUGFS "/failslab/require-start", F_OK))
		SKIP(return, "whatever loads a module would fail here");
	ASSERT_TRUE(can_look());
	part(self->owner);
	part(self->other);
	ASSERT_TRUE(drop_group(&self->g));
	ASSERT_TRUE(goes());
	EACH_RUN_OF(n, failed, step) {
		let_fail(n);
		err = load();
		failed = has_failed();
		ASSERT_TRUE(!err || err == -ENOMEM)
			TH_LOG("%d: %s", n, strerror(-err));
		ASSERT_TRUE(err ? nothing_is_left() : goes()) TH_LOG("%d", n);
	}
	ASSERT_EQ(0, err);
	ASSERT_ALL_FAILED(n + 1 - step, failed, 30);
	ASSERT_EQ(0, load());
	make_group(&self->g, "fault");
}

/* ---- groups, members, lists ---- */

static bool exists(const struct group *g)
{
	return !access(sysfs(g, ""), F_OK) || !access(procfs(g, ""), F_OK) ||
	       strstr(slurp(EXTSOCK_SYSFS_ROOT "/groups"), g->name);
}

TEST_F_TIMEOUT(fault, group_is_made_or_not, 600)
{
	struct group g = { "made" };
	bool failed;
	int n, err;

	EACH_RUN(n, failed) {
		let_fail(n);
		err = groups("+%s", g.name);
		failed = has_failed();
		if (err) {
			ASSERT_EQ(-ENOMEM, err);
			ASSERT_FALSE(exists(&g));
			continue;
		}
		ASSERT_STREQ(EXTSOCK_RULES_DEFAULT, slurp(procfs(&g, "rules")));
		ASSERT_EQ(0, groups("-%s", g.name));
	}
	ASSERT_EQ(0, err);
	ASSERT_ALL_FAILED(n, failed, 5);
}

static bool has_probes(void)
{
	return strstr(slurp(DEBUGFS "/kprobes/list"), "security_sock_graft");
}

/* The first member of all, with whom the probes come. */
TEST_F_TIMEOUT(fault, first_member_joins_or_not, 600)
{
	struct actor *a = actor();
	bool failed;
	int n, err;

	part(self->owner);
	part(self->other);
	EACH_RUN(n, failed) {
		ASSERT_TRUE(EVENTUALLY(!has_probes()));
		let_fail(n);
		err = join(&self->g, a);
		failed = has_failed();
		ASSERT_LT(0, CALL(a, SYS_getppid));
		ASSERT_EQ(!err, is_member(&self->g, a->pid));
		ASSERT_TRUE(!err || err == -ENOMEM)
			TH_LOG("%d: %s", n, strerror(-err));
		if (!err)
			ASSERT_EQ(0, put(sysfs(&self->g, "members"), "-%d",
					 a->pid));
	}
	ASSERT_EQ(0, err);
	ASSERT_ALL_FAILED(n, failed, 5);
	part(a);
}

TEST_F_TIMEOUT(fault, list_of_rules_is_replaced_or_not, 600)
{
	static char lists[2][30000];
	int n, i, now = 0, err;
	bool failed;

	/* Of several pages, and in canonical form. */
	for (i = 0; i < 1000; i++) {
		sprintf(lists[0] + strlen(lists[0]), "keep tcp port %d\n", i + 1);
		sprintf(lists[1] + strlen(lists[1]), "wait udp port %d\n", i + 1);
	}
	ASSERT_EQ(0, set_rules(&self->g, lists[now]));
	EACH_RUN(n, failed) {
		let_fail(n);
		err = set_rules(&self->g, lists[!now]);
		failed = has_failed();
		ASSERT_TRUE(!err || err == -ENOMEM)
			TH_LOG("%d: %s", n, strerror(-err));
		if (!err)
			now = !now;
		ASSERT_STREQ(lists[now], slurp(procfs(&self->g, "rules")));
	}
	ASSERT_EQ(0, err);
	ASSERT_ALL_FAILED(n, failed, 3);
}

/* A file's text from its beginning to its end, or -1. */
static ssize_t read_whole(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got, len = 0;

	if (fd < 0)
		return -1;
	while ((got = read(fd, text + len, size - len)) > 0)
		len += got;
	close(fd);
	return got < 0 ? -1 : len;
}

TEST_F_TIMEOUT(fault, files_are_read_whole_or_not_at_all, 600)
{
	const char *const paths[] = {
		strdup(procfs(&self->g, "sockets")),
		strdup(procfs(&self->g, "rules")),
		strdup(procfs(&self->g, "stats")),
		strdup(sysfs(&self->g, "members")),
		strdup(sysfs(&self->g, "state")),
		EXTSOCK_SYSFS_ROOT "/groups",
	};
	static char text[65536], again[65536];
	unsigned int i;
	int n, all = 0;
	bool failed;
	ssize_t len;

	/* Then what they say does not change. */
	FREEZE();
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		len = read_whole(paths[i], text, sizeof(text));
		ASSERT_LT(0, len);
		EACH_RUN(n, failed) {
			ssize_t got;

			let_fail(n);
			got = read_whole(paths[i], again, sizeof(again));
			failed = has_failed();
			if (got < 0)
				continue;
			ASSERT_EQ(len, got);
			ASSERT_EQ(0, memcmp(text, again, len));
		}
		ASSERT_FALSE(failed);
		all += n - 2;
	}
	TH_LOG("%d allocations", all);
	ASSERT_LE(3, all);
	ASSERT_EQ(0, command(&self->g, "thaw keep"));
}

/* ---- freezes ---- */

TEST_F_TIMEOUT(fault, freeze_succeeds_or_is_undone, 900)
{
	struct drain d;
	bool failed;
	int n, rows;

	FREEZE();
	rows = count_rows(&self->g);
	ASSERT_STREQ("external", class_of(&self->g, self->owner,
					  self->multipath.client));
	ASSERT_STREQ("shared", column_of(&self->g, 0, -1, "class"));
	ASSERT_EQ(0, command(&self->g, "thaw keep"));
	EACH_RUN(n, failed) {
		d.fd = open(procfs(&self->g, "control"), O_RDWR | O_CLOEXEC);
		strcpy(d.text, "freeze");
		let_fail(n);
		give_command(&d);
		failed = has_failed();
		close(d.fd);
		ASSERT_TRUE(!d.err || d.err == -ENOMEM)
			TH_LOG("%d: %s", n, strerror(-d.err));
		/* The first is for the command itself, which has not begun. */
		if (d.err)
			ASSERT_TRUE(strstr(d.said, n > 1 ? "the group runs" :
							   "out of memory"))
				TH_LOG("%d: \"%s\"", n, d.said);
		if (!d.err) {
			ASSERT_TRUE(state_is(&self->g, "frozen"));
			ASSERT_EQ(rows, count_rows(&self->g));
			ASSERT_EQ(0, control(&self->g, "thaw keep"));
		}
		ASSERT_UNTOUCHED();
	}
	ASSERT_EQ(0, d.err);
	ASSERT_ALL_FAILED(n, failed, 20);
}

/* Nobody is held back any more. */
static bool passes_freely(struct actor *a)
{
	struct pair p = connection(a, OUTSIDE, AF_INET);
	bool free = p.server >= 0 && carries(a, p.client, OUTSIDE, p.server);

	CALL(a, SYS_close, p.client);
	close(p.server);
	close(p.listener);
	return free;
}

TEST_F_TIMEOUT(fault, drain_goes_on_or_is_undone, 900)
{
	int step = every(6), n, err;
	bool failed;

	EACH_RUN_OF(n, failed, step) {
		let_fail(n);
		err = control(&self->g, "freeze policy=wait wait_ms=1");
		failed = has_failed();
		ASSERT_TRUE(err == -ENOMEM || err == -ETIMEDOUT)
			TH_LOG("%d: %s", n, strerror(-err));
		ASSERT_UNTOUCHED();
		ASSERT_TRUE(passes_freely(self->owner));
	}
	ASSERT_EQ(-ETIMEDOUT, err);
	ASSERT_ALL_FAILED(n + 1 - step, failed, 25);
}

/* Until the counter says that it is over, or the group waits for this port. */
static void await_wait(struct stage *s, const struct group *g, int port)
{
	char to[16];

	snprintf(to, sizeof(to), ":%d ", port);
	while (!s->counter &&
	       !(waits(g) && strstr(slurp(procfs(g, "sockets")), to)))
		usleep(1000);
}

/**
 * struct change - what change_over() is told, in the actor's buffer
 * @g: the group
 * @fd: a descriptor that the group is going to wait for
 * @over: where an outsider has sent another one
 * @first: the port that @fd leads to
 * @second: and the other one
 */
struct change {
	struct group g;
	int fd;
	int over;
	int first;
	int second;
};

static struct change *change_of(struct stage *s)
{
	return (struct change *)(s->buf + 8192);
}

/* Take the other one and close the first, for which the group waits; then let it go. */
static void change_over(struct stage *s)
{
	const struct change *c = change_of(s);
	struct actor me = { .stage = s };
	struct msghdr *msg = message(&me);

	await_wait(s, &c->g, c->first);
	s->ret = -1;
	if (recvmsg(c->over, msg, 0) == 1 && CMSG_FIRSTHDR(msg))
		memcpy(&s->ret, CMSG_DATA(CMSG_FIRSTHDR(msg)), sizeof(int));
	close(c->fd);
	await_wait(s, &c->g, c->second);
	/* It may be about to need something more. */
	usleep(50000);
	if (!s->counter)
		control(&c->g, "thaw");
}

TEST_F_TIMEOUT(fault, next_round_goes_on_or_is_undone, 1800)
{
	int first = listener(OUTSIDE, AF_INET), second = listener(OUTSIDE, AF_INET);
	struct change *c = change_of(self->other->stage);
	int mine[2], ends[2], step = every(6), fd, n, err;
	long long drains = 0;
	char rules[128];
	bool failed;

	c->g = self->g;
	c->first = port_of(OUTSIDE, first);
	c->second = port_of(OUTSIDE, second);
	snprintf(rules, sizeof(rules), "wait tcp port %d\nwait tcp port %d\nkeep any\n",
		 c->first, c->second);
	ASSERT_EQ(0, set_rules(&self->g, rules));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, mine));
	c->over = pass_fd(self->other, mine[0]);
	EACH_RUN_OF(n, failed, step) {
		c->fd = client_of(self->other, OUTSIDE, first);
		ends[0] = accept_from(OUTSIDE, first);
		self->other->stage->counter = 0;
		START_FN(self->other, change_over);
		fd = client_of(OUTSIDE, OUTSIDE, second);
		ends[1] = accept_from(OUTSIDE, second);
		ASSERT_TRUE(send_fd(OUTSIDE, mine[1], fd));
		close(fd);

		drains = stat_of(&self->g, "drains");
		let_fail(n);
		err = control(&self->g, "freeze");
		failed = has_failed();
		ASSERT_TRUE(err == -ENOMEM || err == -EINTR)
			TH_LOG("%d: %s", n, strerror(-err));
		drains = stat_of(&self->g, "drains") - drains;
		/* One that was too slow for a second round tells nothing. */
		failed |= drains < 2;

		self->other->stage->counter = 1;
		fd = result(self->other);
		ASSERT_TRUE(carries(self->other, fd, OUTSIDE, ends[1]));
		ASSERT_EQ(0, CALL(self->other, SYS_close, fd));
		/* Nobody has kept a reference. */
		ASSERT_EQ(0, receive(OUTSIDE, ends[0]));
		ASSERT_EQ(0, receive(OUTSIDE, ends[1]));
		close(ends[0]);
		close(ends[1]);
		ASSERT_UNTOUCHED();
		ASSERT_TRUE(passes_freely(self->owner));
	}
	ASSERT_EQ(-EINTR, err);
	ASSERT_EQ(2, drains);
	ASSERT_ALL_FAILED(n + 1 - step, failed, 30);
	close(mine[0]);
	close(mine[1]);
	close(first);
	close(second);
}

/* ---- thaws ---- */

/* How often a command allocates that is not carried out. */
static int allocations_of_text(int control)
{
	let_fail(MOST);
	if (write(control, "thaw", 4) >= 0)
		return -1;
	return MOST - until_failure();
}

/*
 * The command itself is all that there must be memory for. Pages are left out: what
 * watches the kernel's memory needs some of its own, now and then.
 */
TEST_F(fault, thaw_needs_no_memory)
{
	int fd = open(procfs(&self->g, "control"), O_RDWR | O_CLOEXEC), i;
	int text;

	ASSERT_EQ(0, set_attribute("fail_page_alloc", "min-order", "20"));
	text = allocations_of_text(fd);
	ASSERT_LT(0, text);
	ASSERT_EQ(0, set_rules(&self->g, "reset unix\nkeep any\n"));
	FREEZE();
	let_fail(1);
	ASSERT_EQ(-1, write(fd, "thaw", 4));
	ASSERT_EQ(ENOMEM, errno);
	ASSERT_TRUE(has_failed());
	ASSERT_TRUE(state_is(&self->g, "frozen"));
	ASSERT_EQ(0, control(&self->g, "thaw keep"));
	ASSERT_UNTOUCHED();
	for (i = 0; i < 5; i++) {
		int client = client_of(self->owner, OUTSIDE, self->far);
		int server = accept_from(OUTSIDE, self->far);

		ASSERT_LE(0, server);
		FREEZE();
		let_fail(text + 1);
		ASSERT_EQ(4, write(fd, "thaw", 4));
		EXPECT_FALSE(has_failed()) TH_LOG("%d: more than %d", i, text);
		ASSERT_TRUE(state_is(&self->g, "running"));
		ASSERT_EQ(-ECONNRESET, receive(self->owner, client));
		ASSERT_EQ(0, CALL(self->owner, SYS_close, client));
		close(server);
	}
	ASSERT_EQ(-ECONNRESET, receive(self->owner, self->unix_external[0]));
	close(fd);
}

/* Sockets of all kinds that are reset, made anew for each thaw. */
struct victims {
	struct pair tcp;
	int far;
	int client;
	int server;
	int queued;
};

static struct victims victims_of(struct actor *a, int listener)
{
	struct victims v;

	v.tcp = connection(a, OUTSIDE, AF_INET);
	v.far = unix_server(OUTSIDE, SOCK_SEQPACKET);
	v.client = client_of(a, OUTSIDE, v.far);
	v.server = accept_from(OUTSIDE, v.far);
	v.queued = client_of(OUTSIDE, a, listener);
	return v;
}

/* All of them are reset as the owner sees it, and as the others are told. */
static bool are_reset(struct victims *v, struct actor *a, int listener)
{
	int child = accept_from(a, listener);
	bool reset = receive(a, v->tcp.client) == -ECONNRESET &&
		     receive(a, v->client) == -ECONNRESET &&
		     receive(a, child) == -ECONNRESET &&
		     receive(OUTSIDE, v->server) == -ECONNRESET;

	CALL(a, SYS_close, v->tcp.client);
	CALL(a, SYS_close, v->client);
	CALL(a, SYS_close, child);
	close(v->tcp.server);
	close(v->tcp.listener);
	close(v->far);
	close(v->server);
	close(v->queued);
	return reset;
}

/* Where there is no memory for a RST the peer gets none, as ever. */
TEST_F_TIMEOUT(fault, thaw_resets_all_the_same, 900)
{
	int l = listener(self->owner, AF_INET), fd, n;
	struct victims v;
	bool failed;
	ssize_t ret;

	fd = open(procfs(&self->g, "control"), O_RDWR | O_CLOEXEC);
	EACH_RUN(n, failed) {
		v = victims_of(self->owner, l);
		ASSERT_EQ(0, command(&self->g, "freeze policy=reset"));
		let_fail(n);
		ret = write(fd, "thaw", 4);
		failed = has_failed();
		if (ret < 0) {
			ASSERT_EQ(1, n);
			THAW();
		}
		ASSERT_TRUE(state_is(&self->g, "running"));
		ASSERT_TRUE(are_reset(&v, self->owner, l)) TH_LOG("%d", n);
		ASSERT_TRUE(carries(self->owner, self->internal.client,
				    self->other, self->internal.server));
	}
	ASSERT_ALL_FAILED(n, failed, 1);
	close(fd);
}

/* ---- what members do ---- */

/* The owner's sockets, tagged or not. */
#define EXPECT_FOUND_AND_RESET(fds, nr) do {				\
	int i_;								\
									\
	FREEZE();							\
	for (i_ = 0; i_ < (nr); i_++)					\
		EXPECT_STREQ("external",				\
			     class_of(&self->g, self->owner, (fds)[i_]));\
	THAW();								\
	for (i_ = 0; i_ < (nr); i_++)					\
		EXPECT_EQ(-ECONNRESET, receive(self->owner, (fds)[i_]));\
} while (0)

/* A socket that could not be tagged is found all the same. */
TEST_F_TIMEOUT(fault, what_members_connect_is_found, 600)
{
	int l = listener_at(OUTSIDE, AF_INET, NULL, 1024), fds[MOST], nr = 0;
	socklen_t len;
	bool failed;
	long err;
	int n;

	EACH_RUN(n, failed) {
		fds[nr] = CALL(self->owner, SYS_socket, AF_INET, SOCK_STREAM, 0);
		len = address_of(OUTSIDE, l, self->owner);
		err = CALL_SHORT(self->owner, n, SYS_connect, (long)fds[nr],
				 (long)buf_of(self->owner), (long)len);
		failed = has_failed_in(self->owner);
		if (!err)
			nr++;
		else
			ASSERT_EQ(0, CALL(self->owner, SYS_close, fds[nr]));
	}
	ASSERT_ALL_FAILED(n, failed, 1);
	EXPECT_FOUND_AND_RESET(fds, nr);
	close(l);
}

TEST_F_TIMEOUT(fault, what_members_accept_is_found, 600)
{
	int l = listener(self->owner, AF_INET), fds[MOST], nr = 0, client;
	bool failed;
	int n;

	client = client_of(OUTSIDE, self->owner, l);
	EACH_RUN(n, failed) {
		long fd = CALL_SHORT(self->owner, n, SYS_accept, (long)l, 0L, 0L);

		failed = has_failed_in(self->owner);
		if (fd < 0)
			continue;
		fds[nr++] = fd;
		/* It stays open: with the test's end it goes. */
		client = client_of(OUTSIDE, self->owner, l);
		ASSERT_LE(0, client);
	}
	ASSERT_ALL_FAILED(n, failed, 1);
	EXPECT_FOUND_AND_RESET(fds, nr);
}

/* While the group drains: each connection is held, or is waited for. */
TEST_F_TIMEOUT(fault, what_passes_the_gate_is_waited_for, 600)
{
	int l = listener_at(OUTSIDE, AF_INET, NULL, 1024), fds[MOST], nr = 0, i;
	int passed = 0, n;
	long long rounds;
	socklen_t len;
	bool failed;

	/* It would be waited for as well. */
	ASSERT_EQ(0, CALL(self->owner, SYS_close, self->multipath.client));
	ASSERT_EQ(0, set_rules(&self->g, "wait tcp to 127.0.0.1\nkeep any\n"));
	self->l.owner = self->other;
	ASSERT_TRUE(begin_long_drain(&self->l, &self->g, self->other, "freeze"));
	EACH_RUN(n, failed) {
		fds[nr] = CALL(self->owner, SYS_socket, AF_INET,
			       SOCK_STREAM | SOCK_NONBLOCK, 0);
		len = address_of(OUTSIDE, l, self->owner);
		CALL_SHORT(self->owner, n, SYS_connect, (long)fds[nr],
			   (long)buf_of(self->owner), (long)len);
		failed = has_failed_in(self->owner);
		nr++;
	}
	ASSERT_ALL_FAILED(n, failed, 1);
	msleep(100);
	/* The last one, for which there was memory, is held. */
	ASSERT_EQ(TCP_SYN_SENT, info_of(self->owner, fds[nr - 1])->tcpi_state);
	rounds = stat_of(&self->g, "drains");
	CALL(self->other, SYS_close, self->l.last.client);
	ASSERT_TRUE(EVENTUALLY(stat_of(&self->g, "drains") > rounds));
	ASSERT_TRUE(drains(&self->l.d, &self->g));
	for (i = 0; i < nr; i++) {
		if (info_of(self->owner, fds[i])->tcpi_state != TCP_ESTABLISHED)
			continue;
		passed++;
		ASSERT_STREQ("wait", column_of(&self->g, self->owner->pid,
					       fds[i], "action"));
		ASSERT_EQ(0, CALL(self->owner, SYS_shutdown, fds[i], SHUT_RDWR));
		START(self->owner, SYS_close, fds[i]);
		EVENTUALLY(is_done(self->owner) || self->l.d.over);
	}
	ASSERT_LT(0, passed);
	ASSERT_EQ(0, end_of(&self->l.d));
	forget(&self->l);
	THAW();
	close(l);
}

/*
 * An actor's fork(), whose s->arg[1]-th allocation fails. There is a kernel stack for
 * the child, that of one before on this CPU: 6.1 tells of a want of those with a trace.
 */
static void fork_short_of_memory(struct stage *s)
{
	cpu_set_t first;
	long pid;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sched_setaffinity(0, sizeof(first), &first);
	pid = fork();
	if (!pid)
		_exit(0);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid) {
		s->ret = -ECHILD;
		return;
	}
	/* It has still to leave that stack. */
	usleep(10000);
	let_fail(s->arg[1]);
	pid = syscall(SYS_fork);
	while (!pid)
		pause();
	s->ret = pid < 0 ? -errno : pid;
	s->counter = has_failed();
}

/* A child is a member, or there is none. */
TEST_F_TIMEOUT(fault, children_are_members, 600)
{
	int children[MOST], nr = 0, n, i;
	bool failed;

	EACH_RUN(n, failed) {
		long pid;

		start(self->owner, -1L, (long)fork_short_of_memory, (long)n, 0L, 0L,
		      0L, 0L);
		pid = result(self->owner);
		ASSERT_NE(-ECHILD, pid);
		failed = has_failed_in(self->owner);
		if (pid < 0)
			continue;
		children[nr++] = pid;
		ASSERT_TRUE(is_member(&self->g, pid));
	}
	ASSERT_ALL_FAILED(n, failed, 1);
	ASSERT_EQ(0, stat_of(&self->g, "lost"));
	FREEZE();
	for (i = 0; i < nr; i++)
		kill(children[i], SIGKILL);
	THAW();
	EXPECT_TRUE(EVENTUALLY(count_members(&self->g) == 2));
}

/* More than the module keeps members in reserve for. */
#define CHILDREN	80

static long fork_to_pause(void)
{
	long pid = syscall(SYS_fork);

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

/*
 * An actor's children, who live as long as it does. Each of them lacks the same
 * allocation: of those that a fork makes the last one, if s->arg[1] is 0, or that many
 * before it.
 */
static void fork_many_short_of_memory(struct stage *s)
{
	int i, last;

	let_fail(MOST);
	fork_to_pause();
	last = MOST - until_failure();
	for (i = 0; i < CHILDREN; i++) {
		let_fail(last - s->arg[1]);
		fork_to_pause();
		let_fail(0);
	}
	s->ret = last;
}

/* The group cannot be frozen until it has been empty, and says why. */
TEST_F_TIMEOUT(fault, children_who_are_no_members_are_in_the_way, 600)
{
	struct drain d = { .text = "freeze" };
	long last, back;

	/* Who becomes a member does so at the end. */
	for (back = 0, last = 1; back < last && !stat_of(&self->g, "lost"); back++) {
		start(self->owner, -1L, (long)fork_many_short_of_memory, back, 0L,
		      0L, 0L, 0L);
		last = result(self->owner);
		ASSERT_LT(0, last);
	}
	TH_LOG("%lld lost, %ld before the last of %ld allocations",
	       stat_of(&self->g, "lost"), back - 1, last);
	ASSERT_LT(0, stat_of(&self->g, "lost"));
	d.fd = open(procfs(&self->g, "control"), O_RDWR | O_CLOEXEC);
	give_command(&d);
	EXPECT_EQ(-ENOMEM, d.err);
	EXPECT_EQ(0, strncmp(d.said, "a child could not become a member ", 34))
		TH_LOG("\"%s\"", d.said);
	ASSERT_UNTOUCHED();
	/* All children have gone, but one who has been there is left. */
	part(self->owner);
	EXPECT_TRUE(EVENTUALLY(count_members(&self->g) == 1));
	EXPECT_EQ(-ENOMEM, control(&self->g, "freeze"));
	part(self->other);
	EXPECT_TRUE(EVENTUALLY(!count_members(&self->g)));
	self->owner = member(&self->g);
	self->other = member(&self->g);
	FREEZE();
	THAW();
	close(d.fd);
}

#undef TEST_HARNESS_MAIN
static void __attribute__((constructor)) __constructor_order_last(void)
{
	if (!__constructor_order)
		__constructor_order = _CONSTRUCTOR_ORDER_BACKWARD;
}

int main(int argc, char **argv)
{
	if (access(FAULTS, F_OK))
		ksft_exit_skip("the kernel has no fault injection\n");
	return test_harness_run(argc, argv);
}
