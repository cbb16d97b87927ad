/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FUZZ_H
#define _FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* fuzz.c */
void fuzz_check(bool good, const char *what);
char *fuzz_text(const void *data, size_t size);
char *fuzz_take(char **rest, const char *end);

/* capture.c */
void capture_begin(void);
char *capture_end(void);
const char *capture_said(void);
bool capture_is_utf8(const char *text);
void capture_check(char *output);
void capture_json(void);

#endif /* _FUZZ_H */
