/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_PERMIT_H
#define _EXTSOCK_PERMIT_H

#include <linux/capability.h>

/**
 * extsock_permitted() - may the caller change anything?
 *
 * Context: the writing task.
 * Return: whether it has CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE in the
 * initial user namespace.
 */
static inline bool extsock_permitted(void)
{
	return capable(CAP_CHECKPOINT_RESTORE) || capable(CAP_SYS_ADMIN);
}

#endif /* _EXTSOCK_PERMIT_H */
