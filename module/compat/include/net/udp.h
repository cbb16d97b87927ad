/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_COMPAT_NET_UDP_H
#define _EXTSOCK_COMPAT_NET_UDP_H

#include_next <net/udp.h>
#include <linux/version.h>

/*
 * Whom a packet would come to, under RCU. There was one table for all namespaces
 * until 6.2, and the lookups find it by themselves since UDP-Lite is gone.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define extsock_udp_lookup(lookup, net, ...) \
	lookup(net, __VA_ARGS__, 0, &udp_table, NULL)
#elif __has_include(<net/udplite.h>)
#define extsock_udp_lookup(lookup, net, ...) \
	lookup(net, __VA_ARGS__, 0, (net)->ipv4.udp_table, NULL)
#else
#define extsock_udp_lookup(lookup, net, ...) \
	lookup(net, __VA_ARGS__, 0, NULL)
#endif /* 6.2, UDP-Lite */

#define extsock_udp4_lookup(...) \
	extsock_udp_lookup(__udp4_lib_lookup, __VA_ARGS__)
#define extsock_udp6_lookup(...) \
	extsock_udp_lookup(__udp6_lib_lookup, __VA_ARGS__)

#endif /* _EXTSOCK_COMPAT_NET_UDP_H */
