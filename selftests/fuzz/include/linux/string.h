/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FUZZ_LINUX_STRING_H
#define _FUZZ_LINUX_STRING_H

#include <linux/types.h>
#include <string.h>

char *skip_spaces(const char *str);
char *strim(char *s);
int match_string(const char * const *array, size_t n, const char *string);
size_t str_has_prefix(const char *str, const char *prefix);

#endif /* _FUZZ_LINUX_STRING_H */
