/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_COMMAND_H
#define _EXTSOCK_COMMAND_H

#include <linux/types.h>

#include "action.h"
#include "outcome.h"

/**
 * enum extsock_verb - what a command is about
 * @EXTSOCK_VERB_FREEZE: freeze the group
 * @EXTSOCK_VERB_THAW: thaw it
 */
enum extsock_verb {
	EXTSOCK_VERB_FREEZE,
	EXTSOCK_VERB_THAW,
};

/**
 * struct extsock_command - a command that was written to NAME/control
 * @verb: what to do
 * @policy: freeze: the action of external sockets, or EXTSOCK_NONE if none was
 *	given
 * @wait_ms: freeze: how long a drain may last, or 0 if it was not given
 * @lease: freeze: it ends with the open file
 * @keep: thaw: reset nothing
 */
struct extsock_command {
	enum extsock_verb verb;
	enum extsock_action policy;
	unsigned int wait_ms;
	bool lease;
	bool keep;
};

int extsock_command_parse(char *text, struct extsock_command *command,
			  struct extsock_outcome *outcome);

#endif /* _EXTSOCK_COMMAND_H */
