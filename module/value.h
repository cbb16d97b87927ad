/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_VALUE_H
#define _EXTSOCK_VALUE_H

#include <linux/types.h>
#include <linux/extsock.h>

#include "action.h"

/* The longest text that a file with one value takes: a name with its sign. */
#define EXTSOCK_VALUE_MAX	(EXTSOCK_NAME_MAX + 2)

int extsock_value_text(char *text, const char *buf, size_t len);
int extsock_value_pid(const char *text, bool *leave, int *nr);
int extsock_value_policy(const char *text, enum extsock_action *policy);
int extsock_value_ms(const char *text, unsigned int *ms);
bool extsock_value_is_name(const char *text);

#endif /* _EXTSOCK_VALUE_H */
