// SPDX-License-Identifier: GPL-2.0-only
/*
 * Group -> sockets: every socket in every descriptor table of the group, once,
 * the children in the accept queues of those that listen, and what members have
 * opened and hold in another way.
 *
 * The group stands still, so its tables do not change. What can happen all the
 * same: members are killed, a tracer lets one run, packets arrive, and somebody
 * outside takes or drops a descriptor. Nothing here relies on the contrary;
 * such a change is seen or not, as if it had come a moment later.
 */
#include <linux/delay.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/net.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include <net/tcp.h>

#include "census.h"
#include "queue.h"

/* Descriptors taken at once while the table is locked. */
#define BATCH		64

/**
 * struct batch - sockets taken from a descriptor table
 * @files: their files, each with a reference
 * @fds: their descriptors
 * @nr: how many
 * @next: the descriptor to go on with
 */
struct batch {
	struct file *files[BATCH];
	unsigned int fds[BATCH];
	unsigned int nr;
	unsigned int next;
};

/**
 * struct tasks - the threads of a group
 * @task: each with a reference
 * @nr: how many
 * @max: room for so many
 */
struct tasks {
	struct task_struct **task;
	unsigned int nr;
	unsigned int max;
};

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

static void put_tasks(struct tasks *tasks)
{
	while (tasks->nr)
		put_task_struct(tasks->task[--tasks->nr]);
	kvfree(tasks->task);
}

/* Take as many as there is room for; count them all. */
static unsigned int get_tasks(struct extsock_group *group, struct tasks *tasks,
			      unsigned int *processes)
{
	struct extsock_member *member;
	struct task_struct *leader, *task;
	unsigned int nr = 0;

	*processes = 0;
	rcu_read_lock();
	list_for_each_entry_rcu(member, &group->members, node) {
		leader = pid_task(member->pid, PIDTYPE_TGID);
		if (!leader)
			continue;
		++*processes;
		for_each_thread(leader, task)
			if (nr++ < tasks->max)
				tasks->task[tasks->nr++] =
					get_task_struct(task);
	}
	rcu_read_unlock();
	return nr;
}

static int collect_tasks(struct extsock_group *group, struct tasks *tasks,
			 unsigned int *processes)
{
	unsigned int nr = get_tasks(group, tasks, processes);

	/* A tracer's task may have children: then there are more next time. */
	while (nr > tasks->max) {
		put_tasks(tasks);
		tasks->max = nr;
		tasks->task = kvmalloc_array(nr, sizeof(*tasks->task),
					     GFP_KERNEL);
		if (!tasks->task)
			return -ENOMEM;
		nr = get_tasks(group, tasks, processes);
	}
	return 0;
}

static struct files_struct *files_of(struct task_struct *task, int *users)
{
	struct files_struct *files;

	task_lock(task);
	files = task->files;
	if (users)
		*users = files ? atomic_read(&files->count) : 0;
	task_unlock(task);
	return files;
}

/* How many of the tasks use each descriptor table, by its address. */
static int count_tables(const struct tasks *tasks, struct xarray *tables)
{
	unsigned int i;

	for (i = 0; i < tasks->nr; i++) {
		unsigned long key =
			(unsigned long)files_of(tasks->task[i], NULL);
		void *old;

		if (!key)
			continue;
		old = xa_load(tables, key);
		old = xa_store(tables, key,
			       xa_mk_value(old ? xa_to_value(old) + 1 : 1),
			       GFP_KERNEL);
		if (xa_is_err(old))
			return xa_err(old);
	}
	return 0;
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
		memcpy(entry->command, tag->command, sizeof(entry->command));
	}
	rcu_read_unlock();
}

static int enter(struct extsock_census *census, struct extsock_socket *entry)
{
	int err;

	err = rhashtable_insert_fast(&census->by_sock, &entry->by_sock,
				     sock_params);
	if (err)
		return err;
	list_add_tail(&entry->node, &census->sockets);
	if ((entry->kind != EXTSOCK_TCP && entry->kind != EXTSOCK_UDP) ||
	    !entry->ends.lport)
		return 0;
	return rhltable_insert(&census->by_ends, &entry->by_ends, ends_params);
}

static void free_entry(struct extsock_socket *entry)
{
	if (entry->file)
		fput(entry->file);
	sock_put(entry->sk);
	if (entry->peer)
		sock_put(entry->peer);
	put_pid(entry->pid);
	put_pid(entry->opener);
	kfree(entry);
}

/* A name is given once, and freed with the socket. */
static const struct unix_address *name_of(const struct sock *sk)
{
	/* Pairs with the release of bind() and connect(). */
	return smp_load_acquire(&unix_sk(sk)->addr);
}

static void find_unix_peer(struct extsock_socket *entry)
{
	struct sock *sk = entry->sk;

	entry->name = name_of(sk);
	unix_state_lock(sk);
	entry->peer = unix_peer(sk);
	if (entry->peer)
		sock_hold(entry->peer);
	unix_state_unlock(sk);
	if (entry->peer)
		entry->peer_name = name_of(entry->peer);
}

/* A new entry for a socket that the caller holds; @owner may be NULL. */
static struct extsock_socket *add_entry(struct extsock_census *census,
					struct sock *sk,
					struct task_struct *owner, int fd)
{
	struct extsock_socket *entry;
	int err;

	entry = kzalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);
	if (!entry)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&entry->node);
	sock_hold(sk);
	entry->sk = sk;
	entry->state = READ_ONCE(sk->sk_state);
	extsock_ends_read(sk, &entry->ends);
	entry->kind = entry->ends.kind;
	if (entry->ends.rport) {
		entry->key = entry->ends;
	} else {
		entry->key.lport = entry->ends.lport;
		entry->key.kind = entry->kind;
	}
	if (sk->sk_family == AF_UNIX)
		find_unix_peer(entry);
	entry->inode = extsock_ends_inode(sk);
	entry->fd = fd;
	if (owner) {
		entry->pid = get_task_pid(owner, PIDTYPE_TGID);
		get_task_comm(entry->comm, owner);
	}
	copy_tag(entry);
	err = enter(census, entry);
	if (!err)
		return entry;
	/* If it is in the list, extsock_census_free() frees it. */
	if (list_empty(&entry->node))
		free_entry(entry);
	return ERR_PTR(err);
}

/* One socket in one descriptor table; consumes the reference to the file. */
static int add_file(struct extsock_census *census, struct file *file,
		    struct task_struct *task, int fd, bool ours)
{
	struct socket *sock = sock_from_file(file);
	struct sock *sk = sock->sk;
	struct extsock_socket *entry;

	/* Its accept is under way, or its protocol let it go. */
	if (!sk) {
		fput(file);
		return 0;
	}
	entry = rhashtable_lookup_fast(&census->by_sock, &sk, sock_params);
	if (entry) {
		fput(file);
	} else {
		entry = add_entry(census, sk, task, fd);
		if (IS_ERR(entry)) {
			fput(file);
			return PTR_ERR(entry);
		}
		entry->file = file;
	}
	entry->held += ours;
	return 0;
}

/* iterate_fd() callback, under the table's spinlock */
static int grab_fd(const void *priv, struct file *file, unsigned int fd)
{
	struct batch *batch = (struct batch *)priv;

	if (!sock_from_file(file))
		return 0;
	if (batch->nr == BATCH) {
		batch->next = fd;
		return 1;
	}
	batch->files[batch->nr] = get_file(file);
	batch->fds[batch->nr++] = fd;
	return 0;
}

/*
 * The sockets of one descriptor table; @ours if no outsider uses it as well.
 * -EAGAIN if the task has left it, being killed, before it was read to its end.
 */
static int add_table(struct extsock_census *census, struct task_struct *task,
		     struct files_struct *files, bool ours)
{
	struct batch *batch = kmalloc(sizeof(*batch), GFP_KERNEL);
	int err = batch ? 0 : -ENOMEM;
	bool more = !err, gone = false;
	unsigned int i;

	if (batch)
		batch->next = 0;
	while (more) {
		batch->nr = 0;
		task_lock(task);
		gone = task->files != files;
		more = !gone && iterate_fd(files, batch->next, grab_fd, batch);
		task_unlock(task);
		for (i = 0; i < batch->nr; i++) {
			if (err)
				fput(batch->files[i]);
			else
				err = add_file(census, batch->files[i], task,
					       batch->fds[i], ours);
		}
		more = more && !err;
		cond_resched();
	}
	kfree(batch);
	return err ?: gone ? -EAGAIN : 0;
}

static int add_tables(struct extsock_census *census, const struct tasks *tasks,
		      struct xarray *tables)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < tasks->nr; i++) {
		struct task_struct *task = tasks->task[i];
		int users;
		struct files_struct *files = files_of(task, &users);
		/* Each table is read once, through the first of its tasks. */
		void *members = files ? xa_erase(tables, (unsigned long)files) :
					NULL;

		if (members)
			err = add_table(census, task, files,
					xa_to_value(members) >= users);
	}
	return err;
}

/* They are shown with who holds the listening socket. */
static int add_queue(struct extsock_census *census,
		     struct extsock_socket *listener)
{
	struct extsock_children children = {};
	unsigned int i;
	int err;

	err = extsock_queue_get(listener->sk, &children);
	for (i = 0; !err && i < children.nr; i++) {
		struct extsock_socket *child;

		child = add_entry(census, children.sk[i], NULL, -1);
		if (IS_ERR(child)) {
			err = PTR_ERR(child);
			break;
		}
		child->listener = listener;
		child->pid = get_pid(listener->pid);
		memcpy(child->comm, listener->comm, sizeof(child->comm));
	}
	extsock_queue_put(&children);
	return err;
}

static int add_queues(struct extsock_census *census)
{
	struct extsock_socket *entry;
	int err = 0;

	/* Children are added at the tail and do not listen. */
	list_for_each_entry(entry, &census->sockets, node) {
		if (entry->state == TCP_LISTEN)
			err = add_queue(census, entry);
		if (err)
			break;
		cond_resched();
	}
	return err;
}

/* Does who opened it live outside of the group? Then it is there, too. */
static bool lives_outside(struct pid *opener, const struct extsock_group *group)
{
	struct task_struct *task = pid_task(opener, PIDTYPE_TGID);

	return task && extsock_group_of(task) != group;
}

static struct extsock_socket *add_hidden(struct extsock_census *census,
					 struct sock *sk)
{
	struct extsock_socket *entry = add_entry(census, sk, NULL, -1);

	if (!IS_ERR(entry))
		entry->outside = true;
	return entry;
}

/*
 * One walk over the tags for sockets of the group that are in no table and in no
 * queue. Returns how many were added, or an error. To add one it pauses, and may
 * then leave others out.
 */
static int add_tagged_once(struct extsock_census *census,
			   const struct extsock_group *group)
{
	struct rhashtable_iter iter;
	struct extsock_tag *tag;
	int added = 0;

	extsock_tag_walk_start(&iter);
	rhashtable_walk_start(&iter);
	while (added >= 0 && (tag = extsock_tag_walk_next(&iter))) {
		struct extsock_socket *entry;
		struct file *file;
		struct sock *sk;

		if (tag->group != group->id ||
		    lives_outside(tag->opener, group) ||
		    extsock_census_has(census, tag->sk))
			continue;
		sk = extsock_tag_get_sock(tag);
		if (!sk)
			continue;
		rhashtable_walk_stop(&iter);
		/* One without a file was closed, and is still sending. */
		file = extsock_ends_file(sk);
		if (file) {
			entry = add_hidden(census, sk);
			added = IS_ERR(entry) ? PTR_ERR(entry) : added + 1;
			fput(file);
		}
		sock_gen_put(sk);
		rhashtable_walk_start(&iter);
	}
	rhashtable_walk_stop(&iter);
	extsock_tag_walk_stop(&iter);
	return added;
}

/*
 * Sockets that members opened and that live on without a descriptor: in flight
 * in a message, or held by io_uring. By whom cannot be seen, so each is taken
 * for one that somebody outside holds as well.
 */
static int add_tagged(struct extsock_census *census,
		      const struct extsock_group *group)
{
	int added;

	do {
		added = add_tagged_once(census, group);
	} while (added > 0);
	return added;
}

/* For the peer of a unix socket: who connected, listened, or made the pair. */
static bool peer_lives_outside(struct sock *sk,
			       const struct extsock_group *group)
{
	bool outside;

	spin_lock(&sk->sk_peer_lock);
	rcu_read_lock();
	outside = !sk->sk_peer_pid || lives_outside(sk->sk_peer_pid, group);
	rcu_read_unlock();
	spin_unlock(&sk->sk_peer_lock);
	return outside;
}

/* In some message, or in the accept queue of a socket that may be in one? */
static bool may_be_hidden(struct sock *sk)
{
	return extsock_unix_in_flight(sk) ||
	       (!READ_ONCE(sk->sk_socket) && !sock_flag(sk, SOCK_DEAD));
}

/*
 * The other ends of unix sockets, if they are in flight: what cannot be seen of
 * them is the same.
 */
static int add_peers_in_flight(struct extsock_census *census,
			       const struct extsock_group *group)
{
	struct extsock_socket *entry, *peer;
	bool known;

	list_for_each_entry(entry, &census->sockets, node) {
		if (!entry->peer || !may_be_hidden(entry->peer) ||
		    peer_lives_outside(entry->sk, group))
			continue;
		rcu_read_lock();
		known = extsock_census_has(census, entry->peer);
		rcu_read_unlock();
		if (known)
			continue;
		peer = add_hidden(census, entry->peer);
		if (IS_ERR(peer))
			return PTR_ERR(peer);
	}
	return 0;
}

/* Does anybody but the members' tables and us hold the file? */
static bool held_outside(struct extsock_socket *entry)
{
	entry->files = file_count(entry->file) - 1;
	return entry->files > entry->held;
}

/* Find out who is shared, waiting for those who only had a look. */
static void find_shared(struct extsock_census *census)
{
	struct extsock_socket *entry;
	unsigned int look;
	bool any = true;

	for (look = 0; any && look < EXTSOCK_LOOKS; look++) {
		if (look)
			usleep_range(EXTSOCK_LOOK_US, 2 * EXTSOCK_LOOK_US);
		any = false;
		list_for_each_entry(entry, &census->sockets, node) {
			if (!entry->file || (look && !entry->outside))
				continue;
			entry->outside = held_outside(entry);
			any |= entry->outside;
		}
	}
	list_for_each_entry(entry, &census->sockets, node) {
		if (entry->listener)
			entry->outside = entry->listener->outside;
		if (entry->file)
			fput(entry->file);
		entry->file = NULL;
	}
}

static struct extsock_census *alloc_census(void)
{
	struct extsock_census *census = kzalloc(sizeof(*census), GFP_KERNEL);

	if (!census)
		return NULL;
	INIT_LIST_HEAD(&census->sockets);
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

static struct extsock_census *take(struct extsock_group *group)
{
	struct extsock_census *census = alloc_census();
	struct tasks tasks = {};
	struct xarray tables;
	int err;

	xa_init(&tables);
	if (!census)
		return ERR_PTR(-ENOMEM);
	err = collect_tasks(group, &tasks, &census->processes);
	if (!err)
		err = count_tables(&tasks, &tables);
	if (!err)
		err = add_tables(census, &tasks, &tables);
	if (!err)
		err = add_queues(census);
	if (!err)
		err = add_tagged(census, group);
	if (!err)
		err = add_peers_in_flight(census, group);
	xa_destroy(&tables);
	put_tasks(&tasks);
	if (err) {
		extsock_census_free(census);
		return ERR_PTR(err);
	}
	find_shared(census);
	return census;
}

/**
 * extsock_census_take() - find every socket of a group
 * @group: the group; all of its members stand still
 *
 * Context: may sleep.
 * Return: the census, without verdicts, or -ENOMEM or another error of the
 * tables, as a pointer.
 */
struct extsock_census *extsock_census_take(struct extsock_group *group)
{
	struct extsock_census *census;

	/* Whoever is killed in the middle is not there the next time. */
	do {
		census = take(group);
	} while (census == ERR_PTR(-EAGAIN));
	return census;
}

/**
 * extsock_census_free() - let go of the sockets
 * @census: a census that nobody else uses any more, or NULL
 *
 * Context: may sleep.
 */
void extsock_census_free(struct extsock_census *census)
{
	struct extsock_socket *entry, *next;

	if (!census)
		return;
	rhashtable_destroy(&census->by_sock);
	rhltable_destroy(&census->by_ends);
	list_for_each_entry_safe(entry, next, &census->sockets, node) {
		free_entry(entry);
		cond_resched();
	}
	kfree(census);
}

/**
 * extsock_census_by_ends() - the TCP or UDP sockets with these ends
 * @census: the census
 * @ends: what to look for
 *
 * Context: under rcu_read_lock().
 * Return: the first one's by_ends, or NULL.
 */
struct rhlist_head *
extsock_census_by_ends(struct extsock_census *census,
		       const struct extsock_endpoints *ends)
{
	return rhltable_lookup(&census->by_ends, ends, ends_params);
}

/**
 * extsock_census_has() - is a socket the group's?
 * @census: the census
 * @sk: the socket, which the caller holds or has found under RCU
 *
 * Context: under rcu_read_lock().
 * Return: whether the census has found it.
 */
bool extsock_census_has(struct extsock_census *census, const struct sock *sk)
{
	return rhashtable_lookup(&census->by_sock, &sk, sock_params);
}
