/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_COMPAT_NET_UDP_H
#define _EXTSOCK_COMPAT_NET_UDP_H

#include_next <net/udp.h>
#include <linux/version.h>

/*
 * There was one table for all namespaces until 6.2, and the lookups find it by
 * themselves since UDP-Lite is gone.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define EXTSOCK_UDP_TABLE(net) (&udp_table)
#elif __has_include("net/udplite.h")
#define EXTSOCK_UDP_TABLE(net) ((net)->ipv4.udp_table)
#endif /* 6.2, UDP-Lite */

/* Whom a packet would come to, under RCU. */
static inline struct sock *
extsock_udp4_lookup(struct net *net, __be32 saddr, __be16 sport, __be32 daddr,
		    __be16 dport, int dif)
{
#ifdef EXTSOCK_UDP_TABLE
	return __udp4_lib_lookup(net, saddr, sport, daddr, dport, dif, 0,
				 EXTSOCK_UDP_TABLE(net), NULL);
#else
	return __udp4_lib_lookup(net, saddr, sport, daddr, dport, dif, 0, NULL);
#endif /* EXTSOCK_UDP_TABLE */
}

static inline struct sock *
extsock_udp6_lookup(struct net *net, const struct in6_addr *saddr, __be16 sport,
		    const struct in6_addr *daddr, __be16 dport, int dif)
{
#ifdef EXTSOCK_UDP_TABLE
	return __udp6_lib_lookup(net, saddr, sport, daddr, dport, dif, 0,
				 EXTSOCK_UDP_TABLE(net), NULL);
#else
	return __udp6_lib_lookup(net, saddr, sport, daddr, dport, dif, 0, NULL);
#endif /* EXTSOCK_UDP_TABLE */
}

#endif /* _EXTSOCK_COMPAT_NET_UDP_H */
