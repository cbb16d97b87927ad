/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * extsock - checkpoint processes whose sockets lead outside
 *
 * What the module and its users must agree on: paths, words, limits and
 * column names. Everything else is text in the files named here.
 */
#ifndef _UAPI_LINUX_EXTSOCK_H
#define _UAPI_LINUX_EXTSOCK_H

#define EXTSOCK_VERSION			"0.1.0"

/* Files. NAME stands for the name of a group. */
#define EXTSOCK_SYSFS_ROOT		"/sys/kernel/extsock"
#define EXTSOCK_SYSFS_VERSION		"version"
#define EXTSOCK_SYSFS_GROUP		"group"
#define EXTSOCK_SYSFS_GROUPS		"groups"
#define EXTSOCK_SYSFS_MEMBERS		"members"
#define EXTSOCK_SYSFS_STATE		"state"
#define EXTSOCK_SYSFS_POLICY		"policy"
#define EXTSOCK_SYSFS_WAIT_MS		"wait_ms"
#define EXTSOCK_SYSFS_FREEZE_MS		"freeze_ms"

#define EXTSOCK_PROC_ROOT		"/proc/extsock"
#define EXTSOCK_PROC_CONTROL		"control"
#define EXTSOCK_PROC_SOCKETS		"sockets"
#define EXTSOCK_PROC_RULES		"rules"
#define EXTSOCK_PROC_STATS		"stats"

/* Groups: the one that always exists, and the longest name without its NUL. */
#define EXTSOCK_GROUP_DEFAULT		"default"
#define EXTSOCK_NAME_MAX		32

/* Defaults, in milliseconds, and the longest that may be asked for. */
#define EXTSOCK_WAIT_MS_DEFAULT		60000
#define EXTSOCK_FREEZE_MS_DEFAULT	10000
#define EXTSOCK_MS_MAX			86400000

/* NAME/state */
#define EXTSOCK_STATE_RUNNING		"running"
#define EXTSOCK_STATE_DRAINING		"draining"
#define EXTSOCK_STATE_FREEZING		"freezing"
#define EXTSOCK_STATE_FROZEN		"frozen"
#define EXTSOCK_STATE_THAWING		"thawing"

/* Commands of NAME/control, and their options. */
#define EXTSOCK_CMD_FREEZE		"freeze"
#define EXTSOCK_CMD_THAW		"thaw"
#define EXTSOCK_OPT_POLICY		"policy="
#define EXTSOCK_OPT_WAIT_MS		"wait_ms="
#define EXTSOCK_OPT_LEASE		"lease"
#define EXTSOCK_OPT_KEEP		"keep"

/* The longest command that control takes, in bytes. */
#define EXTSOCK_COMMAND_MAX		128

/* NAME/sockets: column "class" */
#define EXTSOCK_CLASS_INTERNAL		"internal"
#define EXTSOCK_CLASS_EXTERNAL		"external"
#define EXTSOCK_CLASS_SHARED		"shared"
#define EXTSOCK_CLASS_LISTENING		"listening"
#define EXTSOCK_CLASS_IDLE		"idle"
#define EXTSOCK_CLASS_UNSUPPORTED	"unsupported"

/* NAME/policy, and NAME/sockets: column "action" */
#define EXTSOCK_ACTION_RESET		"reset"
#define EXTSOCK_ACTION_WAIT		"wait"
#define EXTSOCK_ACTION_KEEP		"keep"

/*
 * NAME/rules: "ACTION [PROTOCOL] [to ADDR[/LEN]] [port N[-M]] [path GLOB]", one a
 * line. A word that begins with # begins a comment.
 */
#define EXTSOCK_PROTOCOL_NAME_ANY	"any"
#define EXTSOCK_PROTOCOL_NAME_TCP	"tcp"
#define EXTSOCK_PROTOCOL_NAME_UDP	"udp"
#define EXTSOCK_PROTOCOL_NAME_UNIX	"unix"
#define EXTSOCK_RULE_TO			"to"
#define EXTSOCK_RULE_PORT		"port"
#define EXTSOCK_RULE_PATH		"path"

/* How many rules a list may have, and how many bytes its text. */
#define EXTSOCK_RULES_MAX		1024
#define EXTSOCK_RULES_SIZE		262144

/*
 * The list that a group starts with: what libraries open silently, and no program
 * will ever close.
 */
#define EXTSOCK_RULES_DEFAULT \
	"reset tcp port 389\n" \
	"reset tcp port 636\n" \
	"reset tcp port 6000-6063\n" \
	"reset unix path /tmp/.X11-unix/X*\n" \
	"reset unix path @/tmp/.X11-unix/X*\n" \
	"reset unix path /run/nscd/socket\n" \
	"reset unix path /var/run/nscd/socket\n" \
	"reset unix path /var/lib/sss/pipes/*\n"

/* NAME/sockets: column "direction" */
#define EXTSOCK_DIRECTION_CONNECT	"connect"
#define EXTSOCK_DIRECTION_ACCEPT	"accept"

/*
 * The columns of NAME/sockets, separated by blanks; "-" where a value is
 * unknown or makes no sense. Programs find a column by its name in the
 * header line, since later versions may add some.
 *
 *   cookie     the socket's cookie, hexadecimal, as "ss -e" shows it
 *   class      one of EXTSOCK_CLASS_*; "-" while the group runs
 *   action     one of EXTSOCK_ACTION_* for an external socket
 *   family     inet, inet6, unix, netlink, ... or the number
 *   protocol   tcp, udp, mptcp, ... or the number
 *   state      established, syn-sent, ... as "ss" names them, or "-" of a
 *              family with other states
 *   local      ADDRESS:PORT or [ADDRESS]:PORT; of a unix socket its path, or @
 *              and its abstract name, with octal escapes as in "command"
 *   remote     the same of the other end
 *   direction  one of EXTSOCK_DIRECTION_*, if a probe saw it being opened
 *   pid        a member that holds it, in the reader's PID namespace
 *   fd         that member's descriptor; "-" for a child in an accept queue
 *   opener     the PID that opened it, in the reader's PID namespace
 *   command    the opener's name, else the holder's; blanks, backslashes
 *              and unprintable bytes as octal escapes
 *   opened     when it was opened, seconds since 1970 with milliseconds
 *   inode      as in /proc/PID/fd and "ss -e"; 0 in an accept queue
 *   netns      inode number of its network namespace
 */
#define EXTSOCK_SOCKETS_HEADER \
	"cookie class action family protocol state local remote " \
	"direction pid fd opener command opened inode netns"

#endif /* _UAPI_LINUX_EXTSOCK_H */
