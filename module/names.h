/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_NAMES_H
#define _EXTSOCK_NAMES_H

/* The words of the interface, by the enums that mean them. */

#include "action.h"
#include "group.h"
#include "sockets.h"
#include "tag.h"

extern const char * const extsock_state_names[EXTSOCK_THAWING + 1];
extern const char * const extsock_class_names[EXTSOCK_CLASSES];
extern const char * const extsock_direction_names[EXTSOCK_ACCEPT + 1];

#endif /* _EXTSOCK_NAMES_H */
