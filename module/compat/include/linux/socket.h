/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_COMPAT_LINUX_SOCKET_H
#define _EXTSOCK_COMPAT_LINUX_SOCKET_H

#include_next <linux/socket.h>
#include <linux/version.h>

/* What the handlers of connect() are given, of a length told apart since 6.19. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define extsock_sockaddr struct sockaddr
#else
#define extsock_sockaddr struct sockaddr_unsized
#endif /* 6.19 */

#endif /* _EXTSOCK_COMPAT_LINUX_SOCKET_H */
