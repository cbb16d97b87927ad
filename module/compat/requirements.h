/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * extsock: what a kernel must have. It is included before everything else, so
 * that a kernel without it is refused with one sentence and not with a
 * hundred errors. Nor may a file print a line without saying whose it is.
 */
#ifndef _EXTSOCK_COMPAT_REQUIREMENTS_H
#define _EXTSOCK_COMPAT_REQUIREMENTS_H

#include <linux/kconfig.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "extsock needs Linux 6.1 or later."
#elif !defined(CONFIG_X86_64)
#error "extsock needs a 64-bit kernel for x86."
#elif defined(CONFIG_PREEMPT_RT)
#error "extsock does not support PREEMPT_RT: its probes take locks that sleep there."
#elif !defined(CONFIG_KPROBES) || !defined(CONFIG_TRACEPOINTS)
#error "extsock needs a kernel with CONFIG_KPROBES and CONFIG_TRACEPOINTS."
#elif !defined(CONFIG_KPROBES_ON_FTRACE)
#error "extsock needs a kernel with CONFIG_KPROBES_ON_FTRACE: kprobes must not be breakpoints."
#elif !defined(CONFIG_CGROUPS)
#error "extsock needs a kernel with CONFIG_CGROUPS: it stops tasks as the cgroup freezer does."
#elif !defined(CONFIG_PROC_EVENTS)
#error "extsock needs a kernel with CONFIG_PROC_EVENTS: it hands tasks to their tracers there."
#elif !defined(CONFIG_SECURITY_NETWORK)
#error "extsock needs a kernel with CONFIG_SECURITY_NETWORK: its accept probe sits there."
#elif !IS_ENABLED(CONFIG_IPV6)
#error "extsock needs a kernel with CONFIG_IPV6."
#elif !defined(CONFIG_NETFILTER)
#error "extsock needs a kernel with CONFIG_NETFILTER: SYNs are held back there."
#elif !defined(CONFIG_INET) || !defined(CONFIG_PROC_FS) || !defined(CONFIG_SYSFS)
#error "extsock needs a kernel with CONFIG_INET, CONFIG_PROC_FS and CONFIG_SYSFS."
#endif /* requirements */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#endif /* _EXTSOCK_COMPAT_REQUIREMENTS_H */
