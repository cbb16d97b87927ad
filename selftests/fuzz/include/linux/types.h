/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FUZZ_LINUX_TYPES_H
#define _FUZZ_LINUX_TYPES_H

/* What of the kernel's headers the parsers use, for user space. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef uint32_t __be32;
typedef uint64_t __be64;

#define U16_MAX		UINT16_MAX

#endif /* _FUZZ_LINUX_TYPES_H */
