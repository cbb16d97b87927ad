/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_CHECKPOINT_H
#define _EXTSOCK_CHECKPOINT_H

#include "group.h"
#include "outcome.h"

/**
 * struct extsock_freeze - how to freeze
 * @policy: the action of external sockets, or EXTSOCK_NONE for the group's
 * @wait_ms: how long a drain may last, or 0 for the group's
 * @lease: the open file to which the freeze belongs, or NULL
 */
struct extsock_freeze {
	enum extsock_action policy;
	unsigned int wait_ms;
	const void *lease;
};

int extsock_checkpoint_freeze(struct extsock_group *group,
			      const struct extsock_freeze *how,
			      struct extsock_outcome *outcome);
int extsock_checkpoint_thaw(struct extsock_group *group, bool keep,
			    const void *lease, struct extsock_outcome *outcome);
void extsock_checkpoint_expire(struct extsock_group *group, const void *lease);

#endif /* _EXTSOCK_CHECKPOINT_H */
