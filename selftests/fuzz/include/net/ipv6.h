/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FUZZ_NET_IPV6_H
#define _FUZZ_NET_IPV6_H

#include <linux/types.h>

bool ipv6_addr_v4mapped(const struct in6_addr *a);
void ipv6_addr_set_v4mapped(const __be32 addr, struct in6_addr *v4mapped);
void ipv6_addr_prefix(struct in6_addr *pfx, const struct in6_addr *addr,
		      int plen);
bool ipv6_prefix_equal(const struct in6_addr *addr1,
		       const struct in6_addr *addr2, unsigned int prefixlen);

#endif /* _FUZZ_NET_IPV6_H */
