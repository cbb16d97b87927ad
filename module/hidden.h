/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_HIDDEN_H
#define _EXTSOCK_HIDDEN_H

struct extsock_census;
struct extsock_group;

int extsock_hidden_add(struct extsock_census *census,
		       const struct extsock_group *group);
void extsock_hidden_confirm(struct extsock_census *census);

#endif /* _EXTSOCK_HIDDEN_H */
