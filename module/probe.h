/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_PROBE_H
#define _EXTSOCK_PROBE_H

#include <linux/types.h>

struct seq_file;

int extsock_probe_init(void);
void extsock_probe_exit(void);
int extsock_probe_attach(void);
void extsock_probe_detach(void);
int extsock_probe_attach_gate(void);
void extsock_probe_detach_gate(void);
void extsock_probe_show_stats(struct seq_file *seq);

#endif /* _EXTSOCK_PROBE_H */
