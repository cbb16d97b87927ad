// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets -> class and action.
 *
 * A socket is internal if its other end is the group's as well, or belongs to
 * one that listens and is the group's. A unix socket knows its peer.
 */
#include <linux/delay.h>
#include <net/tcp.h>

#include "peer.h"
#include "tag.h"
#include "verdict.h"

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
	struct sock *sk = extsock_peer_find(entry, sock_net(entry->sk),
					    READ_ONCE(entry->sk->sk_bound_dev_if));

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

/* Nobody outside has heard of it yet, and it goes on when the gate opens. */
static bool is_held(const struct extsock_census *census,
		    const struct extsock_socket *entry)
{
	return entry->state == TCP_SYN_SENT && entry->gate &&
	       entry->gate == census->gate;
}

static enum extsock_class classify_tcp(struct extsock_census *census,
				       const struct extsock_socket *entry,
				       bool *unclear)
{
	if (entry->state == TCP_CLOSE || is_deferred(entry) ||
	    is_held(census, entry))
		return EXTSOCK_IDLE;
	if (extsock_peer_connected(census, entry) ||
	    extsock_peer_listening(census, entry, unclear))
		return EXTSOCK_INTERNAL;
	return classify_closed(census, entry, unclear);
}

static enum extsock_class classify_udp(struct extsock_census *census,
				       const struct extsock_socket *entry)
{
	if (!entry->ends.rport)
		return EXTSOCK_IDLE;
	return extsock_peer_receiving(census, entry) ? EXTSOCK_INTERNAL :
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

/* What the rules say of the other end. */
static enum extsock_action rule_for(const struct extsock_socket *entry,
				    const struct extsock_rules *rules)
{
	char path[EXTSOCK_PATH_SIZE] = "";
	struct extsock_remote remote = {
		.addr = entry->ends.remote, .port = ntohs(entry->ends.rport),
		.path = path,
	};

	if (entry->sk->sk_family == AF_UNIX) {
		remote.protocol = EXTSOCK_PROTOCOL_UNIX;
		extsock_ends_path(entry->peer_name, path);
	} else if (entry->kind == EXTSOCK_UDP) {
		remote.protocol = EXTSOCK_PROTOCOL_UDP;
	} else {
		remote.protocol = EXTSOCK_PROTOCOL_TCP;
	}
	return extsock_rules_match(rules, &remote);
}

/**
 * extsock_verdict_action() - what becomes of a socket if it is external
 * @entry: the socket, in a census or not
 * @terms: by what
 *
 * Datagram sockets hold no connection: without a rule they are kept.
 *
 * Context: any.
 * Return: its action.
 */
enum extsock_action extsock_verdict_action(const struct extsock_socket *entry,
					   const struct extsock_terms *terms)
{
	enum extsock_action action = rule_for(entry, terms->rules);

	if (action != EXTSOCK_NONE)
		return action;
	if (entry->kind == EXTSOCK_UDP || entry->kind == EXTSOCK_UNIX_DGRAM)
		return EXTSOCK_KEEP;
	return terms->policy;
}

/*
 * Nobody can close what was not accepted, so nobody waits for it: as long as the
 * gate is closed it stays where it is.
 */
static enum extsock_action choose(const struct extsock_socket *entry,
				  const struct extsock_terms *terms)
{
	enum extsock_action action;

	if (entry->class != EXTSOCK_EXTERNAL)
		return EXTSOCK_NONE;
	action = extsock_verdict_action(entry, terms);
	return action == EXTSOCK_WAIT && entry->listener ? EXTSOCK_KEEP :
							   action;
}

/*
 * Judge those who have no class yet. Unless this is the last look, one of whom
 * it is unclear gets none; returns whether there is such a one.
 */
static bool judge(struct extsock_census *census,
		  const struct extsock_terms *terms, bool last)
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
		entry->action = choose(entry, terms);
		census->counts[class]++;
	}
	return again;
}

/**
 * extsock_verdict_pass() - judge every socket of a census
 * @census: the census, not yet published
 * @terms: what becomes of external ones
 *
 * Context: may sleep.
 */
void extsock_verdict_pass(struct extsock_census *census,
			  const struct extsock_terms *terms)
{
	unsigned int look = 1;

	census->gate = terms->gate;
	while (judge(census, terms, look++ == EXTSOCK_LOOKS))
		usleep_range(EXTSOCK_LOOK_US, 2 * EXTSOCK_LOOK_US);
}
