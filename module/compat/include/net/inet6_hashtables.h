/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_COMPAT_NET_INET6_HASHTABLES_H
#define _EXTSOCK_COMPAT_NET_INET6_HASHTABLES_H

#include <net/inet_hashtables.h>
#include_next <net/inet6_hashtables.h>

static inline struct sock *
extsock_inet6_lookup(struct net *net, const struct in6_addr *saddr, __be16 sport,
		     const struct in6_addr *daddr, u16 hnum, int dif, int sdif)
{
#ifdef EXTSOCK_INET_TABLE
	return __inet6_lookup_established(net, EXTSOCK_INET_TABLE(net), saddr,
					  sport, daddr, hnum, dif, sdif);
#else
	return __inet6_lookup_established(net, saddr, sport, daddr, hnum, dif,
					  sdif);
#endif /* EXTSOCK_INET_TABLE */
}

static inline struct sock *
extsock_inet6_listener(struct net *net, const struct in6_addr *saddr,
		       __be16 sport, const struct in6_addr *daddr, u16 hnum,
		       int dif, int sdif)
{
#ifdef EXTSOCK_INET_TABLE
	return inet6_lookup_listener(net, EXTSOCK_INET_TABLE(net), NULL, 0,
				     saddr, sport, daddr, hnum, dif, sdif);
#else
	return inet6_lookup_listener(net, NULL, 0, saddr, sport, daddr, hnum,
				     dif, sdif);
#endif /* EXTSOCK_INET_TABLE */
}

#endif /* _EXTSOCK_COMPAT_NET_INET6_HASHTABLES_H */
