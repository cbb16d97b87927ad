/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FUZZ_LINUX_SLAB_H
#define _FUZZ_LINUX_SLAB_H

#include <stdlib.h>

/* Each is an object of its own, so what is behind it is found. */
#define kzalloc(size, gfp)	calloc(1, size)
#define kvzalloc(size, gfp)	calloc(1, size)
#define kvmalloc(size, gfp)	malloc(size)
#define kfree(ptr)		free(ptr)
#define kvfree(ptr)		free(ptr)

#define struct_size(ptr, member, n) \
	(sizeof(*(ptr)) + sizeof((ptr)->member[0]) * (n))

#endif /* _FUZZ_LINUX_SLAB_H */
