// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket -> tag.
 *
 * The table is keyed by the address of the socket. Since sockets are freed and
 * reused under RCU, an address alone is no identity: a tag also has the
 * socket's cookie, which is never used twice.
 */
#include <linux/ktime.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/sock_diag.h>

#include "tag.h"

static const struct rhashtable_params tag_params = {
	.head_offset = offsetof(struct extsock_tag, node),
	.key_offset = offsetof(struct extsock_tag, sk),
	.key_len = sizeof_field(struct extsock_tag, sk),
	.automatic_shrinking = true,
};

static struct rhashtable tags;
static struct kmem_cache *tag_cache;

static void free_tag(struct rcu_head *rcu)
{
	struct extsock_tag *tag = container_of(rcu, struct extsock_tag, rcu);

	put_pid(tag->opener);
	kmem_cache_free(tag_cache, tag);
}

static void remove_tag(struct extsock_tag *tag)
{
	/* Of two that remove the same tag one fails. */
	if (!rhashtable_remove_fast(&tags, &tag->node, tag_params))
		call_rcu(&tag->rcu, free_tag);
}

/**
 * extsock_tag_cookie() - the cookie of a socket
 * @sk: a full socket that the caller holds
 *
 * Context: any.
 * Return: the cookie, made if it has none yet.
 */
u64 extsock_tag_cookie(struct sock *sk)
{
	u32 cookie[2];

	sock_diag_save_cookie(sk, cookie);
	return cookie[0] | (u64)cookie[1] << 32;
}

/**
 * extsock_tag_record() - current connects or accepts a socket, or listens
 * @sk: the socket, which the caller has locked
 * @group: id of current's group
 * @direction: what it does
 * @gate: id of the gate that holds its SYN back, or 0
 *
 * A socket that is tagged already, as one that connects for the second time,
 * gets a new tag. Without memory there is none: the census finds the socket
 * all the same.
 *
 * Context: probes in process context; does not sleep.
 */
void extsock_tag_record(struct sock *sk, u64 group,
			enum extsock_direction direction, u64 gate)
{
	u64 cookie = extsock_tag_cookie(sk);
	struct extsock_tag *tag;

	extsock_tag_drop(sk);
	tag = kmem_cache_alloc(tag_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!tag)
		return;
	tag->sk = sk;
	tag->cookie = cookie;
	tag->group = group;
	tag->opened = ktime_get_real_ns();
	tag->opener = get_pid(task_tgid(current));
	/* Not get_task_comm(), which may take a lock: accept() holds some of softirqs. */
	strscpy(tag->command, current->comm, sizeof(tag->command));
	tag->direction = direction;
	tag->gate = gate;
	if (rhashtable_lookup_insert_fast(&tags, &tag->node, tag_params))
		free_tag(&tag->rcu);
}

/**
 * extsock_tag_drop() - a connection has ended
 * @sk: its socket
 *
 * Context: any but hard interrupts.
 */
void extsock_tag_drop(const struct sock *sk)
{
	struct extsock_tag *tag;

	/* Whoever is tagged has a cookie, and few others have. */
	if (!atomic64_read(&sk->sk_cookie))
		return;
	rcu_read_lock();
	tag = rhashtable_lookup(&tags, &sk, tag_params);
	if (tag)
		remove_tag(tag);
	rcu_read_unlock();
}

/**
 * extsock_tag_find() - the tag of a socket
 * @sk: a full socket that the caller holds
 *
 * Context: under rcu_read_lock(), within which the tag cannot vanish.
 * Return: the tag or NULL.
 */
struct extsock_tag *extsock_tag_find(struct sock *sk)
{
	struct extsock_tag *tag;
	const struct sock *key = sk;

	tag = rhashtable_lookup(&tags, &key, tag_params);
	return tag && tag->cookie == atomic64_read(&sk->sk_cookie) ? tag : NULL;
}

/**
 * extsock_tag_walk_start() - begin to walk over all tags
 * @iter: state of the walk
 *
 * Context: extsock_tag_walk_next() may sleep; nothing is locked in between.
 */
void extsock_tag_walk_start(struct rhashtable_iter *iter)
{
	rhashtable_walk_enter(&tags, iter);
}

/**
 * extsock_tag_walk_next() - the next tag
 * @iter: state of the walk
 *
 * Context: under rcu_read_lock() taken by rhashtable_walk_start().
 * Return: a tag, NULL at the end. While the table is being resized, a tag may
 * come twice or not at all.
 */
struct extsock_tag *extsock_tag_walk_next(struct rhashtable_iter *iter)
{
	struct extsock_tag *tag;

	do {
		tag = rhashtable_walk_next(iter);
	} while (IS_ERR(tag) && PTR_ERR(tag) == -EAGAIN);
	return IS_ERR(tag) ? NULL : tag;
}

/**
 * extsock_tag_walk_stop() - end the walk
 * @iter: state of the walk
 */
void extsock_tag_walk_stop(struct rhashtable_iter *iter)
{
	rhashtable_walk_exit(iter);
}

/**
 * extsock_tag_get_sock() - the socket of a tag
 * @tag: the tag
 *
 * TCP's sockets are SLAB_TYPESAFE_BY_RCU: the memory stays a socket, and the
 * cookie tells whether it is still the same one.
 *
 * Context: under rcu_read_lock().
 * Return: the socket with a reference, or NULL if it is going or gone.
 */
struct sock *extsock_tag_get_sock(const struct extsock_tag *tag)
{
	struct sock *sk = (struct sock *)tag->sk;

	if (!refcount_inc_not_zero(&sk->sk_refcnt))
		return NULL;
	if (atomic64_read(&sk->sk_cookie) == tag->cookie)
		return sk;
	sock_gen_put(sk);
	return NULL;
}

static void drop_walk(void)
{
	struct rhashtable_iter iter;
	struct extsock_tag *tag;

	extsock_tag_walk_start(&iter);
	rhashtable_walk_start(&iter);
	while ((tag = extsock_tag_walk_next(&iter))) {
		remove_tag(tag);
		if (need_resched()) {
			rhashtable_walk_stop(&iter);
			cond_resched();
			rhashtable_walk_start(&iter);
		}
	}
	rhashtable_walk_stop(&iter);
	extsock_tag_walk_stop(&iter);
}

/**
 * extsock_tag_drop_all() - forget every socket
 *
 * None may be left: with the probes gone nobody would drop it when its socket
 * ends. A walk that removes what it finds, and pauses, leaves some out.
 *
 * Context: may sleep; the probes are detached, so no tag comes or goes.
 */
void extsock_tag_drop_all(void)
{
	while (atomic_read(&tags.nelems))
		drop_walk();
}

/* A cache with a constructor is not merged with others: one can watch it. */
static void tag_ctor(void *tag)
{
}

/**
 * extsock_tag_init() - prepare for tags
 *
 * Return: 0 or -ENOMEM.
 */
int __init extsock_tag_init(void)
{
	int err;

	tag_cache = kmem_cache_create("extsock_tag", sizeof(struct extsock_tag),
				      0, SLAB_ACCOUNT, tag_ctor);
	if (!tag_cache)
		return -ENOMEM;
	err = rhashtable_init(&tags, &tag_params);
	if (err)
		kmem_cache_destroy(tag_cache);
	return err;
}

/**
 * extsock_tag_exit() - end what extsock_tag_init() began
 *
 * The probes are detached for good and have dropped the tags.
 */
void extsock_tag_exit(void)
{
	rhashtable_destroy(&tags);
	rcu_barrier();
	kmem_cache_destroy(tag_cache);
}
