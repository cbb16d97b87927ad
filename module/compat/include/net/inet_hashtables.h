/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_COMPAT_NET_INET_HASHTABLES_H
#define _EXTSOCK_COMPAT_NET_INET_HASHTABLES_H

#include_next <net/inet_hashtables.h>
#include <linux/version.h>

/* The lookups find the hash table by themselves since 6.18. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define extsock_inet_lookup(net, ...) \
	__inet_lookup_established(net, (net)->ipv4.tcp_death_row.hashinfo, \
				  __VA_ARGS__)
#define extsock_inet6_lookup(net, ...) \
	__inet6_lookup_established(net, (net)->ipv4.tcp_death_row.hashinfo, \
				   __VA_ARGS__)
#define extsock_inet_listener(net, ...) \
	__inet_lookup_listener(net, (net)->ipv4.tcp_death_row.hashinfo, \
			       NULL, 0, __VA_ARGS__)
#define extsock_inet6_listener(net, ...) \
	inet6_lookup_listener(net, (net)->ipv4.tcp_death_row.hashinfo, \
			      NULL, 0, __VA_ARGS__)
#else
#define extsock_inet_listener(net, ...) \
	__inet_lookup_listener(net, NULL, 0, __VA_ARGS__)
#define extsock_inet6_listener(net, ...) \
	inet6_lookup_listener(net, NULL, 0, __VA_ARGS__)
#define extsock_inet_lookup __inet_lookup_established
#define extsock_inet6_lookup __inet6_lookup_established
#endif /* 6.18 */

#endif /* _EXTSOCK_COMPAT_NET_INET_HASHTABLES_H */
