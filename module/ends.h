/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_ENDS_H
#define _EXTSOCK_ENDS_H

#include <linux/in6.h>
#include <linux/types.h>
#include <linux/un.h>

struct file;
struct net;
struct sock;
struct unix_address;

/* A sun_path can be full, and the kernel adds a NUL. */
#define EXTSOCK_PATH_SIZE	(UNIX_PATH_MAX + 1)

/**
 * enum extsock_kind - what is done to find a socket's peer, and to reset it
 * @EXTSOCK_OTHER: nothing, it is not supported
 * @EXTSOCK_TCP: TCP over IPv4 or IPv6
 * @EXTSOCK_MPTCP: multipath TCP
 * @EXTSOCK_UDP: UDP over IPv4 or IPv6
 * @EXTSOCK_UNIX_STREAM: unix stream and seqpacket, which have connections
 * @EXTSOCK_UNIX_DGRAM: unix datagram
 * @EXTSOCK_PEERLESS: netlink, packet and the like, whose peer is the kernel or
 *	the wire
 * @EXTSOCK_STATED: raw, ping and vsock: not supported either, but sk_state
 *	tells whether there is a peer
 */
enum extsock_kind {
	EXTSOCK_OTHER,
	EXTSOCK_TCP,
	EXTSOCK_MPTCP,
	EXTSOCK_UDP,
	EXTSOCK_UNIX_STREAM,
	EXTSOCK_UNIX_DGRAM,
	EXTSOCK_PEERLESS,
	EXTSOCK_STATED,
};

/**
 * struct extsock_endpoints - the two ends of a connection, as one key
 * @local: address of this end; IPv4 in its IPv4-mapped form
 * @remote: address of the other end
 * @lport: port of this end
 * @rport: port of the other end
 * @kind: its kind, since TCP and UDP have the same ports. MPTCP's is TCP: one end
 *	of a connection may be the one and the other the other
 */
struct extsock_endpoints {
	struct in6_addr local;
	struct in6_addr remote;
	__be16 lport;
	__be16 rport;
	u32 kind;
};

enum extsock_kind extsock_ends_kind(const struct sock *sk);
void extsock_ends_read(const struct sock *sk, struct extsock_endpoints *ends);
const struct unix_address *extsock_ends_name(const struct sock *sk);
void extsock_ends_path(const struct unix_address *name,
		       char path[EXTSOCK_PATH_SIZE]);
unsigned long extsock_ends_inode(struct sock *sk);
struct file *extsock_ends_file(struct sock *sk);
struct sock *extsock_ends_find(struct net *net,
			       const struct extsock_endpoints *ends, int dif);

#endif /* _EXTSOCK_ENDS_H */
