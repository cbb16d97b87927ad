// SPDX-License-Identifier: GPL-2.0-only
/*
 * A multipath socket: the TCP socket that works for it, and its reset.
 *
 * Its own structure is private to the kernel. But it has the ends of its first
 * TCP socket, and the two share one struct socket as long as a program has it.
 */
#include <linux/net.h>
#include <linux/rculist_nulls.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/uio.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/mptcp.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "ends.h"
#include "mptcp.h"

/* Where the kernel looks for those that listen at these ends. */
static struct inet_listen_hashbucket *listening_bucket(struct sock *sk)
{
	struct net *net = sock_net(sk);
	u16 port = ntohs(inet_sk(sk)->inet_sport);
	u32 hash;

	if (sk->sk_family == AF_INET6)
		hash = ipv6_portaddr_hash(net, &sk->sk_v6_rcv_saddr, port);
	else
		hash = ipv4_portaddr_hash(net, sk->sk_rcv_saddr, port);
	return inet_lhash2_bucket(net->ipv4.tcp_death_row.hashinfo, hash);
}

static struct sock *find_listening(struct sock *sk)
{
	struct inet_listen_hashbucket *bucket = listening_bucket(sk);
	struct sock *tcp, *found = NULL;
	struct hlist_nulls_node *node;

	spin_lock_bh(&bucket->lock);
	sk_nulls_for_each(tcp, node, &bucket->nulls_head)
		if (tcp->sk_socket == sk->sk_socket && sk_is_mptcp(tcp)) {
			sock_hold(tcp);
			found = tcp;
			break;
		}
	spin_unlock_bh(&bucket->lock);
	return found;
}

static struct sock *find_connected(struct sock *sk)
{
	struct extsock_endpoints ends;
	struct sock *tcp;

	extsock_ends_read(sk, &ends);
	rcu_read_lock();
	tcp = extsock_ends_find(sock_net(sk), &ends,
				READ_ONCE(sk->sk_bound_dev_if));
	rcu_read_unlock();
	if (!tcp || (sk_fullsock(tcp) && tcp->sk_socket == sk->sk_socket))
		return tcp;
	sock_gen_put(tcp);
	return NULL;
}

/**
 * extsock_mptcp_program() - the socket that a program has
 * @tcp: a TCP socket, which the caller has locked, or holds under RCU
 *
 * Context: any.
 * Return: itself, or the multipath socket it works for, or NULL if that is being
 * closed.
 */
struct sock *extsock_mptcp_program(struct sock *tcp)
{
	struct socket *sock;

	if (!sk_is_mptcp(tcp))
		return tcp;
	sock = READ_ONCE(tcp->sk_socket);
	return sock ? READ_ONCE(sock->sk) : NULL;
}

/**
 * extsock_mptcp_tcp() - the TCP socket that listens for it, or was its first
 * @sk: a multipath socket of some descriptor, whose file the caller holds
 *
 * Context: any but hard interrupts.
 * Return: the TCP socket with a reference, or NULL if it has none: it is not
 * connected, or its first connection has ended and others carry on.
 */
struct sock *extsock_mptcp_tcp(struct sock *sk)
{
	if (READ_ONCE(sk->sk_state) == TCP_LISTEN)
		return find_listening(sk);
	return find_connected(sk);
}

/*
 * Read into an empty buffer. Not by sock_recvmsg(): the owner's security module
 * has nothing to say here, as it has not when data is thrown away.
 */
static int read_into(struct sk_buff *skb, struct socket *sock)
{
	struct kvec vec = {
		.iov_base = skb->data, .iov_len = skb_tailroom(skb),
	};
	struct msghdr msg = {};
	int len;

	iov_iter_kvec(&msg.msg_iter, ITER_DEST, &vec, 1, vec.iov_len);
	len = READ_ONCE(sock->ops)->recvmsg(sock, &msg, vec.iov_len,
					    MSG_DONTWAIT);
	if (len > 0)
		skb_put(skb, len);
	return len;
}

/*
 * More cannot be there, what waits in its TCP sockets included; a peer that goes
 * on sending is not listened to forever.
 */
static s64 most_unread(const struct sock *sk)
{
	return 4LL * max(READ_ONCE(sk->sk_rcvbuf),
			 atomic_read(&sk->sk_rmem_alloc)) + SZ_64K;
}

/*
 * Read what is there, in pieces; nobody else does. Returns 0, or the socket's
 * error if it has one, which it has not any more.
 */
static int take_unread(struct sock *sk, struct sk_buff_head *unread)
{
	s64 room = most_unread(sk);
	int len = 0;

	for (; room > 0; room -= len) {
		struct sk_buff *skb = alloc_skb(SKB_MAX_ALLOC, GFP_KERNEL);

		if (!skb)
			return 0;
		len = read_into(skb, sk->sk_socket);
		if (len <= 0) {
			kfree_skb(skb);
			break;
		}
		__skb_queue_tail(unread, skb);
	}
	/* Not connected is what it is without an error. */
	return len < 0 && len != -EAGAIN && len != -ENOTCONN ? len : 0;
}

/* Under the socket lock. What there is no memory for is lost. */
static void give_back(struct sock *sk, struct sk_buff_head *unread)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(unread))) {
		if (!sk_rmem_schedule(sk, skb, skb->truesize)) {
			kfree_skb(skb);
			__skb_queue_purge(unread);
			return;
		}
		skb_set_owner_r(skb, sk);
		skb_queue_tail(&sk->sk_receive_queue, skb);
	}
}

/**
 * extsock_mptcp_reset() - make a multipath socket look reset by its peer
 * @sk: a multipath socket whose file the caller holds, and which nobody uses
 *
 * The kernel has a disconnect for it, which tells the peer by MP_FASTCLOSE, or
 * RST, and throws away what is unread. So this is read before, and put back.
 *
 * Context: may sleep; takes the socket lock.
 * Return: 0, -ENOENT if it is not connected any more, or -EBUSY if somebody is
 * in the middle of sending by it.
 */
int extsock_mptcp_reset(struct sock *sk)
{
	struct sk_buff_head unread;
	int state, err;

	__skb_queue_head_init(&unread);
	err = take_unread(sk, &unread);
	lock_sock(sk);
	state = sk->sk_state;
	if (state == TCP_LISTEN || state == TCP_CLOSE) {
		/* It has ended by itself, and has not said so yet. */
		if (err)
			WRITE_ONCE(sk->sk_err, -err);
		err = -ENOENT;
	} else {
		err = sk->sk_prot->disconnect(sk, 0);
	}
	give_back(sk, &unread);
	if (!err) {
		WRITE_ONCE(sk->sk_err, state == TCP_SYN_SENT ? ECONNREFUSED :
							       ECONNRESET);
		WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	}
	release_sock(sk);
	if (!err) {
		sk->sk_state_change(sk);
		sk_error_report(sk);
	}
	return err;
}
