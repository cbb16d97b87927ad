/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the wild members of test_chaos do: each misdeed is one function. Those that
 * an io_uring is needed for are in chaos_uring.h.
 */
#ifndef CHAOS_MEMBERS_H
#define CHAOS_MEMBERS_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>

#include "chaos.h"
#include "chaos_uring.h"

/* How many children a mother has at a time. */
#define CHILDREN	3

/* Nobody makes it leave its group. */
static bool stays;

/* ---- connections ---- */

static void visit_outside(void)
{
	visit(some_far());
}

/* The group has both ends: of what nobody takes out of it, none is lost. */
static void visit_inside(void)
{
	unsigned long number = dice(1000000);
	int fd = dial(some_near());

	if ((fd < 0 || !talk(fd, number)) && stays && !chaos->stop)
		fail("a wild one inside: %s", strerror(errno));
	close(fd);
}

static void connect_without_waiting(void)
{
	const struct place *to = some_far();
	int fd = socket_to(to);

	fcntl(fd, F_SETFL, O_NONBLOCK);
	connect(fd, (const void *)&to->ss, to->len);
	usleep(dice(2000));
	/* Perhaps once more, perhaps while it is under way. */
	if (dice(2))
		connect(fd, (const void *)&to->ss, to->len);
	close(fd);
}

static void connect_datagrams(void)
{
	const struct place *to = &chaos->far[dice(2) ? TCP : TCP6];
	int fd = socket(to->ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	connect(fd, (const void *)&to->ss, to->len);
	send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	usleep(dice(2000));
	close(fd);
}

static void meet_by_datagrams(void)
{
	struct sockaddr_un here = { .sun_family = AF_UNIX };
	int a = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int b = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(here);

	bind(a, (void *)&here, sizeof(sa_family_t));
	getsockname(a, (void *)&here, &len);
	connect(b, (void *)&here, len);
	send(b, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	usleep(dice(2000));
	close(a);
	send(b, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(b);
}

static void shut_halves(void)
{
	int fd = dial(dice(2) ? some_far() : some_near());
	int first = dice(3);

	shutdown(fd, first);
	usleep(dice(2000));
	shutdown(fd, !first);
	close(fd);
}

static int listen_at(int family, int protocol, struct place *here)
{
	int l = socket(family, SOCK_STREAM | SOCK_CLOEXEC, protocol);

	here->len = address(&here->ss, family, NULL, 0);
	if (l >= 0 && !bind(l, (void *)&here->ss, here->len))
		listen(l, 4);
	getsockname(l, (void *)&here->ss, &here->len);
	return l;
}

/* A connection whose two ends are its own. */
static void meet(int family, int protocol)
{
	struct place here;
	int l = listen_at(family, protocol, &here), fd;

	fd = dial_by(socket(family, SOCK_STREAM | SOCK_CLOEXEC, protocol),
		     &here);
	if (fd >= 0)
		close(accept(l, NULL, NULL));
	close(fd);
	close(l);
}

static void listen_and_accept(void)
{
	meet(dice(2) ? AF_INET : AF_INET6, 0);
}

/* Where there is no multipath TCP it comes to nothing. */
static void meet_by_mptcp(void)
{
	meet(AF_INET, IPPROTO_MPTCP);
}

static void multipath_outside(void)
{
	int fd = dial_by(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
				IPPROTO_MPTCP), &chaos->far[TCP]);

	usleep(dice(2000));
	close(fd);
}

/* With clients in its queue, who never hear of anybody. */
static void close_a_full_listener(void)
{
	struct place here;
	int l = listen_at(AF_INET, 0, &here), i, fds[3];

	for (i = 0; i < 3; i++)
		fds[i] = dial(&here);
	usleep(dice(2000));
	close(l);
	for (i = 0; i < 3; i++)
		close(fds[i]);
}

static void *accept_some(void *listener)
{
	struct pollfd p = { .fd = (long)listener, .events = POLLIN };
	int i;

	for (i = 0; i < 3; i++) {
		poll(&p, 1, 10);
		close(accept4(p.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
	}
	return NULL;
}

static void accept_in_a_crowd(void)
{
	struct place here;
	long l = listen_at(AF_INET, 0, &here);
	pthread_t threads[3];
	int i, n;

	fcntl(l, F_SETFL, O_NONBLOCK);
	for (n = 0; n < 3; n++)
		if (pthread_create(&threads[n], NULL, accept_some, (void *)l))
			break;
	for (i = 0; i < 4; i++)
		close(dial(&here));
	while (n--)
		pthread_join(threads[n], NULL);
	close(l);
}

/* ---- descriptors ---- */

/* It is gone for the sender while it is under way; some are thrown away unread. */
static void pass_on(int fd, int type)
{
	int over[2];

	if (!socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, over)) {
		pass(over[0], fd);
		close(fd);
		fd = -1;
		usleep(dice(2000));
		if (dice(2))
			fd = take(over[1]);
		close(over[0]);
		close(over[1]);
	}
	close(fd);
}

static void pass_a_connection_on(void)
{
	static const int types[] = { SOCK_DGRAM, SOCK_STREAM, SOCK_SEQPACKET };

	pass_on(dial(some_far()), types[dice(ARRAY_SIZE(types))]);
}

/* With a client in its queue. */
static void pass_a_listener_on(void)
{
	struct place here;
	int l = listen_at(AF_INET, 0, &here), fd = dial(&here);

	pass_on(l, SOCK_STREAM);
	close(fd);
}

/* Sockets that only each other's messages hold: the kernel has to collect them. */
static void leave_a_cycle(void)
{
	int over[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, over))
		return;
	pass(over[0], over[0]);
	pass(over[1], over[1]);
	pass_on(dial(&chaos->far[UNIX]), SOCK_DGRAM);
	close(over[0]);
	close(over[1]);
}

static void take_from_mother(void)
{
	int pidfd = syscall(SYS_pidfd_open, getppid(), 0);
	int fd = syscall(SYS_pidfd_getfd, pidfd, 3 + dice(6), 0);

	usleep(dice(2000));
	close(fd);
	close(pidfd);
}

static void twice(void)
{
	int fd = dial(some_far()), other = dup(fd);

	close(fd);
	usleep(dice(1000));
	close(other);
}

/* One connection ends as another one gets its descriptor. */
static void lay_over(void)
{
	int fd = dial(some_far()), over = dial(some_near());

	usleep(dice(1000));
	if (fd >= 0 && over >= 0)
		dup2(fd, over);
	close(fd);
	close(over);
}

/* ---- tasks ---- */

static void bear_a_child(void)
{
	pid_t pid = fork();

	if (!pid) {
		visit_outside();
		_exit(0);
	}
	if (dice(4))
		waitpid(pid, NULL, 0);
}

static void execute(void)
{
	pid_t pid = fork();

	if (!pid) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

/* It stands in a wait that no signal ends. */
static void execute_by_vfork(void)
{
	pid_t pid = vfork();

	if (!pid) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

static void *execute_in_thread(void *unused)
{
	execl("/bin/true", "true", NULL);
	return NULL;
}

/* Which ends the other threads. */
static void execute_by_a_thread(void)
{
	pthread_t thread;
	pid_t pid = fork();

	if (!pid) {
		if (!pthread_create(&thread, NULL, execute_in_thread, NULL))
			pthread_join(thread, NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

static void *visit_in_thread(void *unused)
{
	close(dial(&chaos->far[TCP]));
	return NULL;
}

static void *visit_apart(void *unused)
{
	unshare(CLONE_FILES);
	return visit_in_thread(NULL);
}

static void in_a_thread(void)
{
	pthread_t thread;

	if (!pthread_create(&thread, NULL,
			    dice(2) ? visit_in_thread : visit_apart, NULL))
		pthread_join(thread, NULL);
}

/* Another process with the same table of descriptors. */
static void share_a_table(void)
{
	int fd = dial(some_far());
	pid_t pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);

	if (!pid) {
		close(fd);
		close(dial(&chaos->far[UNIX]));
		_exit(0);
	}
	usleep(dice(1000));
	if (pid > 0)
		waitpid(pid, NULL, 0);
	else
		close(fd);
}

static void raise_loopback(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	ioctl(fd, SIOCSIFFLAGS, &lo);
	close(fd);
}

/* Of PIDs, or now and then of a network: that takes long to make. */
static void in_another_namespace(void)
{
	int kind = dice(8) ? CLONE_NEWPID : CLONE_NEWNET;
	pid_t pid = fork();

	if (!pid) {
		if (unshare(kind))
			_exit(1);
		raise_loopback();
		if (!fork()) {
			meet(AF_INET, 0);
			_exit(0);
		}
		wait(NULL);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* Each call is filtered, and one is refused. */
static void behind_a_filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_shutdown, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { ARRAY_SIZE(code), code };
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
		shut_halves();
		visit_inside();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* ---- all of them ---- */

static const struct deed misdeeds[] = {
	{ "visit outside", visit_outside },
	{ "visit inside", visit_inside },
	{ "connect without waiting", connect_without_waiting },
	{ "connect datagrams", connect_datagrams },
	{ "meet by datagrams", meet_by_datagrams },
	{ "shut halves", shut_halves },
	{ "listen and accept", listen_and_accept },
	{ "meet by MPTCP", meet_by_mptcp },
	{ "multipath outside", multipath_outside },
	{ "close a full listener", close_a_full_listener },
	{ "accept in a crowd", accept_in_a_crowd },
	{ "pass a connection on", pass_a_connection_on },
	{ "pass a listener on", pass_a_listener_on },
	{ "leave a cycle", leave_a_cycle },
	{ "take from mother", take_from_mother },
	{ "twice", twice },
	{ "lay over", lay_over },
	{ "bear a child", bear_a_child },
	{ "execute", execute },
	{ "execute by vfork", execute_by_vfork },
	{ "execute by a thread", execute_by_a_thread },
	{ "in a thread", in_a_thread },
	{ "share a table", share_a_table },
	{ "in another namespace", in_another_namespace },
	{ "behind a filter", behind_a_filter },
	{ "visit by ring", ring_visits },
	{ "talk by ring", ring_talks },
	{ "accept by ring", ring_accepts },
	{ "fixed files", ring_fixes },
	{ "cancel", ring_cancels },
	{ "close the ring", ring_ends },
};

static void ignore(int sig)
{
}

/* One life, of its own dice. Without SA_RESTART some calls fail, with it all go on. */
static void go_wild(struct stage *s, unsigned int who)
{
	struct sigaction usr1 = {
		.sa_handler = ignore, .sa_flags = SA_RESTART,
	};
	unsigned int i, n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGUSR1, &usr1, NULL);
	throw_dice(who, 0);
	n = 5 + dice(40);
	for (i = 1; i <= n && !chaos->stop; i++) {
		throw_dice(who, i);
		rest();
		commit(&misdeeds[dice(ARRAY_SIZE(misdeeds))]);
		s->counter++;
	}
	_exit(0);
}

/*
 * Has children as long as it lives; s->arg[1] is her number, and s->counter counts
 * misdeeds.
 */
static void be_mother(struct stage *s)
{
	unsigned int born, who = s->arg[1], n = 0;

	stays = !who;
	for (born = 0; !chaos->stop; born++) {
		if (!fork())
			go_wild(s, (who + 1) * 100000 + born);
		n++;
		while (n >= CHILDREN || waitpid(-1, NULL, WNOHANG) > 0) {
			if (n >= CHILDREN)
				waitpid(-1, NULL, 0);
			n--;
		}
		usleep(1000);
	}
}

#endif /* CHAOS_MEMBERS_H */
