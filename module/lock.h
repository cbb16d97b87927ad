/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_LOCK_H
#define _EXTSOCK_LOCK_H

#include <linux/bottom_half.h>
#include <net/sock.h>

/**
 * extsock_unlock_unused() - what extsock_lock_unused() has locked
 * @sk: the socket
 *
 * Context: any but interrupts.
 */
static inline void extsock_unlock_unused(struct sock *sk)
{
	bh_unlock_sock(sk);
	local_bh_enable();
}

/**
 * extsock_lock_unused() - lock a socket, unless somebody owns its lock
 * @sk: the socket, which the caller holds
 *
 * As softirqs do, and so not for long. Who owns the lock may be waiting for memory: a
 * member that a tracer lets run does so for as long as it likes. So lock_sock() is not
 * for those who are waited for.
 *
 * Context: any but interrupts; softirqs are disabled until it is unlocked.
 * Return: whether it is locked now.
 */
static inline bool extsock_lock_unused(struct sock *sk)
{
	local_bh_disable();
	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk))
		return true;
	extsock_unlock_unused(sk);
	return false;
}

#endif /* _EXTSOCK_LOCK_H */
