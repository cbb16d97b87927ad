// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/extsock/NAME: control, rules, sockets and stats. Text in, text out.
 *
 * Removing an entry waits for whoever is inside of one of these functions, and
 * closes the files that are still open, so each can rely on its group.
 */
#include <linux/ctype.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/string_helpers.h>
#include <linux/uaccess.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/tcp_states.h>

#include "checkpoint.h"
#include "names.h"
#include "permit.h"
#include "probe.h"
#include "proc.h"
#include "sockets.h"

static struct proc_dir_entry *root;

/**
 * struct control - an open control file
 * @group: its group
 * @lock: one command at a time; protects the following
 * @leased: its last freeze was with a lease, and it has not thawed it
 * @outcome: of the last command
 */
struct control {
	struct extsock_group *group;
	struct mutex lock;
	bool leased;
	struct extsock_outcome outcome;
};

static int control_open(struct inode *inode, struct file *file)
{
	struct control *control = kzalloc(sizeof(*control), GFP_KERNEL_ACCOUNT);

	if (!control)
		return -ENOMEM;
	control->group = pde_data(inode);
	mutex_init(&control->lock);
	file->private_data = control;
	return 0;
}

static int control_release(struct inode *inode, struct file *file)
{
	struct control *control = file->private_data;

	extsock_checkpoint_expire(control->group, control);
	kfree(control);
	return 0;
}

static ssize_t control_read(struct file *file, char __user *buf, size_t len,
			    loff_t *pos)
{
	struct control *control = file->private_data;
	ssize_t ret;

	if (mutex_lock_interruptible(&control->lock))
		return -ERESTARTSYS;
	ret = simple_read_from_buffer(buf, len, pos, control->outcome.text,
				      control->outcome.len);
	mutex_unlock(&control->lock);
	return ret;
}

static int parse_policy(const char *word, enum extsock_action *policy)
{
	int i = match_string(extsock_action_names,
			     ARRAY_SIZE(extsock_action_names), word);

	if (i <= EXTSOCK_NONE)
		return -EINVAL;
	*policy = i;
	return 0;
}

static int parse_ms(const char *word, unsigned int *ms)
{
	if (!isdigit(word[0]) || kstrtouint(word, 10, ms) || !*ms ||
	    *ms > EXTSOCK_MS_MAX)
		return -EINVAL;
	return 0;
}

static int parse_freeze_option(struct control *control, const char *word,
			       struct extsock_freeze *how)
{
	size_t len;

	len = str_has_prefix(word, EXTSOCK_OPT_POLICY);
	if (len)
		return parse_policy(word + len, &how->policy);
	len = str_has_prefix(word, EXTSOCK_OPT_WAIT_MS);
	if (len)
		return parse_ms(word + len, &how->wait_ms);
	if (!strcmp(word, EXTSOCK_OPT_LEASE)) {
		how->lease = control;
		return 0;
	}
	return -EINVAL;
}

static int not_understood(struct control *control, const char *word)
{
	extsock_outcome_add(&control->outcome, "not understood: \"");
	extsock_outcome_quote(&control->outcome, word, strlen(word));
	extsock_outcome_add(&control->outcome,
			    "\"; expected \"freeze [policy=reset|wait|keep] [wait_ms=N] [lease]\" or \"thaw [keep]\"\n");
	return -EINVAL;
}

static int do_freeze(struct control *control, char *options)
{
	struct extsock_freeze how = {};
	char *word;
	int err;

	while ((word = strsep(&options, " \t"))) {
		if (*word && parse_freeze_option(control, word, &how))
			return not_understood(control, word);
	}
	err = extsock_checkpoint_freeze(control->group, &how,
					&control->outcome);
	if (!err)
		control->leased = how.lease;
	return err;
}

/* Whoever has a lease means its own freeze, and not that of who came after. */
static int do_thaw(struct control *control, char *options)
{
	bool keep = false;
	char *word;
	int err;

	while ((word = strsep(&options, " \t"))) {
		if (!strcmp(word, EXTSOCK_OPT_KEEP))
			keep = true;
		else if (*word)
			return not_understood(control, word);
	}
	err = extsock_checkpoint_thaw(control->group, keep,
				      control->leased ? control : NULL,
				      &control->outcome);
	if (!err)
		control->leased = false;
	return err;
}

static int do_command(struct control *control, char *text)
{
	char *options = strim(text), *verb;

	control->outcome.len = 0;
	verb = strsep(&options, " \t");
	if (!strcmp(verb, EXTSOCK_CMD_FREEZE))
		return do_freeze(control, options);
	if (!strcmp(verb, EXTSOCK_CMD_THAW))
		return do_thaw(control, options);
	return not_understood(control, verb);
}

/* Both who writes and who opened the file, which may have been passed on. */
static bool may_command(struct file *file)
{
	return extsock_permitted() &&
	       (file_ns_capable(file, &init_user_ns, CAP_CHECKPOINT_RESTORE) ||
		file_ns_capable(file, &init_user_ns, CAP_SYS_ADMIN));
}

static ssize_t control_write(struct file *file, const char __user *buf,
			     size_t len, loff_t *pos)
{
	struct control *control = file->private_data;
	char *text;
	int err;

	if (!may_command(file))
		return -EPERM;
	if (!len || len > EXTSOCK_COMMAND_MAX)
		return -EINVAL;
	text = memdup_user_nul(buf, len);
	if (IS_ERR(text))
		return PTR_ERR(text);
	if (strlen(text) != len) {
		err = -EINVAL;
	} else if (mutex_lock_interruptible(&control->lock)) {
		err = -EINTR;
	} else {
		err = do_command(control, text);
		*pos = 0;
		mutex_unlock(&control->lock);
	}
	kfree(text);
	return err ?: len;
}

static const struct proc_ops control_ops = {
	.proc_open = control_open,
	.proc_release = control_release,
	.proc_read = control_read,
	.proc_write = control_write,
	.proc_lseek = default_llseek,
};

/**
 * struct rules_file - an open rules file
 * @group: its group
 * @lock: one list at a time; protects the following
 * @outcome: what was wrong with the last list that was written, if anything
 * @text: the list that is being written, or NULL
 * @len: its length in bytes
 * @failed: it was refused, and so is what follows
 */
struct rules_file {
	struct extsock_group *group;
	struct mutex lock;
	struct extsock_outcome outcome;
	char *text;
	size_t len;
	bool failed;
};

static void end_list(struct rules_file *file)
{
	kvfree(file->text);
	file->text = NULL;
	file->len = 0;
}

/*
 * The list, or after a write that failed what was wrong. Whoever reads has ended
 * the list that was being written.
 */
static int rules_show(struct seq_file *seq, void *v)
{
	struct rules_file *file = seq->private;
	struct extsock_rules *rules;

	mutex_lock(&file->lock);
	end_list(file);
	file->failed = false;
	if (file->outcome.len) {
		seq_write(seq, file->outcome.text, file->outcome.len);
	} else {
		rules = extsock_group_get_rules(file->group);
		extsock_rules_show(rules, seq);
		extsock_rules_put(rules);
	}
	mutex_unlock(&file->lock);
	return 0;
}

static int rules_open(struct inode *inode, struct file *file)
{
	struct rules_file *rules = kzalloc(sizeof(*rules), GFP_KERNEL_ACCOUNT);
	int err;

	if (!rules)
		return -ENOMEM;
	rules->group = pde_data(inode);
	mutex_init(&rules->lock);
	err = single_open(file, rules_show, rules);
	if (err)
		kfree(rules);
	return err;
}

static int rules_release(struct inode *inode, struct file *file)
{
	struct seq_file *seq = file->private_data;
	struct rules_file *rules = seq->private;

	kvfree(rules->text);
	kfree(rules);
	return single_release(inode, file);
}

/* What was written before, and what is written now. */
static char *join_text(const struct rules_file *file, const char __user *buf,
		       size_t len)
{
	char *text = kvmalloc(file->len + len, GFP_KERNEL_ACCOUNT);

	if (!text)
		return ERR_PTR(-ENOMEM);
	if (file->len)
		memcpy(text, file->text, file->len);
	if (copy_from_user(text + file->len, buf, len)) {
		kvfree(text);
		return ERR_PTR(-EFAULT);
	}
	return text;
}

static int set_rules(struct rules_file *file, const char __user *buf,
		     size_t len)
{
	struct extsock_rules *rules;
	char *text;

	file->outcome.len = 0;
	if (len > EXTSOCK_RULES_SIZE - file->len) {
		extsock_outcome_add(&file->outcome, "more than %u bytes\n",
				    EXTSOCK_RULES_SIZE);
		return -E2BIG;
	}
	text = join_text(file, buf, len);
	if (IS_ERR(text))
		return PTR_ERR(text);
	rules = extsock_rules_parse(text, file->len + len, &file->outcome);
	if (IS_ERR(rules)) {
		kvfree(text);
		return PTR_ERR(rules);
	}
	extsock_group_set_rules(file->group, rules);
	kvfree(file->text);
	file->text = text;
	file->len += len;
	return 0;
}

/*
 * A write is a list, and those that follow it are the rest of that list: a shell
 * may cut a long one. When one was refused, so is the rest, until a reader was
 * told why: the end of a list must not become the list.
 */
static ssize_t rules_write(struct file *file, const char __user *buf,
			   size_t len, loff_t *pos)
{
	struct rules_file *rules = ((struct seq_file *)file->private_data)->private;
	int err = -EINVAL;

	if (!may_command(file))
		return -EPERM;
	if (mutex_lock_interruptible(&rules->lock))
		return -EINTR;
	if (!*pos)
		end_list(rules);
	if (!rules->failed)
		err = set_rules(rules, buf, len);
	if (err) {
		/* A reader begins at the beginning. */
		rules->failed = true;
		file->f_pos = 0;
	} else {
		*pos = rules->len;
	}
	mutex_unlock(&rules->lock);
	return err ?: len;
}

static const struct proc_ops rules_ops = {
	.proc_open = rules_open,
	.proc_release = rules_release,
	.proc_read = seq_read,
	.proc_write = rules_write,
	.proc_lseek = seq_lseek,
};

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

static void show_census(struct seq_file *seq,
			const struct extsock_census *census)
{
	const struct extsock_socket *entry;

	list_for_each_entry(entry, &census->sockets, node) {
		struct row row = {
			.sk = entry->sk, .ends = entry->ends,
			.name = entry->name, .peer_name = entry->peer_name,
			.state = entry->state, .class = entry->class,
			.action = entry->action, .direction = entry->direction,
			.opener = entry->opener, .opened = entry->opened,
			.command = entry->opener ? entry->command : entry->comm,
			.pid = entry->pid, .fd = entry->fd,
			.inode = entry->inode,
		};

		show_row(seq, &row);
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

/* The whole table at once: it is that of one moment. */
static int sockets_show(struct seq_file *seq, void *v)
{
	struct extsock_group *group = seq->private;

	seq_puts(seq, EXTSOCK_SOCKETS_HEADER "\n");
	mutex_lock(&group->census_lock);
	if (group->census)
		show_census(seq, group->census);
	else
		show_tags(seq, group);
	mutex_unlock(&group->census_lock);
	return 0;
}

static int stats_show(struct seq_file *seq, void *v)
{
	static const char * const names[EXTSOCK_COUNTERS] = {
		[EXTSOCK_JOINED] = "joined",
		[EXTSOCK_FORKED] = "forked",
		[EXTSOCK_LEFT] = "left",
		[EXTSOCK_LOST] = "lost",
		[EXTSOCK_FREEZES] = "freezes",
		[EXTSOCK_FREEZES_FAILED] = "freezes_failed",
		[EXTSOCK_THAWS] = "thaws",
		[EXTSOCK_SOCKETS] = "sockets",
		[EXTSOCK_UNSEEN] = "sockets_unseen",
		[EXTSOCK_RESETS] = "sockets_reset",
	};
	struct extsock_group *group = seq->private;
	unsigned int i;

	for (i = 0; i < EXTSOCK_COUNTERS; i++)
		seq_printf(seq, "%s %lld\n", names[i],
			   atomic64_read(&group->counters[i]));
	extsock_probe_show_stats(seq);
	return 0;
}

/**
 * extsock_proc_add() - publish a group in proc
 * @group: the group
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int extsock_proc_add(struct extsock_group *group)
{
	group->proc = proc_mkdir_mode(group->name, 0500, root);
	if (!group->proc)
		return -ENOMEM;
	if (!proc_create_data(EXTSOCK_PROC_CONTROL, 0600, group->proc,
			      &control_ops, group) ||
	    !proc_create_data(EXTSOCK_PROC_RULES, 0600, group->proc,
			      &rules_ops, group) ||
	    !proc_create_single_data(EXTSOCK_PROC_SOCKETS, 0400, group->proc,
				     sockets_show, group) ||
	    !proc_create_single_data(EXTSOCK_PROC_STATS, 0400, group->proc,
				     stats_show, group)) {
		proc_remove(group->proc);
		return -ENOMEM;
	}
	return 0;
}

/**
 * extsock_proc_remove() - take a group out of proc
 * @group: the group
 *
 * Waits for commands that are under way; files still open are closed.
 *
 * Context: may sleep; no locks that a command takes.
 */
void extsock_proc_remove(struct extsock_group *group)
{
	proc_remove(group->proc);
}

/**
 * extsock_proc_init() - make /proc/extsock
 *
 * Return: 0 or -ENOMEM.
 */
int __init extsock_proc_init(void)
{
	root = proc_mkdir_mode("extsock", 0500, NULL);
	return root ? 0 : -ENOMEM;
}

/**
 * extsock_proc_exit() - remove /proc/extsock, which is empty
 */
void extsock_proc_exit(void)
{
	proc_remove(root);
}
