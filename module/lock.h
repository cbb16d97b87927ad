/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_LOCK_H
#define _EXTSOCK_LOCK_H

#include <linux/bottom_half.h>
#include <net/sock.h>

/**
 * extsock_lock_unused() - lock a socket, unless somebody owns its lock
 * @sk: the socket, which the caller holds
 * @call: called with the socket locked as softirqs lock it; or NULL
 * @arg: given to @call
 *
 * Who owns the lock may be waiting for memory, and a member that a tracer lets run does
 * so for as long as it likes. So lock_sock() is not for those who are waited for.
 *
 * Context: any but interrupts.
 * Return: whether it was locked, and is unlocked again.
 */
static inline bool extsock_lock_unused(struct sock *sk,
				       void (*call)(struct sock *sk, void *arg),
				       void *arg)
{
	bool unused;

	local_bh_disable();
	bh_lock_sock(sk);
	unused = !sock_owned_by_user(sk);
	if (unused && call)
		call(sk, arg);
	bh_unlock_sock(sk);
	local_bh_enable();
	return unused;
}

#endif /* _EXTSOCK_LOCK_H */
