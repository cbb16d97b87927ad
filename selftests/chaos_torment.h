/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Outsiders who torment the members of test_chaos: each torment is one function,
 * which is given a member.
 */
#ifndef CHAOS_TORMENT_H
#define CHAOS_TORMENT_H

#include <sys/ptrace.h>
#include <sys/stat.h>

#include "chaos.h"

/**
 * struct orders - what tormentors and controllers are told, in their buffer
 * @groups: both
 * @spared: who is not to be harmed, ends with 0
 */
struct orders {
	struct group groups[2];
	pid_t spared[16];
};

static struct orders *orders_of(struct stage *s)
{
	return (struct orders *)(s->buf + 4096);
}

static bool is_spared(const struct orders *o, pid_t pid)
{
	int i;

	for (i = 0; o->spared[i]; i++)
		if (o->spared[i] == pid)
			return true;
	return false;
}

/* Some member that is not spared, or 0. One throw, however many there are. */
static pid_t some_member(const struct orders *o, const struct group *g)
{
	char *pid, *rest = slurp(sysfs(g, "members"));
	unsigned int n = 0, which = dice(32768);
	pid_t found[256];

	while ((pid = strsep(&rest, "\n")) && n < ARRAY_SIZE(found)) {
		pid_t p = atoi(pid);

		if (p && !is_spared(o, p))
			found[n++] = p;
	}
	return n ? found[which % n] : 0;
}

static void stop_and_go(pid_t pid)
{
	kill(pid, SIGSTOP);
	usleep(dice(3000));
	kill(pid, SIGCONT);
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
}

/* Who executes something else dies of it. */
static void interrupt(pid_t pid)
{
	kill(pid, SIGUSR1);
}

/*
 * Looks instead of sleeping: when another thread than the leader executes a program,
 * the leader is gone, and whoever sleeps until it stops is not woken.
 */
static pid_t wait_for(pid_t pid, int *status)
{
	pid_t got;

	while (!(got = waitpid(pid, status, __WALL | WNOHANG)))
		usleep(300);
	return got;
}

static void attach(pid_t pid, bool seizes, bool kills)
{
	int status;

	if (ptrace(seizes ? PTRACE_SEIZE : PTRACE_ATTACH, pid, 0, 0))
		return;
	if (seizes)
		ptrace(PTRACE_INTERRUPT, pid, 0, 0);
	/* It may have been killed. */
	if (wait_for(pid, &status) != pid || !WIFSTOPPED(status))
		return;
	usleep(dice(3000));
	if (kills)
		kill(pid, SIGKILL);
	/* A dead one belongs to its parent only when its tracer knows. */
	if (ptrace(PTRACE_DETACH, pid, 0, 0))
		wait_for(pid, &status);
	/* It may have stopped for another signal, with that of the attach to come. */
	if (!seizes)
		kill(pid, SIGCONT);
}

static void trace(pid_t pid)
{
	attach(pid, false, false);
}

static void seize(pid_t pid)
{
	attach(pid, true, false);
}

/* It ends in the hands of its tracer. */
static void trace_to_death(pid_t pid)
{
	attach(pid, dice(2), true);
}

/* Let whoever it traces go on, whatever they stopped for, and their children. */
static void follow(long until)
{
	int status, sig;
	pid_t pid;

	while (now_ms() < until) {
		pid = waitpid(-1, &status, __WALL | WNOHANG);
		if (pid <= 0) {
			usleep(500);
			continue;
		}
		sig = WIFSTOPPED(status) && !(status >> 16) ?
		      WSTOPSIG(status) : 0;
		if (WIFSTOPPED(status))
			ptrace(PTRACE_CONT, pid, 0, sig == SIGTRAP ? 0 : sig);
	}
}

/*
 * Of a tracer who ends, all that it traced run on: in a stop, in the middle of a
 * fork, or in none.
 */
static void be_traced_by_the_dying(pid_t pid, long options)
{
	unsigned int ms = dice(8);
	bool interrupts = dice(2);
	pid_t tracer = fork();

	if (!tracer) {
		if (!ptrace(PTRACE_SEIZE, pid, 0, options))
			follow(now_ms() + ms);
		if (interrupts)
			ptrace(PTRACE_INTERRUPT, pid, 0, 0);
		kill(getpid(), SIGKILL);
	}
	waitpid(tracer, NULL, 0);
	/* If it died with a SIGSTOP in its hands. */
	kill(pid, SIGCONT);
}

static void lose_the_tracer(pid_t pid)
{
	be_traced_by_the_dying(pid, 0);
}

static void trace_forks(pid_t pid)
{
	be_traced_by_the_dying(pid, PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			       PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC);
}

static void borrow(pid_t pid)
{
	int pidfd = syscall(SYS_pidfd_open, pid, 0);
	int fd = syscall(SYS_pidfd_getfd, pidfd, 3 + dice(4), 0);

	usleep(dice(3000));
	close(fd);
	close(pidfd);
}

static void move(pid_t pid)
{
	bool freezes = dice(2);

	if (freezes)
		put(CG "/cgroup.freeze", "1");
	put(CG "/cgroup.procs", "%d", pid);
	usleep(dice(3000));
	put(CG "/cgroup.freeze", "0");
	put("/sys/fs/cgroup/cgroup.procs", "%d", pid);
}

/* External clients of a member: some are reset, some in its queue. */
static void call_on_a_member(pid_t unused)
{
	const struct place *to = some_near();
	int fd = socket_to(to);

	/* Nobody may be there to accept for long. */
	fcntl(fd, F_SETFL, O_NONBLOCK);
	connect(fd, (const void *)&to->ss, to->len);
	usleep(dice(3000));
	close(fd);
}

static const struct {
	const char *name;
	void (*inflict)(pid_t pid);
} torments[] = {
	{ "stop and go", stop_and_go },
	{ "end", end },
	{ "interrupt", interrupt },
	{ "trace", trace },
	{ "seize", seize },
	{ "trace to death", trace_to_death },
	{ "lose the tracer", lose_the_tracer },
	{ "trace forks", trace_forks },
	{ "borrow", borrow },
	{ "move", move },
	{ "call on a member", call_on_a_member },
};

/* s->arg[1] is the number of whoever torments. */
static void torment(struct stage *s)
{
	const struct orders *o = orders_of(s);
	unsigned int which;
	pid_t pid;

	mkdir(CG, 0755);
	for (; !chaos->stop; s->counter++) {
		throw_dice(1001 + 10 * s->arg[1], s->counter);
		usleep(dice(5000));
		rest();
		which = dice(ARRAY_SIZE(torments));
		pid = some_member(o, &o->groups[dice(2)]);
		if (!pid || is_named(pid, HEIR))
			continue;
		doing = torments[which].name;
		prctl(PR_SET_NAME, doing);
		torments[which].inflict(pid);
	}
	s->ret = 0;
}

#endif /* CHAOS_TORMENT_H */
