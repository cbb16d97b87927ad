/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_ACTION_H
#define _EXTSOCK_ACTION_H

/**
 * enum extsock_action - what a thaw does with an external socket
 * @EXTSOCK_NONE: the socket is not external
 * @EXTSOCK_RESET: make it a reset socket
 * @EXTSOCK_WAIT: drain before the freeze, then as reset
 * @EXTSOCK_KEEP: never touch it
 */
enum extsock_action {
	EXTSOCK_NONE,
	EXTSOCK_RESET,
	EXTSOCK_WAIT,
	EXTSOCK_KEEP,
};

/* Their words. */
extern const char * const extsock_action_names[EXTSOCK_KEEP + 1];

#endif /* _EXTSOCK_ACTION_H */
