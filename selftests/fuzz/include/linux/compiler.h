/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FUZZ_LINUX_COMPILER_H
#define _FUZZ_LINUX_COMPILER_H

#define __pure		__attribute__((pure))
#define __printf(a, b)	__attribute__((format(printf, a, b)))
#define __force
#define noinline
#define unlikely(x)	(x)
#define fallthrough	__attribute__((fallthrough))

#endif /* _FUZZ_LINUX_COMPILER_H */
