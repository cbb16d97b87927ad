/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_SOCKETS_H
#define _EXTSOCK_SOCKETS_H

#include <linux/rhashtable.h>
#include <linux/xarray.h>
#include <net/af_unix.h>
#include <net/sock.h>

#include "ends.h"
#include "group.h"
#include "look.h"
#include "tag.h"

/**
 * enum extsock_class - what a socket is to its group
 * @EXTSOCK_UNJUDGED: there is no verdict yet
 * @EXTSOCK_INTERNAL: both ends are owned by the group
 * @EXTSOCK_EXTERNAL: one end is
 * @EXTSOCK_SHARED: a process outside of the group holds it as well
 * @EXTSOCK_LISTENING: it listens
 * @EXTSOCK_IDLE: it is not connected
 * @EXTSOCK_UNSUPPORTED: of a family that extsock cannot reset
 * @EXTSOCK_CLASSES: how many there are
 */
enum extsock_class {
	EXTSOCK_UNJUDGED,
	EXTSOCK_INTERNAL,
	EXTSOCK_EXTERNAL,
	EXTSOCK_SHARED,
	EXTSOCK_LISTENING,
	EXTSOCK_IDLE,
	EXTSOCK_UNSUPPORTED,
	EXTSOCK_CLASSES,
};

/**
 * struct extsock_socket - a socket that the census found
 * @node: in the census's list, in the order found
 * @by_sock: in the census's table by @sk
 * @by_ends: in the census's table by @key; TCP and UDP sockets with a port
 * @sk: the socket, a counted reference; a key of @by_sock
 * @tcp: of a TCP socket, itself; of a multipath one, the TCP socket that listens
 *	for it or was its first; a counted reference, or NULL
 * @kind: its kind
 * @ends: its ends at the time of the census
 * @key: the same, but of a socket without a remote end @lport alone: so it is
 *	looked up
 * @peer: of a unix socket, the socket at the other end, a counted reference,
 *	or NULL
 * @name: of a unix socket, its name or NULL; it lives as long as @sk
 * @peer_name: the name of @peer or NULL; it lives as long as @peer
 * @inode: of its file in sockfs at that time, or 0
 * @file: its file with a reference, during the census only
 * @held: how often the members' descriptor tables, and messages to the group's
 *	sockets, held @file when that was last counted
 * @listener: for a child in an accept queue, the listening socket's entry
 * @pid: the process of a member that holds it, a counted reference, or NULL
 * @fd: the descriptor there, or -1
 * @comm: name of that member, with its NUL
 * @state: sk_state at the time of the census
 * @flights: how many messages it was found in
 * @seen: how many it was found in when that was last looked at
 * @walked: what waits in its queues has been entered
 * @moved: it is not any more where it waited
 * @outside: somebody outside of the group holds it as well
 * @class: the verdict
 * @action: what the thaw does
 * @direction: from its tag, as the following
 * @opener: PID of who opened it, a counted reference, or NULL
 * @command: the opener's name
 * @opened: when, in nanoseconds since 1970
 * @gate: id of the gate that holds its SYN back, or 0
 * @over: it is not waited for any more; set by whoever sees its end
 *
 * Held by its census, which is private to the freezing task until it is
 * published in the group or its gate, and constant from then on, but for @over and,
 * under the group's census_lock, who holds it.
 * The thaw, whose alone it is again, counts who holds it anew, and takes off the
 * @action of those that are done with.
 */
struct extsock_socket {
	struct list_head node;
	struct rhash_head by_sock;
	struct rhlist_head by_ends;
	struct sock *sk;
	struct sock *tcp;
	enum extsock_kind kind;
	struct extsock_endpoints ends;
	struct extsock_endpoints key;
	struct sock *peer;
	const struct unix_address *name;
	const struct unix_address *peer_name;
	unsigned long inode;
	struct file *file;
	long held;
	struct extsock_socket *listener;
	struct pid *pid;
	int fd;
	char comm[TASK_COMM_LEN];
	int state;
	unsigned int flights;
	unsigned int seen;
	bool walked;
	bool moved;
	bool outside;
	enum extsock_class class;
	enum extsock_action action;
	enum extsock_direction direction;
	struct pid *opener;
	char command[TASK_COMM_LEN];
	u64 opened;
	u64 gate;
	bool over;
};

/**
 * struct extsock_flight - a socket is in a message to another, or in its queue
 * @node: in the census's list
 * @carrier: the entry of the socket that is to receive the message, or listens
 * @carried: the entry of the socket in it
 *
 * Held by its census. Those of one carrier come one after the other.
 */
struct extsock_flight {
	struct list_head node;
	struct extsock_socket *carrier;
	struct extsock_socket *carried;
};

/**
 * struct extsock_census - all sockets of a group that stands still
 * @sockets: the list of struct extsock_socket
 * @flights: the list of struct extsock_flight
 * @by_sock: the table by socket
 * @by_ends: the table by ends; several sockets may have the same ends, in
 *	different network namespaces
 * @tables: the members' descriptor tables, by address; how many members used each
 * @exits: of the group, when it was last counted who holds the sockets
 * @group: id of the group
 * @gate: id of the gate that was closed when they were judged, or 0
 * @draining: the group runs, of its sockets only those matter that are waited for
 * @nr: how many sockets there are in @sockets
 * @processes: how many members there were
 * @counts: sockets by class
 *
 * Made by extsock_census_take(), given to the group by the checkpoint, freed
 * by extsock_sockets_free() at the thaw. It holds its sockets, so their memory
 * stays, but not their files: one whose owner is killed meanwhile closes.
 */
struct extsock_census {
	struct list_head sockets;
	struct list_head flights;
	struct rhashtable by_sock;
	struct rhltable by_ends;
	struct xarray tables;
	long exits;
	u64 group;
	u64 gate;
	bool draining;
	unsigned int nr;
	unsigned int processes;
	unsigned int counts[EXTSOCK_CLASSES];
};

struct extsock_census *extsock_sockets_alloc(void);
void extsock_sockets_free(struct extsock_census *census);
void extsock_sockets_describe(struct extsock_socket *entry, struct sock *sk);
struct extsock_socket *extsock_sockets_add(struct extsock_census *census,
					   struct sock *sk);
struct extsock_socket *extsock_sockets_add_file(struct extsock_census *census,
						struct file *file);
struct rhlist_head *
extsock_sockets_by_ends(struct extsock_census *census,
			const struct extsock_endpoints *ends);
struct extsock_socket *extsock_sockets_find(struct extsock_census *census,
					    const struct sock *sk);

#endif /* _EXTSOCK_SOCKETS_H */
