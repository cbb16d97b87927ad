/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_FREEZER_H
#define _EXTSOCK_FREEZER_H

#include <linux/sched.h>

struct extsock_group;
struct extsock_outcome;

int extsock_freezer_stop(struct extsock_group *group, unsigned long deadline,
			 struct extsock_outcome *outcome);
void extsock_freezer_resume(struct extsock_group *group);

void extsock_freezer_born(struct task_struct *task);
void extsock_freezer_leaving(bool always);
void extsock_freezer_traced(struct task_struct *task);
void extsock_freezer_untraced(struct task_struct *task);

#endif /* _EXTSOCK_FREEZER_H */
