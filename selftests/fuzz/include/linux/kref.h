/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FUZZ_LINUX_KREF_H
#define _FUZZ_LINUX_KREF_H

struct kref {
	unsigned int count;
};

static inline void kref_init(struct kref *kref)
{
	kref->count = 1;
}

static inline void kref_get(struct kref *kref)
{
	kref->count++;
}

static inline void kref_put(struct kref *kref,
			    void (*release)(struct kref *kref))
{
	if (!--kref->count)
		release(kref);
}

#endif /* _FUZZ_LINUX_KREF_H */
