/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FUZZ_LINUX_STRING_HELPERS_H
#define _FUZZ_LINUX_STRING_HELPERS_H

#include <linux/types.h>

#define ESCAPE_SPACE	(1 << 0)
#define ESCAPE_SPECIAL	(1 << 1)
#define ESCAPE_NULL	(1 << 2)
#define ESCAPE_OCTAL	(1 << 3)
#define ESCAPE_NP	(1 << 4)
#define ESCAPE_HEX	(1 << 5)
#define ESCAPE_NA	(1 << 6)
#define ESCAPE_NAP	(1 << 7)
#define ESCAPE_APPEND	(1 << 8)

int string_escape_mem(const char *src, size_t isz, char *dst, size_t osz,
		      unsigned int flags, const char *only);

#endif /* _FUZZ_LINUX_STRING_HELPERS_H */
