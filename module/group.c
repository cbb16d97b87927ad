// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups and members, from fork to exit.
 *
 * Two locks. extsock_group_mutex orders whoever comes through the files. The
 * member lock below protects the table and the lists of members, since those
 * change in the tracepoints of fork and exit as well, where nobody may sleep.
 */
#include <linux/hashtable.h>
#include <linux/mempool.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "group.h"
#include "probe.h"

/* A fixed table: insertion cannot fail, which a fork could not report. */
#define MEMBER_HASH_BITS	12

/* Members kept in reserve for forks when memory is short. */
#define MEMBER_RESERVE		64

/* What it protects is said in group.h. */
DEFINE_MUTEX(extsock_group_mutex);
LIST_HEAD(extsock_groups);

/*
 * Protects member_table, every group's list, numbers and flags. Taken in fork
 * and exit, and by extsock_group_hold(); nothing nests inside.
 */
static DEFINE_SPINLOCK(member_lock);
static DEFINE_HASHTABLE(member_table, MEMBER_HASH_BITS);

/* Members of all groups; member lock. The module is pinned while it is > 0. */
static unsigned int nr_members;

/* Gates that are closed; extsock_group_mutex. */
static unsigned int nr_closed;

static struct kmem_cache *member_cache;
static mempool_t *member_pool;

/*
 * Detaches the probes of the gates after the last gate has gone, and all when the
 * last member has as well, which tell the gate of what members close as they end.
 *
 * Here and nowhere else: without memory a kprobe cannot be taken back, and would
 * outlive the module. A worker is never denied the little that it takes; a caller
 * that is being killed for want of memory is.
 */
static void idle_work(struct work_struct *work);
static DECLARE_WORK(idle, idle_work);

static struct extsock_member *find_member(struct pid *pid)
{
	struct extsock_member *member;

	hash_for_each_possible_rcu(member_table, member, hash,
				   (unsigned long)pid)
		if (member->pid == pid)
			return member;
	return NULL;
}

/**
 * extsock_group_of() - the group of a task
 * @task: a task that the caller holds
 *
 * Context: under rcu_read_lock(), within which the group cannot vanish.
 * Return: the group or NULL.
 */
struct extsock_group *extsock_group_of(struct task_struct *task)
{
	struct extsock_member *member;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "groups are found under RCU");
	member = find_member(task_tgid(task));
	return member ? member->group : NULL;
}

static void free_member(struct rcu_head *rcu)
{
	struct extsock_member *member =
		container_of(rcu, struct extsock_member, rcu);

	put_pid(member->pid);
	mempool_free(member, member_pool);
}

/* The first member pins the module; the caller holds a pin of its own. */
static void insert_member(struct extsock_member *member,
			  struct extsock_group *group, struct pid *pid)
{
	lockdep_assert_held(&member_lock);
	member->pid = get_pid(pid);
	member->group = group;
	member->nr = group->nr_inserted + 1;
	WRITE_ONCE(group->nr_inserted, member->nr);
	hash_add_rcu(member_table, &member->hash, (unsigned long)pid);
	list_add_tail_rcu(&member->node, &group->members);
	group->nr_members++;
	if (!nr_members++)
		__module_get(THIS_MODULE);
}

/*
 * The last one to leave takes the probes and the module's pin along. The caller
 * sees to it that the member is freed, after a grace period.
 */
static void remove_member(struct extsock_member *member)
{
	struct extsock_group *group = member->group;

	lockdep_assert_held(&member_lock);
	hash_del_rcu(&member->hash);
	list_del_rcu(&member->node);
	extsock_group_count(group, EXTSOCK_LEFT, 1);
	if (!--group->nr_members)
		group->incomplete = false;
	if (!--nr_members) {
		schedule_work(&idle);
		module_put(THIS_MODULE);
	}
}

static void idle_work(struct work_struct *work)
{
	bool gone;

	mutex_lock(&extsock_group_mutex);
	spin_lock_irq(&member_lock);
	gone = !nr_members;
	spin_unlock_irq(&member_lock);
	/* Nobody joins meanwhile: that takes the mutex. */
	if (!nr_closed && gone)
		extsock_probe_detach();
	else if (!nr_closed)
		extsock_probe_detach_gate();
	mutex_unlock(&extsock_group_mutex);
}

/*
 * Insert unless the process is a member already, the group is being deleted,
 * or the process is dying: its exit may have looked for it before it was here.
 * The member is consumed in any case.
 */
static int insert_task(struct extsock_group *group, struct task_struct *task,
		       struct extsock_member *member)
{
	struct pid *pid;
	int err = 0;

	spin_lock_irq(&member_lock);
	/* Like RCU, the lock keeps it from being freed: interrupts are off. */
	pid = task_tgid(task);
	if (group->dead)
		err = -ENOENT;
	else if (find_member(pid))
		err = -EBUSY;
	if (err) {
		spin_unlock_irq(&member_lock);
		mempool_free(member, member_pool);
		return err;
	}
	insert_member(member, group, pid);
	/* Before it can leave: it is counted then, too. */
	extsock_group_count(group, EXTSOCK_JOINED, 1);
	/* Pairs with the atomic_dec_and_test() of do_exit(). */
	smp_mb();
	if (!atomic_read(&task->signal->live)) {
		remove_member(member);
		call_rcu(&member->rcu, free_member);
		err = -ESRCH;
	}
	spin_unlock_irq(&member_lock);
	return err;
}

static int join_task(struct extsock_group *group, struct task_struct *task)
{
	struct extsock_member *member;
	int err;

	lockdep_assert_held(&extsock_group_mutex);
	if (!try_module_get(THIS_MODULE))
		return -EBUSY;
	member = mempool_alloc(member_pool, GFP_KERNEL);
	err = extsock_probe_attach();
	if (err)
		mempool_free(member, member_pool);
	else
		err = insert_task(group, task, member);
	if (err)
		schedule_work(&idle);
	module_put(THIS_MODULE);
	return err;
}

/* A process that @nr names here, with a reference, or an error. */
static struct task_struct *get_process(pid_t nr)
{
	struct task_struct *task;

	if (nr < 0)
		return ERR_PTR(-EINVAL);
	rcu_read_lock();
	task = nr ? pid_task(find_vpid(nr), PIDTYPE_TGID) : current;
	if (task)
		get_task_struct(task);
	rcu_read_unlock();
	return task ?: ERR_PTR(-ESRCH);
}

/**
 * extsock_group_join() - make a process a member
 * @group: the group; it must be running
 * @nr: a PID in the caller's PID namespace, or 0 for the caller
 *
 * Its present children are not members, those to come are.
 *
 * Context: may sleep; takes extsock_group_mutex.
 * Return: 0, -EINVAL for a kernel thread or PID 1, -ESRCH if there is no such
 * process, -EBUSY if it is in a group already, if the group is not running or
 * if the module is going, -ENOMEM, or why a probe could not be registered.
 */
int extsock_group_join(struct extsock_group *group, pid_t nr)
{
	struct task_struct *task = get_process(nr);
	int err;

	if (IS_ERR(task))
		return PTR_ERR(task);
	mutex_lock(&extsock_group_mutex);
	if (READ_ONCE(task->flags) & PF_KTHREAD || is_global_init(task))
		err = -EINVAL;
	else if (group->state != EXTSOCK_RUNNING)
		err = -EBUSY;
	else
		err = join_task(group, task);
	mutex_unlock(&extsock_group_mutex);
	put_task_struct(task);
	return err;
}

/* Remove a member, or one that exits and does not come to its end. */
static int remove_process(struct extsock_group *group, struct pid *pid)
{
	struct extsock_member *member = find_member(pid);

	lockdep_assert_held(&member_lock);
	if (member && member->group == group) {
		remove_member(member);
		call_rcu(&member->rcu, free_member);
		return 0;
	}
	list_for_each_entry(member, &group->leaving, leaving) {
		if (member->pid != pid)
			continue;
		list_del(&member->leaving);
		call_rcu(&member->rcu, free_member);
		return 0;
	}
	return -ESRCH;
}

/**
 * extsock_group_leave() - remove a member
 * @group: its group, which must be running
 * @nr: a PID in the caller's PID namespace, or 0 for the caller
 *
 * One that exits may still be waited for: then it is not any more.
 *
 * Context: may sleep; takes extsock_group_mutex.
 * Return: 0, -EINVAL, -ESRCH if it is no member, -EBUSY if the group is not
 * running.
 */
int extsock_group_leave(struct extsock_group *group, pid_t nr)
{
	struct task_struct *task = get_process(nr);
	int err = -EBUSY;

	if (IS_ERR(task))
		return PTR_ERR(task);
	mutex_lock(&extsock_group_mutex);
	if (group->state == EXTSOCK_RUNNING) {
		spin_lock_irq(&member_lock);
		err = remove_process(group, task_tgid(task));
		spin_unlock_irq(&member_lock);
	}
	mutex_unlock(&extsock_group_mutex);
	put_task_struct(task);
	return err;
}

/* The child of a member becomes one; false if there is no memory for it. */
static bool inherit(struct extsock_group *group, struct task_struct *child)
{
	struct extsock_member *member;

	member = mempool_alloc(member_pool, GFP_ATOMIC | __GFP_NOWARN);
	if (!member)
		return false;
	insert_member(member, group, task_tgid(child));
	extsock_group_count(group, EXTSOCK_FORKED, 1);
	return true;
}

/**
 * extsock_group_born() - a process was created and has not run yet
 * @child: its first task
 *
 * It inherits the group of its creator. Without memory the group is marked
 * incomplete, and cannot be frozen until it has been empty once.
 *
 * Context: the task_newtask tracepoint, in the creator; does not sleep.
 */
void extsock_group_born(struct task_struct *child)
{
	struct extsock_member *parent;
	unsigned long flags;

	rcu_read_lock();
	parent = find_member(task_tgid(current));
	rcu_read_unlock();
	if (likely(!parent))
		return;
	spin_lock_irqsave(&member_lock, flags);
	parent = find_member(task_tgid(current));
	/* It can be found already, and somebody may have added it. */
	if (parent && !find_member(task_tgid(child))) {
		struct extsock_group *group = parent->group;

		if (!inherit(group, child)) {
			group->incomplete = true;
			extsock_group_count(group, EXTSOCK_LOST, 1);
		}
	}
	spin_unlock_irqrestore(&member_lock, flags);
}

/*
 * Has a process that exits closed all that it had? Each of its threads does so
 * before it gets an exit_state.
 */
static bool has_closed(struct pid *pid)
{
	struct task_struct *leader, *task;
	bool closed = true;

	rcu_read_lock();
	leader = pid_task(pid, PIDTYPE_TGID);
	if (leader) {
		for_each_thread(leader, task) {
			/* before what it has closed is looked at */
			closed = smp_load_acquire(&task->exit_state);
			if (!closed)
				break;
		}
	}
	rcu_read_unlock();
	return closed;
}

/* If it has closed all, let go of one that has left; else returns false. */
static bool let_go(struct extsock_member *member)
{
	lockdep_assert_held(&member_lock);
	if (!has_closed(member->pid))
		return false;
	list_del(&member->leaving);
	call_rcu(&member->rcu, free_member);
	return true;
}

/*
 * With each that comes look at two of those that are there: so the list does not
 * grow, and takes no long look, though some may take long to exit.
 */
static void add_leaving(struct extsock_group *group,
			struct extsock_member *member)
{
	unsigned int i;

	for (i = 0; i < 2 && !list_empty(&group->leaving); i++) {
		struct extsock_member *first =
			list_first_entry(&group->leaving,
					 struct extsock_member, leaving);

		if (!let_go(first))
			list_move_tail(&first->leaving, &group->leaving);
	}
	list_add_tail(&member->leaving, &group->leaving);
}

/**
 * extsock_group_get_leaving() - one that is not a member any more, but exits still
 * @group: the group
 *
 * A process leaves when its last thread begins to exit. What it has it closes later.
 *
 * Context: any but hard interrupts; takes the member lock.
 * Return: its PID with a reference, or NULL: all have closed what they had.
 */
struct pid *extsock_group_get_leaving(struct extsock_group *group)
{
	struct extsock_member *member, *next;
	struct pid *pid = NULL;

	spin_lock_irq(&member_lock);
	list_for_each_entry_safe(member, next, &group->leaving, leaving) {
		if (let_go(member))
			continue;
		pid = get_pid(member->pid);
		break;
	}
	spin_unlock_irq(&member_lock);
	return pid;
}

/**
 * extsock_group_exits() - does some process exit that was a member?
 * @group: the group
 *
 * What it had and has not closed yet is the group's still.
 *
 * Context: any but hard interrupts; takes the member lock.
 * Return: whether one does.
 */
bool extsock_group_exits(struct extsock_group *group)
{
	struct pid *pid = extsock_group_get_leaving(group);

	put_pid(pid);
	return pid;
}

/* Say that a task of a member has begun to exit, before it closes anything. */
static bool count_exit(struct task_struct *task)
{
	struct extsock_member *member;

	rcu_read_lock();
	member = find_member(task_tgid(task));
	if (unlikely(member)) {
		atomic_long_inc(&member->group->exits);
		/* Pairs with the read barrier of has_exited() in census.c. */
		smp_mb__after_atomic();
	}
	rcu_read_unlock();
	return member;
}

/**
 * extsock_group_forget() - a task exits
 * @task: the task; its process leaves the group with its last thread
 *
 * Context: the sched_process_exit tracepoint; does not sleep.
 */
void extsock_group_forget(struct task_struct *task)
{
	bool last = !atomic_read(&task->signal->live);
	struct extsock_member *member;
	unsigned long flags;

	/* Before it counts: who removes it does so after all have begun to exit. */
	smp_mb();
	if (likely(!count_exit(task)) || !last)
		return;
	spin_lock_irqsave(&member_lock, flags);
	/* Its last two threads may both find it dead. */
	member = find_member(task_tgid(task));
	if (member) {
		remove_member(member);
		add_leaving(member->group, member);
	}
	spin_unlock_irqrestore(&member_lock, flags);
}

/**
 * extsock_group_hold() - say whether members are to stand still
 * @group: the group
 * @holding: from now on, or no longer
 *
 * After it returns, a new process either finds @holding as said or is found by
 * a walk over the members: it became one, under the same lock, before. So does
 * a new thread, which is linked before extsock_freezer_born() looks.
 *
 * Context: any but hard interrupts; takes the member lock.
 */
void extsock_group_hold(struct extsock_group *group, bool holding)
{
	spin_lock_irq(&member_lock);
	WRITE_ONCE(group->holding, holding);
	spin_unlock_irq(&member_lock);
	/* Pairs with the siglock that is taken between linking and looking. */
	smp_mb();
}

/**
 * extsock_group_find() - a group by its name
 * @name: the name
 *
 * Context: under extsock_group_mutex.
 * Return: the group or NULL.
 */
struct extsock_group *extsock_group_find(const char *name)
{
	struct extsock_group *group;

	lockdep_assert_held(&extsock_group_mutex);
	list_for_each_entry(group, &extsock_groups, node)
		if (!strcmp(group->name, name))
			return group;
	return NULL;
}

/**
 * extsock_group_alloc() - make a group that nobody knows or may join yet
 * @name: a valid name
 *
 * Context: may sleep.
 * Return: the group or NULL.
 */
struct extsock_group *extsock_group_alloc(const char *name)
{
	static atomic64_t last_id;
	struct extsock_group *group = kzalloc(sizeof(*group), GFP_KERNEL);

	if (!group)
		return NULL;
	group->rules = extsock_rules_default();
	if (!group->rules) {
		kfree(group);
		return NULL;
	}
	strscpy(group->name, name, sizeof(group->name));
	group->id = atomic64_inc_return(&last_id);
	INIT_LIST_HEAD(&group->node);
	INIT_LIST_HEAD(&group->members);
	INIT_LIST_HEAD(&group->leaving);
	group->dead = true;
	group->policy = EXTSOCK_RESET;
	group->wait_ms = EXTSOCK_WAIT_MS_DEFAULT;
	group->freeze_ms = EXTSOCK_FREEZE_MS_DEFAULT;
	init_waitqueue_head(&group->wait);
	mutex_init(&group->census_lock);
	mutex_init(&group->text_lock);
	return group;
}

/**
 * extsock_group_open() - from now on processes may join
 * @group: the group, whose files are complete
 *
 * Context: any but hard interrupts; takes the member lock.
 */
void extsock_group_open(struct extsock_group *group)
{
	spin_lock_irq(&member_lock);
	group->dead = false;
	spin_unlock_irq(&member_lock);
}

/**
 * extsock_group_drain() - a gate is closed, or open again
 * @draining: which of the two
 *
 * Context: may sleep; takes extsock_group_mutex.
 * Return: 0, or why a probe of the gates could not be registered.
 */
int extsock_group_drain(bool draining)
{
	int err = 0;

	mutex_lock(&extsock_group_mutex);
	if (draining && !nr_closed)
		err = extsock_probe_attach_gate();
	if (!err)
		nr_closed += draining ? 1 : -1;
	if (!nr_closed)
		schedule_work(&idle);
	mutex_unlock(&extsock_group_mutex);
	return err;
}

/**
 * extsock_group_retire() - let nobody join any more
 * @group: the group
 *
 * Context: under extsock_group_mutex.
 * Return: 0, -EBUSY if it is not running, -ENOTEMPTY if it has members.
 */
int extsock_group_retire(struct extsock_group *group)
{
	int err = 0;

	lockdep_assert_held(&extsock_group_mutex);
	if (group->state != EXTSOCK_RUNNING)
		return -EBUSY;
	spin_lock_irq(&member_lock);
	if (group->nr_members)
		err = -ENOTEMPTY;
	else
		group->dead = true;
	spin_unlock_irq(&member_lock);
	return err;
}

/**
 * extsock_group_get_rules() - the list of rules as it is now
 * @group: the group
 *
 * Context: may sleep; takes extsock_group_mutex.
 * Return: the list, to be given back by extsock_rules_put().
 */
struct extsock_rules *extsock_group_get_rules(struct extsock_group *group)
{
	struct extsock_rules *rules;

	mutex_lock(&extsock_group_mutex);
	rules = extsock_rules_get(group->rules);
	mutex_unlock(&extsock_group_mutex);
	return rules;
}

/**
 * extsock_group_set_rules() - replace the list of rules
 * @group: the group
 * @rules: the new list, whose reference goes over to the group
 *
 * A freeze that has begun goes on with the list it began with.
 *
 * Context: may sleep; takes extsock_group_mutex.
 */
void extsock_group_set_rules(struct extsock_group *group,
			     struct extsock_rules *rules)
{
	mutex_lock(&extsock_group_mutex);
	swap(group->rules, rules);
	mutex_unlock(&extsock_group_mutex);
	extsock_rules_put(rules);
}

/**
 * extsock_group_free() - free a group
 * @group: retired, out of the list, and its files gone
 *
 * Who may still hold it: readers and writers of its files, whom the removal
 * of the files has waited for; its members, of which there are none; and
 * probes that found a member under RCU just before that one left, which the
 * grace period ends. Tags know only its id.
 *
 * Context: may sleep.
 */
void extsock_group_free(struct extsock_group *group)
{
	struct extsock_member *member, *next;

	synchronize_rcu();
	list_for_each_entry_safe(member, next, &group->leaving, leaving)
		free_member(&member->rcu);
	extsock_rules_put(group->rules);
	kvfree(group->text);
	kfree(group);
}

/**
 * extsock_group_init() - prepare for members
 *
 * Return: 0 or -ENOMEM.
 */
int __init extsock_group_init(void)
{
	member_cache = KMEM_CACHE(extsock_member, SLAB_ACCOUNT);
	if (!member_cache)
		return -ENOMEM;
	member_pool = mempool_create_slab_pool(MEMBER_RESERVE, member_cache);
	if (!member_pool) {
		kmem_cache_destroy(member_cache);
		return -ENOMEM;
	}
	return 0;
}

/**
 * extsock_group_exit() - end what extsock_group_init() began
 *
 * There are no members: they would pin the module. The probes have been
 * detached for good by the work item, the files are gone; what is left are RCU
 * callbacks in our code.
 */
void extsock_group_exit(void)
{
	rcu_barrier();
	mempool_destroy(member_pool);
	kmem_cache_destroy(member_cache);
}

/**
 * extsock_group_settle() - detach the probes, and see that this was done
 *
 * Context: may sleep; no group has members, and nobody can join.
 */
void extsock_group_settle(void)
{
	schedule_work(&idle);
	flush_work(&idle);
}
