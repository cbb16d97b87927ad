/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FUZZ_LINUX_IN6_H
#define _FUZZ_LINUX_IN6_H

#include <linux/types.h>

#endif /* _FUZZ_LINUX_IN6_H */
