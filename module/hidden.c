// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sockets of a group that are in no descriptor table: children in accept
 * queues, sockets in messages that nobody received yet, and what members opened
 * and hold in a way that cannot be seen.
 */
#include <linux/file.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <net/af_unix.h>
#include <net/tcp_states.h>

#include "hidden.h"
#include "queue.h"
#include "sockets.h"

/* It is shown with who holds the socket where it waits. */
static void adopt(struct extsock_socket *entry,
		  const struct extsock_socket *from)
{
	if (entry->pid)
		return;
	entry->pid = get_pid(from->pid);
	memcpy(entry->comm, from->comm, sizeof(entry->comm));
}

/* @carried waits in a queue of @carrier. */
static int record_flight(struct extsock_census *census,
			 struct extsock_socket *carrier,
			 struct extsock_socket *carried)
{
	struct extsock_flight *flight = kmalloc(sizeof(*flight),
						GFP_KERNEL_ACCOUNT);

	if (!flight)
		return -ENOMEM;
	flight->carrier = carrier;
	flight->carried = carried;
	list_add_tail(&flight->node, &census->flights);
	adopt(carried, carrier);
	return 0;
}

static int add_children(struct extsock_census *census,
			struct extsock_socket *listener)
{
	struct sock *sk = listener->tcp ?: listener->sk;
	struct extsock_children children = {};
	unsigned int i;
	int err;

	err = extsock_queue_get(sk, &children);
	for (i = 0; !err && i < children.nr; i++) {
		struct extsock_socket *child;

		child = extsock_sockets_add(census, children.sk[i]);
		if (IS_ERR(child)) {
			err = PTR_ERR(child);
			break;
		}
		child->listener = listener;
		err = record_flight(census, listener, child);
	}
	extsock_queue_put(&children);
	return err;
}

static int add_messages(struct extsock_census *census,
			struct extsock_socket *carrier)
{
	struct extsock_files files = {};
	unsigned int i;
	int err;

	err = extsock_queue_get_files(carrier->sk, &files);
	for (i = 0; !err && i < files.nr; i++) {
		struct extsock_socket *carried;

		carried = extsock_sockets_add_file(census,
						   get_file(files.file[i]));
		if (IS_ERR(carried)) {
			err = PTR_ERR(carried);
		} else if (carried) {
			carried->held++;
			carried->flights++;
			err = record_flight(census, carrier, carried);
		}
	}
	extsock_queue_put_files(&files);
	return err;
}

/* Those that are added come at the tail, and have queues themselves. */
static int add_queues(struct extsock_census *census)
{
	struct extsock_socket *entry;
	int err = 0;

	list_for_each_entry(entry, &census->sockets, node) {
		if (entry->walked)
			continue;
		entry->walked = true;
		if (entry->state == TCP_LISTEN)
			err = add_children(census, entry);
		else if (entry->sk->sk_family == AF_UNIX)
			err = add_messages(census, entry);
		if (err)
			break;
		cond_resched();
	}
	return err;
}

/* Does who opened it live outside of the group? Then it is there, too. */
static bool lives_outside(struct pid *opener, const struct extsock_group *group)
{
	struct task_struct *task = pid_task(opener, PIDTYPE_TGID);

	return task && extsock_group_of(task) != group;
}

static struct extsock_socket *add_hidden(struct extsock_census *census,
					 struct sock *sk)
{
	struct extsock_socket *entry = extsock_sockets_add(census, sk);

	if (!IS_ERR(entry))
		entry->outside = true;
	return entry;
}

/*
 * One walk over the tags for sockets of the group that are in no table and in no
 * queue. Returns how many were added, or an error. To add one it pauses, and may
 * then leave others out.
 */
static int add_tagged_once(struct extsock_census *census,
			   const struct extsock_group *group)
{
	struct rhashtable_iter iter;
	struct extsock_tag *tag;
	int added = 0;

	extsock_tag_walk_start(&iter);
	rhashtable_walk_start(&iter);
	while (added >= 0 && (tag = extsock_tag_walk_next(&iter))) {
		struct extsock_socket *entry;
		struct file *file;
		struct sock *sk;

		if (tag->group != group->id ||
		    lives_outside(tag->opener, group) ||
		    extsock_sockets_find(census, tag->sk))
			continue;
		sk = extsock_tag_get_sock(tag);
		if (!sk)
			continue;
		rhashtable_walk_stop(&iter);
		/* One without a file was closed, and is still sending. */
		file = extsock_ends_file(sk);
		if (file) {
			entry = add_hidden(census, sk);
			added = IS_ERR(entry) ? PTR_ERR(entry) : added + 1;
			fput(file);
		}
		sock_gen_put(sk);
		rhashtable_walk_start(&iter);
	}
	rhashtable_walk_stop(&iter);
	extsock_tag_walk_stop(&iter);
	return added;
}

/*
 * Sockets that members opened and that live on without a descriptor: in flight
 * in a message, or held by io_uring. By whom cannot be seen, so each is taken
 * for one that somebody outside holds as well.
 */
static int add_tagged(struct extsock_census *census,
		      const struct extsock_group *group)
{
	int added;

	do {
		added = add_tagged_once(census, group);
	} while (added > 0);
	return added;
}

/* Called for each message in a queue. */
static void see(struct file *file, void *arg)
{
	struct extsock_socket *carried;

	rcu_read_lock();
	carried = extsock_sockets_find(arg, sock_from_file(file)->sk);
	if (carried)
		carried->seen++;
	rcu_read_unlock();
}

static void look_into(struct extsock_census *census,
		      struct extsock_socket *carrier)
{
	/* Whoever cannot be seen now is not where it was, for all we know. */
	if (carrier->state != TCP_LISTEN && !carrier->outside)
		extsock_queue_walk_files(carrier->sk, see, census);
}

/**
 * extsock_hidden_confirm() - is what waited somewhere still there?
 * @census: the census; in those that are not, @moved is set, in others cleared
 *
 * Somebody outside may have taken a socket out of a message or an accept queue,
 * and have let go of the socket where it waited: no reference tells.
 *
 * Context: may sleep; allocates nothing.
 */
void extsock_hidden_confirm(struct extsock_census *census)
{
	const struct extsock_socket *last = NULL;
	struct extsock_flight *flight;

	list_for_each_entry(flight, &census->flights, node)
		flight->carried->seen = 0;
	list_for_each_entry(flight, &census->flights, node) {
		/* Closed, by the end of a member: its messages are gone. */
		if (sock_flag(flight->carrier->sk, SOCK_DEAD)) {
			flight->carried->seen++;
			continue;
		}
		if (flight->carrier == last)
			continue;
		last = flight->carrier;
		look_into(census, flight->carrier);
		cond_resched();
	}
	list_for_each_entry(flight, &census->flights, node) {
		struct extsock_socket *carried = flight->carried;

		carried->moved = carried->seen < carried->flights ||
				 (carried->listener &&
				  READ_ONCE(carried->sk->sk_socket));
	}
}

static bool lives_inside(struct pid *opener, const struct extsock_group *group)
{
	struct task_struct *task = pid_task(opener, PIDTYPE_TGID);

	return task && extsock_group_of(task) == group;
}

/*
 * Is it in some message, or in the accept queue of a socket that may be in one,
 * and not somebody's outside? That is known by who connected, listened, or made
 * the pair. Who listened and is gone was a daemon's parent, more likely.
 */
static bool may_be_hidden(struct extsock_socket *entry,
			  const struct extsock_group *group)
{
	struct sock *sk = entry->sk, *peer = entry->peer;
	bool may = false;

	spin_lock(&sk->sk_peer_lock);
	rcu_read_lock();
	if (!sk->sk_peer_pid)
		may = false;
	else if (extsock_unix_in_flight(peer))
		may = !lives_outside(sk->sk_peer_pid, group);
	else if (!READ_ONCE(peer->sk_socket) && !sock_flag(peer, SOCK_DEAD))
		may = lives_inside(sk->sk_peer_pid, group);
	rcu_read_unlock();
	spin_unlock(&sk->sk_peer_lock);
	return may;
}

/*
 * The other ends of unix sockets, if they are in flight: what cannot be seen of
 * them is the same.
 */
static int add_peers_in_flight(struct extsock_census *census,
			       const struct extsock_group *group)
{
	struct extsock_socket *entry, *peer;
	bool known;

	list_for_each_entry(entry, &census->sockets, node) {
		cond_resched();
		if (!entry->peer || !may_be_hidden(entry, group))
			continue;
		rcu_read_lock();
		known = extsock_sockets_find(census, entry->peer);
		rcu_read_unlock();
		if (known)
			continue;
		peer = add_hidden(census, entry->peer);
		if (IS_ERR(peer))
			return PTR_ERR(peer);
	}
	return 0;
}

/**
 * extsock_hidden_add() - enter the sockets that are in no descriptor table
 * @census: the census, with those that are in one
 * @group: its group, which stands still
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM, or -EBUSY if somebody outside
 * keeps a member's messages from being looked into.
 */
int extsock_hidden_add(struct extsock_census *census,
		       const struct extsock_group *group)
{
	unsigned int nr;
	int err;

	/* What is found has queues and peers itself. */
	do {
		nr = census->nr;
		err = add_queues(census);
		if (!err)
			err = add_tagged(census, group);
		if (!err)
			err = add_peers_in_flight(census, group);
	} while (!err && census->nr != nr);
	return err;
}
