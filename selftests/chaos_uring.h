/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the wild members of test_chaos do by io_uring. Where there is none it comes
 * to nothing.
 */
#ifndef CHAOS_URING_H
#define CHAOS_URING_H

#include <liburing.h>

#include "chaos.h"

/* Of one deed; what the requests use outlives the ring. */
static struct io_uring wild_ring;
static char wild_text[2][16];

static bool open_ring(void)
{
	return !io_uring_queue_init(8, &wild_ring, 0);
}

static struct io_uring_sqe *request(void)
{
	return io_uring_get_sqe(&wild_ring);
}

/* Some are made by a worker. */
static unsigned int some_flags(void)
{
	return dice(2) ? IOSQE_ASYNC : 0;
}

/*
 * Submit what there is, and wait for so many, though not for ever. Returns what
 * came of the last one.
 */
static int reap(int n)
{
	struct __kernel_timespec t = { .tv_nsec = 20 * 1000 * 1000 };
	struct io_uring_cqe *cqe;
	int res = -ETIME;

	io_uring_submit(&wild_ring);
	while (n-- && !io_uring_wait_cqe_timeout(&wild_ring, &cqe, &t)) {
		res = cqe->res;
		io_uring_cqe_seen(&wild_ring, cqe);
	}
	return res;
}

static void connect_by_ring(int fd, const struct place *to, unsigned int flags)
{
	struct io_uring_sqe *sqe = request();

	io_uring_prep_connect(sqe, fd, (const void *)&to->ss, to->len);
	sqe->flags |= flags;
}

static void send_by_ring(int fd, unsigned int flags)
{
	struct io_uring_sqe *sqe = request();

	io_uring_prep_send(sqe, fd, wild_text[0], 8, MSG_NOSIGNAL);
	sqe->flags |= flags;
}

static void receive_by_ring(int fd, unsigned int flags)
{
	struct io_uring_sqe *sqe = request();

	io_uring_prep_recv(sqe, fd, wild_text[1], 8, 0);
	sqe->flags |= flags;
}

static void ring_visits(void)
{
	const struct place *to = some_far();
	int fd = socket_to(to);

	if (!open_ring())
		return;
	connect_by_ring(fd, to, some_flags());
	reap(1);
	io_uring_queue_exit(&wild_ring);
	close(fd);
}

/* Requests that are linked, from the connect to the answer. */
static void ring_talks(void)
{
	const struct place *to = dice(2) ? some_far() : some_near();
	unsigned int flags = some_flags();
	int fd = socket_to(to);

	if (!open_ring())
		return;
	connect_by_ring(fd, to, flags | IOSQE_IO_LINK);
	send_by_ring(fd, flags | IOSQE_IO_LINK);
	receive_by_ring(fd, flags);
	reap(3);
	io_uring_queue_exit(&wild_ring);
	close(fd);
}

/* What is accepted gets a descriptor, or none. */
static void ring_accepts(void)
{
	struct sockaddr_in here = { .sin_family = AF_INET };
	socklen_t len = sizeof(here);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool direct = dice(2);
	struct io_uring_sqe *sqe;
	int got;

	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bind(l, (void *)&here, len);
	listen(l, 4);
	getsockname(l, (void *)&here, &len);
	if (!open_ring())
		return;
	io_uring_register_files_sparse(&wild_ring, 4);
	sqe = request();
	if (direct)
		io_uring_prep_accept_direct(sqe, l, NULL, NULL, 0, dice(4));
	else
		io_uring_prep_accept(sqe, l, NULL, NULL, SOCK_CLOEXEC);
	sqe->flags |= some_flags();
	io_uring_submit(&wild_ring);
	connect(fd, (void *)&here, len);
	got = reap(1);
	io_uring_queue_exit(&wild_ring);
	if (!direct && got >= 0)
		close(got);
	close(fd);
	close(l);
}

/* A connection that only the ring holds, after a while not even that. */
static void ring_fixes(void)
{
	int fd = dial(dice(2) ? some_far() : some_near()), none = -1;

	if (fd < 0 || !open_ring())
		return;
	io_uring_register_files(&wild_ring, &fd, 1);
	close(fd);
	send_by_ring(0, IOSQE_FIXED_FILE | some_flags());
	receive_by_ring(0, IOSQE_FIXED_FILE);
	reap(1 + dice(2));
	io_uring_register_files_update(&wild_ring, 0, &none, 1);
	usleep(dice(2000));
	io_uring_queue_exit(&wild_ring);
}

static void ring_cancels(void)
{
	int fd = dial(some_far());
	struct io_uring_sqe *sqe;

	if (fd < 0 || !open_ring())
		return;
	receive_by_ring(fd, some_flags());
	io_uring_submit(&wild_ring);
	usleep(dice(2000));
	sqe = request();
	io_uring_prep_cancel_fd(sqe, fd, 0);
	reap(2);
	io_uring_queue_exit(&wild_ring);
	close(fd);
}

/* In the middle of what it was asked for. */
static void ring_ends(void)
{
	const struct place *to = some_far();
	int fd = dial(some_far()), other = socket_to(to);

	if (fd < 0 || !open_ring())
		return;
	receive_by_ring(fd, some_flags());
	connect_by_ring(other, to, some_flags());
	io_uring_submit(&wild_ring);
	if (dice(2))
		close(fd);
	usleep(dice(1000));
	io_uring_queue_exit(&wild_ring);
	close(other);
	close(fd);
}

#endif /* CHAOS_URING_H */
