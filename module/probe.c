// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every kprobe and tracepoint. They are attached while some group has members,
 * so a machine without members pays nothing; those of the gates while one is
 * closed. Only entry probes are used: a
 * return probe loses events when more tasks sleep in the function than it has
 * instances.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/tcp.h>
#include <linux/tracepoint.h>
#include <net/mptcp.h>

#include "backlog.h"
#include "drain.h"
#include "freezer.h"
#include "gate.h"
#include "group.h"
#include "mptcp.h"
#include "probe.h"
#include "tag.h"

/**
 * struct probe - a kprobe
 * @kp: the kprobe; registering it wants @kp zeroed but for these settings
 * @symbol: the function at whose entry it sits
 * @addr: its address, if it is ours, or NULL
 * @handler: what runs there; must not sleep
 * @gate: it is needed while a gate is closed only
 * @attached: it is registered; extsock_group_mutex
 * @missed: @kp.nmissed of earlier registrations, each of which begins at 0
 * @hits: how often the handler ran, per CPU
 */
struct probe {
	struct kprobe kp;
	const char *symbol;
	void *addr;
	kprobe_pre_handler_t handler;
	bool gate;
	bool attached;
	u64 missed;
	u64 __percpu *hits;
};

/**
 * struct point - a tracepoint
 * @name: its name
 * @call: what runs there
 * @tp: the tracepoint, found at load
 * @attached: it is registered; extsock_group_mutex
 */
struct point {
	const char *name;
	void *call;
	struct tracepoint *tp;
	bool attached;
};

/* The group whose sockets current opens, or 0. */
static u64 opener_group(void)
{
	struct extsock_group *group;
	u64 id = 0;

	/* A checkpointer acts in a traced task's name. */
	if (current->ptrace)
		return 0;
	rcu_read_lock();
	group = extsock_group_of(current);
	if (group)
		id = group->id;
	rcu_read_unlock();
	return id;
}

static void count_hit(struct kprobe *kp)
{
	this_cpu_inc(*container_of(kp, struct probe, kp)->hits);
}

/*
 * tcp_connect(sk): IPv4 and IPv6 meet here, MSG_FASTOPEN and io_uring too, under
 * the socket lock. The socket is in SYN_SENT, so it will pass TCP_CLOSE before
 * it goes, where on_set_state() drops the tag; a connect that fails earlier
 * would leave one behind.
 */
static int on_connect(struct kprobe *kp, struct pt_regs *regs)
{
	struct sock *tcp = (struct sock *)regs_get_kernel_argument(regs, 0);
	u64 group = opener_group();
	struct sock *sk;

	count_hit(kp);
	/* Under TCP_REPAIR a connection is put in place, not opened. */
	if (!group || tcp->sk_protocol != IPPROTO_TCP || tcp_sk(tcp)->repair)
		return 0;
	sk = extsock_mptcp_program(tcp);
	/* A further path, of anybody's: made by who told the kernel of an address. */
	if (sk == tcp && sk_is_mptcp(tcp))
		return 0;
	if (sk)
		extsock_tag_record(sk, group, EXTSOCK_CONNECT,
				   extsock_gate_connecting(tcp));
	return 0;
}

/* security_sock_graft(sk, parent): once per accept, under the socket lock */
static int on_accept(struct kprobe *kp, struct pt_regs *regs)
{
	struct sock *sk = (struct sock *)regs_get_kernel_argument(regs, 0);
	u64 group;

	count_hit(kp);
	if ((sk->sk_protocol != IPPROTO_TCP &&
	     sk->sk_protocol != IPPROTO_MPTCP) ||
	    (sk->sk_family != AF_INET && sk->sk_family != AF_INET6))
		return 0;
	group = opener_group();
	if (!group)
		return 0;
	/* A multipath one has the cookie of the listener, which it was made from. */
	if (sk->sk_protocol == IPPROTO_MPTCP)
		atomic64_set(&sk->sk_cookie, 0);
	/* One that died in the queue would keep its tag. */
	if (sk->sk_state != TCP_CLOSE)
		extsock_tag_record(sk, group, EXTSOCK_ACCEPT, 0);
	return 0;
}

/* cgroup_leave_frozen(always_leave) */
static int on_leave_frozen(struct kprobe *kp, struct pt_regs *regs)
{
	count_hit(kp);
	extsock_freezer_leaving(regs_get_kernel_argument(regs, 0) & 1);
	return 0;
}

/*
 * proc_ptrace_connector(child, request): somebody has got a tracer, or lost it.
 * __ptrace_link() is not the place: compilers put it into its callers.
 */
static int on_ptrace_connector(struct kprobe *kp, struct pt_regs *regs)
{
	int request = regs_get_kernel_argument(regs, 1);

	count_hit(kp);
	if (request == PTRACE_ATTACH)
		extsock_freezer_traced((void *)regs_get_kernel_argument(regs, 0));
	return 0;
}

/* __ptrace_unlink(child) */
static int on_ptrace_unlink(struct kprobe *kp, struct pt_regs *regs)
{
	count_hit(kp);
	extsock_freezer_untraced((void *)regs_get_kernel_argument(regs, 0));
	return 0;
}

static void on_newtask(EXTSOCK_NEWTASK_PROTO)
{
	if (!(clone_flags & CLONE_THREAD))
		extsock_group_born(task);
	extsock_freezer_born(task);
}

static void on_process_exit(EXTSOCK_PROCESS_EXIT_PROTO)
{
	extsock_group_forget(task);
}

/*
 * listen(): if the socket comes to be in a message only, its tag is what it and
 * those who wait there are found by.
 */
static void on_listen(struct sock *sk)
{
	u64 group;

	if (sk->sk_protocol != IPPROTO_MPTCP &&
	    (sk->sk_protocol != IPPROTO_TCP || sk_is_mptcp(sk)))
		return;
	group = opener_group();
	if (group)
		extsock_tag_record(sk, group, EXTSOCK_UNKNOWN, 0);
}

static void on_set_state(void *data, const struct sock *sk, const int oldstate,
			 const int newstate)
{
	if (oldstate == TCP_LISTEN)
		extsock_backlog_closing(sk);
	if (newstate == TCP_CLOSE) {
		extsock_tag_drop(sk);
		extsock_drain_closed(sk);
	} else if (newstate == TCP_LISTEN) {
		on_listen((struct sock *)sk);
	}
}

/*
 * unix_stream_connect() and the like: (sock, addr, len, flags), with no lock
 * held. The reference to the module is given back when the call ends.
 *
 * A kprobe with a post_handler would be armed by other ftrace_ops than one without,
 * and the kernel mixes them up where two meet; so these have none.
 */
static int on_call(struct kprobe *kp, struct pt_regs *regs)
{
	struct socket *sock = (void *)regs_get_kernel_argument(regs, 0);
	int flags = regs_get_kernel_argument(regs, 3);

	count_hit(kp);
	if (!sock->sk || !extsock_gate_stops(sock, flags))
		return 0;
	__module_get(THIS_MODULE);
	instruction_pointer_set(regs, (unsigned long)extsock_gate_connect);
	return 1;
}

/* inet_dgram_connect(): raw and ping sockets come here as well. */
static int on_inet_call(struct kprobe *kp, struct pt_regs *regs)
{
	struct socket *sock = (void *)regs_get_kernel_argument(regs, 0);

	if (sock->sk && extsock_ends_kind(sock->sk) == EXTSOCK_UDP)
		return on_call(kp, regs);
	count_hit(kp);
	return 0;
}

/* sock_close(inode, file): the last descriptor goes */
static int on_close(struct kprobe *kp, struct pt_regs *regs)
{
	struct file *file = (void *)regs_get_kernel_argument(regs, 1);
	struct socket *sock = sock_from_file(file);

	count_hit(kp);
	if (!sock || !sock->sk)
		return 0;
	/* Others tell by their state. */
	if (sock->sk->sk_family == AF_UNIX &&
	    READ_ONCE(sock->sk->sk_state) == TCP_LISTEN)
		extsock_backlog_closing(sock->sk);
	extsock_drain_closing(sock->sk);
	return 0;
}

/* tcp_child_process(listener, child, skb): who waits has not been woken yet */
static int on_child(struct kprobe *kp, struct pt_regs *regs)
{
	count_hit(kp);
	extsock_backlog_arrived((void *)regs_get_kernel_argument(regs, 0),
				(void *)regs_get_kernel_argument(regs, 1));
	return 0;
}

static int on_check(struct kprobe *kp, struct pt_regs *regs)
{
	count_hit(kp);
	return 0;
}

/*
 * Called for its probe alone. Whether that runs tells whether any does: the
 * administrator may have turned off kprobes, or ftrace, without them knowing.
 */
static noinline __noclone void extsock_probe_check(void)
{
	asm volatile("");
}

/* The kernel has what the gate's probes need; constant after the load. */
static bool gate_works = true;

/* A kprobe could not be taken back; extsock_group_mutex. */
static bool is_stuck;

/* Which of them is the one above. */
#define CHECK	0

static struct probe probes[] = {
	[CHECK] = {
		.symbol = "extsock_probe_check",
		.addr = extsock_probe_check,
		.handler = on_check,
	},
	{ .symbol = "tcp_connect", .handler = on_connect },
	{ .symbol = "security_sock_graft", .handler = on_accept },
	{ .symbol = "cgroup_leave_frozen", .handler = on_leave_frozen },
	{ .symbol = "proc_ptrace_connector", .handler = on_ptrace_connector },
	{ .symbol = "__ptrace_unlink", .handler = on_ptrace_unlink },
	{ .symbol = "sock_close", .handler = on_close, .gate = true },
	{ .symbol = "tcp_child_process", .handler = on_child, .gate = true },
	{ .symbol = "unix_stream_connect", .handler = on_call, .gate = true },
	{ .symbol = "unix_dgram_connect", .handler = on_call, .gate = true },
	{ .symbol = "inet_dgram_connect", .handler = on_inet_call,
	  .gate = true },
};

static struct point points[] = {
	{ .name = "inet_sock_set_state", .call = on_set_state },
	{ .name = "task_newtask", .call = on_newtask },
	{ .name = "sched_process_exit", .call = on_process_exit },
};

/*
 * Linux 6.14 and later say that a kprobe is registered when it could not be armed,
 * for want of memory most likely, and was taken back. To enable one that is enabled
 * does nothing but tell whether there is one.
 */
static int register_armed(struct kprobe *kp)
{
	int err = register_kprobe(kp);

	if (!err && enable_kprobe(kp))
		err = -ENOMEM;
	return err;
}

static int attach_probe(struct probe *probe)
{
	int err;

	if (is_stuck)
		return -EOPNOTSUPP;
	if (probe->attached)
		return 0;
	memset(&probe->kp, 0, sizeof(probe->kp));
	if (probe->addr)
		probe->kp.addr = probe->addr;
	else
		probe->kp.symbol_name = probe->symbol;
	probe->kp.pre_handler = probe->handler;
	err = register_armed(&probe->kp);
	probe->attached = !err;
	return err;
}

static int attach_point(struct point *point)
{
	int err;

	if (point->attached)
		return 0;
	err = tracepoint_probe_register(point->tp, point->call, NULL);
	point->attached = !err;
	return err;
}

static u64 sum_hits(const struct probe *probe)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(probe->hits, cpu));
	return sum;
}

static bool probes_run(void)
{
	u64 before = sum_hits(&probes[CHECK]);

	extsock_probe_check();
	return sum_hits(&probes[CHECK]) != before;
}

/* Those of the gates, or the others. */
static int attach_probes(bool gate)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(probes); i++)
		if (probes[i].gate == gate)
			err = attach_probe(&probes[i]);
	return err;
}

/**
 * extsock_probe_attach() - register all probes that are not yet
 *
 * Context: under extsock_group_mutex; may sleep.
 * Return: 0, or why one could not be registered, -EOPNOTSUPP if they do not
 * run or one of them, or of the gates', could not be unregistered earlier;
 * extsock_probe_detach() takes them back.
 */
int extsock_probe_attach(void)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(points); i++)
		err = attach_point(&points[i]);
	if (!err)
		err = attach_probes(false);
	if (!err && !probes_run())
		err = -EOPNOTSUPP;
	return err;
}

/*
 * The kernel leaves a kprobe in its lists, without an address, if ftrace fails it. So
 * the module must stay where it is: see also stay_if_stuck().
 */
static void keep_stuck(struct probe *probe)
{
	if (!is_stuck)
		__module_get(THIS_MODULE);
	is_stuck = true;
	pr_err("cannot unregister the probe of %s: extsock cannot be used or unloaded any more\n",
	       probe->symbol);
}

/* All at once: to wait for those that run takes a grace period. */
static void detach_probes(bool (*is_meant)(const struct probe *probe))
{
	struct kprobe *kps[ARRAY_SIZE(probes)];
	size_t i;
	int n = 0;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		if (probes[i].attached && is_meant(&probes[i]))
			kps[n++] = &probes[i].kp;
	if (n)
		unregister_kprobes(kps, n);
	while (n--) {
		struct probe *probe = container_of(kps[n], struct probe, kp);

		probe->missed += probe->kp.nmissed;
		probe->attached = false;
		if (!probe->kp.addr)
			keep_stuck(probe);
	}
}

static bool is_any(const struct probe *probe)
{
	return true;
}

static bool is_of_gate(const struct probe *probe)
{
	return probe->gate;
}

/**
 * extsock_probe_attach_gate() - register the probes of the gates as well
 *
 * Context: under extsock_group_mutex; may sleep.
 * Return: 0, -EOPNOTSUPP if this kernel lacks what one of them needs or one could not
 * be unregistered earlier, or why one could not be registered;
 * extsock_probe_detach_gate() takes the others back.
 */
int extsock_probe_attach_gate(void)
{
	return gate_works ? attach_probes(true) : -EOPNOTSUPP;
}

/**
 * extsock_probe_detach_gate() - unregister the probes of the gates
 *
 * When it returns none of them runs any more. Calls that one has sent to
 * extsock_gate_connect() may.
 *
 * Context: under extsock_group_mutex; may sleep.
 */
void extsock_probe_detach_gate(void)
{
	detach_probes(is_of_gate);
}

/**
 * extsock_probe_detach() - unregister all probes that are registered
 *
 * When it returns none of them runs any more, and there are no tags.
 *
 * Context: under extsock_group_mutex; may sleep. No group has members.
 */
void extsock_probe_detach(void)
{
	size_t i;

	detach_probes(is_any);
	for (i = 0; i < ARRAY_SIZE(points); i++) {
		if (points[i].attached)
			tracepoint_probe_unregister(points[i].tp,
						    points[i].call, NULL);
		points[i].attached = false;
	}
	tracepoint_synchronize_unregister();
	extsock_tag_drop_all();
}

/**
 * extsock_probe_show_stats() - hits and misses of each probe
 * @seq: "name value" lines go here
 *
 * Context: may sleep; takes extsock_group_mutex.
 */
void extsock_probe_show_stats(struct seq_file *seq)
{
	size_t i;

	mutex_lock(&extsock_group_mutex);
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		const struct probe *probe = &probes[i];
		u64 missed = probe->missed;

		if (probe->attached)
			missed += probe->kp.nmissed;
		seq_printf(seq, "probe_%s_hits %llu\n", probe->symbol,
			   sum_hits(probe));
		seq_printf(seq, "probe_%s_nmissed %llu\n", probe->symbol,
			   missed);
	}
	mutex_unlock(&extsock_group_mutex);
}

static void find_point(struct tracepoint *tp, void *priv)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(points); i++)
		if (!strcmp(tp->name, points[i].name))
			points[i].tp = tp;
}

/*
 * Nobody can keep the kernel from freeing a module whose load fails, or whose unload
 * has begun, but by not returning.
 */
static void stay_if_stuck(void)
{
	while (is_stuck) {
		set_current_state(TASK_IDLE | TASK_FREEZABLE);
		schedule();
	}
}

static void free_hits(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		free_percpu(probes[i].hits);
}

/*
 * A kprobe that is a breakpoint runs with interrupts off, where a tag's locks
 * must not be taken; one on ftrace runs as the function does.
 */
static int try_probe(struct probe *probe)
{
	int err = attach_probe(probe);

	if (!err && !kprobe_ftrace(&probe->kp))
		err = -EOPNOTSUPP;
	if (err && (!probe->gate || err == -ENOMEM))
		pr_err("cannot probe %s by ftrace, which extsock needs (error %d)\n",
		       probe->symbol, err);
	return err;
}

/*
 * Without one of the gate's probes there is no gate, and all else; but want of memory
 * is no fault of the kernel's.
 */
static int try_gate_probes(void)
{
	size_t i;
	int err;

	for (i = 0; gate_works && i < ARRAY_SIZE(probes); i++) {
		err = probes[i].gate ? try_probe(&probes[i]) : 0;
		if (err == -ENOMEM)
			return err;
		if (!err)
			continue;
		gate_works = false;
		pr_notice("cannot probe %s by ftrace (error %d): freezes cannot wait for sockets\n",
			  probes[i].symbol, err);
	}
	return 0;
}

/* Refuse a kernel that lacks a probe now, and not when somebody joins. */
static int try_probes(void)
{
	size_t i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(points); i++)
		if (!points[i].tp) {
			pr_err("this kernel has no tracepoint %s, which extsock needs\n",
			       points[i].name);
			return -EOPNOTSUPP;
		}
	for (i = 0; !err && i < ARRAY_SIZE(probes); i++)
		if (!probes[i].gate)
			err = try_probe(&probes[i]);
	if (!err && !probes_run()) {
		pr_err("kprobes do not run, which extsock needs; is the sysctl kernel.ftrace_enabled off, or kprobes/enabled in debugfs?\n");
		err = -EOPNOTSUPP;
	}
	return err ?: try_gate_probes();
}

/**
 * extsock_probe_init() - see that this kernel has what the probes need
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM, -EOPNOTSUPP, or the error of register_kprobe(); what is
 * missing is said in the log, also if only freezes that wait need it.
 */
int __init extsock_probe_init(void)
{
	size_t i;
	int err = 0;

	for_each_kernel_tracepoint(find_point, NULL);
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		probes[i].hits = alloc_percpu(u64);
		if (!probes[i].hits)
			err = -ENOMEM;
	}
	if (!err)
		err = try_probes();
	extsock_group_settle();
	if (err) {
		stay_if_stuck();
		free_hits();
	}
	return err;
}

/**
 * extsock_probe_exit() - end what extsock_probe_init() began
 *
 * When it returns nobody is in what the gate makes others call: who was held had
 * pinned the module, and may have had a few instructions left. It does not return if
 * a probe could not be unregistered.
 *
 * Context: may sleep; the probes have been detached for good.
 */
void extsock_probe_exit(void)
{
	stay_if_stuck();
	if (extsock_gate_was_closed())
		synchronize_rcu_tasks();
	free_hits();
}
