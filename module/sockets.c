// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a census has found: its sockets, each once, by themselves and by their
 * ends. How they are found is not known here.
 */
#include <linux/file.h>
#include <linux/net.h>
#include <linux/slab.h>

#include "mptcp.h"
#include "sockets.h"

static const struct rhashtable_params sock_params = {
	.head_offset = offsetof(struct extsock_socket, by_sock),
	.key_offset = offsetof(struct extsock_socket, sk),
	.key_len = sizeof_field(struct extsock_socket, sk),
};

static const struct rhashtable_params ends_params = {
	.head_offset = offsetof(struct extsock_socket, by_ends),
	.key_offset = offsetof(struct extsock_socket, key),
	.key_len = sizeof_field(struct extsock_socket, key),
};

/**
 * extsock_sockets_alloc() - make an empty census
 *
 * Context: may sleep.
 * Return: the census, or NULL without memory.
 */
struct extsock_census *extsock_sockets_alloc(void)
{
	struct extsock_census *census = kzalloc(sizeof(*census), GFP_KERNEL);

	if (!census)
		return NULL;
	INIT_LIST_HEAD(&census->sockets);
	INIT_LIST_HEAD(&census->flights);
	xa_init_flags(&census->tables, XA_FLAGS_ACCOUNT);
	if (rhashtable_init(&census->by_sock, &sock_params))
		goto free;
	if (rhltable_init(&census->by_ends, &ends_params))
		goto destroy;
	return census;

destroy:
	rhashtable_destroy(&census->by_sock);
free:
	kfree(census);
	return NULL;
}

static void copy_tag(struct extsock_socket *entry)
{
	struct extsock_tag *tag;

	rcu_read_lock();
	tag = extsock_tag_find(entry->sk);
	if (tag) {
		entry->direction = tag->direction;
		entry->opener = get_pid(tag->opener);
		entry->opened = tag->opened;
		entry->gate = tag->gate;
		memcpy(entry->command, tag->command, sizeof(entry->command));
	}
	rcu_read_unlock();
}

/* The tables can be short of room for a moment, too: that is memory as well. */
static int enter(struct extsock_census *census, struct extsock_socket *entry)
{
	if (rhashtable_insert_fast(&census->by_sock, &entry->by_sock,
				   sock_params))
		return -ENOMEM;
	list_add_tail(&entry->node, &census->sockets);
	census->nr++;
	if (!entry->key.lport || (entry->key.kind != EXTSOCK_TCP &&
				  entry->key.kind != EXTSOCK_UDP))
		return 0;
	return rhltable_insert(&census->by_ends, &entry->by_ends, ends_params) ?
	       -ENOMEM : 0;
}

static void free_entry(struct extsock_socket *entry)
{
	sock_put(entry->sk);
	if (entry->tcp)
		sock_gen_put(entry->tcp);
	if (entry->peer)
		sock_put(entry->peer);
	put_pid(entry->pid);
	put_pid(entry->opener);
	kfree(entry);
}

static void find_unix_peer(struct extsock_socket *entry)
{
	struct sock *sk = entry->sk;

	entry->name = extsock_ends_name(sk);
	unix_state_lock(sk);
	entry->peer = unix_peer(sk);
	if (entry->peer)
		sock_hold(entry->peer);
	unix_state_unlock(sk);
	if (entry->peer)
		entry->peer_name = extsock_ends_name(entry->peer);
}

static void find_tcp(struct extsock_socket *entry)
{
	if (entry->kind == EXTSOCK_MPTCP) {
		entry->tcp = extsock_mptcp_tcp(entry->sk);
	} else if (entry->kind == EXTSOCK_TCP) {
		sock_hold(entry->sk);
		entry->tcp = entry->sk;
	}
}

/**
 * extsock_sockets_describe() - what can be read off a socket
 * @entry: zeroed; in it, @sk without a reference, its kind, state, ends and key
 * @sk: a full socket, which the caller holds
 *
 * Context: any.
 */
void extsock_sockets_describe(struct extsock_socket *entry, struct sock *sk)
{
	entry->sk = sk;
	entry->state = READ_ONCE(sk->sk_state);
	entry->kind = extsock_ends_kind(sk);
	extsock_ends_read(sk, &entry->ends);
	if (entry->ends.rport) {
		entry->key = entry->ends;
	} else {
		entry->key.lport = entry->ends.lport;
		entry->key.kind = entry->ends.kind;
	}
}

static struct extsock_socket *add_entry(struct extsock_census *census,
					struct sock *sk)
{
	struct extsock_socket *entry;
	int err;

	entry = kzalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);
	if (!entry)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&entry->node);
	sock_hold(sk);
	extsock_sockets_describe(entry, sk);
	if (sk->sk_family == AF_UNIX)
		find_unix_peer(entry);
	else
		find_tcp(entry);
	entry->inode = extsock_ends_inode(sk);
	entry->fd = -1;
	copy_tag(entry);
	err = enter(census, entry);
	if (!err)
		return entry;
	/* If it is in the list, extsock_sockets_free() frees it. */
	if (list_empty(&entry->node))
		free_entry(entry);
	return ERR_PTR(err);
}

/**
 * extsock_sockets_add() - enter a socket
 * @census: the census, which is being taken
 * @sk: the socket, which the caller holds
 *
 * Context: may sleep.
 * Return: its entry, old or new, or as a pointer -ENOMEM.
 */
struct extsock_socket *extsock_sockets_add(struct extsock_census *census,
					   struct sock *sk)
{
	return rhashtable_lookup_fast(&census->by_sock, &sk, sock_params) ?:
	       add_entry(census, sk);
}

/**
 * extsock_sockets_add_file() - enter a socket of which there is a file
 * @census: the census, which is being taken
 * @file: the file, whose reference goes over to the census
 *
 * Context: may sleep.
 * Return: its entry, old or new, NULL if it has none since its accept is under
 * way or its protocol let it go, or an error as a pointer.
 */
struct extsock_socket *extsock_sockets_add_file(struct extsock_census *census,
						struct file *file)
{
	struct sock *sk = sock_from_file(file)->sk;
	struct extsock_socket *entry = NULL;

	if (sk)
		entry = extsock_sockets_add(census, sk);
	if (IS_ERR_OR_NULL(entry) || entry->file)
		fput(file);
	else
		entry->file = file;
	return entry;
}

/**
 * extsock_sockets_free() - let go of the sockets
 * @census: a census that nobody else uses any more, or NULL
 *
 * Context: may sleep.
 */
void extsock_sockets_free(struct extsock_census *census)
{
	struct extsock_socket *entry, *next;
	struct extsock_flight *flight, *f;

	if (!census)
		return;
	list_for_each_entry_safe(flight, f, &census->flights, node)
		kfree(flight);
	rhashtable_destroy(&census->by_sock);
	rhltable_destroy(&census->by_ends);
	xa_destroy(&census->tables);
	list_for_each_entry_safe(entry, next, &census->sockets, node) {
		free_entry(entry);
		cond_resched();
	}
	kfree(census);
}

/**
 * extsock_sockets_find() - the entry of a socket
 * @census: the census
 * @sk: the socket; a key, not followed
 *
 * Context: under rcu_read_lock().
 * Return: the entry, which lives as long as the census, or NULL.
 */
struct extsock_socket *extsock_sockets_find(struct extsock_census *census,
					    const struct sock *sk)
{
	return rhashtable_lookup(&census->by_sock, &sk, sock_params);
}

/**
 * extsock_sockets_by_ends() - the TCP or UDP sockets with these ends
 * @census: the census
 * @ends: what to look for
 *
 * Context: under rcu_read_lock().
 * Return: the first one's by_ends, or NULL.
 */
struct rhlist_head *
extsock_sockets_by_ends(struct extsock_census *census,
			const struct extsock_endpoints *ends)
{
	return rhltable_lookup(&census->by_ends, ends, ends_params);
}
