// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is the other end of a new TCP connection the group's own? The census may be older
 * than it: then its tag tells.
 */
#include <net/sock.h>

#include "gate.h"
#include "inside.h"
#include "mptcp.h"
#include "nets.h"
#include "peer.h"
#include "tag.h"

static bool is_members(const struct extsock_gate *gate, struct sock *tcp)
{
	struct sock *sk = extsock_mptcp_program(tcp);
	const struct extsock_tag *tag = sk ? extsock_tag_find(sk) : NULL;

	return tag && tag->group == gate->group->id;
}

/**
 * extsock_inside_called() - does a SYN lead to the group, or to nobody?
 * @gate: the group's gate
 * @census: what the group had when it last stood still
 * @entry: who connects
 *
 * Nobody is who would refuse it: at an address of one of the group's namespaces,
 * where nobody listens.
 *
 * Context: under RCU; does not sleep.
 * Return: whether it does.
 */
bool extsock_inside_called(const struct extsock_gate *gate,
			   struct extsock_census *census,
			   const struct extsock_socket *entry)
{
	bool here, unclear = false, nobody = false, stranger = false;
	const struct extsock_gate_net *have;
	struct sock *listener;

	if (extsock_peer_connected(census, entry) ||
	    extsock_peer_listening(census, entry, &unclear))
		return true;
	listener = extsock_peer_called(entry, sock_net(entry->sk), &here);
	if (here)
		return !listener || is_members(gate, listener);
	extsock_nets_each(have, gate) {
		listener = extsock_peer_called(entry, have->net, &here);
		if (listener && is_members(gate, listener))
			return true;
		nobody |= here && !listener;
		stranger |= here && listener;
	}
	return nobody && !stranger;
}

/*
 * Of one that has been closed nobody knows any more whose it was; there is nobody
 * to wait for either.
 */
static bool is_forgotten(const struct sock *sk)
{
	return !sk_fullsock(sk) || sock_flag(sk, SOCK_DEAD);
}

/**
 * extsock_inside_client() - is the client of a child the group's own?
 * @gate: the group's gate
 * @child: the child, of a socket that listens
 *
 * Context: under RCU; does not sleep.
 * Return: whether it is, in whichever of the group's namespaces.
 */
bool extsock_inside_client(const struct extsock_gate *gate,
			   const struct extsock_socket *child)
{
	const struct extsock_gate_net *have;
	struct sock *client;
	bool is = false;

	extsock_nets_each(have, gate) {
		client = extsock_peer_find(child, have->net, 0);
		if (!client)
			continue;
		is = is_forgotten(client) || is_members(gate, client);
		sock_gen_put(client);
		if (is)
			break;
	}
	return is;
}
