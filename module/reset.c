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

/*
 * The file of a socket, with a reference: as long as that is held, nobody can
 * release the socket. NULL if it has been released or is about to be.
 */
static struct file *get_file_of(struct sock *sk)
{
	struct file *file = NULL;

	/* The lock keeps the socket, and so its file, from being freed. */
	read_lock_bh(&sk->sk_callback_lock);
	if (sk->sk_socket)
		file = sk->sk_socket->file;
	if (file && !extsock_try_get_file(file))
		file = NULL;
	read_unlock_bh(&sk->sk_callback_lock);
	return file;
}

/*
 * tcp_abort() tells the peer by RST, leaves what was received to be read, and
 * wakes who waits. A connecting socket is refused, as a RST to its SYN would
 * do. A listening one must never come here: its accept() would fail and every
 * child in its queue die.
 */
static int reset_tcp(struct sock *sk)
{
	int state = READ_ONCE(sk->sk_state);

	/* A child in a queue may have been closed with its listener. */
	if (state == TCP_LISTEN || state == TCP_CLOSE ||
	    sock_flag(sk, SOCK_DEAD))
		return -ENOENT;
	return tcp_abort(sk, state == TCP_SYN_SENT ? ECONNREFUSED : ECONNRESET);
}

/**
 * extsock_reset_socket() - make a socket look as if its peer had reset it
 * @socket: a socket whose action is reset or wait, of a member that stands
 *	still; the census holds it
 *
 * Allocates nothing of its own.
 *
 * Context: may sleep; takes the socket lock.
 * Return: 0, -EBUSY if somebody has taken it since the census, who may just be
 * looking, or an error if it is closed or closing: then nothing is to be done.
 */
int extsock_reset_socket(struct extsock_socket *socket)
{
	/* A child in an accept queue has no file; its listener's counts. */
	const struct extsock_socket *holder = socket->listener ?: socket;
	struct file *file = get_file_of(holder->sk);
	int err;

	if (!file)
		return -ENOENT;
	if (file_count(file) - 1 > holder->files)
		err = -EBUSY;
	else
		err = reset_tcp(socket->sk);
	fput(file);
	return err;
}
