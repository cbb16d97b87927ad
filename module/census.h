/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_CENSUS_H
#define _EXTSOCK_CENSUS_H

#include <linux/types.h>

struct extsock_census;
struct extsock_group;
struct extsock_socket;
struct file;
struct sock;
struct task_struct;

/* Called for a socket, the leader of a process that has it, and its descriptor. */
typedef bool (*extsock_see_t)(const struct sock *sk, struct task_struct *leader,
			      unsigned int fd, void *arg);

struct extsock_census *extsock_census_take(struct extsock_group *group);
void extsock_census_recount(struct extsock_census *census,
			    struct extsock_group *group);
int extsock_census_check(const struct extsock_census *census,
			 const struct extsock_group *group,
			 const struct extsock_socket *entry, struct file *file);
void extsock_census_walk(struct extsock_group *group, extsock_see_t see,
			 void *arg);
bool extsock_census_owns(struct extsock_group *group, const struct sock *sk);

#endif /* _EXTSOCK_CENSUS_H */
