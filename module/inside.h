/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_INSIDE_H
#define _EXTSOCK_INSIDE_H

#include <linux/types.h>

struct extsock_census;
struct extsock_gate;
struct extsock_socket;

bool extsock_inside_called(const struct extsock_gate *gate,
			   struct extsock_census *census,
			   const struct extsock_socket *entry);
bool extsock_inside_client(const struct extsock_gate *gate,
			   const struct extsock_socket *child);

#endif /* _EXTSOCK_INSIDE_H */
