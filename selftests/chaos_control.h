/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Those of test_chaos who freeze and thaw the groups. The first group is checked:
 * whoever freezes it owns it until it is thawed, and says before what becomes of its
 * sockets. With the second one everybody does what can be done.
 */
#ifndef CHAOS_CONTROL_H
#define CHAOS_CONTROL_H

#include "chaos_loan.h"
#include "chaos_torment.h"
#include "chaos_witness.h"

/* Of one controller: what it was told, and the loan that is for it. */
static const struct orders *told;
static struct loan *loan;

static const struct group *first(void)
{
	return &told->groups[0];
}

static const struct group *second(void)
{
	return &told->groups[1];
}

/* ---- the first group ---- */

static const struct {
	const char *text;
	bool resets;
} freezes[] = {
	{ "freeze", true },
	{ "freeze policy=reset", true },
	{ "freeze policy=reset", true },
	{ "freeze policy=keep", false },
	{ "freeze policy=wait wait_ms=200", true },
	{ "freeze policy=wait wait_ms=1", true },
};

/* What a freeze may say in such a turmoil. */
static bool may_fail_with(int err)
{
	return err == -ETIMEDOUT || err == -EINTR || err == -EBUSY;
}

/* Is it frozen now, and ours? */
static bool freeze_by(int fd, const char *text)
{
	/* Without a policy it may be the group's. */
	bool waits = strstr(text, "wait") || !strstr(text, "policy");
	long long drains = stat_of(first(), "drains");
	int err;

	/* Somebody may be so kind as to close. */
	chaos->polite += waits;
	err = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	chaos->polite -= waits;
	if (err && !may_fail_with(err))
		fail("%s: %s", text, strerror(-err));
	if (!err && waits && stat_of(first(), "drains") > drains)
		chaos->events[DRAINED]++;
	return !err;
}

static int open_control(const struct group *g)
{
	int fd = open(procfs(g, "control"), O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fail("control: %s", strerror(errno));
	return fd;
}

/* It stands still, and is nobody else's. Look at it for a while. */
static void own(struct holder *seen)
{
	if (chaos->owners++)
		fail("%s: two have frozen the same group", doing);
	chaos->freezes++;
	usleep(dice(5000));
	if (!state_is(first(), "frozen"))
		fail("%s: it does not stay frozen", doing);
	look_at_holders(seen);
}

/* It is to be thawed; how many thaws there are with this one. */
static unsigned long give_back(bool resets)
{
	if (resets)
		doom_holders();
	chaos->owners--;
	return ++chaos->thaws;
}

static void thaw_by(int fd, bool keep)
{
	const char *text = keep ? "thaw keep" : "thaw";
	unsigned int n = 0;
	char said[256] = "";

	if (write(fd, text, strlen(text)) < 0)
		fail("%s: %s: %s", doing, text, strerror(errno));
	if (pread(fd, said, sizeof(said) - 1, 0) < 0 ||
	    sscanf(said, "thawed: %u", &n) != 1)
		fail("%s: %s says %s", doing, text, said);
	if (keep && n)
		fail("%s: %s has reset %u", doing, text, n);
	chaos->resets += n;
}

/*
 * After a thaw: the next one would let somebody go who was forgotten. Was there a
 * connection that could have been reset, or not?
 */
static bool check(const struct holder *seen, bool resets, unsigned long thaws)
{
	int n = check_holders(seen, resets, thaws);

	if (resets && each_was_reset())
		chaos->events[EACH_RESET]++;
	if (!dice(3) && !all_talk(chaos->inside, TALKS))
		fail("%s: somebody stands still after a thaw", doing);
	return n;
}

/**
 * struct plan - a freeze and a thaw
 * @freeze: the command
 * @resets: unless it keeps, the thaw resets what is external
 * @keep: it keeps
 * @shares: take the loan before
 * @takes: take it in between
 */
struct plan {
	const char *freeze;
	bool resets;
	bool keep;
	bool shares;
	bool takes;
};

/* It is frozen; thaw it, and look what has become of whom. */
static void thaw_and_check(int fd, const struct plan *p, struct borrower *b)
{
	bool resets = p->resets && !p->keep;
	struct holder seen[HOLDERS];
	unsigned long thaws;

	own(seen);
	if (p->takes)
		take_loan(b);
	try_loan(b);
	thaws = give_back(resets);
	thaw_by(fd, p->keep);
	if (check_loan(b) && resets)
		chaos->events[p->shares ? SHARED_SPARED : TAKEN_SPARED]++;
	if (check(seen, resets, thaws) && p->resets && p->keep)
		chaos->events[KEPT]++;
}

static void freeze_and_thaw_by(const struct plan *p)
{
	struct borrower b = { .loan = loan, .fd = -1 };
	int fd = open_control(first());

	if (p->shares)
		take_loan(&b);
	if (freeze_by(fd, p->freeze))
		thaw_and_check(fd, p, &b);
	return_loan(&b);
	close(fd);
}

static void freeze_and_thaw_with(bool lease)
{
	int how = dice(ARRAY_SIZE(freezes)), when = dice(4);
	struct plan p = {
		.resets = freezes[how].resets, .keep = dice(3) == 0,
		.shares = when == 0, .takes = when == 1,
	};
	char text[64];

	snprintf(text, sizeof(text), "%s%s", freezes[how].text,
		 lease ? " lease" : "");
	p.freeze = text;
	freeze_and_thaw_by(&p);
}

static void freeze_and_thaw(void)
{
	freeze_and_thaw_with(false);
}

static void lease_and_thaw(void)
{
	freeze_and_thaw_with(true);
}

static void reset_all(void)
{
	struct plan p = {
		.freeze = "freeze policy=reset", .resets = true,
	};

	freeze_and_thaw_by(&p);
}

static void keep_all(void)
{
	struct plan p = {
		.freeze = "freeze policy=reset", .resets = true, .keep = true,
	};

	freeze_and_thaw_by(&p);
}

static void wait_for_all(void)
{
	struct plan p = {
		.freeze = "freeze policy=wait wait_ms=5000", .resets = true,
	};

	freeze_and_thaw_by(&p);
}

static void share_and_freeze(void)
{
	struct plan p = {
		.freeze = "freeze policy=reset", .resets = true, .shares = true,
	};

	freeze_and_thaw_by(&p);
}

static void freeze_and_take(void)
{
	struct plan p = {
		.freeze = "freeze policy=reset", .resets = true, .takes = true,
	};

	freeze_and_thaw_by(&p);
}

/* Nothing is reset. */
static void lease_and_close(void)
{
	int fd = open_control(first());
	struct holder seen[HOLDERS];
	unsigned long thaws = 0;

	if (freeze_by(fd, "freeze policy=reset lease")) {
		own(seen);
		thaws = give_back(false);
	}
	close(fd);
	if (thaws && check(seen, false, thaws))
		chaos->events[LEASE_ENDED]++;
}

/* The end of its owner is the end of its freeze. */
static void lease_and_die(void)
{
	pid_t pid = fork();
	struct holder seen[HOLDERS];

	if (!pid) {
		int fd = open_control(first());

		if (freeze_by(fd, "freeze policy=reset lease")) {
			own(seen);
			give_back(false);
		}
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, NULL, 0);
}

/* Whether it was frozen, nobody knows; that it was thawed, everybody. */
static void die_in_the_middle(void)
{
	unsigned int us = dice(20000);
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		control(first(), "freeze policy=wait wait_ms=100 lease");
		pause();
	}
	chaos->unsure++;
	usleep(us);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void ring_up(int sig)
{
}

/* A signal for the thread that freezes, in the middle of it. */
static void be_interrupted(void)
{
	struct sigaction by = { .sa_handler = ring_up };
	int fd = open_control(first());
	struct holder seen[HOLDERS];
	unsigned long thaws;
	bool frozen;

	sigaction(SIGALRM, &by, NULL);
	ualarm(1 + dice(20000), 0);
	frozen = freeze_by(fd, "freeze policy=wait wait_ms=300");
	ualarm(0, 0);
	if (frozen) {
		own(seen);
		thaws = give_back(true);
		thaw_by(fd, false);
		check(seen, true, thaws);
	}
	close(fd);
}

/* None of these is about a holder, and with all of them a freeze is as before. */
static void change_rules_of_nobody(void)
{
	static const char *const lists[] = {
		EXTSOCK_RULES_DEFAULT, "", "reset tcp port 1-9",
		"keep tcp to 10.0.0.0/8\nwait tcp port 1-9\n",
	};

	set_rules(first(), lists[dice(ARRAY_SIZE(lists))]);
}

/* Of either, what is left at the thaw is reset. */
static void change_policy(void)
{
	put(sysfs(first(), "policy"), dice(3) ? "reset" : "wait");
}

static void change_patience(void)
{
	put(sysfs(first(), "wait_ms"), "%u", 1 + dice(300));
	put(sysfs(first(), "freeze_ms"), "%u", dice(8) ? 60000 : 20);
}

/* Somebody from outside joins, who leaves again, or stays for the rest of a life. */
static void send_a_guest(void)
{
	bool leaves = dice(2);
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		put(sysfs(first(), "members"), "0");
		visit(some_far());
		if (leaves)
			put(sysfs(first(), "members"), "-0");
		visit(some_near());
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* ---- whatever group ---- */

static void read_all(void)
{
	const struct group *g = &told->groups[dice(2)];
	static const char *const files[] = {
		"members", "state", "policy", "wait_ms", "freeze_ms",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		slurp(sysfs(g, files[i]));
	slurp(procfs(g, "sockets"));
	slurp(procfs(g, "rules"));
	slurp(procfs(g, "stats"));
	slurp(procfs(g, "control"));
	slurp(EXTSOCK_SYSFS_ROOT "/groups");
}

static void make_and_drop_a_group(void)
{
	groups("+chaos-%d", getpid());
	groups("-chaos-%d", getpid());
}

static void unload(void)
{
	if (!syscall(SYS_delete_module, "extsock", O_NONBLOCK))
		fail("the module was unloaded");
}

/* ---- the second group ---- */

static void freeze_second(void)
{
	control(second(), freezes[dice(ARRAY_SIZE(freezes))].text);
}

static void thaw_second(void)
{
	control(second(), dice(2) ? "thaw" : "thaw keep");
}

static void lease_second(void)
{
	int fd = open_control(second());
	bool thaws = dice(2);

	if (write(fd, "freeze lease", 12) > 0 && thaws)
		write_file(procfs(second(), "control"), "thaw", 4);
	close(fd);
}

static void expel(void)
{
	put(sysfs(second(), "members"), "-%d", some_member(told, second()));
}

static void invite(void)
{
	put(sysfs(second(), "members"), "%d", told->spared[dice(3)]);
}

static void change_rules(void)
{
	static const char *const lists[] = {
		EXTSOCK_RULES_DEFAULT, "", "reset any", "keep any",
		"wait tcp port 1-9", "nonsense",
		"reset unix path /*\nkeep tcp to 10.0.0.0/8 port 80\n",
	};

	set_rules(second(), lists[dice(ARRAY_SIZE(lists))]);
}

static void change_all(void)
{
	static const char *const policies[] = { "reset", "wait", "keep", "x" };

	put(sysfs(second(), "policy"), "%s", policies[dice(4)]);
	put(sysfs(second(), "wait_ms"), "%u", dice(300));
	put(sysfs(second(), "freeze_ms"), "%u", dice(2) ? 60000 : dice(50));
}

/* ---- who does what ---- */

static const struct deed freezing_deeds[] = {
	{ "freeze and thaw", freeze_and_thaw },
	{ "freeze and thaw", freeze_and_thaw },
	{ "freeze and thaw", freeze_and_thaw },
	{ "lease and thaw", lease_and_thaw },
	{ "lease and close", lease_and_close },
	{ "lease and die", lease_and_die },
	{ "die in the middle", die_in_the_middle },
	{ "be interrupted", be_interrupted },
};

static const struct deed other_deeds[] = {
	{ "change rules of nobody", change_rules_of_nobody },
	{ "change policy", change_policy },
	{ "change patience", change_patience },
	{ "send a guest", send_a_guest },
	{ "read all", read_all },
};

static const struct deed second_deeds[] = {
	{ "freeze second", freeze_second },
	{ "freeze second", freeze_second },
	{ "thaw second", thaw_second },
	{ "thaw second", thaw_second },
	{ "lease second", lease_second },
	{ "expel", expel },
	{ "invite", invite },
	{ "change rules", change_rules },
	{ "change all", change_all },
	{ "make and drop a group", make_and_drop_a_group },
	{ "unload", unload },
	{ "read all", read_all },
};

/* What a run must have seen, by whatever dice. */
static const struct deed first_deeds[EVENTS] = {
	[EACH_RESET] = { "reset all", reset_all },
	[KEPT] = { "keep all", keep_all },
	[LEASE_ENDED] = { "lease and close", lease_and_close },
	[DRAINED] = { "wait for all", wait_for_all },
	[SHARED_SPARED] = { "share and freeze", share_and_freeze },
	[TAKEN_SPARED] = { "freeze and take", freeze_and_take },
};

/*
 * Each until it has come about, and not all the same at a time. Whether a connection
 * was kept can be seen of a new one only, so all are reset before.
 */
static void begin(unsigned int number)
{
	int i;

	for (i = 0; i < EVENTS; i++) {
		int event = (i + 2 * number) % EVENTS;

		while (!chaos->events[event] && !chaos->stop) {
			commit(&first_deeds[EACH_RESET]);
			usleep(20000);
			commit(&first_deeds[event]);
			usleep(20000);
		}
	}
}

/* s->arg[1] is its number, as of those who control the second one. */
static void control_first(struct stage *s)
{
	unsigned int who = 1002 + 10 * s->arg[1];

	told = orders_of(s);
	loan = &chaos->loans[s->arg[1]];
	throw_dice(who, 0);
	begin(s->arg[1]);
	for (s->counter = 1; !chaos->stop; s->counter++) {
		throw_dice(who, s->counter);
		usleep(dice(20000));
		if (dice(6))
			commit(&freezing_deeds[dice(ARRAY_SIZE(freezing_deeds))]);
		else
			commit(&other_deeds[dice(ARRAY_SIZE(other_deeds))]);
	}
	s->ret = 0;
}

static void control_second(struct stage *s)
{
	told = orders_of(s);
	for (; !chaos->stop; s->counter++) {
		throw_dice(1003 + 10 * s->arg[1], s->counter);
		usleep(dice(10000));
		rest();
		commit(&second_deeds[dice(ARRAY_SIZE(second_deeds))]);
	}
	control(second(), "thaw keep");
	s->ret = 0;
}

#endif /* CHAOS_CONTROL_H */
