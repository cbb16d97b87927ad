/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_SYN_H
#define _EXTSOCK_SYN_H

#include <linux/types.h>

struct extsock_census;
struct extsock_gate;
struct net;

int extsock_syn_hold(struct extsock_gate *gate,
		     const struct extsock_census *census);
void extsock_syn_pass(struct extsock_gate *gate);
void extsock_syn_release(struct extsock_gate *gate);
bool extsock_syn_sees(const struct extsock_gate *gate, const struct net *net);
struct net *extsock_syn_net(const struct extsock_gate *gate, unsigned int i);

#endif /* _EXTSOCK_SYN_H */
