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
#include <net/tcp.h>

#include "gate.h"
#include "inside.h"
#include "lock.h"
#include "mptcp.h"
#include "nets.h"
#include "syn.h"
#include "tag.h"

/* The tag of a TCP socket whose SYN this gate holds, or NULL. */
static struct extsock_tag *find_held(struct sock *tcp, u64 gate)
{
	struct sock *sk = extsock_mptcp_program(tcp);
	struct extsock_tag *tag = sk ? extsock_tag_find(sk) : NULL;

	return tag && tag->gate == gate ? tag : NULL;
}

/**
 * extsock_syn_holds() - is a gate to hold the SYN of a connection?
 * @gate: the gate
 * @census: what its group had when it last stood still
 * @tcp: a member's TCP socket in SYN_SENT, which is locked
 *
 * Context: under RCU; does not sleep.
 * Return: whether it is.
 */
bool extsock_syn_holds(const struct extsock_gate *gate,
		       struct extsock_census *census, struct sock *tcp)
{
	struct extsock_socket entry = {};

	if (!extsock_nets_have(gate, sock_net(tcp)))
		return false;
	extsock_sockets_describe(&entry, tcp);
	entry.tcp = tcp;
	return extsock_verdict_action(&entry, &gate->terms) == EXTSOCK_WAIT &&
	       !extsock_inside_called(gate, census, &entry);
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

/*
 * Whoever sends has locked the socket. A member may have begun to listen there
 * since the connect; while the group stands still nobody passes.
 */
static unsigned int drop_syn(void *priv, struct sk_buff *skb,
			     const struct nf_hook_state *state)
{
	const struct extsock_gate *gate = ((struct extsock_gate_net *)priv)->gate;
	struct extsock_census *census;
	struct sock *sk = state->sk;
	struct extsock_tag *tag;

	if (!sk || sk->sk_state != TCP_SYN_SENT || !sk_fullsock(sk) ||
	    !sk_is_tcp(sk))
		return NF_ACCEPT;
	tag = find_held(sk, gate->terms.gate);
	if (!tag)
		return NF_ACCEPT;
	census = rcu_dereference(gate->census);
	if (census && !extsock_syn_holds(gate, census, sk)) {
		tag->gate = 0;
		return NF_ACCEPT;
	}
	forget_retries(sk);
	return NF_DROP;
}

/**
 * extsock_syn_hold() - look at the SYNs that members send
 * @gate: the gate that holds them
 * @census: what the group has
 *
 * Context: may sleep; the group stands still.
 * Return: 0, -ENOMEM, or the error of nf_register_net_hook().
 */
int extsock_syn_hold(struct extsock_gate *gate,
		     const struct extsock_census *census)
{
	return extsock_nets_hook(gate, census, drop_syn);
}

/* With the socket locked. */
static void hurry(struct sock *tcp, void *unused)
{
	if (tcp->sk_state == TCP_SYN_SENT)
		inet_csk_reset_xmit_timer(tcp, ICSK_TIME_RETRANS, 1,
					  TCP_RTO_MAX);
}

/* Send the SYN as soon as the timer runs. */
static void send_now(struct sock *sk)
{
	struct sock *tcp = sk;

	if (sk->sk_protocol == IPPROTO_MPTCP)
		tcp = extsock_mptcp_tcp(sk);
	if (!tcp)
		return;
	extsock_lock_unused(tcp, hurry, NULL);
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
 * extsock_syn_release() - let the SYNs go that were held
 * @gate: the gate, a grace period after extsock_nets_unhook()
 *
 * Context: may sleep.
 */
void extsock_syn_release(struct extsock_gate *gate)
{
	if (list_empty(&gate->nets))
		return;
	extsock_nets_free(gate);
	send_held(gate->terms.gate);
}
