// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets -> class and action.
 *
 * A connection is internal if the socket with the exactly reversed ends is the
 * group's as well. Within a network namespace the four values are unique.
 * Between two namespaces, joined by veth say, they need not be: there the
 * sequence numbers must agree too, which no two strangers' do.
 *
 * Of a connection that is not complete on the server's side there is no second
 * socket yet, only a request that points to the listening socket, or nothing at
 * all while SYNs are dropped for want of room. It is internal if the listening
 * socket is the group's.
 */
#include <linux/inetdevice.h>
#include <net/addrconf.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/tcp.h>

#include "verdict.h"

static bool is_loopback(const struct in6_addr *addr)
{
	if (ipv6_addr_v4mapped(addr))
		return ipv4_is_loopback(addr->s6_addr32[3]);
	return ipv6_addr_loopback(addr);
}

/* Bound to all IPv4 addresses, and to no IPv6 one? */
static bool is_any_v4(const struct in6_addr *addr)
{
	return ipv6_addr_v4mapped(addr) && !addr->s6_addr32[3];
}

/* Is this one of the namespace's own addresses? */
static bool is_local(struct net *net, const struct in6_addr *addr)
{
	if (ipv6_addr_v4mapped(addr))
		return inet_addr_type(net, addr->s6_addr32[3]) == RTN_LOCAL;
	return ipv6_chk_addr(net, addr, NULL, 0);
}

/*
 * What @from has sent and what @to has received of it. All three only grow,
 * and are read in the order in which they hold whatever arrives meanwhile.
 */
static bool bytes_agree(const struct sock *from, const struct sock *to)
{
	u32 acked = READ_ONCE(tcp_sk(from)->snd_una);
	u32 received, sent;

	/* What was acknowledged before had been received by now. */
	smp_rmb();
	received = READ_ONCE(tcp_sk(to)->rcv_nxt);
	/* What was received before had been sent by now. */
	smp_rmb();
	sent = READ_ONCE(tcp_sk(from)->snd_nxt);
	return !before(received, acked) && !after(received, sent);
}

static bool are_peers(const struct extsock_socket *a,
		      const struct extsock_socket *b)
{
	if (b->state == TCP_LISTEN || b->state == TCP_CLOSE)
		return false;
	if (net_eq(sock_net(a->sk), sock_net(b->sk)))
		return true;
	/* Not as the census saw them: a handshake may have ended since. */
	if (is_loopback(&a->ends.remote) ||
	    READ_ONCE(a->sk->sk_state) == TCP_SYN_SENT ||
	    READ_ONCE(b->sk->sk_state) == TCP_SYN_SENT)
		return false;
	return bytes_agree(a->sk, b->sk) && bytes_agree(b->sk, a->sk);
}

static bool has_peer(struct extsock_census *census,
		     const struct extsock_socket *entry)
{
	const struct extsock_endpoints reversed = {
		.local = entry->ends.remote,
		.remote = entry->ends.local,
		.lport = entry->ends.rport,
		.rport = entry->ends.lport,
	};
	struct rhlist_head *list, *pos;
	struct extsock_socket *other;

	list = extsock_census_by_ends(census, &reversed);
	rhl_for_each_entry_rcu(other, pos, list, by_ends)
		if (are_peers(entry, other))
			return true;
	return false;
}

/* The server's side of a connection, with a reference: perhaps a request. */
static struct sock *server_side(struct net *net,
				const struct extsock_endpoints *client, int dif)
{
	const struct in6_addr *from = &client->local;
	const struct in6_addr *to = &client->remote;

	if (ipv6_addr_v4mapped(to))
		return extsock_inet_lookup(net, from->s6_addr32[3],
					   client->lport, to->s6_addr32[3],
					   ntohs(client->rport), dif, 0);
	return extsock_inet6_lookup(net, from, client->lport, to,
				    ntohs(client->rport), dif, 0);
}

/* Accepting takes a child out under this lock. */
static bool is_queued(struct sock *child, struct sock *listener)
{
	struct request_sock_queue *queue =
		&inet_csk(listener)->icsk_accept_queue;
	struct request_sock *req;
	bool found = false;

	spin_lock_bh(&queue->rskq_lock);
	for (req = queue->rskq_accept_head; req && !found; req = req->dl_next)
		found = req->sk == child;
	spin_unlock_bh(&queue->rskq_lock);
	return found;
}

/* Is the server's side a request, or since the census a child, of @listener? */
static bool is_requested(const struct extsock_socket *client,
			 struct sock *listener)
{
	struct sock *sk = server_side(sock_net(listener), &client->ends,
				      READ_ONCE(listener->sk_bound_dev_if));
	bool requested;

	if (!sk)
		return false;
	if (READ_ONCE(sk->sk_state) == TCP_NEW_SYN_RECV)
		requested = inet_reqsk(sk)->rsk_listener == listener;
	else
		requested = is_queued(sk, listener);
	sock_gen_put(sk);
	return requested;
}

/* Would a SYN of @client come to @listener? */
static bool is_called(const struct extsock_socket *client,
		      const struct extsock_socket *listener)
{
	const struct in6_addr *to = &client->ends.remote;
	const struct in6_addr *bound = &listener->ends.local;
	struct net *here = sock_net(client->sk);
	struct net *there = sock_net(listener->sk);

	if (!ipv6_addr_equal(bound, to) && !ipv6_addr_any(bound) &&
	    !is_any_v4(bound))
		return false;
	/* IPv4 does not come to an IPv6-only socket, nor IPv6 to an IPv4 one. */
	if (ipv6_addr_v4mapped(to) ? ipv6_only_sock(listener->sk) :
				     is_any_v4(bound))
		return false;
	if (net_eq(here, there))
		return is_local(here, to);
	return !is_loopback(to) && !is_local(here, to) && is_local(there, to);
}

static bool has_listener(struct extsock_census *census,
			 const struct extsock_socket *entry)
{
	const struct extsock_endpoints port = { .lport = entry->ends.rport };
	struct rhlist_head *list, *pos;
	struct extsock_socket *other;

	list = extsock_census_by_ends(census, &port);
	rhl_for_each_entry_rcu(other, pos, list, by_ends) {
		if (other->state != TCP_LISTEN)
			continue;
		if (!net_eq(sock_net(entry->sk), sock_net(other->sk)) &&
		    is_loopback(&entry->ends.remote))
			continue;
		if (is_requested(entry, other->sk))
			return true;
		if (entry->state == TCP_SYN_SENT && is_called(entry, other))
			return true;
	}
	return false;
}

static enum extsock_class classify(struct extsock_census *census,
				   const struct extsock_socket *entry)
{
	if (!extsock_census_is_tcp(entry->sk))
		return EXTSOCK_UNSUPPORTED;
	if (entry->outside)
		return EXTSOCK_SHARED;
	if (entry->state == TCP_LISTEN)
		return EXTSOCK_LISTENING;
	if (entry->state == TCP_CLOSE)
		return EXTSOCK_IDLE;
	if (has_peer(census, entry) || has_listener(census, entry))
		return EXTSOCK_INTERNAL;
	return EXTSOCK_EXTERNAL;
}

/**
 * extsock_verdict_pass() - judge every socket of a census
 * @census: the census, not yet published
 * @policy: the action of an external socket
 *
 * Context: may sleep.
 */
void extsock_verdict_pass(struct extsock_census *census,
			  enum extsock_action policy)
{
	struct extsock_socket *entry;

	list_for_each_entry(entry, &census->sockets, node) {
		rcu_read_lock();
		entry->class = classify(census, entry);
		rcu_read_unlock();
		if (entry->class == EXTSOCK_EXTERNAL)
			entry->action = policy;
		census->counts[entry->class]++;
		cond_resched();
	}
}
