/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests share: groups, and actors that do system calls when told.
 *
 * An actor is a process that a test tells which system call to make. It takes
 * its orders through shared memory, so it owns no socket but those of the test.
 * OUTSIDE in place of an actor is the test itself, which is never a member.
 */
#ifndef EXTSOCK_TEST_H
#define EXTSOCK_TEST_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/extsock.h>

#include "kselftest_harness.h"

/* The harness's own 30 s are too little for an emulated debug kernel. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	120

#define UNUSED	__attribute__((unused))

/*
 * With EXTSOCK_ONLY=TEST in the environment only the tests of this name run.
 * Newer harnesses have an option for that, that of Linux 6.1 has not.
 */
static void select_tests(const char *only)
{
	struct __fixture_metadata *f;
	struct __test_metadata *t, *next;

	for (f = __fixture_list; f; f = f->next) {
		t = f->tests;
		f->tests = NULL;
		for (; t; t = next) {
			next = t->next;
			if (!strcmp(only, t->name))
				__register_test(t);
		}
	}
}

/*
 * A program that defines COMMON_TESTS runs all of its tests for the first variant
 * of a fixture, and so many, those that come first, for the others; with
 * EXTSOCK_VARIANTS in the environment all for all (all), or just a few for the first
 * one (few). Of other programs few are all for the first one, and a few for the others.
 */
#ifndef COMMON_TESTS
#define COMMON_TESTS	INT_MAX
#endif
#define FEW_TESTS	5

static void limit_tests(struct __fixture_metadata *f)
{
	struct __test_metadata *t = f->tests;
	int n;

	if (f->variant)
		f->variant->next = NULL;
	for (n = 1; t && n < FEW_TESTS; n++)
		t = t->next;
	if (!t)
		return;
	t->next = NULL;
	f->tests->prev = t;
}

/* The first one has all tests, the others the first @common ones. */
static void limit_variants(struct __fixture_metadata *f, int common)
{
	struct __fixture_metadata *others = malloc(sizeof(*others));
	struct __test_metadata *t, *copy;
	int n;

	*others = *f;
	others->variant = f->variant->next;
	others->tests = NULL;
	f->variant->next = NULL;
	for (n = 0, t = f->tests; t && n < common; n++, t = t->next) {
		copy = malloc(sizeof(*copy));
		*copy = *t;
		copy->fixture = others;
		copy->next = NULL;
		__register_test(copy);
	}
	f->next = others;
}

static int run_selected(int argc, char **argv)
{
	const char *only = getenv("EXTSOCK_ONLY");
	const char *variants = getenv("EXTSOCK_VARIANTS") ?: "some";
	bool few = !strcmp(variants, "few"), many = COMMON_TESTS < INT_MAX;
	int common = few && !many ? FEW_TESTS : COMMON_TESTS;
	struct __fixture_metadata *f, *next;

	if (only)
		select_tests(only);
	for (f = __fixture_list; f && common < INT_MAX; f = next) {
		next = f->next;
		if (only || !strcmp(variants, "all"))
			break;
		if (few && many)
			limit_tests(f);
		else if (f->variant && f->variant->next)
			limit_variants(f, common);
	}
	return test_harness_run(argc, argv);
}

/* For TEST_HARNESS_MAIN. */
#define test_harness_run	run_selected

/* Is there little time? */
UNUSED static bool in_a_hurry(void)
{
	return !strcmp(getenv("EXTSOCK_VARIANTS") ?: "", "few");
}

/* A number that is told by the environment. */
UNUSED static int number(const char *name, int or_else)
{
	const char *text = getenv(name);

	return text ? atoi(text) : or_else;
}

/* Everything that should happen happens within this time, even emulated. */
#define PATIENCE_MS	20000

/**
 * struct stage - what an actor shares with its test
 * @order: raised by the test for each order; a futex
 * @done: equal to @order when it is carried out
 * @nr: the system call
 * @arg: its arguments
 * @ret: its result or -errno
 * @counter: raised by whoever spins in the actor
 * @sigpipes: how many SIGPIPE came
 * @buf: for what the arguments point to
 */
struct stage {
	_Atomic int order;
	_Atomic int done;
	long nr;
	long arg[6];
	long ret;
	_Atomic unsigned long counter;
	_Atomic int sigpipes;
	char buf[65536];
};

struct actor {
	pid_t pid;
	struct stage *stage;
};

#define OUTSIDE	((struct actor *)NULL)

static struct stage *own_stage;

UNUSED static void msleep(unsigned int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

UNUSED static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* True as soon as the condition is, false if it does not come true. */
#define EVENTUALLY(condition) ({					\
	long until_ = now_ms() + PATIENCE_MS;				\
	bool true_;							\
	while (!(true_ = (condition)) && now_ms() < until_)		\
		msleep(5);						\
	true_;								\
})

/* ---- files ---- */

UNUSED static int write_file(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, len) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

UNUSED static int put(const char *path, const char *fmt, ...)
{
	char text[512];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return write_file(path, text, len);
}

/* The text of a file, in a buffer that the next call uses again. */
UNUSED static char *slurp(const char *path)
{
	static char *text;
	static size_t size;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got;

	if (!size) {
		size = 32 << 20;
		text = malloc(size);
	}
	while (fd >= 0 && (got = read(fd, text + len, size - len - 1)) > 0)
		len += got;
	if (fd >= 0)
		close(fd);
	text[len] = '\0';
	return text;
}

/* ---- groups ---- */

struct group {
	char name[EXTSOCK_NAME_MAX + 1];
};

UNUSED static char *sysfs(const struct group *g, const char *file)
{
	static char path[2][PATH_MAX];
	static int turn;

	turn = !turn;
	snprintf(path[turn], PATH_MAX, "%s/%s/%s", EXTSOCK_SYSFS_ROOT, g->name,
		 file);
	return path[turn];
}

UNUSED static char *procfs(const struct group *g, const char *file)
{
	static char path[2][PATH_MAX];
	static int turn;

	turn = !turn;
	snprintf(path[turn], PATH_MAX, "%s/%s/%s", EXTSOCK_PROC_ROOT, g->name,
		 file);
	return path[turn];
}

UNUSED static int groups(const char *fmt, ...)
{
	char text[128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return write_file(EXTSOCK_SYSFS_ROOT "/groups", text, strlen(text));
}

UNUSED static int control(const struct group *g, const char *command)
{
	return put(procfs(g, "control"), "%s", command);
}

UNUSED static int set_rules(const struct group *g, const char *text)
{
	return write_file(procfs(g, "rules"), text, strlen(text));
}

UNUSED static bool state_is(const struct group *g, const char *state)
{
	char *text = slurp(sysfs(g, "state"));

	text[strcspn(text, "\n")] = '\0';
	return !strcmp(text, state);
}

UNUSED static bool is_member(const struct group *g, pid_t pid)
{
	char want[16], *line, *rest = slurp(sysfs(g, "members"));

	snprintf(want, sizeof(want), "%d", pid);
	while ((line = strsep(&rest, "\n")))
		if (!strcmp(line, want))
			return true;
	return false;
}

UNUSED static int count_members(const struct group *g)
{
	char *text = slurp(sysfs(g, "members"));
	int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

UNUSED static long long stat_of(const struct group *g, const char *name)
{
	char *line, *rest = slurp(procfs(g, "stats"));
	size_t len = strlen(name);

	while ((line = strsep(&rest, "\n")))
		if (!strncmp(line, name, len) && line[len] == ' ')
			return atoll(line + len);
	return -1;
}

UNUSED static void make_group(struct group *g, const char *what)
{
	snprintf(g->name, sizeof(g->name), "%s-%d", what, getpid());
	if (groups("+%s", g->name))
		ksft_exit_fail_msg("cannot make group %s\n", g->name);
}

/* ---- actors ---- */

static struct stage *actors_stage;

static void on_sigpipe(int sig)
{
	actors_stage->sigpipes++;
}

static void carry_out(struct stage *s)
{
	long ret = syscall(s->nr, s->arg[0], s->arg[1], s->arg[2], s->arg[3],
			   s->arg[4], s->arg[5]);

	s->ret = ret < 0 ? -errno : ret;
}

static void play(struct stage *s)
{
	actors_stage = s;
	signal(SIGPIPE, on_sigpipe);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int done = s->done;

		if (s->order == done) {
			syscall(SYS_futex, &s->order, FUTEX_WAIT, done, NULL);
			continue;
		}
		if (s->nr >= 0)
			carry_out(s);
		else
			((void (*)(struct stage *))s->arg[0])(s);
		s->done = s->order;
	}
}

UNUSED static struct actor *actor(void)
{
	struct actor *a = malloc(sizeof(*a));

	a->stage = mmap(NULL, sizeof(*a->stage), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	a->pid = fork();
	if (!a->pid)
		play(a->stage);
	return a;
}

UNUSED static int join(const struct group *g, const struct actor *a)
{
	return put(sysfs(g, "members"), "%d", a->pid);
}

UNUSED static struct actor *member(const struct group *g)
{
	struct actor *a = actor();

	if (join(g, a))
		ksft_exit_fail_msg("cannot join %s\n", g->name);
	return a;
}

UNUSED static bool is_done(struct actor *a)
{
	return a->stage->done == a->stage->order;
}

UNUSED static void start(struct actor *a, long nr, ...)
{
	va_list args;
	int i;

	/* A freeze may have come before it could tell of the last one. */
	EVENTUALLY(is_done(a));
	a->stage->nr = nr;
	va_start(args, nr);
	for (i = 0; i < 6; i++)
		a->stage->arg[i] = va_arg(args, long);
	va_end(args);
	a->stage->order++;
	syscall(SYS_futex, &a->stage->order, FUTEX_WAKE, 1);
}

/* The result of what was started; -ETIME if there is none for too long. */
UNUSED static long result(struct actor *a)
{
	return EVENTUALLY(is_done(a)) ? a->stage->ret : -ETIME;
}

/* Does a process come to sleep in this system call? */
UNUSED static bool sleeps_in(pid_t pid, long nr)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	return EVENTUALLY(*slurp(path) != 'r' && atol(slurp(path)) == nr);
}

/* Let an actor run a function, which must not return to the test. */
#define START_FN(a, fn)	start(a, -1L, (long)(fn), 0L, 0L, 0L, 0L, 0L)

#define CALL6(a, nr, a1, a2, a3, a4, a5, a6, ...) \
	call_(a, nr, (long)(a1), (long)(a2), (long)(a3), (long)(a4), \
	      (long)(a5), (long)(a6))
#define CALL(a, ...)	CALL6(a, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define START6(a, nr, a1, a2, a3, a4, a5, a6, ...) \
	start(a, (long)(nr), (long)(a1), (long)(a2), (long)(a3), (long)(a4), \
	      (long)(a5), (long)(a6))
#define START(a, ...)	START6(a, __VA_ARGS__, 0, 0, 0, 0, 0, 0)

static long call_(struct actor *a, long nr, long a1, long a2, long a3, long a4,
		  long a5, long a6)
{
	long ret;

	if (a) {
		start(a, nr, a1, a2, a3, a4, a5, a6);
		return result(a);
	}
	ret = syscall(nr, a1, a2, a3, a4, a5, a6);
	return ret < 0 ? -errno : ret;
}

/* Memory that the actor and the test see at the same address. */
UNUSED static char *buf_of(struct actor *a)
{
	if (a)
		return a->stage->buf;
	if (!own_stage)
		own_stage = calloc(1, sizeof(*own_stage));
	return own_stage->buf;
}

UNUSED static void part(struct actor *a)
{
	kill(a->pid, SIGKILL);
	waitpid(a->pid, NULL, 0);
}

/* ---- sockets ---- */

static socklen_t address(struct sockaddr_storage *ss, int family,
			 const char *ip, int port)
{
	memset(ss, 0, sizeof(*ss));
	ss->ss_family = family;
	if (family == AF_INET) {
		struct sockaddr_in *sin = (void *)ss;

		sin->sin_port = htons(port);
		inet_pton(AF_INET, ip ? ip : "127.0.0.1", &sin->sin_addr);
		return sizeof(*sin);
	} else {
		struct sockaddr_in6 *sin6 = (void *)ss;

		sin6->sin6_port = htons(port);
		inet_pton(AF_INET6, ip ? ip : "::1", &sin6->sin6_addr);
		return sizeof(*sin6);
	}
}

UNUSED static int port_of(struct actor *a, int fd)
{
	struct sockaddr_in *sin = (void *)buf_of(a);
	socklen_t *len = (void *)(buf_of(a) + 256);

	*len = 128;
	if (CALL(a, SYS_getsockname, fd, sin, len))
		return -1;
	return ntohs(sin->sin_port);
}

/* A socket that listens at a port the kernel chose. */
UNUSED static int listener_by(struct actor *a, int protocol, int family,
			      const char *ip, int backlog)
{
	int fd = CALL(a, SYS_socket, family, SOCK_STREAM, protocol);
	struct sockaddr_storage *ss = (void *)buf_of(a);
	socklen_t len = address(ss, family, ip, 0);

	if (fd < 0 || CALL(a, SYS_bind, fd, ss, len) ||
	    CALL(a, SYS_listen, fd, backlog))
		return -1;
	return fd;
}

UNUSED static int listener_at(struct actor *a, int family, const char *ip,
			      int backlog)
{
	return listener_by(a, 0, family, ip, backlog);
}

UNUSED static int listener(struct actor *a, int family)
{
	return listener_at(a, family, NULL, 16);
}

UNUSED static int connect_fd(struct actor *a, int fd, int family,
			     const char *ip, int port)
{
	struct sockaddr_storage *ss = (void *)buf_of(a);
	socklen_t len = address(ss, family, ip, port);

	return CALL(a, SYS_connect, fd, ss, len);
}

UNUSED static int connect_to(struct actor *a, int family, const char *ip,
			     int port, int flags)
{
	int fd = CALL(a, SYS_socket, family, SOCK_STREAM | flags, 0);
	int err = connect_fd(a, fd, family, ip, port);

	return err && err != -EINPROGRESS ? err : fd;
}

UNUSED static int accept_from(struct actor *a, int fd)
{
	return CALL(a, SYS_accept, fd, NULL, NULL);
}

UNUSED static struct tcp_info *info_of(struct actor *a, int fd)
{
	struct tcp_info *info = (void *)buf_of(a);
	socklen_t *len = (void *)(info + 1);

	memset(info, 0, sizeof(*info));
	*len = sizeof(*info);
	CALL(a, SYS_getsockopt, fd, IPPROTO_TCP, TCP_INFO, info, len);
	return info;
}

/* Does the connection come into this state? */
UNUSED static bool comes_to(struct actor *a, int fd, int state)
{
	return EVENTUALLY(info_of(a, fd)->tcpi_state == state);
}

/* Do so many connections come to wait for accept? */
UNUSED static bool comes_to_queue(struct actor *a, int listener, unsigned int n)
{
	/* Of a listening socket this is the length of its queue. */
	return EVENTUALLY(info_of(a, listener)->tcpi_unacked == n);
}

/* Do so many bytes come to be read? */
UNUSED static bool comes_to_read(struct actor *a, int fd, int n)
{
	int *waiting = (int *)buf_of(a);

	return EVENTUALLY(!CALL(a, SYS_ioctl, fd, FIONREAD, waiting) &&
			  *waiting == n);
}

UNUSED static int set(struct actor *a, int fd, int level, int name, int value)
{
	int *at = (int *)buf_of(a);

	*at = value;
	return CALL(a, SYS_setsockopt, fd, level, name, at, sizeof(*at));
}

UNUSED static void make_blocking(struct actor *a, int fd)
{
	CALL(a, SYS_fcntl, fd, F_SETFL, 0);
}

/* Is there a socket in this state, among them those without a file? */
UNUSED static bool has_state(struct actor *a, int family, int state)
{
	char path[64], column[8];

	snprintf(path, sizeof(path), "/proc/%d/net/tcp%s", a->pid,
		 family == AF_INET ? "" : "6");
	snprintf(column, sizeof(column), " %02X ", state);
	return strstr(slurp(path), column);
}

/* A socket that listens at a port which others listen at, too. */
UNUSED static int listen_together(struct actor *a, int family,
				  const char *ip, int port)
{
	int fd = CALL(a, SYS_socket, family, SOCK_STREAM, 0);
	struct sockaddr_storage *ss = (void *)buf_of(a);
	socklen_t len;

	if (set(a, fd, SOL_SOCKET, SO_REUSEPORT, 1))
		return -1;
	len = address(ss, family, ip, port);
	return CALL(a, SYS_bind, fd, ss, len) ||
	       CALL(a, SYS_listen, fd, 64) ? -1 : fd;
}

/* Two ends of a connection. */
struct pair {
	int client;
	int server;
	int listener;
};

UNUSED static struct pair connection(struct actor *client, struct actor *server,
				     int family)
{
	struct pair p;

	p.listener = listener(server, family);
	p.client = connect_to(client, family, NULL,
			      port_of(server, p.listener), 0);
	p.server = accept_from(server, p.listener);
	return p;
}

/* The same of a unix socket, which gets an abstract name. */
UNUSED static int unix_server(struct actor *a, int type)
{
	int fd = CALL(a, SYS_socket, AF_UNIX, type, 0);

	*(sa_family_t *)buf_of(a) = AF_UNIX;
	if (CALL(a, SYS_bind, fd, buf_of(a), sizeof(sa_family_t)) ||
	    (type != SOCK_DGRAM && CALL(a, SYS_listen, fd, 16)))
		return -1;
	return fd;
}

/* A socket of this family that listens at an address the kernel chose. */
UNUSED static int server_at(struct actor *a, int family)
{
	return family == AF_UNIX ? unix_server(a, SOCK_STREAM) :
				   listener(a, family);
}

/* A server's address, in somebody's buffer; its length, 0 if there is none. */
UNUSED static socklen_t address_of(struct actor *server, int fd,
				   struct actor *a)
{
	socklen_t *len = (void *)(buf_of(server) + 256);

	*len = 128;
	if (CALL(server, SYS_getsockname, fd, buf_of(server), len))
		return 0;
	memmove(buf_of(a), buf_of(server), *len);
	return *len;
}

UNUSED static int option_of(struct actor *a, int fd, int level, int name)
{
	int *value = (int *)buf_of(a);
	socklen_t *len = (void *)(value + 1);

	*len = sizeof(*value);
	return CALL(a, SYS_getsockopt, fd, level, name, value, len) ?: *value;
}

UNUSED static int error_of(struct actor *a, int fd)
{
	return option_of(a, fd, SOL_SOCKET, SO_ERROR);
}

/* A client's connection to a server's socket. */
UNUSED static int client_of(struct actor *a, struct actor *server, int fd)
{
	int type = option_of(server, fd, SOL_SOCKET, SO_TYPE);
	socklen_t len = address_of(server, fd, a);

	fd = CALL(a, SYS_socket, ((struct sockaddr *)buf_of(a))->sa_family,
		  type, 0);
	return CALL(a, SYS_connect, fd, buf_of(a), len) ? -1 : fd;
}

UNUSED static long send_text(struct actor *a, int fd, const char *text)
{
	strcpy(buf_of(a), text);
	return CALL(a, SYS_sendto, fd, buf_of(a), strlen(text), 0, NULL, 0);
}

/* What can be read now, as a number of bytes or -errno. */
UNUSED static long receive(struct actor *a, int fd)
{
	memset(buf_of(a), 0, 1024);
	return CALL(a, SYS_recvfrom, fd, buf_of(a), 1024, 0, NULL, NULL);
}

/* Write until the buffers of both sides are full; how much that was. */
UNUSED static long fill_up(struct actor *a, int fd)
{
	long all = 0, sent;

	do {
		sent = CALL(a, SYS_sendto, fd, buf_of(a), 32768, MSG_DONTWAIT,
			    NULL, 0);
		if (sent > 0)
			all += sent;
	} while (sent > 0);
	return sent == -EAGAIN ? all : sent;
}

/* Read to the end; how much that was, or -errno. */
UNUSED static long read_to_end(struct actor *a, int fd)
{
	long all = 0, got;

	do {
		got = CALL(a, SYS_recvfrom, fd, buf_of(a), 32768, 0, NULL,
			   NULL);
		if (got > 0)
			all += got;
	} while (got > 0);
	return got < 0 ? got : all;
}

/* Does what one end sends arrive at the other, both ways? */
UNUSED static bool carries(struct actor *a, int fa, struct actor *b, int fb)
{
	return send_text(a, fa, "ping") == 4 && receive(b, fb) == 4 &&
	       !strcmp(buf_of(b), "ping") && send_text(b, fb, "pong!") == 5 &&
	       receive(a, fa) == 5 && !strcmp(buf_of(a), "pong!");
}

/* What somebody has said who was accepted, perhaps its name. */
UNUSED static char *said_by(struct actor *a, int fd)
{
	return fd >= 0 && receive(a, fd) > 0 ? buf_of(a) : "nothing";
}

UNUSED static int poll_fd(struct actor *a, int fd)
{
	struct pollfd *p = (void *)buf_of(a);

	p->fd = fd;
	p->events = POLLIN | POLLOUT | POLLRDHUP;
	p->revents = 0;
	return CALL(a, SYS_poll, p, 1, 0) < 0 ? -1 : p->revents;
}

UNUSED static int epoll_on(struct actor *a, int fd,
			   unsigned int events)
{
	struct epoll_event *e = (void *)buf_of(a);
	int ep = CALL(a, SYS_epoll_create1, 0);

	e->events = events;
	e->data.fd = fd;
	CALL(a, SYS_epoll_ctl, ep, EPOLL_CTL_ADD, fd, e);
	return ep;
}

/* ---- descriptors in messages ---- */

/* A message of one byte, with room for a descriptor, in an actor's buffer. */
UNUSED static struct msghdr *message(struct actor *a)
{
	char *b = buf_of(a);
	struct msghdr *msg = (void *)(b + 512);
	struct iovec *iov = (void *)(b + 768);

	iov->iov_base = b + 256;
	iov->iov_len = 1;
	memset(msg, 0, sizeof(*msg));
	msg->msg_iov = iov;
	msg->msg_iovlen = 1;
	msg->msg_control = b + 1024;
	msg->msg_controllen = CMSG_SPACE(sizeof(int));
	return msg;
}

UNUSED static bool send_fd(struct actor *a, int over, int fd)
{
	struct msghdr *msg = message(a);
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return CALL(a, SYS_sendmsg, over, msg, 0) == 1;
}

UNUSED static int receive_fd(struct actor *a, int over)
{
	struct msghdr *msg = message(a);
	int fd;

	if (CALL(a, SYS_recvmsg, over, msg, 0) != 1 || !CMSG_FIRSTHDR(msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(msg)), sizeof(int));
	return fd;
}

/* Pass a descriptor of the test to an actor over a unix socket. */
UNUSED static int pass_fd(struct actor *to, int fd)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int l = socket(AF_UNIX, SOCK_STREAM, 0), s, r;

	snprintf(un.sun_path + 1, 50, "pass-%d-%d", getpid(), fd);
	bind(l, (void *)&un, sizeof(un));
	listen(l, 1);
	r = CALL(to, SYS_socket, AF_UNIX, SOCK_STREAM, 0);
	memcpy(buf_of(to), &un, sizeof(un));
	CALL(to, SYS_connect, r, buf_of(to), sizeof(un));
	s = accept(l, NULL, NULL);
	fd = send_fd(OUTSIDE, s, fd) ? receive_fd(to, r) : -1;
	CALL(to, SYS_close, r);
	close(s);
	close(l);
	return fd;
}

/* The test gets a descriptor of an actor, who need not know. */
UNUSED static int pass_out(struct actor *from, int fd)
{
	int pidfd = syscall(SYS_pidfd_open, from->pid, 0);
	int got = syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	close(pidfd);
	return got;
}

/* Where a message keeps descriptors is the kernel's secret since Linux 6.17. */
UNUSED static bool can_see_messages(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	uname(&name);
	sscanf(name.release, "%d.%d", &major, &minor);
	return major < 6 || (major == 6 && minor < 17);
}

/* ---- two network namespaces, joined by veth ---- */

UNUSED static int sh(const char *fmt, ...)
{
	char command[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	return system(command);
}

UNUSED static void enter(struct actor *a, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	strcpy(buf_of(a), path);
	fd = CALL(a, SYS_openat, AT_FDCWD, buf_of(a), O_RDONLY, 0);
	CALL(a, SYS_setns, fd, CLONE_NEWNET);
	CALL(a, SYS_close, fd);
}

/* "left" and "right": 10.9.0.1, fd09::1 and 10.9.0.2, fd09::2. */
UNUSED static int join_namespaces(void)
{
	sh("ip netns del left 2>/dev/null; ip netns del right 2>/dev/null");
	return sh("ip netns add left && ip netns add right && "
		  "ip link add vl netns left type veth peer name vr netns right && "
		  "ip -n left addr add 10.9.0.1/24 dev vl && "
		  "ip -n right addr add 10.9.0.2/24 dev vr && "
		  "ip -n left addr add fd09::1/64 dev vl nodad && "
		  "ip -n right addr add fd09::2/64 dev vr nodad && "
		  "ip -n left link set lo up && ip -n right link set lo up && "
		  "ip -n left link set vl up && ip -n right link set vr up");
}

/* ---- a network namespace in which packets can get lost ---- */

/* Send data in the SYN, accept it there: by all, and without a cookie. */
#define FASTOPEN_FREE		0x607
/* The same with a cookie, by those who asked for it. */
#define FASTOPEN_COOKIE		0x3

UNUSED static int make_corner(void)
{
	sh("ip netns del corner 2>/dev/null");
	return sh("ip netns add corner && ip -n corner link set lo up");
}

UNUSED static int allow_fastopen(int how)
{
	return sh("ip netns exec corner sysctl -qw net.ipv4.tcp_fastopen=%d",
		  how);
}

/*
 * From now on packets of just these TCP flags get lost, and SYNs from this port, if it
 * is not 0.
 */
UNUSED static int lose_from(const char *flags, int port)
{
	return sh("echo 'table inet lossy\n"
		  "delete table inet lossy\n"
		  "table inet lossy {\n"
		  "chain input { type filter hook input priority 0; "
		  "tcp flags & (fin|syn|rst|ack) == %s drop; "
		  "tcp sport %d tcp flags & (fin|syn|rst|ack) == syn drop; }\n"
		  "}' | ip netns exec corner nft -f -", flags, port);
}

/* From now on packets of just these TCP flags get lost; NULL: none. */
UNUSED static int lose(const char *flags)
{
	return flags ? lose_from(flags, 0) :
	       sh("ip netns exec corner nft delete table inet lossy");
}

/* ---- the table ---- */

/*
 * The value of a column in the row of a member's descriptor; 0 is no member and
 * -1 no descriptor.
 */
UNUSED static char *column_of(const struct group *g, pid_t pid, int fd,
			      const char *column)
{
	static char value[256];
	char *rest = slurp(procfs(g, "sockets")), *line, *word;
	char pid_text[16], fd_text[16];
	int n = 0, i, pid_at = -1, fd_at = -1, at = -1;

	snprintf(pid_text, sizeof(pid_text), pid ? "%d" : "-", pid);
	snprintf(fd_text, sizeof(fd_text), fd < 0 ? "-" : "%d", fd);
	line = strsep(&rest, "\n");
	while ((word = strsep(&line, " ")) && n < 32) {
		if (!strcmp(word, "pid"))
			pid_at = n;
		if (!strcmp(word, "fd"))
			fd_at = n;
		if (!strcmp(word, column))
			at = n;
		n++;
	}
	while ((line = strsep(&rest, "\n"))) {
		char *words[32] = { NULL };

		for (i = 0; i < n && (words[i] = strsep(&line, " ")); i++)
			;
		if (i < n || pid_at < 0 || fd_at < 0 || at < 0 ||
		    strcmp(words[pid_at], pid_text) ||
		    strcmp(words[fd_at], fd_text))
			continue;
		snprintf(value, sizeof(value), "%s", words[at]);
		return value;
	}
	return "absent";
}

UNUSED static char *class_of(const struct group *g, struct actor *a, int fd)
{
	return column_of(g, a->pid, fd, "class");
}

/* Of one in a message to a member, by whom it can only be seen on some kernels. */
UNUSED static char *class_in_flight(const struct group *g, struct actor *a)
{
	return column_of(g, can_see_messages() ? a->pid : 0, -1, "class");
}

UNUSED static int count_rows(const struct group *g)
{
	char *text = slurp(procfs(g, "sockets"));
	int n = -1;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* ---- a test's steps ---- */

/* Give a command; if it fails the test's output has the module's reason. */
UNUSED static int command(const struct group *g, const char *text)
{
	int fd = open(procfs(g, "control"), O_RDWR | O_CLOEXEC), ret = 0;
	char why[1024];
	ssize_t len;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0) {
		ret = -errno;
		len = read(fd, why, sizeof(why));
		fprintf(stderr, "# %s: %.*s", text, (int)(len > 0 ? len : 0), why);
	}
	close(fd);
	return ret;
}

/* Give a command; what it says, or "failed". Valid until the next call. */
UNUSED static char *outcome_of(const struct group *g, const char *text)
{
	static char said[1024];
	int fd = open(procfs(g, "control"), O_RDWR | O_CLOEXEC);
	ssize_t len = -1;

	if (write(fd, text, strlen(text)) > 0)
		len = read(fd, said, sizeof(said) - 1);
	close(fd);
	if (len < 0)
		return "failed";
	said[len] = '\0';
	return said;
}

/*
 * Does it show a pointer, perhaps as %p hashes it? Both are words of 16 digits, which
 * nothing else has; a pointer may lack some at its beginning.
 */
UNUSED static bool has_pointer(const char *text)
{
	size_t len;

	for (; *text; text += len ?: 1) {
		len = strspn(text, "0123456789abcdef");
		if (len == 16 || (len >= 12 && !strncmp(text, "ffff", 4)))
			return true;
	}
	return false;
}

#define FREEZE()	ASSERT_EQ(0, command(&self->g, "freeze"))
#define THAW()		ASSERT_EQ(0, command(&self->g, "thaw"))

/* ---- a freeze that waits ---- */

/* What ends the drain: the freeze may come before its owner can tell. */
#define CLOSE_LAST(a, fd)	START(a, SYS_close, fd)

/**
 * struct drain - a command that may take long, given by a thread of the test
 * @fd: the control file
 * @thread: who writes
 * @tid: its number, when it has one
 * @text: the command
 * @over: it has returned
 * @err: 0 or -errno
 * @said: its outcome
 */
struct drain {
	int fd;
	pthread_t thread;
	_Atomic pid_t tid;
	char text[EXTSOCK_COMMAND_MAX + 1];
	_Atomic bool over;
	int err;
	char said[1024];
};

static void *give_command(void *drain)
{
	struct drain *d = drain;
	sigset_t children;
	ssize_t len;

	d->tid = gettid();
	/* What the test's own children send as they end is not meant for it. */
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &children, NULL);
	d->err = write(d->fd, d->text, strlen(d->text)) < 0 ? -errno : 0;
	len = pread(d->fd, d->said, sizeof(d->said) - 1, 0);
	d->said[len > 0 ? len : 0] = '\0';
	d->over = true;
	return NULL;
}

/* Does it wait for something by now? */
UNUSED static bool waits(const struct group *g)
{
	return state_is(g, "draining") &&
	       strstr(slurp(procfs(g, "sockets")), " external wait ");
}

/* Begin a freeze. */
UNUSED static bool give(struct drain *d, const struct group *g,
			const char *text)
{
	memset(d, 0, sizeof(*d));
	snprintf(d->text, sizeof(d->text), "%s", text);
	d->fd = open(procfs(g, "control"), O_RDWR | O_CLOEXEC);
	return !pthread_create(&d->thread, NULL, give_command, d);
}

/* Begin a freeze; does the group come to wait? */
UNUSED static bool begin_drain(struct drain *d, const struct group *g,
			       const char *text)
{
	return give(d, g, text) && EVENTUALLY(d->over || waits(g)) && !d->over;
}

/* Does it go on? */
UNUSED static bool drains(const struct drain *d, const struct group *g)
{
	msleep(100);
	return EVENTUALLY(d->over || waits(g)) && !d->over;
}

/* How it ended: 0 or -errno, or -ETIME if it has not. The file stays open. */
UNUSED static int end_of(struct drain *d)
{
	if (!EVENTUALLY(d->over))
		return -ETIME;
	pthread_join(d->thread, NULL);
	return d->err;
}

/* ---- a freeze that waits until the test lets it go on ---- */

/**
 * struct long_drain - a drain that waits for one connection
 * @g: the group
 * @owner: a member
 * @last: its connection to the test
 * @d: the command
 */
struct long_drain {
	const struct group *g;
	struct actor *owner;
	struct pair last;
	struct drain d;
};

UNUSED static bool begin_long_drain(struct long_drain *l, const struct group *g,
				    struct actor *owner, const char *text)
{
	l->g = g;
	l->owner = owner;
	l->last = connection(owner, OUTSIDE, AF_INET);
	/* Members run again when the gate is closed. */
	return l->last.server >= 0 && begin_drain(&l->d, g, text) &&
	       CALL(owner, SYS_getppid) > 0;
}

/* What is left on this side; the owner may stand still. */
static void forget(struct long_drain *l)
{
	close(l->last.server);
	close(l->last.listener);
	close(l->d.fd);
}

/* The connection goes; is the group frozen then? */
UNUSED static bool end_long_drain(struct long_drain *l)
{
	int err;

	CLOSE_LAST(l->owner, l->last.client);
	err = end_of(&l->d);
	if (err)
		fprintf(stderr, "# %d: %s", err, l->d.said);
	forget(l);
	return !err && state_is(l->g, "frozen");
}

/* What lets everything go on that was held back. */
enum opening { THAWED, THAWED_KEEP, GIVEN_UP, OPENINGS };

UNUSED static bool open_gate(struct long_drain *l, enum opening how)
{
	bool good;

	if (how != GIVEN_UP)
		return end_long_drain(l) &&
		       !command(l->g, how == THAWED ? "thaw" : "thaw keep");
	good = !command(l->g, "thaw") && end_of(&l->d) == -EINTR &&
	       state_is(l->g, "running");
	CALL(l->owner, SYS_close, l->last.client);
	forget(l);
	return good;
}

/* For fixtures that have one in l, and the member who ends it in owner. */
#define BEGIN_DRAIN()							\
	ASSERT_TRUE(begin_long_drain(&self->l, &self->g, self->owner,	\
				     "freeze policy=wait"))
#define END_DRAIN()	ASSERT_TRUE(end_long_drain(&self->l))
#define OPEN(how)	ASSERT_TRUE(open_gate(&self->l, how))

/* What came past the gate is waited for when the connection has gone. */
UNUSED static bool is_next(struct long_drain *l, struct actor *a, int fd)
{
	CALL(l->owner, SYS_close, l->last.client);
	return EVENTUALLY(!strcmp("wait", column_of(l->g, a->pid, fd,
						    "action"))) &&
	       drains(&l->d, l->g);
}

/* Where a socket can be reached. */
struct place {
	struct sockaddr_storage ss;
	socklen_t len;
};

UNUSED static struct place place_of(struct actor *server, int fd)
{
	struct place p = { .len = address_of(server, fd, OUTSIDE) };

	memcpy(&p.ss, buf_of(OUTSIDE), p.len);
	return p;
}

UNUSED static long connect_place(struct actor *a, int fd,
				 const struct place *to)
{
	memcpy(buf_of(a), &to->ss, to->len);
	return CALL(a, SYS_connect, fd, buf_of(a), to->len);
}

UNUSED static void start_connect(struct actor *a, int fd,
				 const struct place *to)
{
	memcpy(buf_of(a), &to->ss, to->len);
	START(a, SYS_connect, fd, buf_of(a), to->len);
}

/* Does nobody come to a listener, looked at for some time? */
UNUSED static bool nothing_comes(struct actor *a, int listener)
{
	msleep(100);
	return !(poll_fd(a, listener) & POLLIN);
}

/* The same, for longer than it takes until a SYN that was held is sent. */
UNUSED static bool nothing_comes_late(struct actor *a, int listener)
{
	msleep(2400);
	return nothing_comes(a, listener);
}

/* Is it connected to who listens there? */
UNUSED static bool leads_to(struct actor *a, int fd, struct actor *b,
			    int listener)
{
	int server;

	if (!EVENTUALLY(poll_fd(b, listener) & POLLIN))
		return false;
	server = accept_from(b, listener);
	make_blocking(a, fd);
	return carries(a, fd, b, server);
}

/* Does its call last, looked at for some time? */
UNUSED static bool lasts(struct actor *a)
{
	msleep(100);
	return !is_done(a);
}

/* Does it sleep in this call, and go on with it? */
UNUSED static bool waits_in(struct actor *a, long nr)
{
	return sleeps_in(a->pid, nr) && lasts(a);
}

static void count_signal(int sig)
{
	actors_stage->counter++;
}

static void catch_usr1_by(struct stage *s)
{
	struct sigaction by = {
		.sa_handler = count_signal,
		.sa_flags = s->arg[1],
	};

	s->ret = sigaction(SIGUSR1, &by, NULL);
}

/* Let an actor count its SIGUSR1; its calls are restarted, or not. */
UNUSED static long count_usr1(struct actor *a, int flags)
{
	start(a, -1L, (long)catch_usr1_by, (long)flags, 0L, 0L, 0L, 0L);
	return result(a);
}

/* ---- a server ---- */

static void watch(int ep, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	fcntl(fd, F_SETFL, O_NONBLOCK);
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

/* Is it one of the listening sockets that an actor was told of? */
static bool listens(const struct stage *s, int fd)
{
	int i;

	for (i = 1; i < 6; i++)
		if (fd == s->arg[i])
			return true;
	return false;
}

/*
 * Send everybody back what comes; s->counter counts messages. The arguments are
 * listening sockets, up to five; 0 is none.
 */
UNUSED static void echo(struct stage *s)
{
	int ep = epoll_create1(0), fd;
	struct epoll_event e;
	char text[256];
	ssize_t len;

	for (fd = 1; fd < 6 && s->arg[fd]; fd++)
		watch(ep, s->arg[fd]);
	for (;;) {
		if (epoll_wait(ep, &e, 1, -1) != 1)
			continue;
		fd = e.data.fd;
		if (listens(s, fd)) {
			fd = accept(fd, NULL, NULL);
			if (fd >= 0)
				watch(ep, fd);
			continue;
		}
		len = recv(fd, text, sizeof(text), 0);
		if (len > 0 && send(fd, text, len, MSG_NOSIGNAL) == len)
			s->counter++;
		else if (len >= 0 || errno != EAGAIN)
			close(fd);
	}
}

/* What an actor does that must not do anything meanwhile. */
UNUSED static void spin(struct stage *s)
{
	for (;;)
		s->counter++;
}

UNUSED static bool moves(struct stage *s)
{
	unsigned long before = s->counter;

	return EVENTUALLY(s->counter != before);
}

UNUSED static bool stands(struct stage *s)
{
	unsigned long before = s->counter;

	msleep(100);
	return s->counter == before;
}

/*
 * A crowd in one actor: each task has a heart in the actor's buffer, which it
 * raises as long as it moves.
 */
UNUSED static _Atomic unsigned long *heart(struct stage *s, int i)
{
	return (_Atomic unsigned long *)s->buf + i;
}

/* Does each of the first n move on? */
UNUSED static bool all_move(struct stage *s, int n)
{
	unsigned long before[n];
	int i;

	for (i = 0; i < n; i++)
		before[i] = *heart(s, i);
	for (i = 0; i < n; i++)
		if (!EVENTUALLY(*heart(s, i) != before[i]))
			return false;
	return true;
}

/* Does each of the first n stand, looked at for some time? */
UNUSED static bool all_stand(struct stage *s, int n, unsigned int ms)
{
	unsigned long before[n];
	int i;

	for (i = 0; i < n; i++)
		before[i] = *heart(s, i);
	msleep(ms);
	for (i = 0; i < n; i++)
		if (*heart(s, i) != before[i])
			return false;
	return true;
}

/* As the third column of /proc/PID/stat, '?' if it is gone. */
UNUSED static char state_of(pid_t pid)
{
	char path[64], *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	end = strrchr(slurp(path), ')');
	return end ? end[2] : '?';
}

UNUSED static bool is_named(pid_t pid, const char *name)
{
	char path[64], *text;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	text = slurp(path);
	text[strcspn(text, "\n")] = '\0';
	return !strcmp(text, name);
}

/*
 * A member in uninterruptible sleep, for as long as one likes: a vfork child
 * that has no part in the group keeps its parent there, but that counts as
 * standing still. A write to a file system that is frozen does not.
 */
#define FS_DIR	"/tmp/frozen-fs"
#ifndef FIFREEZE
#define FIFREEZE	_IOWR('X', 119, int)
#define FITHAW		_IOWR('X', 120, int)
#endif

UNUSED static bool mount_fs(void)
{
	mkdir(FS_DIR, 0755);
	return !system("modprobe -q loop; modprobe -q ext4; "
		       "command -v mke2fs >/dev/null && "
		       "truncate -s 8M /tmp/fs.img && "
		       "mke2fs -q -t ext4 /tmp/fs.img 2>/dev/null && "
		       "mount -o loop /tmp/fs.img " FS_DIR " 2>/dev/null");
}

UNUSED static void write_there(struct stage *s)
{
	int fd = open(FS_DIR "/file", O_CREAT | O_RDWR, 0600);

	s->ret = fd < 0 ? -errno : 0;
}

#define CG	"/sys/fs/cgroup/extsock-test"

UNUSED static bool cgroup_frozen(void)
{
	return strstr(slurp(CG "/cgroup.events"), "frozen 1");
}

/* A cgroup of its own for a process, whose name is gone with leave_cgroup(). */
UNUSED static int enter_cgroup(pid_t pid)
{
	mkdir(CG, 0755);
	return put(CG "/cgroup.procs", "%d", pid);
}

UNUSED static bool leave_cgroup(pid_t pid)
{
	put("/sys/fs/cgroup/cgroup.procs", "%d", pid);
	return EVENTUALLY(!rmdir(CG));
}

/* Does it come to stop for its tracer, which the test is? */
UNUSED static bool trace_stop(pid_t pid)
{
	int status;

	return EVENTUALLY(waitpid(pid, &status, __WALL | WNOHANG) == pid &&
			  WIFSTOPPED(status));
}

UNUSED static bool nobody_is_left(const struct group *g)
{
	char *pid, *list = strdup(slurp(sysfs(g, "members"))), *rest = list;
	bool none = true;

	while ((pid = strsep(&rest, "\n")))
		if (*pid) {
			kill(atoi(pid), SIGKILL);
			none = false;
		}
	free(list);
	return none;
}

/* Kill who is left of a group, and delete it. */
UNUSED static bool drop_group(const struct group *g)
{
	control(g, "thaw keep");
	return EVENTUALLY(nobody_is_left(g)) && !groups("-%s", g->name);
}

#endif /* EXTSOCK_TEST_H */
