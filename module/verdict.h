/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_VERDICT_H
#define _EXTSOCK_VERDICT_H

#include "rule.h"
#include "sockets.h"

void extsock_verdict_pass(struct extsock_census *census,
			  const struct extsock_rules *rules,
			  enum extsock_action policy);

#endif /* _EXTSOCK_VERDICT_H */
