// SPDX-License-Identifier: GPL-2.0-only
/*
 * A listening socket -> the children in its accept queue.
 *
 * Nothing is locked for longer than a walk over the queue takes, so an accept may
 * take a child out at any moment: whoever has got it has a reference.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/inet_connection_sock.h>
#include <net/sock.h>

#include "queue.h"

static void get_child(struct extsock_children *children, struct sock *sk)
{
	if (children->nr < children->max) {
		sock_hold(sk);
		children->sk[children->nr++] = sk;
	}
}

static unsigned int get_tcp_children(struct sock *listener,
				     struct extsock_children *children)
{
	struct request_sock_queue *queue =
		&inet_csk(listener)->icsk_accept_queue;
	struct request_sock *req;
	unsigned int nr = 0;

	spin_lock_bh(&queue->rskq_lock);
	for (req = queue->rskq_accept_head; req; req = req->dl_next) {
		if (!req->sk)
			continue;
		nr++;
		get_child(children, req->sk);
	}
	spin_unlock_bh(&queue->rskq_lock);
	return nr;
}

/* Here each waits as the socket of an empty message. */
static unsigned int get_unix_children(struct sock *listener,
				      struct extsock_children *children)
{
	struct sk_buff *skb;
	unsigned int nr = 0;

	spin_lock(&listener->sk_receive_queue.lock);
	skb_queue_walk(&listener->sk_receive_queue, skb) {
		nr++;
		get_child(children, skb->sk);
	}
	spin_unlock(&listener->sk_receive_queue.lock);
	return nr;
}

/* Take as many as there is room for; count them all. */
static unsigned int get_children(struct sock *listener,
				 struct extsock_children *children)
{
	if (listener->sk_family == AF_UNIX)
		return get_unix_children(listener, children);
	if (sk_is_tcp(listener))
		return get_tcp_children(listener, children);
	return 0;
}

/**
 * extsock_queue_get() - the children in an accept queue
 * @listener: a socket in state TCP_LISTEN, which the caller holds
 * @children: zeroed; extsock_queue_put() it, also after an error
 *
 * Of other protocols than unix and TCP there are none.
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int extsock_queue_get(struct sock *listener, struct extsock_children *children)
{
	unsigned int nr = get_children(listener, children);

	/* More may have come next time, for whom there is some room. */
	while (nr > children->max) {
		extsock_queue_put(children);
		children->max = nr + nr / 4 + 16;
		children->sk = kvmalloc_array(children->max,
					      sizeof(*children->sk),
					      GFP_KERNEL);
		if (!children->sk)
			return -ENOMEM;
		nr = get_children(listener, children);
	}
	return 0;
}

/**
 * extsock_queue_put() - let go of the children
 * @children: from extsock_queue_get()
 *
 * Context: may sleep.
 */
void extsock_queue_put(struct extsock_children *children)
{
	while (children->nr)
		sock_put(children->sk[--children->nr]);
	kvfree(children->sk);
}

/**
 * extsock_queue_has() - does a child wait there?
 * @listener: a TCP socket in state TCP_LISTEN, which the caller holds
 * @child: a socket; compared, never followed
 *
 * Context: any but hard interrupts.
 * Return: whether it does, as of now.
 */
bool extsock_queue_has(struct sock *listener, const struct sock *child)
{
	struct request_sock_queue *queue =
		&inet_csk(listener)->icsk_accept_queue;
	struct request_sock *req;
	bool found = false;

	spin_lock_bh(&queue->rskq_lock);
	for (req = queue->rskq_accept_head; req && !found; req = req->dl_next)
		found = req->sk == child;
	spin_unlock_bh(&queue->rskq_lock);
	return found;
}
