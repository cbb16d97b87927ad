// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sequence: drain, stop, census, verdict, frozen; reset, resume.
 *
 * A drain is made of stops: the group stands still, and if there is nothing to
 * wait for it is frozen. Otherwise the gate is closed, the group runs until all
 * that was found has gone, and is stopped again. So whatever came in between,
 * past the gate or not, is found.
 *
 * extsock_group_mutex is held where the state changes, and not in between:
 * whoever finds the group in a state that is not running or frozen is told
 * that it is busy.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/sysfs.h>

#include "backlog.h"
#include "census.h"
#include "checkpoint.h"
#include "drain.h"
#include "freezer.h"
#include "gate.h"
#include "names.h"
#include "reset.h"
#include "sockets.h"
#include "verdict.h"

/**
 * struct plan - what a freeze goes by, as it was set when it began
 * @terms: what becomes of external sockets; a reference to its rules
 * @freeze_ms: how long the stop may take
 * @wait_ms: how long the drain may last; a stop that has begun may take freeze_ms
 * @waits: there may be sockets to wait for
 */
struct plan {
	struct extsock_terms terms;
	unsigned int freeze_ms;
	unsigned int wait_ms;
	bool waits;
};

/* notify() tells poll(), after the mutex has been released. */
static void set_state(struct extsock_group *group, enum extsock_state state)
{
	lockdep_assert_held(&extsock_group_mutex);
	WRITE_ONCE(group->state, state);
}

/* The folder outlives every command: see the removal of groups in sysfs.c. */
static void notify(struct extsock_group *group)
{
	sysfs_notify(&group->kobj, NULL, EXTSOCK_SYSFS_STATE);
}

static bool caller_is_member(struct extsock_group *group)
{
	bool is;

	rcu_read_lock();
	is = extsock_group_of(current) == group;
	rcu_read_unlock();
	return is;
}

/* Somebody who is no member for want of memory would run on in a freeze. */
static int is_complete(struct extsock_group *group,
		       struct extsock_outcome *outcome)
{
	if (!READ_ONCE(group->incomplete))
		return 0;
	extsock_outcome_add(outcome,
			    "a child could not become a member for want of memory; remove all members and add them anew\n");
	return -ENOMEM;
}

/* May the group be frozen now? */
static int may_freeze(struct extsock_group *group,
		      struct extsock_outcome *outcome)
{
	if (group->state != EXTSOCK_RUNNING) {
		extsock_outcome_add(outcome, "the group is %s\n",
				    extsock_state_names[group->state]);
		return -EBUSY;
	}
	if (list_empty(&group->members)) {
		extsock_outcome_add(outcome, "the group has no members\n");
		return -ESRCH;
	}
	if (caller_is_member(group)) {
		extsock_outcome_add(outcome,
				    "the caller is a member: it would stop itself\n");
		return -EDEADLK;
	}
	return is_complete(group, outcome);
}

static void set_plan(const struct extsock_group *group,
		     const struct extsock_freeze *how, struct plan *plan)
{
	plan->terms.policy = how->policy ?: group->policy;
	plan->terms.rules = extsock_rules_get(group->rules);
	plan->freeze_ms = group->freeze_ms;
	plan->wait_ms = how->wait_ms ?: group->wait_ms;
	plan->waits = plan->terms.policy == EXTSOCK_WAIT ||
		      plan->terms.rules->waits;
}

/*
 * From running to draining or freezing. The module stays until the group runs
 * again.
 */
static int begin(struct extsock_group *group, const struct extsock_freeze *how,
		 struct plan *plan, struct extsock_outcome *outcome)
{
	int err;

	mutex_lock(&extsock_group_mutex);
	err = may_freeze(group, outcome);
	if (!err && !try_module_get(THIS_MODULE)) {
		extsock_outcome_add(outcome, "the module is being unloaded\n");
		err = -EBUSY;
	}
	if (!err) {
		set_plan(group, how, plan);
		group->cancelled = false;
		set_state(group, plan->waits ? EXTSOCK_DRAINING :
					       EXTSOCK_FREEZING);
	}
	mutex_unlock(&extsock_group_mutex);
	if (!err)
		notify(group);
	return err;
}

/* What readers find in the table from now on; returns what they found before. */
static struct extsock_census *show(struct extsock_group *group,
				   struct extsock_census *census)
{
	mutex_lock(&group->census_lock);
	swap(group->census, census);
	mutex_unlock(&group->census_lock);
	return census;
}

/* From draining to freezing, or the other way. */
static void change_state(struct extsock_group *group, enum extsock_state state)
{
	mutex_lock(&extsock_group_mutex);
	set_state(group, state);
	mutex_unlock(&extsock_group_mutex);
	notify(group);
}

/* Back to running, from wherever. What was held goes on when all run. */
static void finish(struct extsock_group *group)
{
	struct extsock_gate *gate;

	extsock_freezer_resume(group);
	mutex_lock(&extsock_group_mutex);
	gate = group->gate;
	group->gate = NULL;
	mutex_unlock(&extsock_group_mutex);
	if (gate)
		extsock_gate_open(gate);
	change_state(group, EXTSOCK_RUNNING);
	wake_up_all(&group->wait);
	module_put(THIS_MODULE);
}

/*
 * The freeze is complete, unless somebody has cancelled it. Then the census is
 * nobody's any more.
 */
static int publish(struct extsock_group *group, struct extsock_census *census,
		   const void *lease, struct extsock_outcome *outcome)
{
	int err = 0;

	mutex_lock(&extsock_group_mutex);
	if (group->cancelled) {
		err = -EINTR;
	} else {
		show(group, census);
		group->lease = lease;
		set_state(group, EXTSOCK_FROZEN);
	}
	mutex_unlock(&extsock_group_mutex);
	if (!err) {
		extsock_group_count(group, EXTSOCK_FREEZES, 1);
		notify(group);
		return 0;
	}
	outcome->len = 0;
	extsock_outcome_add(outcome, "ended by a thaw\n");
	extsock_sockets_free(census);
	return err;
}

/* A connected socket without a tag: opened before its owner joined, say. */
static void count_sockets(struct extsock_group *group,
			  const struct extsock_census *census)
{
	const struct extsock_socket *entry;
	u64 all = 0, unseen = 0;

	list_for_each_entry(entry, &census->sockets, node) {
		all++;
		if (entry->ends.kind == EXTSOCK_TCP && !entry->listener &&
		    entry->state != TCP_LISTEN && entry->state != TCP_CLOSE)
			unseen += entry->direction == EXTSOCK_UNKNOWN;
	}
	extsock_group_count(group, EXTSOCK_SOCKETS, all);
	extsock_group_count(group, EXTSOCK_UNSEEN, unseen);
}

/* "frozen: 3 processes, 5 sockets: 2 internal, 2 external, 1 listening" */
static void summarise(const struct extsock_census *census,
		      struct extsock_outcome *outcome)
{
	unsigned int all = 0, i;
	const char *sep = ": ";

	for (i = 0; i < EXTSOCK_CLASSES; i++)
		all += census->counts[i];
	extsock_outcome_add(outcome, "frozen: %u process%s, %u socket%s",
			    census->processes,
			    census->processes == 1 ? "" : "es",
			    all, all == 1 ? "" : "s");
	for (i = 0; i < EXTSOCK_CLASSES; i++) {
		if (!census->counts[i])
			continue;
		extsock_outcome_add(outcome, "%s%u %s", sep, census->counts[i],
				    extsock_class_names[i]);
		sep = ", ";
	}
	extsock_outcome_add(outcome, "\n");
}

static void say_interrupted(const struct extsock_group *group,
			    struct extsock_outcome *outcome)
{
	extsock_outcome_add(outcome, READ_ONCE(group->cancelled) ?
				     "ended by a thaw\n" :
				     "interrupted by a signal\n");
}

static void say_late(const struct plan *plan, struct extsock_outcome *outcome)
{
	extsock_outcome_add(outcome,
			    "not everybody stood still within %u ms (freeze_ms)\n",
			    plan->freeze_ms);
}

static int stop(struct extsock_group *group, const struct plan *plan,
		unsigned long deadline, struct extsock_outcome *outcome)
{
	int err = extsock_freezer_stop(group, deadline, outcome);

	if (err == -ETIMEDOUT)
		say_late(plan, outcome);
	else if (err)
		say_interrupted(group, outcome);
	else
		err = is_complete(group, outcome);
	return err;
}

/*
 * The group stands still: find and judge its sockets. -EAGAIN if somebody was
 * killed in the middle of it.
 */
static struct extsock_census *look(struct extsock_group *group,
				   const struct plan *plan,
				   struct extsock_outcome *outcome)
{
	struct extsock_census *census = extsock_census_take(group);

	if (census == ERR_PTR(-EBUSY))
		extsock_outcome_add(outcome,
				    "somebody outside is in the middle of receiving from a socket of the group\n");
	else if (!IS_ERR(census))
		extsock_verdict_pass(census, &plan->terms);
	else if (census != ERR_PTR(-EAGAIN))
		extsock_outcome_add(outcome,
				    "the census failed (error %ld)\n",
				    PTR_ERR(census));
	return census;
}

/* The group stands still: let go of what it has waited for until now. */
static void end_round(struct extsock_group *group)
{
	struct extsock_census *census = show(group, NULL);

	if (group->gate)
		extsock_gate_rest(group->gate);
	extsock_sockets_free(census);
}

/* A census is to be taken once more: may it? */
static int may_look_again(struct extsock_group *group, const struct plan *plan,
			  unsigned long deadline,
			  struct extsock_outcome *outcome)
{
	if (signal_pending(current) || READ_ONCE(group->cancelled)) {
		say_interrupted(group, outcome);
		return -EINTR;
	}
	if (time_after(jiffies, deadline)) {
		say_late(plan, outcome);
		return -ETIMEDOUT;
	}
	return 0;
}

/* Whoever is killed in the middle of a census is not there the next time. */
static struct extsock_census *stop_and_look(struct extsock_group *group,
					    const struct plan *plan,
					    struct extsock_outcome *outcome)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(plan->freeze_ms);
	struct extsock_census *census;
	int err;

	do {
		err = stop(group, plan, deadline, outcome);
		if (err)
			break;
		end_round(group);
		census = look(group, plan, outcome);
		if (census != ERR_PTR(-EAGAIN))
			return census;
		err = may_look_again(group, plan, deadline, outcome);
	} while (!err);
	return ERR_PTR(err);
}

static void say_not_closed(int err, struct extsock_outcome *outcome)
{
	if (err == -EOPNOTSUPP)
		extsock_outcome_add(outcome,
				    "waiting for sockets needs a probe that does not work here; the kernel's log names it\n");
	else
		extsock_outcome_add(outcome,
				    "the gate cannot be closed (error %d)\n",
				    err);
}

/* For the first round of a drain; NULL without memory. */
static struct extsock_gate *make_gate(struct extsock_group *group,
				      struct plan *plan)
{
	struct extsock_gate *gate = extsock_gate_alloc(group, &plan->terms);

	if (!gate)
		return NULL;
	plan->terms.gate = gate->terms.gate;
	mutex_lock(&extsock_group_mutex);
	group->gate = gate;
	mutex_unlock(&extsock_group_mutex);
	return gate;
}

/*
 * The group stands still, with sockets to wait for: close the gate, and let it
 * run. The census is the group's from now on, also after an error.
 */
static int begin_round(struct extsock_group *group, struct plan *plan,
		       struct extsock_census *census,
		       struct extsock_outcome *outcome)
{
	struct extsock_gate *gate;
	int err;

	census->draining = true;
	show(group, census);
	gate = group->gate ?: make_gate(group, plan);
	err = gate ? extsock_gate_close(gate, census) : -ENOMEM;
	if (err) {
		say_not_closed(err, outcome);
		return err;
	}
	extsock_group_count(group, EXTSOCK_DRAINS, 1);
	change_state(group, EXTSOCK_DRAINING);
	extsock_freezer_resume(group);
	extsock_backlog_announce(gate);
	return 0;
}

/* Wait for those that were found. */
static int wait(struct extsock_group *group, const struct plan *plan,
		unsigned long deadline, struct extsock_outcome *outcome)
{
	int err = extsock_drain_wait(group->gate, deadline);

	if (err == -ETIMEDOUT)
		extsock_outcome_add(outcome,
				    "not all sockets were closed within %u ms (wait_ms)\n",
				    plan->wait_ms);
	else if (err)
		say_interrupted(group, outcome);
	if (err)
		extsock_drain_name(group->census, outcome);
	return err;
}

/* Until the group stands still and has nothing to wait for. */
static struct extsock_census *drain(struct extsock_group *group,
				    struct plan *plan,
				    struct extsock_outcome *outcome)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(plan->wait_ms);
	struct extsock_census *census;
	int err;

	for (;;) {
		census = stop_and_look(group, plan, outcome);
		if (IS_ERR(census) || !extsock_drain_left(census))
			return census;
		err = begin_round(group, plan, census, outcome) ?:
		      wait(group, plan, deadline, outcome);
		if (err)
			return ERR_PTR(err);
		change_state(group, EXTSOCK_FREEZING);
	}
}

/* Everybody runs, and nothing is left of the freeze. */
static void undo(struct extsock_group *group, struct extsock_outcome *outcome)
{
	struct extsock_census *census = show(group, NULL);

	extsock_group_count(group, EXTSOCK_FREEZES_FAILED, 1);
	/* The gate looks into the census until it is open. */
	finish(group);
	extsock_sockets_free(census);
	extsock_outcome_add(outcome,
			    "the group runs, no socket was touched\n");
}

/**
 * extsock_checkpoint_freeze() - stop a group and sort its sockets
 * @group: the group
 * @how: options
 * @outcome: empty; what was done, or who was in the way
 *
 * If it fails, everybody runs and no socket was touched.
 *
 * Context: may sleep, for as long as the group's freeze_ms, and if there are
 * sockets to wait for, as long as wait_ms; interruptible.
 * Return: 0, -EBUSY if the group is not running, the module is going, or somebody
 * outside is in the middle of receiving from a socket of the group,
 * -ESRCH if it is empty, -EDEADLK if the caller is a member, -ETIMEDOUT, -EINTR
 * if a signal came or somebody thawed the group meanwhile, -ENOMEM, or why a
 * probe of the gate could not be registered.
 */
int extsock_checkpoint_freeze(struct extsock_group *group,
			      const struct extsock_freeze *how,
			      struct extsock_outcome *outcome)
{
	struct extsock_census *census;
	struct plan plan = {};
	int err;

	err = begin(group, how, &plan, outcome);
	if (err)
		return err;
	census = plan.waits ? drain(group, &plan, outcome) :
			      stop_and_look(group, &plan, outcome);
	err = PTR_ERR_OR_ZERO(census);
	if (!err) {
		/* Before somebody else can thaw it. */
		count_sockets(group, census);
		summarise(census, outcome);
		err = publish(group, census, how->lease, outcome);
	}
	if (err)
		undo(group, outcome);
	extsock_rules_put(plan.terms.rules);
	return err;
}

static bool is_to_reset(const struct extsock_socket *entry)
{
	return entry->action == EXTSOCK_RESET || entry->action == EXTSOCK_WAIT;
}

/* How many are to be reset, and were not yet. */
static unsigned int count_left(const struct extsock_census *census)
{
	const struct extsock_socket *entry;
	unsigned int n = 0;

	list_for_each_entry(entry, &census->sockets, node)
		n += is_to_reset(entry);
	return n;
}

/*
 * Reset those that nobody else has, and count them. Returns 0, -EBUSY if there are
 * others, or -EAGAIN if a member began to exit in the middle of it.
 */
static int reset_free(struct extsock_group *group,
		      struct extsock_census *census, unsigned int *n)
{
	struct extsock_socket *entry;
	int err, busy = 0;

	extsock_census_recount(census, group);
	list_for_each_entry(entry, &census->sockets, node) {
		cond_resched();
		if (!is_to_reset(entry))
			continue;
		err = extsock_reset_socket(entry, census, group);
		if (err == -EAGAIN)
			return err;
		if (err == -EBUSY) {
			busy = err;
			continue;
		}
		entry->action = EXTSOCK_NONE;
		*n += !err;
	}
	return busy;
}

/*
 * The same, waiting for those who only look at one, and for those who exit: what
 * they have is not the group's any more, nor another's. Members that are killed one
 * after the other are no reason to stop, but a tracer's may make others forever.
 */
static unsigned int reset_all(struct extsock_group *group,
			      struct extsock_census *census)
{
	unsigned long deadline =
		jiffies + msecs_to_jiffies(EXTSOCK_FREEZE_MS_DEFAULT);
	unsigned int n = 0, look = 1;
	bool exits;
	int err;

	if (!count_left(census))
		return 0;
	do {
		/* Before: what one had who is at its end by now is seen closed. */
		exits = extsock_group_exits(group);
		err = reset_free(group, census, &n);
		if (err == -EBUSY) {
			if (look++ >= EXTSOCK_LOOKS && !exits)
				break;
			usleep_range(EXTSOCK_LOOK_US, 2 * EXTSOCK_LOOK_US);
		}
	} while (err && time_before(jiffies, deadline));
	return n;
}

/*
 * From frozen to thawing, taking the census out of the group. With @lease only
 * if the freeze still belongs to it.
 */
static struct extsock_census *take_back(struct extsock_group *group,
					const void *lease,
					struct extsock_outcome *outcome)
{
	struct extsock_census *census = ERR_PTR(-EBUSY);

	mutex_lock(&extsock_group_mutex);
	if (group->state != EXTSOCK_FROZEN) {
		extsock_outcome_add(outcome, "the group is %s\n",
				    extsock_state_names[group->state]);
	} else if (lease && group->lease != lease) {
		extsock_outcome_add(outcome,
				    "somebody else thawed the group and froze it again\n");
	} else {
		census = show(group, NULL);
		group->lease = NULL;
		set_state(group, EXTSOCK_THAWING);
	}
	mutex_unlock(&extsock_group_mutex);
	if (!IS_ERR(census))
		notify(group);
	return census;
}

/* Is it being frozen, by somebody who waits for sockets? Then that ends. */
static bool cancel(struct extsock_group *group)
{
	bool drains;

	mutex_lock(&extsock_group_mutex);
	drains = group->state == EXTSOCK_DRAINING ||
		 (group->state == EXTSOCK_FREEZING && group->gate);
	if (drains)
		WRITE_ONCE(group->cancelled, true);
	mutex_unlock(&extsock_group_mutex);
	if (drains)
		wake_up_all(&group->wait);
	return drains;
}

/* Until what was cancelled has been undone. */
static int wait_undone(struct extsock_group *group,
		       struct extsock_outcome *outcome)
{
	int err = wait_event_interruptible(group->wait,
					   READ_ONCE(group->state) == EXTSOCK_RUNNING ||
					   !READ_ONCE(group->cancelled));

	if (err) {
		extsock_outcome_add(outcome,
				    "interrupted by a signal; the drain ends all the same\n");
		return -EINTR;
	}
	extsock_outcome_add(outcome, "the drain has ended, the group runs\n");
	return 0;
}

static int thaw(struct extsock_group *group, bool keep, const void *lease,
		struct extsock_outcome *outcome)
{
	struct extsock_census *census = take_back(group, lease, outcome);
	unsigned int n = 0, left = 0;

	if (IS_ERR(census))
		return PTR_ERR(census);
	if (!keep) {
		n = reset_all(group, census);
		left = count_left(census);
	}
	extsock_group_count(group, EXTSOCK_RESETS, n);
	extsock_group_count(group, EXTSOCK_THAWS, 1);
	extsock_outcome_add(outcome, "thawed: %u socket%s reset\n", n,
			    n == 1 ? "" : "s");
	if (left)
		extsock_outcome_add(outcome,
				    "left alone: %u, which somebody else may have taken since the freeze, or is using\n",
				    left);
	finish(group);
	extsock_sockets_free(census);
	return 0;
}

/**
 * extsock_checkpoint_thaw() - reset what is to be reset, and let the group run
 * @group: the group; if it drains, that ends and nothing is reset
 * @keep: reset nothing
 * @lease: the open file whose freeze is to end, or NULL for anybody's
 * @outcome: empty; what was done
 *
 * Context: may sleep; does not fail half-way, and cannot be interrupted but in
 * the waiting for the end of a drain.
 * Return: 0, -EBUSY if the group is not frozen, or not by @lease, or -EINTR.
 */
int extsock_checkpoint_thaw(struct extsock_group *group, bool keep,
			    const void *lease, struct extsock_outcome *outcome)
{
	if (!lease && cancel(group))
		return wait_undone(group, outcome);
	return thaw(group, keep, lease, outcome);
}

/**
 * extsock_checkpoint_expire() - an open file is closed
 * @group: the group
 * @lease: the open file; if a freeze belongs to it, the group is thawed and
 *	nothing is reset
 *
 * Context: may sleep.
 */
void extsock_checkpoint_expire(struct extsock_group *group, const void *lease)
{
	struct extsock_outcome outcome = {};

	thaw(group, true, lease, &outcome);
}
