/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FUZZ_PRINT_H
#define _FUZZ_PRINT_H

#include <linux/types.h>

char *ip4_string(char *p, const u8 *addr, const char *fmt);
char *ip6_compressed_string(char *p, const char *addr);

#endif /* _FUZZ_PRINT_H */
