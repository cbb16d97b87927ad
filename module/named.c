// SPDX-License-Identifier: GPL-2.0-only
/*
 * A unix address -> the socket that is bound to it.
 */
#include <linux/dcache.h>
#include <linux/namei.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/un.h>
#include <net/af_unix.h>
#include <net/net_namespace.h>
#include <net/tcp_states.h>

#include "ends.h"
#include "named.h"

#define NAME_OFFSET	offsetof(struct sockaddr_un, sun_path)

/**
 * struct wanted - what is looked for
 * @inode: of a path, its inode; else NULL
 * @addr: of an abstract name, the address
 * @len: its length
 * @type: type of the socket
 */
struct wanted {
	const struct inode *inode;
	const struct sockaddr_un *addr;
	int len;
	int type;
};

static bool matches(const struct sock *sk, const struct wanted *wanted)
{
	const struct dentry *dentry = unix_sk(sk)->path.dentry;
	const struct unix_address *name;

	if (sk->sk_type != wanted->type ||
	    (sk->sk_type != SOCK_DGRAM && READ_ONCE(sk->sk_state) != TCP_LISTEN))
		return false;
	if (wanted->inode)
		return dentry && d_backing_inode(dentry) == wanted->inode;
	name = extsock_ends_name(sk);
	return name && name->len == wanted->len &&
	       !memcmp(name->name, wanted->addr, wanted->len);
}

static struct sock *find_in_net(struct net *net, const struct wanted *wanted)
{
	struct unix_table *table = &net->unx.table;
	struct sock *sk, *found = NULL;
	unsigned int i;

	for (i = 0; i < EXTSOCK_UNIX_HASH_SIZE && !found; i++) {
		if (hlist_empty(&table->buckets[i]))
			continue;
		/* A socket leaves the table before its path is put. */
		spin_lock(&table->locks[i]);
		sk_for_each(sk, &table->buckets[i])
			if (matches(sk, wanted)) {
				sock_hold(sk);
				found = sk;
				break;
			}
		spin_unlock(&table->locks[i]);
	}
	return found;
}

/* Paths lead from one namespace into others. */
static struct sock *find_by_inode(struct wanted *wanted)
{
	struct sock *found = NULL;
	struct net *net;

	rcu_read_lock();
	for_each_net_rcu(net) {
		found = find_in_net(net, wanted);
		if (found)
			break;
	}
	rcu_read_unlock();
	return found;
}

static struct sock *find_by_path(struct wanted *wanted)
{
	char name[UNIX_PATH_MAX + 1] = "";
	struct sock *found;
	struct path path;

	/* As the kernel does: a full sun_path has no NUL. */
	memcpy(name, wanted->addr->sun_path, wanted->len - NAME_OFFSET);
	if (kern_path(name, LOOKUP_FOLLOW, &path))
		return NULL;
	wanted->inode = d_backing_inode(path.dentry);
	found = find_by_inode(wanted);
	path_put(&path);
	return found;
}

/**
 * extsock_named_find() - the socket that a unix address leads to
 * @net: the namespace in which an abstract name is looked for
 * @addr: the address; a relative path is relative to current's folder
 * @len: its length
 * @type: type of the socket
 *
 * Context: may sleep.
 * Return: a datagram socket or one that listens, with a reference, or NULL if
 * there is none.
 */
struct sock *extsock_named_find(struct net *net, const struct sockaddr_un *addr,
				int len, int type)
{
	struct wanted wanted = { .addr = addr, .len = len, .type = type };

	if (len <= (int)NAME_OFFSET || len > (int)sizeof(*addr) ||
	    addr->sun_family != AF_UNIX)
		return NULL;
	return addr->sun_path[0] ? find_by_path(&wanted) :
				   find_in_net(net, &wanted);
}
