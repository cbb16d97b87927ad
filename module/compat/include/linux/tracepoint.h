/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_COMPAT_LINUX_TRACEPOINT_H
#define _EXTSOCK_COMPAT_LINUX_TRACEPOINT_H

#include_next <linux/tracepoint.h>
#include <linux/version.h>

/* sched_process_exit has told since 6.16 whether the whole process is dead. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define EXTSOCK_PROCESS_EXIT_PROTO void *data, struct task_struct *task
#else
#define EXTSOCK_PROCESS_EXIT_PROTO \
	void *data, struct task_struct *task, bool group_dead
#endif /* 6.16 */

/* task_newtask takes the clone flags as u64 since 6.18. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define EXTSOCK_NEWTASK_PROTO \
	void *data, struct task_struct *task, unsigned long clone_flags
#else
#define EXTSOCK_NEWTASK_PROTO \
	void *data, struct task_struct *task, u64 clone_flags
#endif /* 6.18 */

#endif /* _EXTSOCK_COMPAT_LINUX_TRACEPOINT_H */
