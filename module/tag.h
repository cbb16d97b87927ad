/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_TAG_H
#define _EXTSOCK_TAG_H

#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <net/sock.h>

/**
 * enum extsock_direction - how a socket came to be connected
 * @EXTSOCK_UNKNOWN: no probe saw it, or it listens
 * @EXTSOCK_CONNECT: a member called connect
 * @EXTSOCK_ACCEPT: a member accepted it
 */
enum extsock_direction {
	EXTSOCK_UNKNOWN,
	EXTSOCK_CONNECT,
	EXTSOCK_ACCEPT,
};

/**
 * struct extsock_tag - what the probes recorded of a connection, or a listening
 *	socket
 * @node: in the table, by @sk
 * @sk: the socket; a key, not a reference
 * @cookie: the socket's cookie: with @sk it identifies it
 * @group: id of the group of the opener
 * @opened: when, in nanoseconds since 1970
 * @opener: PID of the opener's process, a counted reference
 * @command: the opener's name, with its NUL
 * @direction: connected or accepted; unknown if it listens
 * @gate: id of the gate that holds its SYN back, or 0
 * @rcu: frees it
 *
 * Held by the table alone, from the connect, accept or listen to the moment in which
 * the socket's state becomes TCP_CLOSE, or the probes are detached. It holds
 * neither the socket nor its namespace.
 */
struct extsock_tag {
	struct rhash_head node;
	const struct sock *sk;
	u64 cookie;
	u64 group;
	u64 opened;
	struct pid *opener;
	char command[TASK_COMM_LEN];
	enum extsock_direction direction;
	u64 gate;
	struct rcu_head rcu;
};

int extsock_tag_init(void);
void extsock_tag_exit(void);

void extsock_tag_record(struct sock *sk, u64 group,
			enum extsock_direction direction, u64 gate);
void extsock_tag_drop(const struct sock *sk);
void extsock_tag_drop_all(void);
struct extsock_tag *extsock_tag_find(struct sock *sk);

void extsock_tag_walk_start(struct rhashtable_iter *iter);
struct extsock_tag *extsock_tag_walk_next(struct rhashtable_iter *iter);
void extsock_tag_walk_stop(struct rhashtable_iter *iter);
struct sock *extsock_tag_get_sock(const struct extsock_tag *tag);

u64 extsock_tag_cookie(struct sock *sk);

#endif /* _EXTSOCK_TAG_H */
