/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_LOOK_H
#define _EXTSOCK_LOOK_H

/*
 * Some things are so for a moment: somebody who looks into /proc/PID/fd holds a
 * file, a request becomes a child. How often to look, and for how many
 * microseconds to wait in between, until it is taken for what stays.
 */
#define EXTSOCK_LOOKS		5
#define EXTSOCK_LOOK_US		2000

#endif /* _EXTSOCK_LOOK_H */
