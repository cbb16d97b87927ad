/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_PROC_H
#define _EXTSOCK_PROC_H

struct extsock_group;

int extsock_proc_init(void);
void extsock_proc_exit(void);
int extsock_proc_add(struct extsock_group *group);
void extsock_proc_remove(struct extsock_group *group);

#endif /* _EXTSOCK_PROC_H */
