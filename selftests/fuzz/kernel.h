/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In front of the functions that extract.sh takes out of the kernel's sources: what
 * they use besides the headers in include/.
 */
#include <limits.h>
#include <linux/ctype.h>
#include <linux/extsock.h>
#include <linux/inet.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/string_helpers.h>
#include <net/ipv6.h>

#include "../../module/action.h"
#include "print.h"

#define KSTRTOX_OVERFLOW	(1U << 31)
#define BITS_PER_LONG		64

#define cpu_to_be32(x)		htobe32(x)
#define cpu_to_be64(x)		htobe64(x)
#define div_u64(a, b)		((a) / (b))

#define hex_asc_lo(x)		"0123456789abcdef"[(x) & 15]
#define hex_asc_hi(x)		hex_asc_lo((x) >> 4)

static inline char *hex_byte_pack(char *buf, u8 byte)
{
	*buf++ = hex_asc_hi(byte);
	*buf++ = hex_asc_lo(byte);
	return buf;
}
