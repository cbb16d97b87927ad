// SPDX-License-Identifier: GPL-2.0-only
/*
 * A socket -> its kind, its two ends, its inode and its file; ends -> a socket.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <net/af_unix.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "ends.h"

static enum extsock_kind inet_kind(const struct sock *sk)
{
	if (sk->sk_type == SOCK_STREAM && sk->sk_protocol == IPPROTO_TCP)
		return EXTSOCK_TCP;
	if (sk->sk_type == SOCK_STREAM && sk->sk_protocol == IPPROTO_MPTCP)
		return EXTSOCK_MPTCP;
	if (sk->sk_type == SOCK_DGRAM && sk->sk_protocol == IPPROTO_UDP)
		return EXTSOCK_UDP;
	if (sk->sk_type == SOCK_RAW || sk->sk_protocol == IPPROTO_ICMP ||
	    sk->sk_protocol == IPPROTO_ICMPV6)
		return EXTSOCK_STATED;
	return EXTSOCK_OTHER;
}

/**
 * extsock_ends_kind() - the kind of a socket
 * @sk: a full socket
 *
 * Context: any.
 * Return: its kind.
 */
enum extsock_kind extsock_ends_kind(const struct sock *sk)
{
	switch (sk->sk_family) {
	case AF_INET:
	case AF_INET6:
		return inet_kind(sk);
	case AF_UNIX:
		return sk->sk_type == SOCK_DGRAM ? EXTSOCK_UNIX_DGRAM :
						   EXTSOCK_UNIX_STREAM;
	case AF_VSOCK:
		return sk->sk_type == SOCK_DGRAM ? EXTSOCK_OTHER :
						   EXTSOCK_STATED;
	case AF_NETLINK:
	case AF_PACKET:
	case AF_KEY:
	case AF_ALG:
	case AF_XDP:
		return EXTSOCK_PEERLESS;
	default:
		return EXTSOCK_OTHER;
	}
}

/**
 * extsock_ends_read() - the two ends of a socket
 * @sk: a full IPv4 or IPv6 socket
 * @ends: they go here; no addresses and ports for other families
 *
 * Context: any.
 */
void extsock_ends_read(const struct sock *sk, struct extsock_endpoints *ends)
{
	const struct inet_sock *inet = inet_sk(sk);

	memset(ends, 0, sizeof(*ends));
	ends->kind = extsock_ends_kind(sk);
	if (ends->kind == EXTSOCK_MPTCP)
		ends->kind = EXTSOCK_TCP;
	if (sk->sk_family == AF_INET) {
		ipv6_addr_set_v4mapped(inet->inet_rcv_saddr, &ends->local);
		ipv6_addr_set_v4mapped(inet->inet_daddr, &ends->remote);
	} else if (sk->sk_family == AF_INET6) {
		ends->local = sk->sk_v6_rcv_saddr;
		ends->remote = sk->sk_v6_daddr;
	} else {
		return;
	}
	ends->lport = inet->inet_sport;
	ends->rport = inet->inet_dport;
}

/**
 * extsock_ends_find() - the TCP socket with these ends
 * @net: its network namespace
 * @ends: the ends, the local one being the socket's
 * @dif: the interface that it may be bound to
 *
 * Context: any but hard interrupts, under rcu_read_lock(): the lookup follows
 * sockets that may be freed.
 * Return: a connected socket, a request or one in TIME_WAIT, with a reference to
 * be given back by sock_gen_put(), or NULL.
 */
struct sock *extsock_ends_find(struct net *net,
			       const struct extsock_endpoints *ends, int dif)
{
	const struct in6_addr *from = &ends->remote, *to = &ends->local;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "sockets are found under RCU");
	if (ipv6_addr_v4mapped(to))
		return extsock_inet_lookup(net, from->s6_addr32[3],
					   ends->rport, to->s6_addr32[3],
					   ntohs(ends->lport), dif, 0);
	return extsock_inet6_lookup(net, from, ends->rport, to,
				    ntohs(ends->lport), dif, 0);
}

/**
 * extsock_ends_name() - the name of a unix socket
 * @sk: a unix socket, which the caller holds
 *
 * Context: any.
 * Return: the name, which is given once and lives as long as @sk, or NULL.
 */
const struct unix_address *extsock_ends_name(const struct sock *sk)
{
	/* Pairs with the release of bind() and connect(). */
	return smp_load_acquire(&unix_sk(sk)->addr);
}

/**
 * extsock_ends_path() - the name of a unix socket, as text
 * @name: the name or NULL
 * @path: a path, or @ and an abstract name; empty if there is none. As in
 *	/proc/net/unix, a NUL within the latter is an @; those at its end, which
 *	pad a sun_path, are left out
 *
 * Context: any.
 */
void extsock_ends_path(const struct unix_address *name,
		       char path[EXTSOCK_PATH_SIZE])
{
	const size_t start = offsetof(struct sockaddr_un, sun_path);
	size_t len = name ? min_t(size_t, name->len - start,
				  EXTSOCK_PATH_SIZE - 1) : 0;

	if (len)
		memcpy(path, (const char *)name->name + start, len);
	while (len > 1 && !path[len - 1])
		len--;
	path[len] = '\0';
	while (len--)
		if (!path[len])
			path[len] = '@';
}

/**
 * extsock_ends_inode() - the inode of a socket, as in /proc/PID/fd
 * @sk: a full socket that the caller holds
 *
 * Context: any but hard interrupts.
 * Return: its number, or 0 if it has none: not accepted yet, or closed.
 */
unsigned long extsock_ends_inode(struct sock *sk)
{
	unsigned long inode;
	struct socket *sock;

	read_lock_bh(&sk->sk_callback_lock);
	sock = READ_ONCE(sk->sk_socket);
	inode = sock ? SOCK_INODE(sock)->i_ino : 0;
	read_unlock_bh(&sk->sk_callback_lock);
	return inode;
}

/**
 * extsock_ends_file() - the file of a socket, with a reference
 * @sk: a full socket that the caller holds
 *
 * As long as the caller has the reference, nobody can release the socket.
 *
 * Context: any but hard interrupts.
 * Return: the file, to be given back by fput(), or NULL if the socket has none:
 * not accepted yet, a kernel user's, released or about to be.
 */
struct file *extsock_ends_file(struct sock *sk)
{
	struct file *file = NULL;
	struct socket *sock;

	/*
	 * The lock keeps the socket, and so its file, from being freed. Of one that
	 * works for a multipath socket it is taken away without, by a close(): then
	 * its file may be another's by now.
	 */
	read_lock_bh(&sk->sk_callback_lock);
	sock = READ_ONCE(sk->sk_socket);
	if (sock)
		file = READ_ONCE(sock->file);
	if (file && !extsock_try_get_file(file))
		file = NULL;
	read_unlock_bh(&sk->sk_callback_lock);
	if (!file || READ_ONCE(sk->sk_socket) == sock)
		return file;
	fput(file);
	return NULL;
}
