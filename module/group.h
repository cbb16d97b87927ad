/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_GROUP_H
#define _EXTSOCK_GROUP_H

#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/proc_fs.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/extsock.h>

#include "action.h"
#include "rule.h"

struct extsock_census;
struct extsock_gate;

/**
 * enum extsock_state - where a group stands in the sequence
 * @EXTSOCK_RUNNING: members run
 * @EXTSOCK_DRAINING: members run, the gate holds new external connections back
 * @EXTSOCK_FREEZING: members are being stopped
 * @EXTSOCK_FROZEN: members stand still, the census is complete
 * @EXTSOCK_THAWING: sockets are being reset, then members resume
 */
enum extsock_state {
	EXTSOCK_RUNNING,
	EXTSOCK_DRAINING,
	EXTSOCK_FREEZING,
	EXTSOCK_FROZEN,
	EXTSOCK_THAWING,
};

/**
 * enum extsock_counter - what NAME/stats counts; the numbers only grow
 * @EXTSOCK_JOINED: processes added by a write
 * @EXTSOCK_FORKED: processes that became members by birth
 * @EXTSOCK_LEFT: processes that left, by a write or by their end
 * @EXTSOCK_LOST: children that could not become members (no memory)
 * @EXTSOCK_DRAINS: rounds of waiting for sockets to go
 * @EXTSOCK_FREEZES: freezes that succeeded
 * @EXTSOCK_FREEZES_FAILED: freezes that were undone
 * @EXTSOCK_THAWS: thaws
 * @EXTSOCK_SOCKETS: sockets found by censuses
 * @EXTSOCK_UNSEEN: connected TCP sockets found that no probe had seen
 * @EXTSOCK_RESETS: sockets reset
 * @EXTSOCK_COUNTERS: how many there are
 */
enum extsock_counter {
	EXTSOCK_JOINED,
	EXTSOCK_FORKED,
	EXTSOCK_LEFT,
	EXTSOCK_LOST,
	EXTSOCK_DRAINS,
	EXTSOCK_FREEZES,
	EXTSOCK_FREEZES_FAILED,
	EXTSOCK_THAWS,
	EXTSOCK_SOCKETS,
	EXTSOCK_UNSEEN,
	EXTSOCK_RESETS,
	EXTSOCK_COUNTERS,
};

/**
 * struct extsock_reader - somebody who has begun with a list
 * @file: the open file; compared, never followed
 * @len: the length of its list in bytes
 */
struct extsock_reader {
	const void *file;
	size_t len;
};

/* How many readers of a list are remembered, the last one included. */
#define EXTSOCK_READERS		16

/**
 * struct extsock_text - a list as it was when its last reader began
 * @readers: who has begun, a ring
 * @nr_readers: how many have ever been put there; the last one gets @text
 * @text: the list, which it is given piece by piece
 */
struct extsock_text {
	struct extsock_reader readers[EXTSOCK_READERS];
	unsigned int nr_readers;
	char text[];
};

/**
 * struct extsock_group - the processes checkpointed together
 * @node: in the list of groups; extsock_group_mutex
 * @name: its name; constant
 * @id: a number never used twice, by which tags refer to it; constant
 * @members: the members, oldest first; written under the member lock, read
 *	under RCU
 * @nr_members: their number; member lock
 * @leaving: those that left by their end, and may have descriptors still; member
 *	lock
 * @exits: how many tasks of members have begun to exit, before they closed
 *	anything
 * @nr_inserted: how many there have ever been; written under the member lock
 * @incomplete: a child could not become a member; cleared when the group is
 *	empty; member lock
 * @holding: new threads stand still from their birth, and whoever leaves the
 *	freezer is sent back; written under the member lock
 * @dead: the group is being made or deleted, nobody may join; member lock
 * @state: its place in the sequence; extsock_group_mutex, read anywhere
 * @policy: the action where no rule matches; extsock_group_mutex
 * @rules: the action of what they match, a reference; extsock_group_mutex
 * @wait_ms: how long a drain may last; extsock_group_mutex
 * @freeze_ms: how long the stop may take; extsock_group_mutex
 * @gate: what holds new connections back, or NULL; extsock_group_mutex
 * @cancelled: the freeze under way is to be undone; written under
 *	extsock_group_mutex
 * @wait: who waits for the group: the freezing task for sockets to go, and who
 *	has cancelled a freeze for its end
 * @census: what the freeze found, while frozen, or waits for; @census_lock
 * @census_lock: holds @census still for readers. Taken inside
 *	extsock_group_mutex, never outside of it
 * @lease: the open file to which the freeze belongs, or NULL; compared,
 *	never followed; extsock_group_mutex
 * @counters: by enum extsock_counter
 * @kobj: its folder in sysfs; its release frees the group
 * @proc: its folder in proc
 * @text_lock: protects @text
 * @text: the list of members that readers are given, or NULL before the first
 *
 * Made and published by a write to the file "groups", and taken back by
 * another; extsock_group_free() says who could still hold it then.
 */
struct extsock_group {
	struct list_head node;
	char name[EXTSOCK_NAME_MAX + 1];
	u64 id;

	struct list_head members;
	unsigned int nr_members;
	struct list_head leaving;
	atomic_long_t exits;
	u64 nr_inserted;
	bool incomplete;
	bool holding;
	bool dead;

	enum extsock_state state;
	enum extsock_action policy;
	struct extsock_rules *rules;
	unsigned int wait_ms;
	unsigned int freeze_ms;
	struct extsock_gate *gate;
	bool cancelled;
	wait_queue_head_t wait;
	struct mutex census_lock;
	struct extsock_census *census;
	const void *lease;

	atomic64_t counters[EXTSOCK_COUNTERS];

	struct kobject kobj;
	struct proc_dir_entry *proc;
	struct mutex text_lock;
	struct extsock_text *text;
};

/**
 * struct extsock_member - a process of a group
 * @hash: in the table by @pid; member lock, read under RCU
 * @node: in the group's list; member lock, read under RCU
 * @leaving: in the group's list of those that exit; member lock
 * @pid: its thread group's PID, a counted reference: it stays the same over
 *	exec, and cannot be given to another process as long as it is here
 * @group: its group, constant; groups outlive members by a grace period
 * @nr: which one of its group it is, from 1, constant; grows along the list
 * @rcu: frees it
 *
 * Held by the table alone, from joining to extsock_group_forget() at the exit
 * of its last thread or to the write that removes it; readers are under RCU. After
 * its exit it is held by the group's list of those, until all is closed.
 */
struct extsock_member {
	struct hlist_node hash;
	struct list_head node;
	struct list_head leaving;
	struct pid *pid;
	struct extsock_group *group;
	u64 nr;
	struct rcu_head rcu;
};

/*
 * Protects the list of groups, their states and settings, and orders joining
 * with the attaching of probes. It is not held while a freeze waits. Never
 * taken by a probe.
 */
extern struct mutex extsock_group_mutex;
extern struct list_head extsock_groups;

int extsock_group_init(void);
void extsock_group_settle(void);
void extsock_group_exit(void);

struct extsock_group *extsock_group_alloc(const char *name);
void extsock_group_free(struct extsock_group *group);
struct extsock_group *extsock_group_find(const char *name);
void extsock_group_open(struct extsock_group *group);
int extsock_group_drain(bool draining);
int extsock_group_retire(struct extsock_group *group);
struct extsock_rules *extsock_group_get_rules(struct extsock_group *group);
void extsock_group_set_rules(struct extsock_group *group,
			     struct extsock_rules *rules);

int extsock_group_join(struct extsock_group *group, pid_t nr);
int extsock_group_leave(struct extsock_group *group, pid_t nr);
void extsock_group_born(struct task_struct *child);
void extsock_group_forget(struct task_struct *task);
struct pid *extsock_group_get_leaving(struct extsock_group *group);
bool extsock_group_exits(struct extsock_group *group);

struct extsock_group *extsock_group_of(struct task_struct *task);
void extsock_group_hold(struct extsock_group *group, bool holding);

/**
 * extsock_group_count() - add to one of the counters of NAME/stats
 * @group: the group
 * @counter: which one
 * @n: how much
 *
 * Any context.
 */
static inline void extsock_group_count(struct extsock_group *group,
				       enum extsock_counter counter, u64 n)
{
	atomic64_add(n, &group->counters[counter]);
}

#endif /* _EXTSOCK_GROUP_H */
