// SPDX-License-Identifier: GPL-2.0-only
/*
 * One socket -> a reset socket, per protocol.
 */
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/net.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "census.h"
#include "reset.h"

/* Has somebody outside taken the socket since the census? */
static bool taken_since(const struct extsock_socket *socket)
{
	struct sock *sk = socket->sk;
	bool taken;

	/* A child in an accept queue has no file; its listener's counts. */
	if (socket->listener)
		return taken_since(socket->listener);
	/* The lock keeps the socket, and so its file, from being released. */
	read_lock_bh(&sk->sk_callback_lock);
	taken = sk->sk_socket && sk->sk_socket->file &&
		file_count(sk->sk_socket->file) > socket->files;
	read_unlock_bh(&sk->sk_callback_lock);
	return taken;
}

/*
 * tcp_abort() tells the peer by RST, leaves what was received to be read, and
 * wakes who waits. A connecting socket is refused, as a RST to its SYN would
 * do. A listening one must never come here: its accept() would fail and every
 * child in its queue die.
 */
static bool reset_tcp(struct sock *sk)
{
	int state = READ_ONCE(sk->sk_state);

	/* Its owner was killed: it is closing in the ordinary way. */
	if (state == TCP_LISTEN || sock_flag(sk, SOCK_DEAD))
		return false;
	return !tcp_abort(sk, state == TCP_SYN_SENT ? ECONNREFUSED :
						      ECONNRESET);
}

/**
 * extsock_reset_socket() - make a socket look as if its peer had reset it
 * @socket: a socket whose action is reset or wait, of a member that stands
 *	still; the census holds it
 *
 * Nothing happens to a socket that has been closed meanwhile, or that a
 * process outside of the group has taken since the census. Cannot fail and
 * allocates nothing of its own.
 *
 * Context: may sleep; takes the socket lock.
 * Return: whether it was reset.
 */
bool extsock_reset_socket(struct extsock_socket *socket)
{
	if (taken_since(socket))
		return false;
	return reset_tcp(socket->sk);
}
