// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sequence: stop, census, verdict, frozen; reset, resume.
 *
 * extsock_group_mutex is held where the state changes, and not in between:
 * whoever finds the group in a state that is not running or frozen is told
 * that it is busy.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/sysfs.h>

#include "census.h"
#include "checkpoint.h"
#include "freezer.h"
#include "hidden.h"
#include "names.h"
#include "reset.h"
#include "sockets.h"
#include "verdict.h"

/**
 * struct plan - what a freeze goes by, as it was set when it began
 * @policy: the action where no rule matches
 * @rules: the rules, a reference
 * @ms: how long the stop may take
 */
struct plan {
	enum extsock_action policy;
	struct extsock_rules *rules;
	unsigned int ms;
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
static int may_freeze(struct extsock_group *group, enum extsock_action policy,
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
	if (policy == EXTSOCK_WAIT || group->rules->waits) {
		extsock_outcome_add(outcome,
				    "this version cannot wait for sockets\n");
		return -EOPNOTSUPP;
	}
	return is_complete(group, outcome);
}

/* From running to freezing. The module stays until the group runs again. */
static int begin(struct extsock_group *group, const struct extsock_freeze *how,
		 struct plan *plan, struct extsock_outcome *outcome)
{
	int err;

	mutex_lock(&extsock_group_mutex);
	plan->policy = how->policy ?: group->policy;
	plan->ms = group->freeze_ms;
	err = may_freeze(group, plan->policy, outcome);
	if (!err && !try_module_get(THIS_MODULE)) {
		extsock_outcome_add(outcome, "the module is being unloaded\n");
		err = -EBUSY;
	}
	if (!err) {
		plan->rules = extsock_rules_get(group->rules);
		set_state(group, EXTSOCK_FREEZING);
	}
	mutex_unlock(&extsock_group_mutex);
	if (!err)
		notify(group);
	return err;
}

/* Back to running, from wherever. */
static void finish(struct extsock_group *group)
{
	extsock_freezer_resume(group);
	mutex_lock(&extsock_group_mutex);
	set_state(group, EXTSOCK_RUNNING);
	mutex_unlock(&extsock_group_mutex);
	notify(group);
	module_put(THIS_MODULE);
}

static void publish(struct extsock_group *group, struct extsock_census *census,
		    const void *lease)
{
	mutex_lock(&extsock_group_mutex);
	mutex_lock(&group->census_lock);
	group->census = census;
	mutex_unlock(&group->census_lock);
	group->lease = lease;
	set_state(group, EXTSOCK_FROZEN);
	mutex_unlock(&extsock_group_mutex);
	notify(group);
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

static struct extsock_census *stop_and_look(struct extsock_group *group,
					    unsigned int ms,
					    struct extsock_outcome *outcome)
{
	struct extsock_census *census;
	int err;

	err = extsock_freezer_stop(group, ms, outcome);
	if (err == -ETIMEDOUT)
		extsock_outcome_add(outcome,
				    "not everybody stood still within %u ms (freeze_ms)\n",
				    ms);
	else if (err)
		extsock_outcome_add(outcome, "interrupted by a signal\n");
	else
		err = is_complete(group, outcome);
	if (err)
		return ERR_PTR(err);
	census = extsock_census_take(group);
	if (census == ERR_PTR(-EBUSY))
		extsock_outcome_add(outcome,
				    "somebody outside is in the middle of receiving from a socket of the group\n");
	else if (IS_ERR(census))
		extsock_outcome_add(outcome,
				    "the census failed (error %ld)\n",
				    PTR_ERR(census));
	return census;
}

/**
 * extsock_checkpoint_freeze() - stop a group and sort its sockets
 * @group: the group
 * @how: options
 * @outcome: empty; what was done, or who was in the way
 *
 * If it fails, everybody runs and no socket was touched.
 *
 * Context: may sleep, for as long as the group's freeze_ms; interruptible.
 * Return: 0, -EBUSY if the group is not running, the module is going, or somebody
 * outside is in the middle of receiving from a socket of the group,
 * -ESRCH if it is empty, -EDEADLK if the caller is a member, -EOPNOTSUPP if it
 * would have to wait for sockets, -ETIMEDOUT, -EINTR, -ENOMEM.
 */
int extsock_checkpoint_freeze(struct extsock_group *group,
			      const struct extsock_freeze *how,
			      struct extsock_outcome *outcome)
{
	struct extsock_census *census;
	struct plan plan;
	int err;

	err = begin(group, how, &plan, outcome);
	if (err)
		return err;
	census = stop_and_look(group, plan.ms, outcome);
	if (IS_ERR(census)) {
		extsock_rules_put(plan.rules);
		extsock_group_count(group, EXTSOCK_FREEZES_FAILED, 1);
		finish(group);
		extsock_outcome_add(outcome,
				    "the group runs, no socket was touched\n");
		return PTR_ERR(census);
	}
	extsock_verdict_pass(census, plan.rules, plan.policy);
	extsock_rules_put(plan.rules);
	count_sockets(group, census);
	extsock_group_count(group, EXTSOCK_FREEZES, 1);
	summarise(census, outcome);
	publish(group, census, how->lease);
	return 0;
}

/* Returns how many were reset; @taken: how many somebody has taken. */
static unsigned int reset_free(struct extsock_census *census,
			       unsigned int *taken)
{
	struct extsock_socket *entry;
	unsigned int n = 0;

	*taken = 0;
	extsock_hidden_confirm(census);
	list_for_each_entry(entry, &census->sockets, node) {
		int err;

		cond_resched();
		if (entry->action != EXTSOCK_RESET &&
		    entry->action != EXTSOCK_WAIT)
			continue;
		err = extsock_reset_socket(entry);
		if (err == -EBUSY) {
			++*taken;
			continue;
		}
		entry->action = EXTSOCK_NONE;
		n += !err;
	}
	return n;
}

/* The same, waiting for those who only look at one. */
static unsigned int reset_all(struct extsock_census *census,
			      unsigned int *taken)
{
	unsigned int n = reset_free(census, taken), look;

	for (look = 1; *taken && look < EXTSOCK_LOOKS; look++) {
		usleep_range(EXTSOCK_LOOK_US, 2 * EXTSOCK_LOOK_US);
		n += reset_free(census, taken);
	}
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
		mutex_lock(&group->census_lock);
		census = group->census;
		group->census = NULL;
		mutex_unlock(&group->census_lock);
		group->lease = NULL;
		set_state(group, EXTSOCK_THAWING);
	}
	mutex_unlock(&extsock_group_mutex);
	if (!IS_ERR(census))
		notify(group);
	return census;
}

static int thaw(struct extsock_group *group, bool keep, const void *lease,
		struct extsock_outcome *outcome)
{
	struct extsock_census *census = take_back(group, lease, outcome);
	unsigned int n = 0, taken = 0;

	if (IS_ERR(census))
		return PTR_ERR(census);
	if (!keep)
		n = reset_all(census, &taken);
	extsock_group_count(group, EXTSOCK_RESETS, n);
	extsock_group_count(group, EXTSOCK_THAWS, 1);
	extsock_outcome_add(outcome, "thawed: %u socket%s reset\n", n,
			    n == 1 ? "" : "s");
	if (taken)
		extsock_outcome_add(outcome,
				    "left alone: %u, which somebody outside has taken since the freeze\n",
				    taken);
	finish(group);
	extsock_sockets_free(census);
	return 0;
}

/**
 * extsock_checkpoint_thaw() - reset what is to be reset, and let the group run
 * @group: the group
 * @keep: reset nothing
 * @lease: the open file whose freeze is to end, or NULL for anybody's
 * @outcome: empty; what was done
 *
 * Context: may sleep; does not fail half-way, and cannot be interrupted.
 * Return: 0, or -EBUSY if the group is not frozen, or not by @lease.
 */
int extsock_checkpoint_thaw(struct extsock_group *group, bool keep,
			    const void *lease, struct extsock_outcome *outcome)
{
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
