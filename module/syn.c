// SPDX-License-Identifier: GPL-2.0-only
/*
 * Holding back the SYNs of new connections.
 *
 * The probe of connect has marked their tags with the id of the gate. Here the
 * SYNs of marked sockets are dropped on their way out, before anybody else sees
 * them: a program, whether it waits or polls, finds a slow network. Each time
 * the socket is made to believe that it was its first SYN, so it tries again
 * every second or two, and never gives up. When the gate opens it tries at once.
 */
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/nsproxy.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <net/mptcp.h>
#include <net/net_namespace.h>
#include <net/tcp.h>

#include "gate.h"
#include "mptcp.h"
#include "syn.h"
#include "tag.h"

/**
 * struct extsock_syn_net - a namespace whose SYNs are looked at
 * @node: in the gate's list
 * @net: the namespace, a counted reference
 * @gate: id of the gate
 * @ops: the hook
 */
struct extsock_syn_net {
	struct list_head node;
	struct net *net;
	u64 gate;
	struct nf_hook_ops ops;
};

/* Is its SYN held by this gate? */
static bool is_held(struct sock *tcp, u64 gate)
{
	struct sock *sk = extsock_mptcp_program(tcp);
	const struct extsock_tag *tag = sk ? extsock_tag_find(sk) : NULL;

	return tag && tag->gate == gate;
}

/* As if none had been sent. */
static void forget_retries(struct sock *tcp)
{
	struct inet_connection_sock *icsk = inet_csk(tcp);

	icsk->icsk_retransmits = 0;
	icsk->icsk_backoff = 0;
	icsk->icsk_rto = TCP_TIMEOUT_INIT;
	tcp_sk(tcp)->retrans_stamp = 0;
	/* Or it would begin with a small window, as after losses. */
	tcp_sk(tcp)->total_retrans = 0;
}

/* Whoever sends has locked the socket. */
static unsigned int drop_syn(void *priv, struct sk_buff *skb,
			     const struct nf_hook_state *state)
{
	const struct extsock_syn_net *net = priv;
	struct sock *sk = state->sk;

	if (!sk || sk->sk_state != TCP_SYN_SENT || !sk_fullsock(sk) ||
	    !sk_is_tcp(sk) || !is_held(sk, net->gate))
		return NF_ACCEPT;
	forget_retries(sk);
	return NF_DROP;
}

/**
 * extsock_syn_sees() - are the SYNs of a namespace looked at?
 * @gate: by this gate
 * @net: the namespace
 *
 * Context: the freezing task, or under RCU with a gate that has a census.
 * Return: whether they are.
 */
bool extsock_syn_sees(const struct extsock_gate *gate, const struct net *net)
{
	const struct extsock_syn_net *seen;

	list_for_each_entry_rcu(seen, &gate->nets, node, true)
		if (net_eq(seen->net, net))
			return true;
	return false;
}

/* A reference goes over. */
static int add_net(struct extsock_gate *gate, struct net *net)
{
	struct extsock_syn_net *new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	int err = -ENOMEM;

	if (!new)
		goto put;
	new->net = net;
	new->gate = gate->terms.gate;
	new->ops.hook = drop_syn;
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

/* A namespace of some thread that is not seen yet, with a reference, or NULL. */
static struct net *find_unseen(const struct extsock_gate *gate)
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
			if (net && !extsock_syn_sees(gate, net))
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
 * extsock_syn_hold() - look at the SYNs that members send
 * @gate: the gate that holds them
 * @census: what the group has
 *
 * In the namespaces of the members and of their sockets, not in one that a member
 * enters later.
 *
 * Context: may sleep; the group stands still.
 * Return: 0, -ENOMEM, or the error of nf_register_net_hook().
 */
int extsock_syn_hold(struct extsock_gate *gate,
		     const struct extsock_census *census)
{
	const struct extsock_socket *entry;
	struct net *net;
	int err = 0;

	while (!err && (net = find_unseen(gate)))
		err = add_net(gate, net);
	list_for_each_entry(entry, &census->sockets, node) {
		cond_resched();
		if (err)
			break;
		if (extsock_syn_sees(gate, sock_net(entry->sk)))
			continue;
		net = maybe_get_net(sock_net(entry->sk));
		if (net)
			err = add_net(gate, net);
	}
	return err;
}

/* Send the SYN as soon as the timer runs. */
static void send_now(struct sock *sk)
{
	struct sock *tcp = sk;

	if (sk->sk_protocol == IPPROTO_MPTCP)
		tcp = extsock_mptcp_tcp(sk);
	if (!tcp)
		return;
	/* Not for whom it is in use: that one may be waiting for memory. */
	local_bh_disable();
	bh_lock_sock(tcp);
	if (!sock_owned_by_user(tcp) && tcp->sk_state == TCP_SYN_SENT)
		inet_csk_reset_xmit_timer(tcp, ICSK_TIME_RETRANS, 1,
					  TCP_RTO_MAX);
	bh_unlock_sock(tcp);
	local_bh_enable();
	if (tcp != sk)
		sock_gen_put(tcp);
}

/* One that is in use, or left out by the walk, sends its SYN a second or two later. */
static void send_held(u64 gate)
{
	struct rhashtable_iter iter;
	struct extsock_tag *tag;
	struct sock *sk;

	extsock_tag_walk_start(&iter);
	rhashtable_walk_start(&iter);
	while ((tag = extsock_tag_walk_next(&iter))) {
		if (tag->gate != gate)
			continue;
		sk = extsock_tag_get_sock(tag);
		if (!sk)
			continue;
		rhashtable_walk_stop(&iter);
		send_now(sk);
		sock_gen_put(sk);
		rhashtable_walk_start(&iter);
	}
	rhashtable_walk_stop(&iter);
	extsock_tag_walk_stop(&iter);
}

/**
 * extsock_syn_pass() - look at no more SYNs
 * @gate: the gate
 *
 * Context: may sleep. A hook may run still, until a grace period is over.
 */
void extsock_syn_pass(struct extsock_gate *gate)
{
	struct extsock_syn_net *net;

	list_for_each_entry(net, &gate->nets, node)
		nf_unregister_net_hook(net->net, &net->ops);
}

/**
 * extsock_syn_release() - let the SYNs go that were held
 * @gate: the gate, a grace period after extsock_syn_pass()
 *
 * Context: may sleep.
 */
void extsock_syn_release(struct extsock_gate *gate)
{
	struct extsock_syn_net *net, *next;

	if (list_empty(&gate->nets))
		return;
	list_for_each_entry_safe(net, next, &gate->nets, node) {
		list_del(&net->node);
		put_net(net->net);
		kfree(net);
	}
	send_held(gate->terms.gate);
}

/**
 * extsock_syn_net() - a namespace of the group
 * @gate: the group's gate
 * @i: which one, from 0
 *
 * Context: under RCU, with a gate that has a census.
 * Return: the namespace, or NULL if there are not so many.
 */
struct net *extsock_syn_net(const struct extsock_gate *gate, unsigned int i)
{
	const struct extsock_syn_net *net;

	list_for_each_entry_rcu(net, &gate->nets, node)
		if (!i--)
			return net->net;
	return NULL;
}
