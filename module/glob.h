/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_GLOB_H
#define _EXTSOCK_GLOB_H

#include <linux/types.h>

bool extsock_glob_match(const char *pattern, const char *text);

#endif /* _EXTSOCK_GLOB_H */
