/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_PEER_H
#define _EXTSOCK_PEER_H

#include "sockets.h"

struct sock *extsock_peer_find(const struct extsock_socket *entry,
			       struct net *there, int dif);
bool extsock_peer_connected(struct extsock_census *census,
			    const struct extsock_socket *entry);
bool extsock_peer_listening(struct extsock_census *census,
			    const struct extsock_socket *entry, bool *unclear);
struct sock *extsock_peer_called(const struct extsock_socket *entry,
				 struct net *net, bool *here);
struct sock *extsock_peer_receiver(const struct extsock_socket *entry);
bool extsock_peer_receiving(struct extsock_census *census,
			    const struct extsock_socket *entry);

#endif /* _EXTSOCK_PEER_H */
