/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_SYSFS_H
#define _EXTSOCK_SYSFS_H

int extsock_sysfs_init(void);
void extsock_sysfs_exit(void);

#endif /* _EXTSOCK_SYSFS_H */
