// SPDX-License-Identifier: GPL-2.0-only
/*
 * A socket -> its other end, among those of a census.
 *
 * Of a TCP connection that is the socket with the exactly reversed ends. Within a
 * network namespace the four values are unique. Between two namespaces, joined
 * by veth say, they need not be: there the sequence numbers must agree too, which
 * no two strangers' do.
 *
 * Of a connection that is not complete on the server's side there is no second
 * socket yet, only a request that points to the listening socket, or nothing at
 * all while SYNs are dropped for want of room. One end may be multipath TCP and
 * the other may not.
 *
 * What a connected UDP socket sends comes to its other end.
 */
#include <linux/inetdevice.h>
#include <net/addrconf.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/tcp.h>
#include <net/udp.h>

#include "peer.h"
#include "queue.h"

static bool is_loopback(const struct in6_addr *addr)
{
	if (ipv6_addr_v4mapped(addr))
		return ipv4_is_loopback(addr->s6_addr32[3]);
	return ipv6_addr_loopback(addr);
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

/* The ends as the other end sees them. */
static struct extsock_endpoints reverse(const struct extsock_endpoints *ends)
{
	struct extsock_endpoints reversed = {
		.local = ends->remote,
		.remote = ends->local,
		.lport = ends->rport,
		.rport = ends->lport,
		.kind = ends->kind,
	};

	return reversed;
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
	/* Of multipath ones they may be out of sight: then the ends must do. */
	if (!a->tcp || !b->tcp)
		return true;
	return bytes_agree(a->tcp, b->tcp) && bytes_agree(b->tcp, a->tcp);
}

/**
 * extsock_peer_connected() - does the group have the other end of a connection?
 * @census: the sockets of the group
 * @entry: a TCP socket, of them or not
 *
 * Context: under rcu_read_lock().
 * Return: whether it is in @census.
 */
bool extsock_peer_connected(struct extsock_census *census,
			    const struct extsock_socket *entry)
{
	const struct extsock_endpoints reversed = reverse(&entry->ends);
	struct rhlist_head *list, *pos;
	struct extsock_socket *other;

	list = extsock_sockets_by_ends(census, &reversed);
	rhl_for_each_entry_rcu(other, pos, list, by_ends)
		if (are_peers(entry, other))
			return true;
	return false;
}

/**
 * extsock_peer_find() - the other end of a connection, whosever it is
 * @entry: a TCP socket
 * @there: the namespace in which the other end is
 * @dif: the interface that it may be bound to, or 0
 *
 * Context: under rcu_read_lock().
 * Return: a connected socket, a request or what is left in TIME_WAIT, with a
 * reference to be given back by sock_gen_put(), or NULL.
 */
struct sock *extsock_peer_find(const struct extsock_socket *entry,
			       struct net *there, int dif)
{
	const struct extsock_endpoints reversed = reverse(&entry->ends);

	return extsock_ends_find(there, &reversed, dif);
}

/*
 * The interface by which what is sent to one of the namespace's own addresses
 * comes in: that which has the address, unless the sender is bound to one.
 */
static int incoming_dif(struct net *net, const struct in6_addr *addr, int bound)
{
	struct net_device *dev;

	if (bound)
		return bound;
	if (ipv6_addr_v4mapped(addr))
		dev = __ip_dev_find(net, addr->s6_addr32[3], false);
	else
		dev = ipv6_dev_find(net, addr, NULL);
	return (dev ?: net->loopback_dev)->ifindex;
}

/* The socket that listens to a SYN from a client with these ends, or NULL. */
static struct sock *tcp_listener(struct net *net,
				 const struct extsock_endpoints *ends, int dif)
{
	const struct in6_addr *from = &ends->local, *to = &ends->remote;

	if (ipv6_addr_v4mapped(to))
		return extsock_inet_listener(net, from->s6_addr32[3],
					     ends->lport, to->s6_addr32[3],
					     ntohs(ends->rport), dif, 0);
	return extsock_inet6_listener(net, from, ends->lport, to,
				      ntohs(ends->rport), dif, 0);
}

/* Would a SYN of @client come to @listener? */
static bool is_called(const struct extsock_socket *client,
		      const struct extsock_socket *listener)
{
	const struct in6_addr *to = &client->ends.remote;
	struct net *here = sock_net(client->sk);
	struct net *there = sock_net(listener->sk);
	const struct sock *bound = client->sk;

	if (!is_local(there, to))
		return false;
	if (!net_eq(here, there)) {
		if (is_loopback(to) || is_local(here, to))
			return false;
		bound = listener->sk;
	}
	return tcp_listener(there, &client->ends,
			    incoming_dif(there, to,
					 READ_ONCE(bound->sk_bound_dev_if))) ==
	       listener->tcp;
}

/* Neither accepted nor closed: on its way from a request into a queue, perhaps. */
static bool is_unaccepted(const struct sock *sk)
{
	return sk_fullsock(sk) && !READ_ONCE(sk->sk_socket) &&
	       !sock_flag(sk, SOCK_DEAD);
}

/*
 * Is the server's side a request, or since the census a child, of @listener?
 * When the one becomes the other, there are moments in which neither is found,
 * or the child is not in the queue yet: then @unclear is set.
 */
static bool is_requested(const struct extsock_socket *client,
			 const struct extsock_socket *listener, bool *unclear)
{
	struct sock *sk = extsock_peer_find(client, sock_net(listener->sk),
					    READ_ONCE(listener->sk->sk_bound_dev_if));
	bool requested;

	if (!sk) {
		*unclear |= client->state == TCP_ESTABLISHED &&
			    is_called(client, listener);
		return false;
	}
	if (READ_ONCE(sk->sk_state) == TCP_NEW_SYN_RECV) {
		requested = inet_reqsk(sk)->rsk_listener == listener->tcp;
	} else {
		requested = is_unaccepted(sk) &&
			    extsock_queue_has(listener->tcp, sk);
		*unclear |= !requested && is_unaccepted(sk);
	}
	sock_gen_put(sk);
	return requested;
}

/**
 * extsock_peer_listening() - is the other side still at a listening socket of the
 *	group?
 * @census: the sockets of the group
 * @entry: a TCP socket, of them or not
 * @unclear: set if the answer may be another in a moment
 *
 * Context: under rcu_read_lock().
 * Return: whether it is a request at one of @census, waits there to be accepted,
 * or a SYN that is under way will come there.
 */
bool extsock_peer_listening(struct extsock_census *census,
			    const struct extsock_socket *entry, bool *unclear)
{
	const struct extsock_endpoints port = {
		.lport = entry->ends.rport, .kind = EXTSOCK_TCP,
	};
	struct rhlist_head *list, *pos;
	struct extsock_socket *other;

	list = extsock_sockets_by_ends(census, &port);
	rhl_for_each_entry_rcu(other, pos, list, by_ends) {
		if (other->state != TCP_LISTEN || !other->tcp)
			continue;
		if (!net_eq(sock_net(entry->sk), sock_net(other->sk)) &&
		    is_loopback(&entry->ends.remote))
			continue;
		if (is_requested(entry, other, unclear))
			return true;
		if (entry->state == TCP_SYN_SENT && is_called(entry, other))
			return true;
	}
	return false;
}

/*
 * The socket that gets what a UDP socket with these ends sends there, if it comes
 * in by interface @dif, or NULL.
 */
static struct sock *udp_receiver(struct net *net,
				 const struct extsock_endpoints *ends, int dif)
{
	const struct in6_addr *from = &ends->local;
	const struct in6_addr *to = &ends->remote;

	if (ipv6_addr_v4mapped(to))
		return extsock_udp4_lookup(net, from->s6_addr32[3], ends->lport,
					   to->s6_addr32[3], ends->rport, dif);
	return extsock_udp6_lookup(net, from, ends->lport, to, ends->rport,
				   dif);
}

/* Does the group receive it in another namespace, at a socket with this key? */
static bool has_far_receiver(struct extsock_census *census,
			     const struct extsock_socket *entry,
			     const struct extsock_endpoints *key)
{
	struct rhlist_head *list, *pos;
	struct extsock_socket *other;

	list = extsock_sockets_by_ends(census, key);
	rhl_for_each_entry_rcu(other, pos, list, by_ends) {
		struct net *there = sock_net(other->sk);

		if (!net_eq(there, sock_net(entry->sk)) &&
		    is_local(there, &entry->ends.remote) &&
		    udp_receiver(there, &entry->ends,
				 READ_ONCE(other->sk->sk_bound_dev_if)) == other->sk)
			return true;
	}
	return false;
}

/**
 * extsock_peer_called() - whom a SYN comes to
 * @entry: a TCP socket that connects
 * @net: the namespace in which it comes to somebody
 * @here: set if the remote address is one of that namespace's own
 *
 * Context: under rcu_read_lock().
 * Return: the listening socket, or NULL.
 */
struct sock *extsock_peer_called(const struct extsock_socket *entry,
				 struct net *net, bool *here)
{
	const struct in6_addr *to = &entry->ends.remote;
	int bound = 0;

	*here = is_local(net, to);
	if (!*here)
		return NULL;
	if (net_eq(net, sock_net(entry->sk)))
		bound = READ_ONCE(entry->sk->sk_bound_dev_if);
	return tcp_listener(net, &entry->ends, incoming_dif(net, to, bound));
}

/* Whom a datagram comes to that goes no further than here, or NULL. */
static struct sock *near_receiver(const struct extsock_socket *entry)
{
	struct net *here = sock_net(entry->sk);
	int dif = incoming_dif(here, &entry->ends.remote,
			       READ_ONCE(entry->sk->sk_bound_dev_if));

	return udp_receiver(here, &entry->ends, dif);
}

/**
 * extsock_peer_receiver() - whom a datagram comes to
 * @entry: a UDP socket
 *
 * Context: under rcu_read_lock().
 * Return: a socket of the same namespace, or NULL if there is none.
 */
struct sock *extsock_peer_receiver(const struct extsock_socket *entry)
{
	return is_local(sock_net(entry->sk), &entry->ends.remote) ?
	       near_receiver(entry) : NULL;
}

/**
 * extsock_peer_receiving() - does the group receive what a UDP socket sends?
 * @census: the sockets of the group
 * @entry: a UDP socket, of them or not
 *
 * Context: under rcu_read_lock().
 * Return: whether it is one of @census that does.
 */
bool extsock_peer_receiving(struct extsock_census *census,
			    const struct extsock_socket *entry)
{
	const struct extsock_endpoints port = {
		.lport = entry->ends.rport, .kind = EXTSOCK_UDP,
	};
	const struct extsock_endpoints reversed = reverse(&entry->ends);
	struct sock *sk;

	if (is_local(sock_net(entry->sk), &entry->ends.remote)) {
		sk = near_receiver(entry);
		return sk && extsock_sockets_find(census, sk);
	}
	return !is_loopback(&entry->ends.remote) &&
	       (has_far_receiver(census, entry, &reversed) ||
		has_far_receiver(census, entry, &port));
}
