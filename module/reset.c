// SPDX-License-Identifier: GPL-2.0-only
/*
 * One socket -> a reset socket, per protocol.
 */
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <net/af_unix.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "census.h"
#include "lock.h"
#include "mptcp.h"
#include "reset.h"
#include "sockets.h"

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

/* As when the other end of a unix connection is closed with data unread. */
static void fail_unix(struct sock *sk)
{
	unix_state_lock(sk);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	WRITE_ONCE(sk->sk_err, ECONNRESET);
	unix_state_unlock(sk);
	sk->sk_state_change(sk);
	sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_HUP);
}

/* A stream's peer is the same for life; the census holds it. */
static int reset_unix(struct sock *sk, struct sock *peer)
{
	if (sock_flag(sk, SOCK_DEAD) || sock_flag(peer, SOCK_DEAD))
		return -ENOENT;
	fail_unix(peer);
	fail_unix(sk);
	return 0;
}

/* As when a packet came back because nobody was there. */
static int reset_dgram(struct sock *sk)
{
	if (sock_flag(sk, SOCK_DEAD))
		return -ENOENT;
	WRITE_ONCE(sk->sk_err, ECONNREFUSED);
	sk_error_report(sk);
	return 0;
}

/* Does somebody own the socket lock? The thaw does not wait for that one. */
static bool is_in_use(struct sock *sk)
{
	return !extsock_lock_unused(sk, NULL, NULL);
}

static int reset(struct extsock_socket *socket)
{
	switch (socket->kind) {
	case EXTSOCK_TCP:
		return is_in_use(socket->sk) ? -EBUSY : reset_tcp(socket->sk);
	case EXTSOCK_MPTCP:
		return is_in_use(socket->sk) ? -EBUSY :
					       extsock_mptcp_reset(socket->sk);
	case EXTSOCK_UNIX_STREAM:
		return reset_unix(socket->sk, socket->peer);
	case EXTSOCK_UDP:
	case EXTSOCK_UNIX_DGRAM:
		return reset_dgram(socket->sk);
	default:
		return -EOPNOTSUPP;
	}
}

/**
 * extsock_reset_socket() - make a socket look as if its peer had reset it
 * @socket: a socket whose action is reset or wait
 * @census: its census, after extsock_census_recount()
 * @group: whose it is, which stands still
 *
 * Allocates nothing of its own, but for what is unread in a multipath socket.
 *
 * Context: may sleep; takes the socket lock.
 * Return: 0, -EBUSY if somebody has taken it since the census, who may just be
 * looking, or is using it, -EAGAIN if it is to be counted anew who holds it, or an
 * error if it is closed or closing: then nothing is to be done.
 */
int extsock_reset_socket(struct extsock_socket *socket,
			 const struct extsock_census *census,
			 const struct extsock_group *group)
{
	/* A child in an accept queue has no file; its listener's counts. */
	const struct extsock_socket *holder = socket->listener ?: socket;
	struct file *file = extsock_ends_file(holder->sk);
	int err;

	/* With the file nobody can release the socket in the middle of it. */
	if (!file)
		return -ENOENT;
	err = extsock_census_check(census, group, holder, file);
	if (!err)
		err = socket->moved ? -EBUSY : reset(socket);
	fput(file);
	return err;
}
