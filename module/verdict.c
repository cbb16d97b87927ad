// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets -> class and action.
 *
 * A TCP connection is internal if the socket with the exactly reversed ends is the
 * group's as well. Within a network namespace the four values are unique.
 * Between two namespaces, joined by veth say, they need not be: there the
 * sequence numbers must agree too, which no two strangers' do.
 *
 * Of a connection that is not complete on the server's side there is no second
 * socket yet, only a request that points to the listening socket, or nothing at
 * all while SYNs are dropped for want of room. It is internal if the listening
 * socket is the group's. One end may be multipath TCP and the other may not.
 *
 * A connected UDP socket is internal if what it sends would come to a socket of
 * the group. A unix socket knows its peer.
 */
#include <linux/delay.h>
#include <linux/inetdevice.h>
#include <linux/un.h>
#include <net/addrconf.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/tcp.h>
#include <net/udp.h>

#include "queue.h"
#include "tag.h"
#include "verdict.h"

/* A sun_path can be full, and the kernel adds a NUL. */
#define PATH_SIZE	(UNIX_PATH_MAX + 1)

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

static bool has_peer(struct extsock_census *census,
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

/*
 * The other side of a connection, as @there could have it, with a reference:
 * perhaps a request, or what is left in TIME_WAIT.
 */
static struct sock *other_side(const struct extsock_socket *entry,
			       const struct sock *there)
{
	const struct extsock_endpoints reversed = reverse(&entry->ends);

	return extsock_ends_find(sock_net(there), &reversed,
				 READ_ONCE(there->sk_bound_dev_if));
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
	struct sock *sk = other_side(client, listener->sk);
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

static bool has_listener(struct extsock_census *census,
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

static bool has_receiver(struct extsock_census *census,
			 const struct extsock_socket *entry)
{
	const struct extsock_endpoints port = {
		.lport = entry->ends.rport, .kind = EXTSOCK_UDP,
	};
	const struct extsock_endpoints reversed = reverse(&entry->ends);
	struct net *here = sock_net(entry->sk);
	struct sock *sk;
	int dif;

	if (is_local(here, &entry->ends.remote)) {
		dif = incoming_dif(here, &entry->ends.remote,
				   READ_ONCE(entry->sk->sk_bound_dev_if));
		sk = udp_receiver(here, &entry->ends, dif);
		return sk && extsock_sockets_find(census, sk);
	}
	return !is_loopback(&entry->ends.remote) &&
	       (has_far_receiver(census, entry, &reversed) ||
		has_far_receiver(census, entry, &port));
}

/* Has the other side said that it sends no more? */
static bool has_ended(const struct sock *sk)
{
	int state = READ_ONCE(sk->sk_state);

	return state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK ||
	       state == TCP_CLOSING;
}

/* Was this socket opened by a member? */
static bool is_tagged(const struct extsock_census *census, struct sock *sk)
{
	const struct extsock_tag *tag = extsock_tag_find(sk);

	return tag && tag->group == census->group;
}

/*
 * The class of a connection whose other end no member holds. One that a member
 * has closed sends what it has still to send. One in TIME_WAIT has been closed,
 * by whomever: there is nobody left whose end could be reset, as with a unix
 * socket. When the one becomes the other its tag goes first.
 */
static enum extsock_class classify_closed(struct extsock_census *census,
					  const struct extsock_socket *entry,
					  bool *unclear)
{
	enum extsock_class class = EXTSOCK_EXTERNAL;
	struct sock *sk = other_side(entry, entry->sk);

	if (!sk)
		return class;
	if (READ_ONCE(sk->sk_state) == TCP_TIME_WAIT) {
		if (has_ended(entry->sk))
			class = EXTSOCK_IDLE;
	} else if (sk_fullsock(sk) && sock_flag(sk, SOCK_DEAD)) {
		if (is_tagged(census, sk))
			class = EXTSOCK_INTERNAL;
		else
			*unclear = true;
	}
	sock_gen_put(sk);
	return class;
}

/* With TCP_FASTOPEN_CONNECT the first write sends the SYN, not connect(). */
static bool is_deferred(const struct extsock_socket *entry)
{
	return entry->state == TCP_SYN_SENT && entry->tcp &&
	       !READ_ONCE(tcp_sk(entry->tcp)->segs_out);
}

static enum extsock_class classify_tcp(struct extsock_census *census,
				       const struct extsock_socket *entry,
				       bool *unclear)
{
	if (entry->state == TCP_CLOSE || is_deferred(entry))
		return EXTSOCK_IDLE;
	if (has_peer(census, entry) || has_listener(census, entry, unclear))
		return EXTSOCK_INTERNAL;
	return classify_closed(census, entry, unclear);
}

static enum extsock_class classify_udp(struct extsock_census *census,
				       const struct extsock_socket *entry)
{
	if (!entry->ends.rport)
		return EXTSOCK_IDLE;
	return has_receiver(census, entry) ? EXTSOCK_INTERNAL :
					     EXTSOCK_EXTERNAL;
}

/* One that is shut down both ways has no connection left to be reset. */
static enum extsock_class classify_unix(struct extsock_census *census,
					const struct extsock_socket *entry)
{
	if (!entry->peer || (entry->kind == EXTSOCK_UNIX_STREAM &&
			     READ_ONCE(entry->sk->sk_shutdown) == SHUTDOWN_MASK))
		return EXTSOCK_IDLE;
	return extsock_sockets_find(census, entry->peer) ? EXTSOCK_INTERNAL :
							 EXTSOCK_EXTERNAL;
}

/* One that has no peer needs no reset. */
static bool is_supported(const struct extsock_socket *entry)
{
	if (entry->kind == EXTSOCK_STATED)
		return entry->state == TCP_CLOSE;
	return entry->kind != EXTSOCK_OTHER;
}

static enum extsock_class classify(struct extsock_census *census,
				   const struct extsock_socket *entry,
				   bool *unclear)
{
	if (!is_supported(entry))
		return EXTSOCK_UNSUPPORTED;
	if (entry->outside)
		return EXTSOCK_SHARED;
	if (entry->state == TCP_LISTEN)
		return EXTSOCK_LISTENING;
	switch (entry->kind) {
	case EXTSOCK_TCP:
	case EXTSOCK_MPTCP:
		return classify_tcp(census, entry, unclear);
	case EXTSOCK_UDP:
		return classify_udp(census, entry);
	case EXTSOCK_UNIX_STREAM:
	case EXTSOCK_UNIX_DGRAM:
		return classify_unix(census, entry);
	default:
		return EXTSOCK_IDLE;
	}
}

/*
 * A path, or @ and an abstract name. As in /proc/net/unix, a NUL within the latter
 * is an @; those at its end, which pad a sun_path, are left out.
 */
static void read_path(const struct unix_address *name, char path[PATH_SIZE])
{
	const size_t start = offsetof(struct sockaddr_un, sun_path);
	size_t len = name ? min_t(size_t, name->len - start, PATH_SIZE - 1) : 0;

	if (len)
		memcpy(path, (const char *)name->name + start, len);
	while (len > 1 && !path[len - 1])
		len--;
	path[len] = '\0';
	while (len--)
		if (!path[len])
			path[len] = '@';
}

/* What the rules say of the other end. */
static enum extsock_action rule_for(const struct extsock_socket *entry,
				    const struct extsock_rules *rules)
{
	char path[PATH_SIZE] = "";
	struct extsock_remote remote = {
		.addr = entry->ends.remote, .port = ntohs(entry->ends.rport),
		.path = path,
	};

	if (entry->sk->sk_family == AF_UNIX) {
		remote.protocol = EXTSOCK_PROTOCOL_UNIX;
		read_path(entry->peer_name, path);
	} else if (entry->kind == EXTSOCK_UDP) {
		remote.protocol = EXTSOCK_PROTOCOL_UDP;
	} else {
		remote.protocol = EXTSOCK_PROTOCOL_TCP;
	}
	return extsock_rules_match(rules, &remote);
}

/* Datagram sockets hold no connection: without a rule they are kept. */
static enum extsock_action choose(const struct extsock_socket *entry,
				  const struct extsock_rules *rules,
				  enum extsock_action policy)
{
	enum extsock_action action;

	if (entry->class != EXTSOCK_EXTERNAL)
		return EXTSOCK_NONE;
	action = rule_for(entry, rules);
	if (action != EXTSOCK_NONE)
		return action;
	if (entry->kind == EXTSOCK_UDP || entry->kind == EXTSOCK_UNIX_DGRAM)
		return EXTSOCK_KEEP;
	return policy;
}

/*
 * Judge those who have no class yet. Unless this is the last look, one of whom
 * it is unclear gets none; returns whether there is such a one.
 */
static bool judge(struct extsock_census *census,
		  const struct extsock_rules *rules,
		  enum extsock_action policy, bool last)
{
	struct extsock_socket *entry;
	bool again = false;

	list_for_each_entry(entry, &census->sockets, node) {
		enum extsock_class class;
		bool unclear = false;

		cond_resched();
		if (entry->class != EXTSOCK_UNJUDGED)
			continue;
		rcu_read_lock();
		class = classify(census, entry, &unclear);
		rcu_read_unlock();
		if (class == EXTSOCK_EXTERNAL && unclear && !last) {
			again = true;
			continue;
		}
		entry->class = class;
		entry->action = choose(entry, rules, policy);
		census->counts[class]++;
	}
	return again;
}

/**
 * extsock_verdict_pass() - judge every socket of a census
 * @census: the census, not yet published
 * @rules: the action of external sockets that they match
 * @policy: the action of other external connections
 *
 * Context: may sleep.
 */
void extsock_verdict_pass(struct extsock_census *census,
			  const struct extsock_rules *rules,
			  enum extsock_action policy)
{
	unsigned int look = 1;

	while (judge(census, rules, policy, look++ == EXTSOCK_LOOKS))
		usleep_range(EXTSOCK_LOOK_US, 2 * EXTSOCK_LOOK_US);
}
