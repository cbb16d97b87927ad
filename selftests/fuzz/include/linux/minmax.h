/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FUZZ_LINUX_MINMAX_H
#define _FUZZ_LINUX_MINMAX_H

#define min_t(type, a, b) \
	({ type _a = (a), _b = (b); _a < _b ? _a : _b; })

#endif /* _FUZZ_LINUX_MINMAX_H */
