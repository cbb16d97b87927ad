/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_DRAIN_H
#define _EXTSOCK_DRAIN_H

#include <linux/types.h>

#include "outcome.h"
#include "sockets.h"

struct extsock_gate;

/**
 * extsock_drain_waits_for() - is it waited for?
 * @entry: a socket of a census
 *
 * Context: any.
 * Return: whether the group cannot be frozen as long as it is there.
 */
static inline bool extsock_drain_waits_for(const struct extsock_socket *entry)
{
	return entry->action == EXTSOCK_WAIT && !READ_ONCE(entry->over);
}

unsigned int extsock_drain_left(const struct extsock_census *census);
void extsock_drain_count(struct extsock_gate *gate,
			 struct extsock_census *census);
int extsock_drain_wait(struct extsock_gate *gate, unsigned long deadline);
void extsock_drain_name(const struct extsock_census *census,
			struct extsock_outcome *outcome);

void extsock_drain_closing(struct sock *sk);
void extsock_drain_closed(const struct sock *sk);

#endif /* _EXTSOCK_DRAIN_H */
