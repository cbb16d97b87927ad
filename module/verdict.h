/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_VERDICT_H
#define _EXTSOCK_VERDICT_H

#include "rule.h"
#include "sockets.h"

/**
 * struct extsock_terms - what becomes of external sockets
 * @rules: the action of those that they match
 * @policy: the action of other connections
 * @gate: id of the gate that is closed, or 0
 */
struct extsock_terms {
	struct extsock_rules *rules;
	enum extsock_action policy;
	u64 gate;
};

void extsock_verdict_pass(struct extsock_census *census,
			  const struct extsock_terms *terms);
enum extsock_action extsock_verdict_action(const struct extsock_socket *entry,
					   const struct extsock_terms *terms);

#endif /* _EXTSOCK_VERDICT_H */
