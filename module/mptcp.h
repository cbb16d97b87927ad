/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_MPTCP_H
#define _EXTSOCK_MPTCP_H

struct sock;

struct sock *extsock_mptcp_program(struct sock *tcp);
struct sock *extsock_mptcp_tcp(struct sock *sk);
int extsock_mptcp_reset(struct sock *sk);

#endif /* _EXTSOCK_MPTCP_H */
