/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_COMPAT_LINUX_FS_H
#define _EXTSOCK_COMPAT_LINUX_FS_H

#include_next <linux/fs.h>
#include <linux/version.h>

/* Files count their references in a type of its own since 6.13. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define extsock_try_get_file(file) atomic_long_inc_not_zero(&(file)->f_count)
#else
#define extsock_try_get_file(file) file_ref_get(&(file)->f_ref)
#endif /* 6.13 */

#endif /* _EXTSOCK_COMPAT_LINUX_FS_H */
