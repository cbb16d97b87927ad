/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FUZZ_LINUX_SEQ_FILE_H
#define _FUZZ_LINUX_SEQ_FILE_H

#include <stdio.h>

struct seq_file {
	FILE *stream;
};

static inline void seq_puts(struct seq_file *seq, const char *text)
{
	fputs(text, seq->stream);
}

static inline void seq_putc(struct seq_file *seq, char c)
{
	fputc(c, seq->stream);
}

#endif /* _FUZZ_LINUX_SEQ_FILE_H */
