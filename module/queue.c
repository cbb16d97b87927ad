// SPDX-License-Identifier: GPL-2.0-only
/*
 * A listening socket -> the children in its accept queue; a unix socket -> the
 * sockets in the messages that wait there.
 *
 * No queue is locked for longer than a walk over the queue takes, so an accept may
 * take a child out at any moment: whoever has got it has a reference.
 */
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <net/af_unix.h>
#include <net/inet_connection_sock.h>
#include <net/sock.h>

#include "look.h"
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

/*
 * Call @found for each socket in the messages. The reader's lock is held as well,
 * since it takes descriptors out of messages that stay in the queue.
 */
static void walk_messages(struct sock *sk,
			  void (*found)(struct file *file, void *arg),
			  void *arg)
{
	const struct scm_fp_list *fds;
	struct sk_buff *skb;
	int i;

	lockdep_assert_held(&unix_sk(sk)->iolock);
	spin_lock(&sk->sk_receive_queue.lock);
	skb_queue_walk(&sk->sk_receive_queue, skb) {
		fds = extsock_unix_fds(skb);
		for (i = 0; fds && i < fds->count; i++)
			if (sock_from_file(fds->fp[i]))
				found(fds->fp[i], arg);
	}
	spin_unlock(&sk->sk_receive_queue.lock);
}

/* Take it if there is room for it; count it. */
static void get_message_file(struct file *file, void *arg)
{
	struct extsock_files *files = arg;

	if (files->nr < files->max)
		files->file[files->nr] = get_file(file);
	files->nr++;
}

/* A reader may hold its lock for as long as its memory is being paged in. */
static bool lock_reader(struct sock *sk)
{
	unsigned int look;

	for (look = 0; look < EXTSOCK_LOOKS; look++) {
		if (mutex_trylock(&unix_sk(sk)->iolock))
			return true;
		usleep_range(EXTSOCK_LOOK_US, 2 * EXTSOCK_LOOK_US);
	}
	return false;
}

/**
 * extsock_queue_walk_files() - the sockets in messages that nobody received yet
 * @sk: a unix socket, which the caller holds
 * @found: called for each with its file, under the queue's spinlock
 * @arg: given to @found
 *
 * There are none on kernels that do not let others see.
 *
 * Context: may sleep; allocates nothing.
 * Return: whether that could be done: not while somebody outside is in the
 * middle of receiving.
 */
bool extsock_queue_walk_files(struct sock *sk,
			      void (*found)(struct file *file, void *arg),
			      void *arg)
{
	if (!lock_reader(sk))
		return false;
	walk_messages(sk, found, arg);
	mutex_unlock(&unix_sk(sk)->iolock);
	return true;
}

/**
 * extsock_queue_get_files() - the sockets in messages that nobody received yet
 * @sk: a unix socket, which the caller holds
 * @files: zeroed; extsock_queue_put_files() it, also after an error
 *
 * There are none on kernels that do not let others see.
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM, or -EBUSY if somebody outside is in the middle of receiving
 * for long.
 */
int extsock_queue_get_files(struct sock *sk, struct extsock_files *files)
{
	unsigned int nr;

	if (!EXTSOCK_UNIX_SEES_FDS ||
	    skb_queue_empty_lockless(&sk->sk_receive_queue))
		return 0;
	for (;;) {
		if (!extsock_queue_walk_files(sk, get_message_file, files))
			return -EBUSY;
		nr = files->nr;
		if (nr <= files->max)
			return 0;
		files->nr = files->max;
		extsock_queue_put_files(files);
		/* More may have come next time, for whom there is some room. */
		files->max = nr + nr / 4 + 16;
		files->file = kvmalloc_array(files->max, sizeof(*files->file),
					     GFP_KERNEL);
		if (!files->file) {
			files->max = 0;
			return -ENOMEM;
		}
	}
}

/**
 * extsock_queue_put_files() - let go of the files
 * @files: from extsock_queue_get_files()
 *
 * Context: may sleep.
 */
void extsock_queue_put_files(struct extsock_files *files)
{
	while (files->nr)
		fput(files->file[--files->nr]);
	kvfree(files->file);
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
