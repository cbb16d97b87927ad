/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Actors that have a ring of io_uring, and tell it what to do.
 */
#ifndef URING_TEST_H
#define URING_TEST_H

#include <liburing.h>

#include "extsock_test.h"

/* Each actor's own. */
static struct io_uring ring;

/**
 * struct order - what an actor is to do with its ring
 * @fd: the descriptor, or the fixed file
 * @slot: the fixed file that comes of it
 * @flags: of the request
 * @addr: where to connect
 * @len: its length
 * @text: what to send, or what was received
 */
struct order {
	int fd;
	int slot;
	int flags;
	struct sockaddr_storage addr;
	socklen_t len;
	char text[16];
};

static struct order *orders(struct stage *s)
{
	return (struct order *)(s->buf + 4096);
}

UNUSED static struct order *order_of(struct actor *a)
{
	return orders(a->stage);
}

/* Make the ring, by the flags of s->arg[1]. */
UNUSED static void set_up(struct stage *s)
{
	s->ret = io_uring_queue_init(8, &ring, s->arg[1]) ?:
		 io_uring_register_files_sparse(&ring, 8);
}

/* Wait for what has been submitted. */
static void ring_wait(struct stage *s)
{
	struct io_uring_cqe *cqe;

	do {
		s->ret = io_uring_wait_cqe(&ring, &cqe);
	} while (s->ret == -EINTR);
	if (s->ret < 0)
		return;
	s->ret = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
}

/* Submit what there is and wait for it. */
static void submit(struct stage *s)
{
	s->ret = io_uring_submit(&ring);
	if (s->ret >= 0)
		ring_wait(s);
}

UNUSED static void ring_connect(struct stage *s)
{
	struct order *o = orders(s);
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	io_uring_prep_connect(sqe, o->fd, (void *)&o->addr, o->len);
	sqe->flags |= o->flags;
	submit(s);
}

UNUSED static void ring_accept(struct stage *s)
{
	struct order *o = orders(s);
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	io_uring_prep_accept(sqe, o->fd, NULL, NULL, 0);
	sqe->flags |= o->flags;
	submit(s);
}

/* A descriptor becomes a fixed file as well. */
UNUSED static void ring_register(struct stage *s)
{
	struct order *o = orders(s);

	s->ret = io_uring_register_files_update(&ring, o->slot, &o->fd, 1);
}

UNUSED static long by_ring(struct actor *a, void (*what)(struct stage *))
{
	START_FN(a, what);
	return result(a);
}

#endif /* URING_TEST_H */
