// SPDX-License-Identifier: GPL-2.0-only
/*
 * The network namespaces of a group that drains: those of its members and of their
 * sockets, not one that a member enters later.
 */
#include <linux/netfilter_ipv4.h>
#include <linux/nsproxy.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "gate.h"
#include "nets.h"

/**
 * extsock_nets_have() - is this one of the group's namespaces?
 * @gate: the group's gate
 * @net: the namespace
 *
 * Context: the freezing task, or under RCU with a gate that has a census.
 * Return: whether it is.
 */
bool extsock_nets_have(const struct extsock_gate *gate, const struct net *net)
{
	const struct extsock_gate_net *have;

	list_for_each_entry_rcu(have, &gate->nets, node, true)
		if (net_eq(have->net, net))
			return true;
	return false;
}

/* A reference goes over. */
static int add(struct extsock_gate *gate, struct net *net, nf_hookfn *hook)
{
	struct extsock_gate_net *new = kzalloc(sizeof(*new),
					       GFP_KERNEL_ACCOUNT);
	int err = -ENOMEM;

	if (!new)
		goto put;
	new->net = net;
	new->gate = gate;
	new->ops.hook = hook;
	new->ops.priv = new;
	new->ops.pf = NFPROTO_INET;
	new->ops.hooknum = NF_INET_LOCAL_OUT;
	new->ops.priority = NF_IP_PRI_FIRST;
	err = nf_register_net_hook(net, &new->ops);
	if (err)
		goto free;
	list_add_tail_rcu(&new->node, &gate->nets);
	return 0;

free:
	kfree(new);
put:
	put_net(net);
	return err;
}

/* The namespace in which a task opens its sockets, with a reference, or NULL. */
static struct net *net_of(struct task_struct *task)
{
	struct net *net = NULL;

	task_lock(task);
	if (task->nsproxy)
		net = get_net(task->nsproxy->net_ns);
	task_unlock(task);
	return net;
}

/* A namespace of some thread that is not among them yet, with a reference, or NULL. */
static struct net *find_new(const struct extsock_gate *gate)
{
	struct extsock_member *member;
	struct task_struct *leader, *task;
	struct net *net = NULL;

	rcu_read_lock();
	list_for_each_entry_rcu(member, &gate->group->members, node) {
		leader = pid_task(member->pid, PIDTYPE_TGID);
		if (!leader)
			continue;
		for_each_thread(leader, task) {
			net = net_of(task);
			if (net && !extsock_nets_have(gate, net))
				goto found;
			if (net)
				put_net(net);
			net = NULL;
		}
	}
found:
	rcu_read_unlock();
	return net;
}

/**
 * extsock_nets_hook() - see what is sent in the group's namespaces
 * @gate: the group's gate
 * @census: what the group has
 * @hook: called for it; its first argument is the struct extsock_gate_net
 *
 * Context: may sleep; the group stands still.
 * Return: 0, -ENOMEM, or the error of nf_register_net_hook().
 */
int extsock_nets_hook(struct extsock_gate *gate,
		      const struct extsock_census *census, nf_hookfn *hook)
{
	const struct extsock_socket *entry;
	struct net *net;
	int err = 0;

	while (!err && (net = find_new(gate)))
		err = add(gate, net, hook);
	list_for_each_entry(entry, &census->sockets, node) {
		cond_resched();
		if (err)
			break;
		if (extsock_nets_have(gate, sock_net(entry->sk)))
			continue;
		net = maybe_get_net(sock_net(entry->sk));
		if (net)
			err = add(gate, net, hook);
	}
	return err;
}

/**
 * extsock_nets_unhook() - see nothing more
 * @gate: the gate
 *
 * Context: may sleep. A hook may run still, until a grace period is over.
 */
void extsock_nets_unhook(struct extsock_gate *gate)
{
	struct extsock_gate_net *net;

	list_for_each_entry(net, &gate->nets, node)
		nf_unregister_net_hook(net->net, &net->ops);
}

/**
 * extsock_nets_free() - let go of the namespaces
 * @gate: the gate, a grace period after extsock_nets_unhook()
 *
 * Context: may sleep.
 */
void extsock_nets_free(struct extsock_gate *gate)
{
	struct extsock_gate_net *net, *next;

	list_for_each_entry_safe(net, next, &gate->nets, node) {
		list_del(&net->node);
		put_net(net->net);
		kfree(net);
	}
}
