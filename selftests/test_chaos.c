// SPDX-License-Identifier: GPL-2.0-only
/*
 * All at once: wild members do what they can (chaos_members.h, chaos_uring.h),
 * outsiders torment them (chaos_torment.h), while two groups are frozen and thawed
 * by several at a time, changed, joined and left (chaos_control.h). Meanwhile (chaos_
 * witness.h) numbered messages on internal connections arrive once and in order, what
 * was external and open at a freeze is reset by its thaw, what an outsider holds as
 * well (chaos_loan.h) is never reset, nobody stays stopped, and the counters add up.
 * Of all this a run must have seen something, else it fails, too.
 *
 * How long is told by the environment, EXTSOCK_DURATION in seconds, and what
 * everybody decides by EXTSOCK_SEED, which is printed.
 */
#include "chaos_control.h"
#include "chaos_members.h"

#define MOTHERS		2
#define TORMENTORS	2
#define CONTROLLERS	5

FIXTURE(chaos)
{
	struct group g[2];
	struct actor *far;
	struct actor *near;
	struct actor *inner;
	struct actor *holder;
	struct actor *lender;
	struct actor *bystander;
	struct actor *mothers[MOTHERS];
	struct actor *tormentors[TORMENTORS];
	struct actor *controllers[CONTROLLERS];
};

static void serve(struct actor *a, struct place places[DOORS])
{
	int fds[DOORS] = {
		[TCP] = listener_at(a, AF_INET, NULL, 512),
		[UNIX] = unix_server(a, SOCK_STREAM),
		[TCP6] = listener_at(a, AF_INET6, NULL, 512),
		[SEQPACKET] = unix_server(a, SOCK_SEQPACKET),
		[MPTCP] = listener_by(a, IPPROTO_MPTCP, AF_INET, NULL, 512),
	};
	int i;

	for (i = 0; i < DOORS; i++)
		places[i] = place_of(a, fds[i]);
	start(a, -1L, (long)echo, (long)fds[0], (long)fds[1], (long)fds[2],
	      (long)fds[3], (long)fds[4]);
}

static struct actor *with_orders(const struct orders *o)
{
	struct actor *a = actor();

	memcpy(orders_of(a->stage), o, sizeof(*o));
	return a;
}

/* Let an actor run a function that is told its number. */
static void start_as(struct actor *a, void (*fn)(struct stage *s), long number)
{
	start(a, -1L, (long)fn, number, 0L, 0L, 0L, 0L);
}

FIXTURE_SETUP(chaos)
{
	struct orders o = {};
	int i;

	chaos = mmap(NULL, sizeof(*chaos), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	chaos->calm_us = CALM_US_MIN * 16;
	TH_LOG("EXTSOCK_SEED=%u", pick_seed());
	for (i = 0; i < 2; i++) {
		make_group(&self->g[i], i ? "second" : "first");
		ASSERT_EQ(0, put(sysfs(&self->g[i], "freeze_ms"), "60000"));
		o.groups[i] = self->g[i];
	}
	self->far = actor();
	self->bystander = actor();
	self->near = member(&self->g[0]);
	self->inner = member(&self->g[0]);
	self->holder = member(&self->g[0]);
	self->lender = member(&self->g[0]);
	chaos->listener = listener(self->holder, AF_INET);
	chaos->called = place_of(self->holder, chaos->listener);
	chaos->lender = self->lender->pid;
	serve(self->far, chaos->far);
	serve(self->near, chaos->near);
	for (i = 0; i < MOTHERS; i++)
		self->mothers[i] = member(&self->g[i]);
	/* The first of them are asked to join the second group, too. */
	o.spared[0] = self->near->pid;
	o.spared[1] = self->mothers[1]->pid;
	o.spared[2] = self->holder->pid;
	o.spared[3] = self->inner->pid;
	o.spared[4] = self->mothers[0]->pid;
	o.spared[5] = self->lender->pid;
	for (i = 0; i < TORMENTORS; i++)
		self->tormentors[i] = with_orders(&o);
	for (i = 0; i < CONTROLLERS; i++)
		self->controllers[i] = with_orders(&o);
}

FIXTURE_TEARDOWN(chaos)
{
	int i;

	chaos->stop = 1;
	for (i = 0; i < CONTROLLERS; i++)
		part(self->controllers[i]);
	for (i = 0; i < TORMENTORS; i++)
		part(self->tormentors[i]);
	for (i = 0; i < MOTHERS; i++)
		part(self->mothers[i]);
	part(self->holder);
	part(self->lender);
	part(self->inner);
	part(self->near);
	part(self->bystander);
	part(self->far);
	put(CG "/cgroup.freeze", "0");
	for (i = 0; i < 2; i++)
		EXPECT_TRUE(drop_group(&self->g[i]));
	EXPECT_TRUE(EVENTUALLY(!rmdir(CG) || errno == ENOENT));
}

static unsigned long resets_told(void)
{
	unsigned long n = 0;
	int i;

	for (i = 0; i < HOLDERS; i++)
		n += chaos->holders[i].told;
	return n;
}

/* Has it all been seen that the rest is about? */
static bool all_seen(void)
{
	int i;

	for (i = 0; i < EVENTS && chaos->events[i]; i++)
		;
	return i == EVENTS;
}

/* Whoever became a member has left or still is one. */
static bool members_add_up(const struct group *g)
{
	return stat_of(g, "joined") + stat_of(g, "forked") -
	       stat_of(g, "left") == count_members(g);
}

/* Everybody leaves time for freezes, as soon as half a second has none. */
static void calm_down(void)
{
	static unsigned long before;
	unsigned long n = chaos->freezes - before;
	unsigned int us = chaos->calm_us;

	before += n;
	if (!n && us < CALM_US_MAX)
		chaos->calm_us = us * 2;
	else if (n > 2 && us > CALM_US_MIN)
		chaos->calm_us = us / 2;
}

/* Does it come to its end? If not, what is it at, and in which system call? */
static bool ends(struct actor *a)
{
	char path[64], name[32];

	if (!result(a))
		return true;
	snprintf(path, sizeof(path), "/proc/%d/comm", a->pid);
	snprintf(name, sizeof(name), "%.15s", slurp(path));
	snprintf(path, sizeof(path), "/proc/%d/syscall", a->pid);
	fprintf(stderr, "# at \"%.*s\", system call %.40s\n",
		(int)strcspn(name, "\n"), name, slurp(path));
	return false;
}

/* Do all end who are wild, so that actors are left? Hers may have been expelled. */
static bool all_end(const struct group *g)
{
	return EVENTUALLY(count_members(&g[0]) == 5 && count_members(&g[1]) < 2);
}

/* The counters of both groups, of which nobody thaws one any more. */
static void check_counters(struct __test_metadata *_metadata,
			   const struct group *g)
{
	long long freezes = stat_of(&g[0], "freezes");
	int i;

	EXPECT_TRUE(state_is(&g[0], "running"));
	EXPECT_LE((long long)chaos->freezes, freezes);
	EXPECT_GE((long long)(chaos->freezes + chaos->unsure), freezes);
	EXPECT_EQ((long long)chaos->resets, stat_of(&g[0], "sockets_reset"));
	EXPECT_GE(chaos->resets, resets_told());
	EXPECT_TRUE(EVENTUALLY(state_is(&g[1], "running") ||
			       !control(&g[1], "thaw keep")));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(stat_of(&g[i], "thaws"), stat_of(&g[i], "freezes"));
		EXPECT_TRUE(EVENTUALLY(members_add_up(&g[i])));
	}
}

static void report(struct __test_metadata *_metadata, const struct group *g)
{
	int i;

	TH_LOG("%lu freezes, %lld failed, %lld drains, %lu resets told of %lu",
	       chaos->freezes, stat_of(g, "freezes_failed"),
	       stat_of(g, "drains"), resets_told(), chaos->resets);
	for (i = 0; i < EVENTS; i++)
		TH_LOG("%s: seen %lu times", first_deeds[i].name,
		       chaos->events[i]);
	for (i = 0; i < TALKS; i++)
		TH_LOG("talk %d: %lu turns", i, chaos->inside[i]);
	TH_LOG("calm %u us", chaos->calm_us);
}

/* As long as it is told to, at most ten days; the guest has a deadline of its own. */
TEST_F_TIMEOUT(chaos, reigns, 864000)
{
	long until = now_ms() + 1000 * number("EXTSOCK_DURATION", 20);
	int i;

	START_FN(self->inner, be_inner);
	START_FN(self->bystander, be_bystander);
	START_FN(self->holder, be_holder);
	START_FN(self->lender, be_lender);
	ASSERT_TRUE(goes_on()) TH_LOG("%s", chaos->why);
	for (i = 0; i < MOTHERS; i++)
		start_as(self->mothers[i], be_mother, i);
	for (i = 0; i < TORMENTORS; i++)
		start_as(self->tormentors[i], torment, i);
	/* Of those who control the first group each has a loan. */
	for (i = 0; i < CONTROLLERS; i++)
		start_as(self->controllers[i], i < LOANS ? control_first :
							   control_second, i);
	/* However slow: all that must be seen, and then some. */
	while (now_ms() < until ||
	       (!all_seen() && now_ms() < until + 12 * PATIENCE_MS)) {
		ASSERT_TRUE(goes_on()) TH_LOG("%s", chaos->why);
		msleep(500);
		calm_down();
	}
	EXPECT_TRUE(all_seen());
	EXPECT_TRUE(EVENTUALLY(moves(self->mothers[0]->stage)));
	chaos->stop = 1;
	for (i = 0; i < CONTROLLERS; i++)
		EXPECT_TRUE(ends(self->controllers[i]));
	for (i = 0; i < TORMENTORS; i++)
		EXPECT_TRUE(ends(self->tormentors[i]));
	EXPECT_EQ(0, chaos->failed) TH_LOG("%s", chaos->why);
	EXPECT_TRUE(all_end(self->g)) TH_LOG("%d and %d are left",
					     count_members(&self->g[0]),
					     count_members(&self->g[1]));
	check_counters(_metadata, self->g);
	report(_metadata, self->g);
}

TEST_HARNESS_MAIN
