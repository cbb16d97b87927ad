// SPDX-License-Identifier: GPL-2.0-only
/*
 * Holding back new external connections of groups that drain.
 *
 * How depends on the protocol. A TCP connection gets as far as SYN_SENT, and its
 * SYN goes nowhere: see syn.c. So connect(), blocking or not, does all that it
 * does on a slow network. Unix and UDP sockets have no such state: there the
 * call itself waits, as it would for room in a listener's queue. If it must not,
 * it is delayed, and then let pass: the drain waits for one more socket. To fail
 * with EAGAIN, as for want of room, is what programs take for final. Children of
 * listening sockets wait in the backlog: see backlog.c.
 *
 * Whoever is to be held is held because of where it connects to: a socket of the
 * group, and a socket whose action is not wait, are let pass.
 */
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <asm/syscall.h>
#include <asm/unistd.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "backlog.h"
#include "census.h"
#include "drain.h"
#include "gate.h"
#include "named.h"
#include "nets.h"
#include "peer.h"
#include "syn.h"

/*
 * Among the flags of a connect: it has passed. No file has such a flag, and of
 * those that are given connect handlers look at O_NONBLOCK alone.
 */
#define PASSED		BIT(30)

/*
 * For so long a call that must not wait is delayed. Long beside what a program
 * does with a connection that it opens again and again, so that all of them
 * come to be closed at once; short for an event loop.
 */
#define DELAY			HZ

/* Whether calls may ever have been sent here. */
static bool was_closed;

LIST_HEAD(extsock_gates);
static DEFINE_SPINLOCK(gates_lock);

/* Calls that wait for their gate to open. */
static DECLARE_WAIT_QUEUE_HEAD(held_calls);

/*
 * A checkpointer acts in a traced task's name. The workers of io_uring cannot be
 * traced, but work for tasks that can.
 */
static bool is_traced(void)
{
	const struct task_struct *task = current;

	if (task->flags & PF_IO_WORKER)
		return READ_ONCE(task->group_leader->ptrace);
	return READ_ONCE(task->ptrace);
}

/* The closed gate of current's group, or NULL; under RCU. */
static struct extsock_gate *current_gate(void)
{
	struct extsock_group *group;
	struct extsock_gate *gate;

	if (likely(list_empty(&extsock_gates)))
		return NULL;
	/* A core is written out. */
	if (is_traced() || current->flags & (PF_DUMPCORE | PF_EXITING))
		return NULL;
	group = extsock_group_of(current);
	if (!group)
		return NULL;
	list_for_each_entry_rcu(gate, &extsock_gates, node)
		if (gate->group == group)
			return gate;
	return NULL;
}

/**
 * extsock_gate_connecting() - current sends the SYN of a new connection
 * @tcp: the TCP socket, in SYN_SENT, which the caller has locked; current is a
 *	member and not traced
 *
 * Context: a probe in process context; does not sleep.
 * Return: id of the gate that is to hold it back, or 0.
 */
u64 extsock_gate_connecting(struct sock *tcp)
{
	struct extsock_census *census;
	struct extsock_gate *gate;
	u64 id = 0;

	rcu_read_lock();
	gate = current_gate();
	census = gate ? rcu_dereference(gate->census) : NULL;
	if (census && extsock_syn_holds(gate, census, tcp))
		id = gate->terms.gate;
	rcu_read_unlock();
	return id;
}

/**
 * extsock_gate_stops() - is a call of connect() to come here first?
 * @sock: the socket, of a kind whose calls are held
 * @flags: of the call
 *
 * Context: a probe in process context; does not sleep.
 * Return: whether extsock_gate_connect() is to be called in its place.
 */
bool extsock_gate_stops(const struct socket *sock, int flags)
{
	bool stops;

	if (flags & PASSED || !sock->file)
		return false;
	rcu_read_lock();
	stops = current_gate();
	rcu_read_unlock();
	return stops;
}

/* The socket to which a unix or UDP socket connects, with a reference, or NULL. */
static struct sock *find_other(struct extsock_socket *entry,
			       extsock_sockaddr *addr, int len)
{
	struct sock *other;

	if (entry->sk->sk_family == AF_UNIX) {
		other = extsock_named_find(sock_net(entry->sk), (void *)addr,
					   len, entry->sk->sk_type);
		if (other)
			entry->peer_name = extsock_ends_name(other);
		return other;
	}
	rcu_read_lock();
	other = extsock_peer_receiver(entry);
	if (other && !refcount_inc_not_zero(&other->sk_refcnt))
		other = NULL;
	rcu_read_unlock();
	return other;
}

/* Of a UDP socket: whereto. False if it is not understood, or disconnects. */
static bool read_address(struct extsock_socket *entry, extsock_sockaddr *addr,
			 int len)
{
	const struct sockaddr_in *in = (void *)addr;
	const struct sockaddr_in6 *in6 = (void *)addr;

	if (entry->kind != EXTSOCK_UDP)
		return true;
	if (len >= (int)sizeof(*in) && in->sin_family == AF_INET) {
		ipv6_addr_set_v4mapped(in->sin_addr.s_addr,
				       &entry->ends.remote);
		entry->ends.rport = in->sin_port;
		return true;
	}
	/* Others refuse it; without IPv6 nothing may be looked up there. */
	if (len >= SIN6_LEN_RFC2133 && in6->sin6_family == AF_INET6 &&
	    entry->sk->sk_family == AF_INET6) {
		entry->ends.remote = in6->sin6_addr;
		entry->ends.rport = in6->sin6_port;
		return true;
	}
	return false;
}

/*
 * Is the gate to hold a call that connects @entry to @other, unless that has become a
 * member's since the census?
 */
static bool holds(struct extsock_gate *gate, const struct extsock_socket *entry,
		  const struct sock *other)
{
	struct extsock_census *census = rcu_dereference(gate->census);

	return census && extsock_verdict_action(entry, &gate->terms) ==
				 EXTSOCK_WAIT &&
	       !(other && extsock_sockets_find(census, other));
}

/* The id of the gate that is to hold the call, or 0. */
static u64 holder(struct socket *sock, extsock_sockaddr *addr, int len)
{
	struct extsock_group *group = NULL;
	struct extsock_socket entry = {};
	struct extsock_gate *gate;
	struct sock *other;
	u64 id = 0;

	extsock_sockets_describe(&entry, sock->sk);
	/* One that is connected, or listens, fails as ever. */
	if (entry.kind == EXTSOCK_UNIX_STREAM && entry.state != TCP_CLOSE)
		return 0;
	if (!read_address(&entry, addr, len))
		return 0;
	other = find_other(&entry, addr, len);
	/* Where there is no such unix socket the call fails as ever. */
	if (!other && entry.kind != EXTSOCK_UDP)
		return 0;
	rcu_read_lock();
	gate = current_gate();
	if (gate && holds(gate, &entry, other) &&
	    kobject_get_unless_zero(&gate->group->kobj)) {
		group = gate->group;
		id = gate->terms.gate;
	}
	rcu_read_unlock();
	if (group && other && extsock_census_owns(group, other))
		id = 0;
	if (group)
		kobject_put(&group->kobj);
	if (other)
		sock_put(other);
	return id;
}

/* Is a gate closed, and with @stopping: is its group being stopped? */
static bool is_closed(u64 id, bool stopping)
{
	struct extsock_gate *gate;
	bool closed = false;

	rcu_read_lock();
	list_for_each_entry_rcu(gate, &extsock_gates, node)
		closed |= gate->terms.gate == id &&
			  (!stopping || READ_ONCE(gate->group->holding));
	rcu_read_unlock();
	return closed;
}

/* As a connect() that waits for room in the queue of a unix socket. */
static int wait_for(u64 id, const struct socket *sock)
{
	long timeo = sock_sndtimeo(sock->sk, false);
	long left = wait_event_interruptible_timeout(held_calls,
						     !is_closed(id, false),
						     timeo);

	if (left < 0)
		return sock_intr_errno(timeo);
	return left ? 0 : -EAGAIN;
}

/*
 * Is current in connect(2)? Otherwise in io_uring, perhaps with a ring locked; so
 * it may be on its way out of connect(2), too, which cannot be told apart.
 */
static bool is_call(void)
{
	int nr = syscall_get_nr(current, task_pt_regs(current));

	if (in_ia32_syscall())
		return nr == __NR_ia32_connect || nr == __NR_ia32_socketcall;
	return (nr & ~__X32_SYSCALL_BIT) == __NR_connect;
}

/*
 * For one that must not wait. Unless it is to stand still, where it begins anew,
 * it passes in the end, and knows of no signal.
 */
static int delay_for(u64 id, const struct socket *sock)
{
	long left;

	/* io_uring tries without waiting what it can do in another way. */
	if (!(sock->file->f_flags & O_NONBLOCK))
		return -EAGAIN;
	if (!is_call())
		return 0;
	left = wait_event_interruptible_timeout(held_calls,
						!is_closed(id, false), DELAY);
	return left < 0 && is_closed(id, true) ? -ERESTARTSYS : 0;
}

/**
 * extsock_gate_connect() - in place of the connect() of a unix or UDP socket
 * @sock: as of connect(), as are the following
 * @addr: the address
 * @len: its length
 * @flags: of its file
 *
 * Whoever sent the call here has taken a reference to the module.
 *
 * Context: a system call, or io_uring; sleeps, with no lock held.
 * Return: as connect(); -EAGAIN if it may not wait any longer, -ERESTARTSYS or
 * -EINTR if a signal came first.
 */
int extsock_gate_connect(struct socket *sock, extsock_sockaddr *addr, int len,
			 int flags)
{
	u64 id = holder(sock, addr, len);
	int err = 0;

	if (id)
		err = flags & O_NONBLOCK ? delay_for(id, sock) :
					   wait_for(id, sock);
	if (!err)
		err = READ_ONCE(sock->ops)->connect(sock, addr, len,
						    flags | PASSED);
	module_put(THIS_MODULE);
	return err;
}

/**
 * extsock_gate_alloc() - make a gate, which is open
 * @group: its group
 * @terms: whom it is to hold
 *
 * Context: may sleep.
 * Return: the gate or NULL.
 */
struct extsock_gate *extsock_gate_alloc(struct extsock_group *group,
					const struct extsock_terms *terms)
{
	static atomic64_t last_id;
	struct extsock_gate *gate = kzalloc(sizeof(*gate), GFP_KERNEL_ACCOUNT);

	if (!gate)
		return NULL;
	gate->group = group;
	gate->terms = *terms;
	extsock_rules_get(gate->terms.rules);
	gate->terms.gate = atomic64_inc_return(&last_id);
	INIT_LIST_HEAD(&gate->nets);
	INIT_LIST_HEAD(&gate->shelves);
	return gate;
}

static int close_first(struct extsock_gate *gate)
{
	int err = extsock_group_drain(true);

	if (err)
		return err;
	spin_lock(&gates_lock);
	list_add_tail_rcu(&gate->node, &extsock_gates);
	spin_unlock(&gates_lock);
	gate->closed = true;
	WRITE_ONCE(was_closed, true);
	return 0;
}

/**
 * extsock_gate_was_closed() - has a gate ever been closed?
 *
 * Context: any.
 * Return: whether somebody outside of the module may have called into it.
 */
bool extsock_gate_was_closed(void)
{
	return READ_ONCE(was_closed);
}

/**
 * extsock_gate_close() - close a gate, or go on with another census
 * @gate: the gate, open or at rest
 * @census: what the group has; the gate reads it until it is at rest again
 *
 * Context: may sleep; the group stands still.
 * Return: 0, -ENOMEM, or why a probe could not be registered.
 */
int extsock_gate_close(struct extsock_gate *gate, struct extsock_census *census)
{
	int err = 0;

	if (!gate->closed)
		err = close_first(gate);
	if (!err)
		err = extsock_syn_hold(gate, census);
	extsock_backlog_free(gate, false);
	if (!err)
		err = extsock_backlog_prepare(gate, census);
	if (err)
		return err;
	extsock_drain_count(gate, census);
	rcu_assign_pointer(gate->census, census);
	extsock_backlog_hide(gate);
	return 0;
}

/**
 * extsock_gate_rest() - let go of the census, and of those in the backlog
 * @gate: the gate; if it is closed it goes on holding what it holds, but finds
 *	nobody new to hold
 *
 * Context: may sleep.
 */
void extsock_gate_rest(struct extsock_gate *gate)
{
	extsock_backlog_restore(gate);
	RCU_INIT_POINTER(gate->census, NULL);
	synchronize_rcu();
}

/**
 * extsock_gate_open() - let everybody pass, and free the gate
 * @gate: the gate
 *
 * Context: may sleep.
 */
void extsock_gate_open(struct extsock_gate *gate)
{
	/* Before the gate cannot be found any more: unix_data_ready() needs it. */
	extsock_backlog_restore(gate);
	if (gate->closed) {
		spin_lock(&gates_lock);
		list_del_rcu(&gate->node);
		spin_unlock(&gates_lock);
		wake_up_all(&held_calls);
	}
	extsock_nets_unhook(gate);
	/* Nobody who found it in the list, and no hook, uses it after this. */
	extsock_gate_rest(gate);
	extsock_syn_release(gate);
	extsock_backlog_announce(gate);
	extsock_backlog_free(gate, true);
	if (gate->closed)
		extsock_group_drain(false);
	extsock_rules_put(gate->terms.rules);
	kfree(gate);
}
