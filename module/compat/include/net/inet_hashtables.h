/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_COMPAT_NET_INET_HASHTABLES_H
#define _EXTSOCK_COMPAT_NET_INET_HASHTABLES_H

#include_next <net/inet_hashtables.h>
#include <linux/version.h>

/* The lookups find the hash table by themselves since 6.18. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define EXTSOCK_INET_TABLE(net) ((net)->ipv4.tcp_death_row.hashinfo)
#endif /* 6.18 */

static inline struct sock *
extsock_inet_lookup(struct net *net, __be32 saddr, __be16 sport, __be32 daddr,
		    u16 hnum, int dif, int sdif)
{
#ifdef EXTSOCK_INET_TABLE
	return __inet_lookup_established(net, EXTSOCK_INET_TABLE(net), saddr,
					 sport, daddr, hnum, dif, sdif);
#else
	return __inet_lookup_established(net, saddr, sport, daddr, hnum, dif,
					 sdif);
#endif /* EXTSOCK_INET_TABLE */
}

static inline struct sock *
extsock_inet_listener(struct net *net, __be32 saddr, __be16 sport, __be32 daddr,
		      u16 hnum, int dif, int sdif)
{
#ifdef EXTSOCK_INET_TABLE
	return __inet_lookup_listener(net, EXTSOCK_INET_TABLE(net), NULL, 0,
				      saddr, sport, daddr, hnum, dif, sdif);
#else
	return __inet_lookup_listener(net, NULL, 0, saddr, sport, daddr, hnum,
				      dif, sdif);
#endif /* EXTSOCK_INET_TABLE */
}

#endif /* _EXTSOCK_COMPAT_NET_INET_HASHTABLES_H */
