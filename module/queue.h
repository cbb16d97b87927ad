/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_QUEUE_H
#define _EXTSOCK_QUEUE_H

#include <linux/types.h>

struct file;
struct sock;

/**
 * struct extsock_children - those in an accept queue
 * @sk: each with a reference
 * @nr: how many
 * @max: room for so many
 *
 * Zeroed at first; owned by the caller's stack.
 */
struct extsock_children {
	struct sock **sk;
	unsigned int nr;
	unsigned int max;
};

/**
 * struct extsock_files - those in the messages of a receive queue
 * @file: each with a reference
 * @nr: how many
 * @max: room for so many
 *
 * Zeroed at first; owned by the caller's stack.
 */
struct extsock_files {
	struct file **file;
	unsigned int nr;
	unsigned int max;
};

int extsock_queue_get(struct sock *listener, struct extsock_children *children);
void extsock_queue_put(struct extsock_children *children);
int extsock_queue_get_files(struct sock *sk, struct extsock_files *files);
bool extsock_queue_walk_files(struct sock *sk,
			      void (*found)(struct file *file, void *arg),
			      void *arg);
void extsock_queue_put_files(struct extsock_files *files);
bool extsock_queue_has(struct sock *listener, const struct sock *child);

#endif /* _EXTSOCK_QUEUE_H */
