/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_COMPAT_LINUX_SYSFS_H
#define _EXTSOCK_COMPAT_LINUX_SYSFS_H

#include_next <linux/sysfs.h>
#include <linux/version.h>

/* The callbacks of a bin_attribute take it as const since 6.16. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define extsock_bin_attribute struct bin_attribute
#else
#define extsock_bin_attribute const struct bin_attribute
#endif /* 6.16 */

#endif /* _EXTSOCK_COMPAT_LINUX_SYSFS_H */
