/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_COMPAT_NET_AF_UNIX_H
#define _EXTSOCK_COMPAT_NET_AF_UNIX_H

#include_next <net/af_unix.h>
#include <net/scm.h>

/*
 * Is a unix socket in some message? Until 6.10, and its stable versions, those
 * were in a list; the macro stands beside its head. Now each has a vertex in the
 * garbage collector's graph as long as it is.
 */
#ifdef UNIX_GC_CANDIDATE
#define extsock_unix_in_flight(sk) (!list_empty(&unix_sk(sk)->link))
#else
#define extsock_unix_in_flight(sk) (!!READ_ONCE(unix_sk(sk)->vertex))
#endif /* UNIX_GC_CANDIDATE */

/* Can the descriptors in messages be seen? */
#ifdef UNIXCB
#define EXTSOCK_UNIX_SEES_FDS	true
#else
#define EXTSOCK_UNIX_SEES_FDS	false
#endif /* UNIXCB */

/* How many buckets a namespace's table has; private to the kernel since 6.17. */
#ifdef UNIX_HASH_SIZE
#define EXTSOCK_UNIX_HASH_SIZE	UNIX_HASH_SIZE
#else
#define EXTSOCK_UNIX_HASH_SIZE	512
#endif /* UNIX_HASH_SIZE */

/*
 * The descriptors in a message, or NULL. Where a message keeps them is private to
 * the kernel since 6.17: then they are not seen.
 */
static inline struct scm_fp_list *extsock_unix_fds(const struct sk_buff *skb)
{
#ifdef UNIXCB
	return UNIXCB(skb).fp;
#else
	return NULL;
#endif /* UNIXCB */
}

#endif /* _EXTSOCK_COMPAT_NET_AF_UNIX_H */
