// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stopping and resuming tasks, and the tracer's hand-over.
 *
 * A task is stopped in the way of the cgroup v2 freezer, whose trap it takes
 * on its way to user mode: JOBCTL_TRAP_FREEZE keeps it inside of get_signal(),
 * task->frozen tells that it is there. That takes no signal, so nobody is
 * notified, SIGCONT means nothing to it, and SIGKILL still ends it.
 *
 * The bit is not ours alone. A cgroup that is thawed clears it, and so does a
 * move between cgroups; the task then passes cgroup_leave_frozen() on its way
 * out, where extsock_freezer_leaving() turns it around. And when we resume a
 * task whose cgroup is frozen, we leave the bit to the cgroup.
 *
 * A tracer that comes while the group stands still gets the task: from the
 * moment it stops it until it detaches. TAKEN marks such a task. A tracer that
 * was there before the freeze does not: its tracee stands still as any other.
 *
 * Every decision is made under the task's siglock, with group->holding read
 * inside: extsock_freezer_resume() clears holding before it takes the siglocks
 * one by one, so a bit set by a probe that still saw it is cleared afterwards.
 */
#include <linux/cgroup.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/ptrace.h>
#include <linux/sched/jobctl.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "freezer.h"
#include "group.h"
#include "outcome.h"

/*
 * Bits of task->jobctl that no kernel uses (they go up to 27); all of the
 * kernel's tests of jobctl are masked, and a new task starts without them. LET_GO:
 * whoever took the task has stopped it, and let it go on.
 */
#define JOBCTL_EXTSOCK_TAKEN	BIT(62)
#define JOBCTL_EXTSOCK_LET_GO	BIT(61)

/* How long to wait between looks, in microseconds: doubled up to the latter. */
#define LOOK_US_MIN		50
#define LOOK_US_MAX		5000

/* How many of those in the way an outcome names. */
#define BLOCKERS_NAMED		8

/*
 * As the kernel's lock_task_sighand(), which is not exported. A dying task has
 * none any more. The sighand_struct is SLAB_TYPESAFE_BY_RCU.
 */
static struct sighand_struct *lock_sighand(struct task_struct *task,
					   unsigned long *flags)
{
	struct sighand_struct *sighand;

	rcu_read_lock();
	for (;;) {
		sighand = rcu_dereference(task->sighand);
		if (!sighand)
			break;
		spin_lock_irqsave(&sighand->siglock, *flags);
		if (sighand == rcu_access_pointer(task->sighand))
			break;
		spin_unlock_irqrestore(&sighand->siglock, *flags);
	}
	rcu_read_unlock();
	return sighand;
}

static void unlock_sighand(struct sighand_struct *sighand, unsigned long flags)
{
	spin_unlock_irqrestore(&sighand->siglock, flags);
}

/* Make the task look at jobctl: as signal_wake_up(task, 0). */
static void prod(struct task_struct *task)
{
	bool woken = false;

	set_tsk_thread_flag(task, TIF_SIGPENDING);
	/* Another freezer may have hidden that it is interruptible. */
	if (!(READ_ONCE(task->__state) & TASK_UNINTERRUPTIBLE))
		woken = wake_up_process(task);
	if (!woken)
		kick_process(task);
}

static bool is_exiting(const struct task_struct *task)
{
	return READ_ONCE(task->flags) & PF_EXITING;
}

/*
 * Does it dump core, or is it about to? To prod it would cut the core, and the trap
 * would prevent it. Not a thread that waits for the core of another one.
 */
static bool is_dumping(const struct task_struct *task)
{
	unsigned int flags = READ_ONCE(task->flags);

	return flags & (PF_SIGNALED | PF_DUMPCORE) &&
	       !(flags & PF_POSTCOREDUMP);
}

static void trap(struct task_struct *task)
{
	lockdep_assert_held(&task->sighand->siglock);
	if (is_dumping(task) || is_exiting(task))
		return;
	task->jobctl |= JOBCTL_TRAP_FREEZE;
	prod(task);
}

static bool stands_still(struct task_struct *task)
{
	unsigned long jobctl = READ_ONCE(task->jobctl);

	/* No lock: who comes to stand still in this moment is looked at again. */
	return data_race(!!task->frozen) &&
	       jobctl & (JOBCTL_TRAP_FREEZE | JOBCTL_EXTSOCK_TAKEN);
}

/* Does it stand still, or is it at its end, with all closed that it had? */
static bool is_done(struct task_struct *task)
{
	/* before what it has closed is looked at */
	return stands_still(task) || smp_load_acquire(&task->exit_state);
}

/* One task: trap it if need be, and tell whether it stands still. */
static bool stop_task(struct task_struct *task)
{
	struct sighand_struct *sighand;
	unsigned long flags;

	if (is_done(task))
		return true;
	/* It has closed nothing yet, or not all. */
	if (is_exiting(task))
		return false;
	sighand = lock_sighand(task, &flags);
	if (!sighand)
		return true;
	if (!(task->jobctl & JOBCTL_EXTSOCK_TAKEN))
		trap(task);
	unlock_sighand(sighand, flags);
	return false;
}

/*
 * Walk over all tasks; true if @visit returned true for each.
 *
 * New members and threads are added at the tail, by tasks that run. So in a
 * walk that finds everyone standing still nobody can have been missed: who
 * created a task stood still only afterwards, and is seen before it.
 */
static bool all_tasks(struct extsock_group *group,
		      bool (*visit)(struct task_struct *task))
{
	struct extsock_member *member;
	struct task_struct *leader, *task;
	bool all = true;

	rcu_read_lock();
	list_for_each_entry_rcu(member, &group->members, node) {
		leader = pid_task(member->pid, PIDTYPE_TGID);
		if (!leader)
			continue;
		for_each_thread(leader, task) {
			if (!visit(task))
				all = false;
			/* task->frozen before the next pointer: see above */
			smp_rmb();
		}
	}
	rcu_read_unlock();
	return all;
}

static void name_blocker(struct task_struct *leader, struct task_struct *task,
			 struct extsock_outcome *outcome)
{
	extsock_outcome_add(outcome, "in the way: PID %d (",
			    task_pid_vnr(leader));
	extsock_outcome_quote(outcome, leader->comm,
			      strnlen(leader->comm, TASK_COMM_LEN));
	extsock_outcome_add(outcome, "), thread %d, state %c\n",
			    task_pid_vnr(task), task_state_to_char(task));
}

/* Of those that are no members any more, and exit. */
static void name_leaving(struct extsock_group *group,
			 struct extsock_outcome *outcome)
{
	struct pid *pid = extsock_group_get_leaving(group);
	struct task_struct *leader;

	rcu_read_lock();
	leader = pid ? pid_task(pid, PIDTYPE_TGID) : NULL;
	if (leader)
		name_blocker(leader, leader, outcome);
	rcu_read_unlock();
	put_pid(pid);
}

static void name_blockers(struct extsock_group *group,
			  struct extsock_outcome *outcome)
{
	struct extsock_member *member;
	struct task_struct *leader, *task;
	unsigned int n = 0;

	name_leaving(group, outcome);
	rcu_read_lock();
	list_for_each_entry_rcu(member, &group->members, node) {
		leader = pid_task(member->pid, PIDTYPE_TGID);
		if (!leader)
			continue;
		for_each_thread(leader, task) {
			if (is_done(task))
				continue;
			if (n++ < BLOCKERS_NAMED)
				name_blocker(leader, task, outcome);
		}
	}
	rcu_read_unlock();
	if (n > BLOCKERS_NAMED)
		extsock_outcome_add(outcome, "in the way: %u more\n",
				    n - BLOCKERS_NAMED);
}

/* After the walk: who is not a member any more is among those that exit. */
static bool has_stopped(struct extsock_group *group)
{
	return all_tasks(group, stop_task) && !extsock_group_exits(group);
}

/**
 * extsock_freezer_stop() - stop every thread of every member
 * @group: the group
 * @deadline: until when, in jiffies
 * @outcome: who was in the way, if it fails
 *
 * Those that exit have come to their end when it returns.
 *
 * If it fails, some stand still and some do not, and whoever is born stands
 * still: the caller calls extsock_freezer_resume().
 *
 * Context: may sleep.
 * Return: 0, -ETIMEDOUT, or -EINTR if the caller has a signal or somebody thaws the
 * group.
 */
int extsock_freezer_stop(struct extsock_group *group, unsigned long deadline,
			 struct extsock_outcome *outcome)
{
	unsigned int us = LOOK_US_MIN;
	int err = 0;

	extsock_group_hold(group, true);
	while (!has_stopped(group)) {
		if (signal_pending(current) || READ_ONCE(group->cancelled))
			err = -EINTR;
		else if (time_after(jiffies, deadline))
			err = -ETIMEDOUT;
		if (err) {
			name_blockers(group, outcome);
			return err;
		}
		usleep_range_state(us, us * 2, TASK_INTERRUPTIBLE);
		us = min_t(unsigned int, us * 2, LOOK_US_MAX);
	}
	return 0;
}

/* The trap is the cgroup's as well if that is frozen: then it stays. */
static bool cgroup_is_frozen(struct task_struct *task)
{
	bool frozen;

	rcu_read_lock();
	frozen = test_bit(CGRP_FREEZE, &task_dfl_cgroup(task)->flags);
	rcu_read_unlock();
	return frozen;
}

static bool resume_task(struct task_struct *task)
{
	struct sighand_struct *sighand;
	unsigned long flags;

	sighand = lock_sighand(task, &flags);
	if (!sighand)
		return true;
	task->jobctl &= ~(JOBCTL_EXTSOCK_TAKEN | JOBCTL_EXTSOCK_LET_GO);
	if (task->jobctl & JOBCTL_TRAP_FREEZE && !cgroup_is_frozen(task)) {
		task->jobctl &= ~JOBCTL_TRAP_FREEZE;
		/* In whatever state: another freezer may have hidden its own. */
		wake_up_process(task);
	}
	unlock_sighand(sighand, flags);
	return true;
}

/**
 * extsock_freezer_resume() - let everybody run
 * @group: the group, all of it or a part of it standing still
 *
 * Cannot fail and allocates nothing.
 *
 * Context: any but hard interrupts.
 */
void extsock_freezer_resume(struct extsock_group *group)
{
	extsock_group_hold(group, false);
	all_tasks(group, resume_task);
}

static bool is_held(struct task_struct *task)
{
	struct extsock_group *group;
	bool held;

	rcu_read_lock();
	group = extsock_group_of(task);
	held = group && READ_ONCE(group->holding);
	rcu_read_unlock();
	return held;
}

static bool is_member(struct task_struct *task)
{
	bool member;

	rcu_read_lock();
	member = extsock_group_of(task);
	rcu_read_unlock();
	return member;
}

/* Take the siglock of a task that is to stand still; NULL for any other. */
static struct sighand_struct *lock_held(struct task_struct *task,
					unsigned long *flags)
{
	struct sighand_struct *sighand;

	if (likely(!is_member(task)))
		return NULL;
	sighand = lock_sighand(task, flags);
	if (!sighand || is_held(task))
		return sighand;
	unlock_sighand(sighand, *flags);
	return NULL;
}

/**
 * extsock_freezer_born() - a new task, which has not run yet
 * @task: the task; of a group that is held, it stands still from birth
 *
 * It is a member already if its creator is one. The child of a tracer's task
 * that was traced from birth is the tracer's.
 *
 * Context: the task_newtask tracepoint, in the creator, no locks held.
 */
void extsock_freezer_born(struct task_struct *task)
{
	struct sighand_struct *sighand;
	unsigned long flags;

	sighand = lock_held(task, &flags);
	if (!sighand)
		return;
	if (task->ptrace && current->jobctl & JOBCTL_EXTSOCK_TAKEN)
		task->jobctl |= JOBCTL_EXTSOCK_TAKEN;
	else
		trap(task);
	unlock_sighand(sighand, flags);
}

/* Is it to stand for us: has no tracer taken it, or seized it but not stopped it yet? */
static bool stands_for_us(const struct task_struct *task)
{
	return !(task->jobctl & JOBCTL_EXTSOCK_TAKEN) ||
	       (task->ptrace & PT_SEIZED &&
		!(task->jobctl & JOBCTL_EXTSOCK_LET_GO));
}

/**
 * extsock_freezer_leaving() - current is leaving the freezer or a stop
 * @always: it leaves a tracer's stop, or dies; otherwise it leaves the trap,
 *	a job control stop or vfork's wait
 *
 * Context: probe on cgroup_leave_frozen(), in the task itself, no locks held.
 */
void extsock_freezer_leaving(bool always)
{
	struct task_struct *task = current;
	struct sighand_struct *sighand;
	unsigned long flags;

	sighand = lock_held(task, &flags);
	if (!sighand)
		return;
	if (always && task->jobctl & JOBCTL_EXTSOCK_TAKEN) {
		/* its tracer lets it run, and its cgroup */
		task->jobctl |= JOBCTL_EXTSOCK_LET_GO;
		if (!cgroup_is_frozen(task))
			task->jobctl &= ~JOBCTL_TRAP_FREEZE;
	} else if (always ? task->ptrace : stands_for_us(task)) {
		task->jobctl |= JOBCTL_TRAP_FREEZE;
		set_tsk_thread_flag(task, TIF_SIGPENDING);
	}
	unlock_sighand(sighand, flags);
}

/**
 * extsock_freezer_traced() - current has become the tracer of a task
 * @task: the task
 *
 * A task that stands still is handed over. A seized one stays in the trap, or goes
 * there if the freeze has not come to it yet, until the tracer interrupts it: the
 * kernel looks at that first. An attached
 * one has been sent SIGSTOP, which the trap keeps from it, so the trap is opened
 * and the task woken, unless its cgroup is frozen, too, which makes any tracer wait;
 * it stops before it could run. If it was stopped already it has passed to the
 * tracer's stop.
 *
 * PTRACE_TRACEME, where the task runs, does not come here, nor does a task that is
 * traced from birth: extsock_freezer_born() sees to it.
 *
 * Context: probe on proc_ptrace_connector(), at the end of PTRACE_ATTACH and SEIZE,
 * no locks held. The tracer cannot let go meanwhile: it is here.
 */
void extsock_freezer_traced(struct task_struct *task)
{
	struct sighand_struct *sighand;
	unsigned long flags;

	sighand = lock_held(task, &flags);
	if (!sighand)
		return;
	task->jobctl |= JOBCTL_EXTSOCK_TAKEN;
	if (task->ptrace & PT_SEIZED) {
		trap(task);
	} else if (!cgroup_is_frozen(task)) {
		task->jobctl &= ~JOBCTL_TRAP_FREEZE;
		if (!is_dumping(task))
			prod(task);
	}
	unlock_sighand(sighand, flags);
}

/**
 * extsock_freezer_untraced() - a task loses its tracer
 * @task: the task; if its group is held it stands still again
 *
 * Context: probe on __ptrace_unlink(), under tasklist_lock.
 */
void extsock_freezer_untraced(struct task_struct *task)
{
	struct sighand_struct *sighand;
	unsigned long flags;

	sighand = lock_held(task, &flags);
	if (!sighand)
		return;
	task->jobctl &= ~(JOBCTL_EXTSOCK_TAKEN | JOBCTL_EXTSOCK_LET_GO);
	trap(task);
	unlock_sighand(sighand, flags);
}
