/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_SYN_H
#define _EXTSOCK_SYN_H

#include <linux/types.h>

struct extsock_census;
struct extsock_gate;
struct sock;

bool extsock_syn_holds(const struct extsock_gate *gate,
		       struct extsock_census *census, struct sock *tcp);
int extsock_syn_hold(struct extsock_gate *gate,
		     const struct extsock_census *census);
void extsock_syn_release(struct extsock_gate *gate);

#endif /* _EXTSOCK_SYN_H */
