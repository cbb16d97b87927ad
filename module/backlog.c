// SPDX-License-Identifier: GPL-2.0-only
/*
 * Holding back external children of listening sockets.
 *
 * While the gate is closed they are taken out of the accept queue, onto a shelf
 * beside it. So accept, poll and io_uring find what they find when nobody has
 * come, and children that are the group's own can be accepted meanwhile. A child
 * that arrives goes there before anybody is woken. If the listening socket is
 * locked just in that moment the child stays: it has been announced, may be
 * accepted, and is waited for as any other.
 *
 * A listening socket that is closed gets its children back first, and does with
 * them what it always does.
 */
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/af_unix.h>
#include <net/inet_connection_sock.h>
#include <net/mptcp.h>
#include <net/sock.h>

#include "backlog.h"
#include "gate.h"
#include "inside.h"
#include "lock.h"
#include "look.h"
#include "peer.h"

/**
 * struct extsock_shelf - the held children of a listening socket
 * @node: in the gate's list
 * @sk: what has the accept queue: a unix socket, or the TCP socket, of a
 *	multipath one too; a counted reference
 * @ready: of unix, its own sk_data_ready
 * @replaced: another is in its place; the freezing task's
 * @lock: protects the following. Taken outside of the locks of the queues, and
 *	of a unix socket in process context only
 * @open: children are to be put here
 * @nr: how many there are, or have been put back and not announced yet
 * @spared: how many of them do not count for the backlog
 * @first: of TCP, the first one's request
 * @last: and the last one's
 * @messages: of unix, as which they wait
 *
 * Held by its gate, at least until the grace period after the gate came to rest.
 */
struct extsock_shelf {
	struct list_head node;
	struct sock *sk;
	void (*ready)(struct sock *sk);
	bool replaced;
	spinlock_t lock;
	bool open;
	unsigned int nr;
	unsigned int spared;
	struct request_sock *first;
	struct request_sock *last;
	struct sk_buff_head messages;
};

static bool is_unix(const struct extsock_shelf *shelf)
{
	return shelf->sk->sk_family == AF_UNIX;
}

/* Is a member at the other end of a unix child? It called connect(). */
static bool is_members_own(const struct extsock_gate *gate, struct sock *child)
{
	struct task_struct *task;
	bool is;

	spin_lock(&child->sk_peer_lock);
	task = child->sk_peer_pid ? pid_task(child->sk_peer_pid, PIDTYPE_TGID) :
				    NULL;
	is = task && extsock_group_of(task) == gate->group;
	spin_unlock(&child->sk_peer_lock);
	return is;
}

/* Under RCU; the child is in the queue, whose lock is held. */
static bool is_held(const struct extsock_gate *gate, struct sock *child)
{
	struct extsock_census *census = rcu_dereference(gate->census);
	struct extsock_socket entry = {};

	if (!child || !census)
		return false;
	extsock_sockets_describe(&entry, child);
	if (child->sk_family == AF_UNIX) {
		/* It holds its peer as long as it waits. */
		entry.peer = READ_ONCE(unix_peer(child));
		if (!entry.peer || is_members_own(gate, child) ||
		    READ_ONCE(child->sk_shutdown) == SHUTDOWN_MASK ||
		    extsock_sockets_find(census, entry.peer))
			return false;
		entry.peer_name = extsock_ends_name(entry.peer);
	} else {
		entry.tcp = child;
		if (extsock_peer_connected(census, &entry) ||
		    extsock_inside_client(gate, &entry))
			return false;
	}
	return extsock_verdict_action(&entry, &gate->terms) == EXTSOCK_WAIT;
}

/*
 * On the shelf as many as would fill the queue do not count for the backlog, or it
 * would soon be full for members as well.
 */
static bool is_full(const struct extsock_shelf *shelf)
{
	return shelf->spared > READ_ONCE(shelf->sk->sk_max_ack_backlog);
}

/* @newcomer: only this child, or NULL: all. */
static void hide_tcp(const struct extsock_gate *gate,
		     struct extsock_shelf *shelf, const struct sock *newcomer)
{
	struct request_sock_queue *queue =
		&inet_csk(shelf->sk)->icsk_accept_queue;
	struct request_sock **link = &queue->rskq_accept_head;
	struct request_sock *req, *last = NULL;

	spin_lock(&queue->rskq_lock);
	while ((req = *link)) {
		if ((newcomer && req->sk != newcomer) ||
		    !is_held(gate, req->sk)) {
			last = req;
			link = &req->dl_next;
			continue;
		}
		WRITE_ONCE(*link, req->dl_next);
		req->dl_next = NULL;
		if (shelf->last)
			shelf->last->dl_next = req;
		else
			shelf->first = req;
		shelf->last = req;
		shelf->nr++;
		if (is_full(shelf))
			continue;
		sk_acceptq_removed(shelf->sk);
		shelf->spared++;
	}
	queue->rskq_accept_tail = last;
	spin_unlock(&queue->rskq_lock);
}

/*
 * @client: only those it connected, or NULL: all. Who waits in connect() for room
 * is told that there is some: otherwise accept() does that.
 */
static void hide_unix(const struct extsock_gate *gate,
		      struct extsock_shelf *shelf, const struct pid *client)
{
	struct sk_buff_head *queue = &shelf->sk->sk_receive_queue;
	unsigned int nr = shelf->nr;
	struct sk_buff *skb, *next;

	spin_lock(&queue->lock);
	skb_queue_walk_safe(queue, skb, next) {
		/* More than that must not come: here none counts. */
		if (is_full(shelf))
			break;
		if ((client && READ_ONCE(skb->sk->sk_peer_pid) != client) ||
		    !is_held(gate, skb->sk))
			continue;
		__skb_unlink(skb, queue);
		__skb_queue_tail(&shelf->messages, skb);
		shelf->nr++;
		shelf->spared++;
	}
	spin_unlock(&queue->lock);
	if (shelf->nr != nr)
		wake_up_interruptible_all(&unix_sk(shelf->sk)->peer_wait);
}

/*
 * All that wait. Under RCU and the shelf's lock, of TCP with softirqs off and the
 * listening socket locked: in accept(), what was seen in the queue must stay there.
 */
static void hide(const struct extsock_gate *gate, struct extsock_shelf *shelf)
{
	lockdep_assert_held(&shelf->lock);
	if (!shelf->open)
		return;
	if (is_unix(shelf))
		hide_unix(gate, shelf, NULL);
	else
		hide_tcp(gate, shelf, NULL);
}

/* To the front: those that were let pass came later, or are accepted sooner. */
static void restore_tcp(struct extsock_shelf *shelf)
{
	struct request_sock_queue *queue =
		&inet_csk(shelf->sk)->icsk_accept_queue;

	if (!shelf->first)
		return;
	spin_lock(&queue->rskq_lock);
	shelf->last->dl_next = queue->rskq_accept_head;
	if (!queue->rskq_accept_head)
		queue->rskq_accept_tail = shelf->last;
	WRITE_ONCE(queue->rskq_accept_head, shelf->first);
	for (; shelf->spared; shelf->spared--)
		sk_acceptq_added(shelf->sk);
	spin_unlock(&queue->rskq_lock);
	shelf->first = NULL;
	shelf->last = NULL;
}

static void restore_unix(struct extsock_shelf *shelf)
{
	struct sk_buff_head *queue = &shelf->sk->sk_receive_queue;

	spin_lock(&queue->lock);
	skb_queue_splice_init(&shelf->messages, queue);
	spin_unlock(&queue->lock);
}

/* From now on it takes none. */
static void empty(struct extsock_shelf *shelf)
{
	lockdep_assert_held(&shelf->lock);
	if (is_unix(shelf))
		restore_unix(shelf);
	else
		restore_tcp(shelf);
	shelf->open = false;
}

/* As when they arrived: each of them wakes one who waits. */
static void announce(struct sock *listener, unsigned int nr)
{
	void (*ready)(struct sock *sk) = READ_ONCE(listener->sk_data_ready);

	local_bh_disable();
	bh_lock_sock(listener);
	while (nr-- && listener->sk_state == TCP_LISTEN)
		ready(listener);
	bh_unlock_sock(listener);
	local_bh_enable();
}

/* A TCP socket that works for a multipath one must not be in the middle of being closed. */
static void announce_mptcp(struct sock *listener, unsigned int nr)
{
	struct file *file = extsock_ends_file(listener);

	if (!file)
		return;
	announce(listener, nr);
	fput(file);
}

/*
 * The socket must be locked. This may be in softirq, with the child locked: it is
 * tried, and not waited for.
 */
static void hide_tcp_child(const struct extsock_gate *gate,
			   struct extsock_shelf *shelf,
			   const struct sock *child)
{
	if (!spin_trylock(&shelf->sk->sk_lock.slock))
		return;
	if (!sock_owned_by_user(shelf->sk)) {
		spin_lock(&shelf->lock);
		if (shelf->open)
			hide_tcp(gate, shelf, child);
		spin_unlock(&shelf->lock);
	}
	spin_unlock(&shelf->sk->sk_lock.slock);
}

/* The shelf of what has the accept queue, or NULL; under RCU. */
static struct extsock_shelf *find_shelf(const struct extsock_gate *gate,
					const struct sock *sk)
{
	struct extsock_shelf *shelf;

	/* Without a census the shelves are empty, and may be being freed. */
	if (!rcu_access_pointer(gate->census))
		return NULL;
	list_for_each_entry_rcu(shelf, &gate->shelves, node)
		if (shelf->sk == sk)
			return shelf;
	return NULL;
}

/*
 * In place of a unix socket's sk_data_ready: its children come with no function
 * to probe between their coming and this. Process context, of who connected.
 */
static void unix_data_ready(struct sock *sk)
{
	void (*ready)(struct sock *sk);
	struct extsock_shelf *shelf;
	struct extsock_gate *gate;

	rcu_read_lock();
	list_for_each_entry_rcu(gate, &extsock_gates, node) {
		shelf = find_shelf(gate, sk);
		if (!shelf || !shelf->replaced)
			continue;
		spin_lock(&shelf->lock);
		if (shelf->open)
			hide_unix(gate, shelf, task_tgid(current));
		spin_unlock(&shelf->lock);
		shelf->ready(sk);
		goto done;
	}
	/* It has been put back meanwhile. */
	ready = READ_ONCE(sk->sk_data_ready);
	if (ready != unix_data_ready)
		ready(sk);
done:
	rcu_read_unlock();
}

static void replace_ready(struct extsock_shelf *shelf)
{
	struct sock *sk = shelf->sk;

	write_lock_bh(&sk->sk_callback_lock);
	shelf->ready = sk->sk_data_ready;
	shelf->replaced = shelf->ready != unix_data_ready;
	/* Whoever comes there finds the former. */
	smp_store_release(&sk->sk_data_ready, unix_data_ready);
	write_unlock_bh(&sk->sk_callback_lock);
}

static void put_ready_back(struct extsock_shelf *shelf)
{
	struct sock *sk = shelf->sk;

	write_lock_bh(&sk->sk_callback_lock);
	WRITE_ONCE(sk->sk_data_ready, shelf->ready);
	write_unlock_bh(&sk->sk_callback_lock);
	shelf->replaced = false;
}

/* The two kinds of locks differ in who takes them: lockdep is told by this. */
static void init_lock(struct extsock_shelf *shelf)
{
	if (is_unix(shelf))
		spin_lock_init(&shelf->lock);
	else
		spin_lock_init(&shelf->lock);
}

static int add_shelf(struct extsock_gate *gate, struct extsock_socket *entry)
{
	struct sock *sk = entry->tcp ?: entry->sk;
	struct extsock_shelf *shelf;

	if (sk->sk_family != AF_UNIX && !sk_is_tcp(sk))
		return 0;
	shelf = kzalloc(sizeof(*shelf), GFP_KERNEL_ACCOUNT);
	if (!shelf)
		return -ENOMEM;
	sock_hold(sk);
	shelf->sk = sk;
	init_lock(shelf);
	__skb_queue_head_init(&shelf->messages);
	/* Before one of an earlier round, of which only the number matters. */
	list_add_rcu(&shelf->node, &gate->shelves);
	return 0;
}

/**
 * extsock_backlog_prepare() - make shelves for the listening sockets
 * @gate: the gate
 * @census: what the group has; not published yet
 *
 * Context: may sleep; the group stands still.
 * Return: 0 or -ENOMEM.
 */
int extsock_backlog_prepare(struct extsock_gate *gate,
			    struct extsock_census *census)
{
	struct extsock_socket *entry;
	int err;

	list_for_each_entry(entry, &census->sockets, node) {
		if (entry->class != EXTSOCK_LISTENING)
			continue;
		err = add_shelf(gate, entry);
		if (err)
			return err;
	}
	return 0;
}

/**
 * struct opening - a shelf that is to be opened
 * @gate: the gate
 * @shelf: the shelf
 */
struct opening {
	const struct extsock_gate *gate;
	struct extsock_shelf *shelf;
};

/* With the listening socket locked. */
static void open_shelf(struct sock *sk, void *arg)
{
	const struct opening *opening = arg;
	struct extsock_shelf *shelf = opening->shelf;

	rcu_read_lock();
	spin_lock(&shelf->lock);
	shelf->open = READ_ONCE(sk->sk_state) == TCP_LISTEN;
	hide(opening->gate, shelf);
	spin_unlock(&shelf->lock);
	rcu_read_unlock();
}

/**
 * extsock_backlog_hide() - hold those who wait, and those who come
 * @gate: the gate, which is closed
 *
 * Context: may sleep; the group stands still.
 */
void extsock_backlog_hide(struct extsock_gate *gate)
{
	struct extsock_shelf *shelf;
	unsigned int look;
	struct file *file;

	list_for_each_entry(shelf, &gate->shelves, node) {
		struct opening opening = { gate, shelf };

		/* Of an earlier round. */
		if (shelf->nr)
			continue;
		/* With its file held it cannot be half closed already. */
		file = extsock_ends_file(shelf->sk);
		if (!file)
			continue;
		if (is_unix(shelf))
			replace_ready(shelf);
		/* Who waits at one that stays in use is not held. */
		for (look = 0; look < EXTSOCK_LOOKS; look++) {
			if (extsock_lock_unused(shelf->sk, open_shelf,
						&opening))
				break;
			usleep_range(EXTSOCK_LOOK_US, 2 * EXTSOCK_LOOK_US);
		}
		fput(file);
	}
}

/**
 * extsock_backlog_restore() - give the children back, and hold no more
 * @gate: the gate
 *
 * Nobody is told: what io_uring has been asked to do it does in tasks that stand
 * still, too.
 *
 * Context: may sleep.
 */
void extsock_backlog_restore(struct extsock_gate *gate)
{
	struct extsock_shelf *shelf;

	list_for_each_entry(shelf, &gate->shelves, node) {
		if (shelf->replaced)
			put_ready_back(shelf);
		spin_lock_bh(&shelf->lock);
		empty(shelf);
		spin_unlock_bh(&shelf->lock);
	}
}

/**
 * extsock_backlog_announce() - wake those who wait for children put back
 * @gate: the gate
 *
 * Not for those that are held again.
 *
 * Context: may sleep; the group runs.
 */
void extsock_backlog_announce(struct extsock_gate *gate)
{
	struct extsock_shelf *shelf;

	list_for_each_entry(shelf, &gate->shelves, node) {
		if (READ_ONCE(shelf->open) || !shelf->nr)
			continue;
		if (!is_unix(shelf) && sk_is_mptcp(shelf->sk))
			announce_mptcp(shelf->sk, shelf->nr);
		else
			announce(shelf->sk, shelf->nr);
		shelf->nr = 0;
	}
}

/**
 * extsock_backlog_free() - free the shelves, which are empty
 * @gate: the gate, open or at rest
 * @all: also those whose children have not been announced
 *
 * Context: may sleep.
 */
void extsock_backlog_free(struct extsock_gate *gate, bool all)
{
	struct extsock_shelf *shelf, *next;

	list_for_each_entry_safe(shelf, next, &gate->shelves, node) {
		if (shelf->nr && !all)
			continue;
		list_del(&shelf->node);
		sock_put(shelf->sk);
		kfree(shelf);
	}
}

/**
 * extsock_backlog_arrived() - a child has come into an accept queue
 * @listener: the TCP socket that listens
 * @child: the child
 *
 * Context: a probe in softirq; does not sleep. Nobody has been woken.
 */
void extsock_backlog_arrived(const struct sock *listener,
			     const struct sock *child)
{
	struct extsock_shelf *shelf;
	struct extsock_gate *gate;

	rcu_read_lock();
	list_for_each_entry_rcu(gate, &extsock_gates, node) {
		shelf = find_shelf(gate, listener);
		if (shelf)
			hide_tcp_child(gate, shelf, child);
	}
	rcu_read_unlock();
}

/* Of a TCP socket softirqs come to know the lock. */
static void close_shelf(struct extsock_shelf *shelf)
{
	if (is_unix(shelf)) {
		spin_lock(&shelf->lock);
		empty(shelf);
		spin_unlock(&shelf->lock);
	} else {
		spin_lock_bh(&shelf->lock);
		empty(shelf);
		spin_unlock_bh(&shelf->lock);
	}
}

/**
 * extsock_backlog_closing() - a socket is about to listen no more
 * @listener: the socket that has the accept queue
 *
 * Context: process context, in a probe of unix, or under the socket's lock; does
 * not sleep.
 */
void extsock_backlog_closing(const struct sock *listener)
{
	struct extsock_shelf *shelf;
	struct extsock_gate *gate;

	rcu_read_lock();
	list_for_each_entry_rcu(gate, &extsock_gates, node) {
		shelf = find_shelf(gate, listener);
		if (shelf)
			close_shelf(shelf);
	}
	rcu_read_unlock();
}
