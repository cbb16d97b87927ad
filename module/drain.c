// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting for sockets to go.
 *
 * The probes tell when one is closed, or its connection ends; the last one wakes
 * the freezing task. For what has no event there is a look once a second: a unix
 * socket's peer that shuts down, a datagram socket that is disconnected, a
 * descriptor that was passed out of the group.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/net.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <net/af_unix.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/tcp_states.h>

#include "census.h"
#include "drain.h"
#include "gate.h"

/* How many sockets an outcome names. */
#define SOCKETS_NAMED		8

/**
 * extsock_drain_left() - how many sockets are waited for
 * @census: the group's sockets
 *
 * Context: may sleep.
 * Return: their number.
 */
unsigned int extsock_drain_left(const struct extsock_census *census)
{
	const struct extsock_socket *entry;
	unsigned int n = 0;

	list_for_each_entry(entry, &census->sockets, node) {
		n += extsock_drain_waits_for(entry);
		cond_resched();
	}
	return n;
}

/**
 * extsock_drain_count() - from now on wait for those of this census
 * @gate: the gate, which does not have the census yet
 * @census: the group's sockets
 *
 * Context: may sleep; the group stands still.
 */
void extsock_drain_count(struct extsock_gate *gate,
			 struct extsock_census *census)
{
	atomic_set(&gate->waiting, extsock_drain_left(census));
	/* What ended since the census had nobody to tell. */
	WRITE_ONCE(gate->look, true);
}

static void end(struct extsock_gate *gate, struct extsock_socket *entry)
{
	if (entry->action == EXTSOCK_WAIT && !xchg(&entry->over, true) &&
	    atomic_dec_and_test(&gate->waiting))
		wake_up(&gate->group->wait);
}

/* The entry of a socket in what a gate waits for, or NULL; under RCU. */
static struct extsock_socket *find(struct extsock_gate *gate,
				   const struct sock *sk)
{
	struct extsock_census *census = rcu_dereference(gate->census);

	return census ? extsock_sockets_find(census, sk) : NULL;
}

/**
 * extsock_drain_closed() - a connection has ended
 * @sk: its socket
 *
 * Context: any but hard interrupts.
 */
void extsock_drain_closed(const struct sock *sk)
{
	struct extsock_socket *entry;
	struct extsock_gate *gate;

	if (likely(list_empty(&extsock_gates)))
		return;
	rcu_read_lock();
	list_for_each_entry_rcu(gate, &extsock_gates, node) {
		entry = find(gate, sk);
		if (entry)
			end(gate, entry);
	}
	rcu_read_unlock();
}

/**
 * extsock_drain_closing() - the last descriptor of a socket is closed
 * @sk: the socket, which exists still
 *
 * If it is the peer of a unix socket that is waited for, that socket will have
 * ended in a moment.
 *
 * Context: the probe of close(), in process context; does not sleep.
 */
void extsock_drain_closing(struct sock *sk)
{
	const struct sock *peer = NULL;
	struct extsock_gate *gate;

	extsock_drain_closed(sk);
	/* Only compared. */
	if (sk->sk_family == AF_UNIX)
		peer = READ_ONCE(unix_peer(sk));
	if (!peer)
		return;
	rcu_read_lock();
	list_for_each_entry_rcu(gate, &extsock_gates, node) {
		if (!find(gate, peer))
			continue;
		WRITE_ONCE(gate->look, true);
		wake_up(&gate->group->wait);
	}
	rcu_read_unlock();
}

static bool has_ended(const struct extsock_socket *entry)
{
	const struct sock *sk = entry->sk;

	if (sock_flag(sk, SOCK_DEAD))
		return true;
	switch (entry->kind) {
	case EXTSOCK_TCP:
	case EXTSOCK_MPTCP:
		return READ_ONCE(sk->sk_state) == TCP_CLOSE;
	case EXTSOCK_UDP:
		return inet_sk(sk)->inet_dport != entry->ends.rport;
	case EXTSOCK_UNIX_DGRAM:
		return READ_ONCE(unix_peer(sk)) != entry->peer;
	case EXTSOCK_UNIX_STREAM:
		return READ_ONCE(sk->sk_shutdown) == SHUTDOWN_MASK;
	default:
		return false;
	}
}

/*
 * Called for each descriptor of the group that is a socket, under two locks. Wants to
 * see all of them.
 */
static bool see(const struct sock *sk, struct task_struct *leader,
		unsigned int fd, void *arg)
{
	struct extsock_socket *entry = extsock_sockets_find(arg, sk);
	struct pid *pid;

	if (!entry || entry->seen++ || entry->action != EXTSOCK_WAIT)
		return false;
	/* The first one may have closed it. */
	pid = task_tgid(leader);
	if (entry->pid == pid && entry->fd == (int)fd)
		return false;
	put_pid(entry->pid);
	entry->pid = get_pid(pid);
	entry->fd = fd;
	/* Not get_task_comm(): the walk may have locked this very task. */
	strscpy(entry->comm, leader->comm, sizeof(entry->comm));
	return false;
}

/* Which of them are gone without anybody having told? Who has the others? */
static void look(struct extsock_gate *gate)
{
	struct extsock_census *census =
		rcu_dereference_protected(gate->census, true);
	struct extsock_socket *entry;

	list_for_each_entry(entry, &census->sockets, node)
		entry->seen = 0;
	mutex_lock(&gate->group->census_lock);
	extsock_census_walk(gate->group, see, census);
	mutex_unlock(&gate->group->census_lock);
	list_for_each_entry(entry, &census->sockets, node) {
		cond_resched();
		/* One that had no descriptor is not missed in the tables. */
		if (has_ended(entry) || (entry->fd >= 0 && !entry->seen))
			end(gate, entry);
	}
}

/* Why it is over, or 0 if it is not. */
static int is_over(const struct extsock_gate *gate, unsigned long deadline)
{
	if (READ_ONCE(gate->group->cancelled) || signal_pending(current))
		return -EINTR;
	return time_after_eq(jiffies, deadline) ? -ETIMEDOUT : 0;
}

/**
 * extsock_drain_wait() - until nobody is waited for
 * @gate: the gate, which is closed; the group runs
 * @deadline: in jiffies
 *
 * Context: may sleep; interruptible.
 * Return: 0, -ETIMEDOUT, or -EINTR if a signal came, or a thaw.
 */
int extsock_drain_wait(struct extsock_gate *gate, unsigned long deadline)
{
	struct extsock_group *group = gate->group;
	/* Also if what came past the gate has always gone by now. */
	int err = is_over(gate, deadline);

	while (!err && atomic_read(&gate->waiting)) {
		wait_event_interruptible_timeout(group->wait,
						 !atomic_read(&gate->waiting) ||
						 READ_ONCE(group->cancelled) ||
						 READ_ONCE(gate->look),
						 min_t(unsigned long, HZ,
						       deadline - jiffies));
		/* Whoever asked for a look was about to do something. */
		if (xchg(&gate->look, false))
			usleep_range(EXTSOCK_LOOK_US, 2 * EXTSOCK_LOOK_US);
		look(gate);
		if (atomic_read(&gate->waiting))
			err = is_over(gate, deadline);
	}
	return err;
}

static void name_remote(const struct extsock_socket *entry,
			struct extsock_outcome *outcome)
{
	const struct extsock_endpoints *ends = &entry->ends;
	char path[EXTSOCK_PATH_SIZE];

	if (entry->sk->sk_family == AF_UNIX) {
		extsock_ends_path(entry->peer_name, path);
		if (*path)
			extsock_outcome_quote(outcome, path, strlen(path));
		else
			extsock_outcome_add(outcome, "a socket without a name");
	} else if (ipv6_addr_v4mapped(&ends->remote)) {
		extsock_outcome_add(outcome, "%pI4:%u",
				    &ends->remote.s6_addr32[3],
				    ntohs(ends->rport));
	} else {
		extsock_outcome_add(outcome, "[%pI6c]:%u", &ends->remote,
				    ntohs(ends->rport));
	}
}

/**
 * extsock_drain_name() - say which sockets are waited for
 * @census: the group's sockets
 * @outcome: remote ends and owners go here
 *
 * Context: may sleep.
 */
void extsock_drain_name(const struct extsock_census *census,
			struct extsock_outcome *outcome)
{
	const struct extsock_socket *entry;
	unsigned int n = 0;

	list_for_each_entry(entry, &census->sockets, node) {
		if (!extsock_drain_waits_for(entry) || n++ >= SOCKETS_NAMED)
			continue;
		extsock_outcome_add(outcome, "waiting for: ");
		name_remote(entry, outcome);
		extsock_outcome_add(outcome, " of ");
		extsock_outcome_quote(outcome, entry->comm,
				      strnlen(entry->comm, TASK_COMM_LEN));
		extsock_outcome_add(outcome, "[%d]\n", pid_vnr(entry->pid));
	}
	if (n > SOCKETS_NAMED)
		extsock_outcome_add(outcome, "waiting for: %u more\n",
				    n - SOCKETS_NAMED);
}
