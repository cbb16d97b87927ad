// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets -> the rows of NAME/sockets.
 */
#include <linux/seq_file.h>
#include <linux/string_helpers.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/tcp_states.h>
#include <linux/extsock.h>

#include "drain.h"
#include "names.h"
#include "sockets.h"
#include "table.h"

/**
 * struct row - what a line of NAME/sockets shows
 * @sk: the socket, which the caller holds
 * @ends: its ends
 * @name: of a unix socket, its name or NULL
 * @peer_name: that of its peer or NULL
 * @state: sk_state
 * @class: its class
 * @action: its action
 * @direction: from the tag, as the following
 * @opener: who opened it, or NULL
 * @opened: when, in nanoseconds since 1970
 * @command: the opener's name, or that of the holder
 * @pid: a holder, or NULL
 * @fd: its descriptor there, or -1
 * @inode: of the socket's file, or 0
 */
struct row {
	struct sock *sk;
	struct extsock_endpoints ends;
	const struct unix_address *name;
	const struct unix_address *peer_name;
	int state;
	enum extsock_class class;
	enum extsock_action action;
	enum extsock_direction direction;
	struct pid *opener;
	u64 opened;
	const char *command;
	struct pid *pid;
	int fd;
	unsigned long inode;
};

static void show_family(struct seq_file *seq, const struct sock *sk)
{
	static const char * const names[] = {
		[AF_UNIX] = "unix", [AF_INET] = "inet", [AF_INET6] = "inet6",
		[AF_NETLINK] = "netlink", [AF_PACKET] = "packet",
		[AF_ALG] = "alg", [AF_VSOCK] = "vsock",
		[AF_BLUETOOTH] = "bluetooth",
	};

	if (sk->sk_family < ARRAY_SIZE(names) && names[sk->sk_family])
		seq_printf(seq, "%s ", names[sk->sk_family]);
	else
		seq_printf(seq, "%u ", sk->sk_family);
}

static const char *inet_protocol_name(const struct sock *sk)
{
	switch (sk->sk_protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_MPTCP:
		return "mptcp";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return "icmp";
	default:
		return NULL;
	}
}

static bool is_inet(const struct sock *sk)
{
	return sk->sk_family == AF_INET || sk->sk_family == AF_INET6;
}

static void show_protocol(struct seq_file *seq, const struct sock *sk)
{
	const char *name = NULL;

	/* A raw one is not of the protocol that it reads and writes. */
	if (is_inet(sk) && sk->sk_type != SOCK_RAW)
		name = inet_protocol_name(sk);
	else if (sk->sk_type == SOCK_STREAM)
		name = "stream";
	else if (sk->sk_type == SOCK_DGRAM)
		name = "dgram";
	else if (sk->sk_type == SOCK_SEQPACKET)
		name = "seqpacket";
	else if (sk->sk_type == SOCK_RAW)
		name = "raw";
	if (name)
		seq_printf(seq, "%s ", name);
	else
		seq_printf(seq, "%u ", sk->sk_protocol);
}

/* Families with states of their own, or with none, have the same numbers. */
static bool has_tcp_states(const struct sock *sk)
{
	return is_inet(sk) || sk->sk_family == AF_UNIX ||
	       sk->sk_family == AF_VSOCK;
}

static void show_state(struct seq_file *seq, const struct sock *sk, int state)
{
	static const char * const names[] = {
		[TCP_ESTABLISHED] = "established",
		[TCP_SYN_SENT] = "syn-sent",
		[TCP_SYN_RECV] = "syn-recv",
		[TCP_FIN_WAIT1] = "fin-wait-1",
		[TCP_FIN_WAIT2] = "fin-wait-2",
		[TCP_TIME_WAIT] = "time-wait",
		[TCP_CLOSE] = "close",
		[TCP_CLOSE_WAIT] = "close-wait",
		[TCP_LAST_ACK] = "last-ack",
		[TCP_LISTEN] = "listen",
		[TCP_CLOSING] = "closing",
	};

	if (!has_tcp_states(sk))
		seq_puts(seq, "- ");
	else if (state > 0 && state < ARRAY_SIZE(names) && names[state])
		seq_printf(seq, "%s ", names[state]);
	else
		seq_printf(seq, "%d ", state);
}

/* Somebody else's words, in one word; "-" if there are none. */
static void show_words(struct seq_file *seq, const char *words, size_t len)
{
	if (!len)
		seq_putc(seq, '-');
	else
		seq_escape_mem(seq, words, len,
			       ESCAPE_OCTAL | ESCAPE_NAP | ESCAPE_APPEND,
			       " \\\"");
}

/*
 * A path, or behind an @ what makes an abstract name. The kernel adds a NUL to a
 * path, and both can be longer than sun_path is said to be.
 */
static void show_name(struct seq_file *seq, const struct unix_address *name)
{
	const size_t start = offsetof(struct sockaddr_un, sun_path);
	const char *text = name ? (const char *)name->name + start : NULL;
	size_t len = name ? name->len - start : 0;

	if (len < 2) {
		seq_putc(seq, '-');
	} else if (!text[0]) {
		seq_putc(seq, '@');
		show_words(seq, text + 1, len - 1);
	} else if (text[0] == '@') {
		seq_puts(seq, "\\100");
		if (len > 2)
			show_words(seq, text + 1, len - 2);
	} else {
		show_words(seq, text, len - 1);
	}
	seq_putc(seq, ' ');
}

static void show_end(struct seq_file *seq, const struct sock *sk,
		     const struct in6_addr *addr, __be16 port)
{
	if (!is_inet(sk) || (!port && ipv6_addr_any(addr)))
		seq_puts(seq, "- ");
	else if (sk->sk_family == AF_INET || ipv6_addr_v4mapped(addr))
		seq_printf(seq, "%pI4:%u ", &addr->s6_addr32[3], ntohs(port));
	else
		seq_printf(seq, "[%pI6c]:%u ", addr, ntohs(port));
}

/* A PID as the reader sees it: "-" for nobody and for one it cannot see. */
static void show_pid(struct seq_file *seq, struct pid *pid)
{
	pid_t nr = pid_vnr(pid);

	if (nr)
		seq_printf(seq, "%d ", nr);
	else
		seq_puts(seq, "- ");
}

static void show_command(struct seq_file *seq, const char *command)
{
	show_words(seq, command, strnlen(command, TASK_COMM_LEN));
	seq_putc(seq, ' ');
}

static void show_opened(struct seq_file *seq, u64 ns)
{
	u64 ms = div_u64(ns, NSEC_PER_MSEC);
	u32 rest;

	if (!ns) {
		seq_puts(seq, "- ");
		return;
	}
	ms = div_u64_rem(ms, MSEC_PER_SEC, &rest);
	seq_printf(seq, "%llu.%03u ", ms, rest);
}

static void show_row(struct seq_file *seq, const struct row *row)
{
	struct sock *sk = row->sk;

	seq_printf(seq, "%llx %s %s ", extsock_tag_cookie(sk),
		   extsock_class_names[row->class],
		   extsock_action_names[row->action]);
	show_family(seq, sk);
	show_protocol(seq, sk);
	show_state(seq, sk, row->state);
	if (sk->sk_family == AF_UNIX) {
		show_name(seq, row->name);
		show_name(seq, row->peer_name);
	} else {
		show_end(seq, sk, &row->ends.local, row->ends.lport);
		show_end(seq, sk, &row->ends.remote, row->ends.rport);
	}
	seq_printf(seq, "%s ", extsock_direction_names[row->direction]);
	show_pid(seq, row->pid);
	if (row->fd >= 0)
		seq_printf(seq, "%d ", row->fd);
	else
		seq_puts(seq, "- ");
	show_pid(seq, row->opener);
	show_command(seq, row->command);
	show_opened(seq, row->opened);
	seq_printf(seq, "%lu %u\n", row->inode, sock_net(sk)->ns.inum);
}

static void show_entry(struct seq_file *seq, const struct extsock_socket *entry)
{
	const struct row row = {
		.sk = entry->sk, .ends = entry->ends,
		.name = entry->name, .peer_name = entry->peer_name,
		.state = entry->state, .class = entry->class,
		.action = entry->action, .direction = entry->direction,
		.opener = entry->opener, .opened = entry->opened,
		.command = entry->opener ? entry->command : entry->comm,
		.pid = entry->pid, .fd = entry->fd, .inode = entry->inode,
	};

	show_row(seq, &row);
}

static void show_census(struct seq_file *seq,
			const struct extsock_census *census)
{
	const struct extsock_socket *entry;

	list_for_each_entry(entry, &census->sockets, node) {
		if (!census->draining || extsock_drain_waits_for(entry))
			show_entry(seq, entry);
		if (seq_has_overflowed(seq))
			break;
	}
}

static void show_tag(struct seq_file *seq, const struct extsock_tag *tag)
{
	struct sock *sk = extsock_tag_get_sock(tag);
	struct row row = {
		.sk = sk, .direction = tag->direction, .opener = tag->opener,
		.opened = tag->opened, .command = tag->command, .fd = -1,
	};

	if (!sk)
		return;
	row.state = READ_ONCE(sk->sk_state);
	row.inode = extsock_ends_inode(sk);
	extsock_ends_read(sk, &row.ends);
	show_row(seq, &row);
	sock_gen_put(sk);
}

static void show_tags(struct seq_file *seq, const struct extsock_group *group)
{
	struct rhashtable_iter iter;
	struct extsock_tag *tag;

	extsock_tag_walk_start(&iter);
	rhashtable_walk_start(&iter);
	while (!seq_has_overflowed(seq) &&
	       (tag = extsock_tag_walk_next(&iter)))
		if (tag->group == group->id &&
		    tag->direction != EXTSOCK_UNKNOWN)
			show_tag(seq, tag);
	rhashtable_walk_stop(&iter);
	extsock_tag_walk_stop(&iter);
}

/* Between two rounds of a drain nothing is known. */
static bool drains(const struct extsock_group *group)
{
	return READ_ONCE(group->state) == EXTSOCK_DRAINING ||
	       READ_ONCE(group->gate);
}

/**
 * extsock_table_show() - the sockets of a group, as a header line and rows
 * @seq: they go here
 * @group: the group; while it is frozen they are those of the census, while it
 *	drains those that are waited for, else those that members opened
 *
 * The whole table at once: it is that of one moment.
 *
 * Context: may sleep; takes the group's census_lock.
 */
void extsock_table_show(struct seq_file *seq, struct extsock_group *group)
{
	seq_puts(seq, EXTSOCK_SOCKETS_HEADER "\n");
	mutex_lock(&group->census_lock);
	if (group->census)
		show_census(seq, group->census);
	else if (!drains(group))
		show_tags(seq, group);
	mutex_unlock(&group->census_lock);
}
