/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_NAMED_H
#define _EXTSOCK_NAMED_H

struct net;
struct sock;
struct sockaddr_un;

struct sock *extsock_named_find(struct net *net, const struct sockaddr_un *addr,
				int len, int type);

#endif /* _EXTSOCK_NAMED_H */
