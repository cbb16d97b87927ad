/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_GATE_H
#define _EXTSOCK_GATE_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/net.h>
#include <linux/socket.h>

#include "group.h"
#include "sockets.h"
#include "verdict.h"

/**
 * struct extsock_gate - what holds back a group's new external connections
 * @node: in the list of closed gates; written under a lock of gate.c, read under
 *	RCU
 * @group: its group, constant
 * @terms: whom it holds: those whose action is wait; constant
 * @census: the group's sockets when it last stood still, or NULL; written by the
 *	freezing task, read under RCU
 * @closed: it is in the list; the freezing task's
 * @waiting: how many of @census are waited for; see drain.c
 * @look: one of them may have ended without its owner's doing
 * @nets: the group's namespaces, struct extsock_gate_net; see nets.c
 * @shelves: struct extsock_shelf of those of @census that listen; see backlog.c
 *
 * Made when a freeze finds sockets to wait for, held by extsock_group.gate, and
 * freed by extsock_gate_open() when the group runs again, after a grace period
 * for the probes that found it in the list. Meanwhile the module is pinned.
 */
struct extsock_gate {
	struct list_head node;
	struct extsock_group *group;
	struct extsock_terms terms;
	struct extsock_census __rcu *census;
	bool closed;
	atomic_t waiting;
	bool look;
	struct list_head nets;
	struct list_head shelves;
};

/* Closed gates, under RCU. */
extern struct list_head extsock_gates;

struct extsock_gate *extsock_gate_alloc(struct extsock_group *group,
					const struct extsock_terms *terms);
int extsock_gate_close(struct extsock_gate *gate,
		       struct extsock_census *census);
void extsock_gate_rest(struct extsock_gate *gate);
void extsock_gate_open(struct extsock_gate *gate);

bool extsock_gate_was_closed(void);
u64 extsock_gate_connecting(struct sock *tcp);
bool extsock_gate_stops(const struct socket *sock, int flags);
int extsock_gate_connect(struct socket *sock, extsock_sockaddr *addr, int len,
			 int flags);

#endif /* _EXTSOCK_GATE_H */
