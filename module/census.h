/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_CENSUS_H
#define _EXTSOCK_CENSUS_H

struct extsock_census;
struct extsock_group;

struct extsock_census *extsock_census_take(struct extsock_group *group);

#endif /* _EXTSOCK_CENSUS_H */
