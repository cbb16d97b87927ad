/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_RESET_H
#define _EXTSOCK_RESET_H

struct extsock_census;
struct extsock_group;
struct extsock_socket;

int extsock_reset_socket(struct extsock_socket *socket,
			 const struct extsock_census *census,
			 const struct extsock_group *group);

#endif /* _EXTSOCK_RESET_H */
