// SPDX-License-Identifier: GPL-2.0-only
/*
 * Group -> sockets: every socket in every descriptor table of the group, once,
 * and those that the group has without a descriptor.
 *
 * The group stands still, so its tables do not change. What can happen all the
 * same: members are killed, a tracer lets one run, packets arrive, and somebody
 * outside takes or drops a descriptor. If a member begins to exit in the middle of
 * it, or a tracer's changes its table, the census is taken anew; what others do is
 * seen or not, as if it had come a moment later.
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
#include "hidden.h"
#include "sockets.h"

/* Descriptors taken at once while the table is locked. */
#define BATCH		64

/* Of a census's tables, those that no outsider uses, and those that were read. */
#define TABLE_OURS	XA_MARK_0
#define TABLE_READ	XA_MARK_1

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

/* -EAGAIN if there came to be more in the middle of it: a tracer's have children. */
static int collect_tasks(struct extsock_group *group, struct tasks *tasks,
			 unsigned int *processes)
{
	unsigned int nr = get_tasks(group, tasks, processes);

	if (!nr)
		return 0;
	tasks->task = kvmalloc_array(nr, sizeof(*tasks->task), GFP_KERNEL);
	if (!tasks->task)
		return -ENOMEM;
	tasks->max = nr;
	return get_tasks(group, tasks, processes) > nr ? -EAGAIN : 0;
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

/* One socket in one descriptor table; consumes the reference to the file. */
static int add_descriptor(struct extsock_census *census, struct file *file,
			  struct task_struct *task, int fd, bool ours)
{
	struct extsock_socket *entry = extsock_sockets_add_file(census, file);

	if (IS_ERR_OR_NULL(entry))
		return PTR_ERR_OR_ZERO(entry);
	if (!entry->pid) {
		entry->pid = get_task_pid(task, PIDTYPE_TGID);
		get_task_comm(entry->comm, task);
		entry->fd = fd;
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
				err = add_descriptor(census, batch->files[i],
						     task, batch->fds[i], ours);
		}
		more = more && !err;
		cond_resched();
	}
	kfree(batch);
	return err ?: gone ? -EAGAIN : 0;
}

/*
 * Each table is read through the first of its tasks. One that was not counted is a
 * tracer's doing.
 */
static int add_table_once(struct extsock_census *census,
			  struct task_struct *task, struct files_struct *files,
			  int users)
{
	struct xarray *tables = &census->tables;
	unsigned long key = (unsigned long)files;
	void *members = xa_load(tables, key);
	bool ours;

	if (!members)
		return -EAGAIN;
	if (xa_get_mark(tables, key, TABLE_READ))
		return 0;
	xa_set_mark(tables, key, TABLE_READ);
	ours = xa_to_value(members) >= users;
	if (ours)
		xa_set_mark(tables, key, TABLE_OURS);
	return add_table(census, task, files, ours);
}

static int add_tables(struct extsock_census *census, const struct tasks *tasks)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < tasks->nr; i++) {
		struct task_struct *task = tasks->task[i];
		int users;
		struct files_struct *files = files_of(task, &users);

		if (files)
			err = add_table_once(census, task, files, users);
	}
	return err;
}

/* Does anybody but the members' tables and us hold the file? */
static bool held_outside(const struct extsock_socket *entry)
{
	return file_count(entry->file) - 1 > entry->held;
}

/*
 * Whoever holds a socket can receive what waits there. Returns whether somebody
 * was found; messages in messages are few levels deep.
 */
static bool spread_outside(struct extsock_census *census)
{
	struct extsock_flight *flight;
	bool found = false;

	list_for_each_entry(flight, &census->flights, node) {
		if (!flight->carrier->outside || flight->carried->outside)
			continue;
		flight->carried->outside = true;
		found = true;
	}
	return found;
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
			cond_resched();
			if (!entry->file || (look && !entry->outside))
				continue;
			entry->outside = held_outside(entry);
			any |= entry->outside;
		}
	}
	/* After the carriers: nobody outside can come to hold one now unseen. */
	extsock_hidden_confirm(census);
	list_for_each_entry(entry, &census->sockets, node)
		entry->outside |= entry->moved;
	while (spread_outside(census))
		cond_resched();
}

/* Only the taking of the census needs them. */
static void put_files(struct extsock_census *census)
{
	struct extsock_socket *entry;

	list_for_each_entry(entry, &census->sockets, node) {
		if (entry->file)
			fput(entry->file);
		entry->file = NULL;
	}
}

/* What members begin to close from now on, has_exited() will tell. */
static void note_exits(struct extsock_census *census,
		       const struct extsock_group *group)
{
	census->exits = atomic_long_read(&group->exits);
	/* before any of their descriptors is looked at */
	smp_rmb();
}

/* Has a member begun to exit? Then what was seen since may be less than there was. */
static bool has_exited(const struct extsock_census *census,
		       const struct extsock_group *group)
{
	/* Pairs with the barrier of count_exit() in group.c. */
	smp_rmb();
	return atomic_long_read(&group->exits) != census->exits;
}

/* Does it exit, and perhaps close what it has just now? */
static bool may_close(const struct task_struct *task)
{
	return READ_ONCE(task->flags) & PF_EXITING && !READ_ONCE(task->exit_state);
}

/* Has somebody begun to exit before note_exits(), and is not at his end yet? */
static bool somebody_exits(struct extsock_group *group,
			   const struct tasks *tasks)
{
	unsigned int i;

	for (i = 0; i < tasks->nr; i++)
		if (may_close(tasks->task[i]))
			return true;
	return extsock_group_exits(group);
}

static int fill(struct extsock_census *census, struct extsock_group *group)
{
	struct tasks tasks = {};
	int err;

	err = collect_tasks(group, &tasks, &census->processes);
	if (!err && somebody_exits(group, &tasks))
		err = -EAGAIN;
	if (!err)
		err = count_tables(&tasks, &census->tables);
	if (!err)
		err = add_tables(census, &tasks);
	if (!err)
		err = extsock_hidden_add(census, group);
	put_tasks(&tasks);
	return err;
}

/**
 * struct walk - a walk over the descriptors of a group
 * @see: called for each socket, until it returns true
 * @arg: given to @see
 * @leader: of the process whose descriptors are being looked at
 * @last: number of the last member that was looked at
 * @end: and of the last that is to be
 * @tables: of the census whose tables are to be read, each once; or NULL: all are
 */
struct walk {
	extsock_see_t see;
	void *arg;
	struct task_struct *leader;
	u64 last;
	u64 end;
	struct xarray *tables;
};

/* iterate_fd() callback, under the table's spinlock */
static int see_fd(const void *priv, struct file *file, unsigned int fd)
{
	const struct walk *walk = priv;
	struct socket *sock = sock_from_file(file);

	return sock && sock->sk &&
	       walk->see(sock->sk, walk->leader, fd, walk->arg);
}

/*
 * Is its table to be read, and not read yet? Not that of one who exits: it may be closed
 * at any moment, and nothing tells.
 */
static bool is_due(const struct walk *walk, const struct task_struct *task)
{
	unsigned long key = (unsigned long)task->files;

	if (!walk->tables)
		return true;
	if (READ_ONCE(task->flags) & PF_EXITING)
		return false;
	if (!xa_get_mark(walk->tables, key, TABLE_OURS) ||
	    xa_get_mark(walk->tables, key, TABLE_READ))
		return false;
	xa_set_mark(walk->tables, key, TABLE_READ);
	return true;
}

/* Returns whether @see has seen enough. */
static bool walk_process(const struct walk *walk)
{
	struct files_struct *last = NULL;
	struct task_struct *task;
	bool enough = false;

	for_each_thread(walk->leader, task) {
		task_lock(task);
		if (task->files && task->files != last && is_due(walk, task))
			enough = iterate_fd(task->files, 0, see_fd, walk);
		last = task->files;
		task_unlock(task);
		if (enough)
			break;
	}
	return enough;
}

/*
 * From behind the last member on, for a tick: many have as many descriptors as they
 * like. Returns whether there may be more to see.
 */
static bool walk_on(struct extsock_group *group, struct walk *walk)
{
	struct extsock_member *member;
	unsigned long begin = 0;
	bool more = false;

	rcu_read_lock();
	list_for_each_entry_rcu(member, &group->members, node) {
		if (member->nr <= walk->last)
			continue;
		if (member->nr > walk->end)
			break;
		begin = begin ?: jiffies;
		walk->last = member->nr;
		walk->leader = pid_task(member->pid, PIDTYPE_TGID);
		if (walk->leader && walk_process(walk))
			break;
		more = time_after(jiffies, begin);
		if (more)
			break;
	}
	rcu_read_unlock();
	return more;
}

static void walk_all(struct extsock_group *group, struct walk *walk)
{
	walk->end = READ_ONCE(group->nr_inserted);
	while (walk_on(group, walk))
		cond_resched();
}

/**
 * extsock_census_walk() - a look at the descriptors of a group that runs
 * @group: the group
 * @see: called for each socket, perhaps more than once, under RCU and a table's
 *	spinlock, until it returns true
 * @arg: given to @see
 *
 * Descriptors that come and go meanwhile are seen or not, those of new members are
 * not. Takes no reference.
 *
 * Context: may sleep; the caller holds the group.
 */
void extsock_census_walk(struct extsock_group *group, extsock_see_t see,
			 void *arg)
{
	struct walk walk = { .see = see, .arg = arg };

	walk_all(group, &walk);
}

/**
 * struct wanted - a socket that is looked for
 * @sk: the socket, only compared
 * @found: a member has it
 */
struct wanted {
	const struct sock *sk;
	bool found;
};

static bool compare(const struct sock *sk, struct task_struct *leader,
		    unsigned int fd, void *arg)
{
	struct wanted *wanted = arg;

	wanted->found = sk == wanted->sk;
	return wanted->found;
}

/**
 * extsock_census_owns() - does some descriptor of a group lead to this socket?
 * @group: the group, which may run
 * @sk: the socket; only compared
 *
 * Context: may sleep; the caller holds the group. Takes time in proportion to the
 * group's descriptors.
 * Return: whether it does, as of now.
 */
bool extsock_census_owns(struct extsock_group *group, const struct sock *sk)
{
	struct wanted wanted = { .sk = sk };

	extsock_census_walk(group, compare, &wanted);
	return wanted.found;
}

/**
 * extsock_census_take() - find every socket of a group
 * @group: the group; all of its members stand still, and nobody who was one exits
 *
 * Context: may sleep.
 * Return: the census, without verdicts, or as a pointer -ENOMEM,
 * -EBUSY if somebody outside is in the middle of receiving, or -EAGAIN if a member
 * began to exit meanwhile, or a tracer let it change its descriptor table.
 */
struct extsock_census *extsock_census_take(struct extsock_group *group)
{
	struct extsock_census *census = extsock_sockets_alloc();
	int err;

	if (!census)
		return ERR_PTR(-ENOMEM);
	census->group = group->id;
	note_exits(census, group);
	err = fill(census, group);
	if (!err)
		find_shared(census);
	if ((!err || err == -EBUSY) && has_exited(census, group))
		err = -EAGAIN;
	put_files(census);
	if (!err)
		return census;
	extsock_sockets_free(census);
	return ERR_PTR(err);
}

static bool count_descriptor(const struct sock *sk, struct task_struct *leader,
			     unsigned int fd, void *arg)
{
	struct extsock_socket *entry = extsock_sockets_find(arg, sk);

	if (entry)
		entry->held++;
	return false;
}

/**
 * extsock_census_recount() - count anew how often the group holds its sockets
 * @census: a census that nobody else uses any more
 * @group: its group; who it was that stood still may have been killed meanwhile
 *
 * Counts what is in the descriptor tables of the time of the census, and in messages to
 * what is. Those that a tracer's has made since are not known to be the group's alone.
 *
 * Context: may sleep; allocates nothing.
 */
void extsock_census_recount(struct extsock_census *census,
			    struct extsock_group *group)
{
	struct walk walk = {
		.see = count_descriptor,
		.arg = census,
		.tables = &census->tables,
	};
	struct extsock_socket *entry;
	struct extsock_flight *flight;
	unsigned long key;
	void *members;

	note_exits(census, group);
	list_for_each_entry(entry, &census->sockets, node)
		entry->held = 0;
	xa_for_each_marked(&census->tables, key, members, TABLE_READ)
		xa_clear_mark(&census->tables, key, TABLE_READ);
	walk_all(group, &walk);
	extsock_hidden_confirm(census);
	/* Carriers come before what they carry. */
	list_for_each_entry(flight, &census->flights, node)
		flight->carried->held += flight->carrier->held &&
					 !sock_flag(flight->carrier->sk,
						    SOCK_DEAD);
}

/**
 * extsock_census_check() - is a socket held by nobody but its group?
 * @census: the census, after extsock_census_recount()
 * @group: its group
 * @entry: the socket's entry
 * @file: its file, of which the caller has one reference
 *
 * Context: any.
 * Return: 0, -EBUSY if somebody else holds it, or -EAGAIN if a member has begun to
 * exit since the count: it may have held the socket, and closed it.
 */
int extsock_census_check(const struct extsock_census *census,
			 const struct extsock_group *group,
			 const struct extsock_socket *entry, struct file *file)
{
	long holders = file_count(file) - 1;

	if (has_exited(census, group))
		return -EAGAIN;
	return holders > entry->held ? -EBUSY : 0;
}
