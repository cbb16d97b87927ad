/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_NETS_H
#define _EXTSOCK_NETS_H

#include <linux/list.h>
#include <linux/netfilter.h>
#include <linux/types.h>

struct extsock_census;
struct extsock_gate;
struct net;

/**
 * struct extsock_gate_net - a namespace in which a group connects
 * @node: in the gate's list, read under RCU
 * @net: the namespace, a counted reference
 * @gate: the gate, which has this
 * @ops: the hook that sees what is sent
 *
 * Freed, as the gate is, a grace period after its hook was unregistered.
 */
struct extsock_gate_net {
	struct list_head node;
	struct net *net;
	struct extsock_gate *gate;
	struct nf_hook_ops ops;
};

int extsock_nets_hook(struct extsock_gate *gate,
		      const struct extsock_census *census, nf_hookfn *hook);
void extsock_nets_unhook(struct extsock_gate *gate);
void extsock_nets_free(struct extsock_gate *gate);
bool extsock_nets_have(const struct extsock_gate *gate, const struct net *net);

/**
 * extsock_nets_each - each of a group's namespaces, of a gate that has a census
 * @have: the struct extsock_gate_net that it is now
 * @gate: the group's gate
 *
 * Context: under RCU.
 */
#define extsock_nets_each(have, gate)					\
	list_for_each_entry_rcu(have, &(gate)->nets, node)

#endif /* _EXTSOCK_NETS_H */
