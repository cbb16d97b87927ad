/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_BACKLOG_H
#define _EXTSOCK_BACKLOG_H

#include <linux/types.h>

struct extsock_census;
struct extsock_gate;
struct sock;

int extsock_backlog_prepare(struct extsock_gate *gate,
			    struct extsock_census *census);
void extsock_backlog_hide(struct extsock_gate *gate);
void extsock_backlog_restore(struct extsock_gate *gate);
void extsock_backlog_announce(struct extsock_gate *gate);
void extsock_backlog_free(struct extsock_gate *gate, bool all);

void extsock_backlog_arrived(const struct sock *listener,
			     const struct sock *child);
void extsock_backlog_closing(const struct sock *listener);

#endif /* _EXTSOCK_BACKLOG_H */
