/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FUZZ_LINUX_ERR_H
#define _FUZZ_LINUX_ERR_H

#include <linux/types.h>

#define ERR_PTR(err)	((void *)(long)(err))
#define PTR_ERR(ptr)	((long)(ptr))
#define IS_ERR(ptr)	((unsigned long)(ptr) >= -4095UL)

#endif /* _FUZZ_LINUX_ERR_H */
