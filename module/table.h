/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_TABLE_H
#define _EXTSOCK_TABLE_H

struct extsock_group;
struct seq_file;

void extsock_table_show(struct seq_file *seq, struct extsock_group *group);

#endif /* _EXTSOCK_TABLE_H */
