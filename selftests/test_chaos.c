// SPDX-License-Identifier: GPL-2.0-only
/*
 * All at once: members connect, fork, exec, pass descriptors, exit and are killed,
 * stopped, traced and moved between cgroups, while two groups are frozen and thawed,
 * joined and left. Meanwhile numbered messages on internal connections arrive once
 * and in order, what was external and open at a freeze is reset by its thaw, what is
 * nobody's business is never reset, and nobody stays stopped.
 *
 * How long is told by the environment, EXTSOCK_DURATION in seconds, and what
 * everybody decides by EXTSOCK_SEED, which is printed.
 */
#include <sys/ptrace.h>
#include <sys/stat.h>

#include "extsock_test.h"

#define HOLDERS		4
#define MOTHERS		2
#define CHILDREN	4

/**
 * struct holder - a member's thread that has an external connection
 * @open: how many it has opened
 * @reset: how many of them were reset
 * @since: the thaws that there had been before the last one was opened
 */
struct holder {
	_Atomic unsigned long open;
	_Atomic unsigned long reset;
	_Atomic unsigned long since;
};

/**
 * struct chaos - what all share
 * @seed: of everybody's decisions
 * @stop: they are to end
 * @failed: how often somebody has seen what must not be
 * @why: what the first one says
 * @holders: members with external connections
 * @inside: numbers that came back on internal connections: TCP, unix
 * @outside: numbers that came back on connections of outsiders
 * @freezes: complete ones of the first group
 * @thaws: its thaws, raised while it still stands
 * @far: where outsiders listen: TCP, unix
 * @near: where a member listens
 */
struct chaos {
	unsigned int seed;
	_Atomic int stop;
	_Atomic int failed;
	char why[256];
	struct holder holders[HOLDERS];
	_Atomic unsigned long inside[2];
	_Atomic unsigned long outside[2];
	_Atomic unsigned long freezes;
	_Atomic unsigned long thaws;
	struct place far[2];
	struct place near[2];
};

static struct chaos *chaos;

static void fail(const char *fmt, ...)
{
	va_list args;

	if (chaos->failed++)
		return;
	va_start(args, fmt);
	vsnprintf(chaos->why, sizeof(chaos->why), fmt, args);
	va_end(args);
}

/* ---- decisions ---- */

static unsigned int state_of_dice;

static void throw_dice(unsigned int who)
{
	state_of_dice = chaos->seed * 2654435761u + who * 40503u + 1;
}

/* 0 to n - 1 */
static unsigned int dice(unsigned int n)
{
	state_of_dice = state_of_dice * 1103515245u + 12345u;
	return (state_of_dice >> 16) % n;
}

/* ---- who talks ---- */

static int dial(const struct place *to)
{
	int fd = socket(to->ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	int err;

	if (fd >= 0 && connect(fd, (const void *)&to->ss, to->len)) {
		err = errno;
		close(fd);
		errno = err;
		fd = -1;
	}
	return fd;
}

/* Say a number and hear it again. */
static bool talk(int fd, unsigned long number)
{
	unsigned long heard = 0;

	errno = 0;
	return send(fd, &number, sizeof(number), MSG_NOSIGNAL) ==
	       sizeof(number) &&
	       recv(fd, &heard, sizeof(heard), MSG_WAITALL) == sizeof(heard) &&
	       heard == number;
}

/**
 * struct talker - a thread that keeps a connection for ever
 * @to: whom it talks to
 * @count: the numbers that came back
 * @what: its name
 */
struct talker {
	const struct place *to;
	_Atomic unsigned long *count;
	const char *what;
};

static void *keep_talking(void *arg)
{
	const struct talker *t = arg;
	unsigned long n = 0;
	int fd = dial(t->to);

	while (fd >= 0 && !chaos->stop && talk(fd, n++)) {
		++*t->count;
		usleep(1000);
	}
	if (!chaos->stop)
		fail("%s: number %lu: %s", t->what, n, strerror(errno));
	return NULL;
}

/* Does a number, asked for after this was called, come back to both? */
static bool both_talk(_Atomic unsigned long *counts)
{
	unsigned long before[] = { counts[0], counts[1] };

	return EVENTUALLY(chaos->failed || chaos->stop ||
			  (counts[0] > before[0] + 1 &&
			   counts[1] > before[1] + 1)) && !chaos->failed;
}

/* Do all that should go on go on? */
static bool goes_on(void)
{
	return both_talk(chaos->inside) && both_talk(chaos->outside);
}

static void talk_to_both(struct talker talkers[2])
{
	pthread_t thread;

	pthread_create(&thread, NULL, keep_talking, &talkers[0]);
	keep_talking(&talkers[1]);
}

static void be_inner(struct stage *s)
{
	struct talker talkers[] = {
		{ &chaos->near[0], &chaos->inside[0], "TCP inside" },
		{ &chaos->near[1], &chaos->inside[1], "unix inside" },
	};

	talk_to_both(talkers);
}

static void be_bystander(struct stage *s)
{
	struct talker talkers[] = {
		{ &chaos->far[0], &chaos->outside[0], "TCP outside" },
		{ &chaos->far[1], &chaos->outside[1], "unix outside" },
	};

	talk_to_both(talkers);
}

/* A connection is open from before @open is raised until @reset is. */
static void *hold(void *arg)
{
	long i = (long)arg;
	struct holder *h = &chaos->holders[i];
	char text[8];

	while (!chaos->stop) {
		unsigned long since = chaos->thaws;
		int fd = dial(&chaos->far[i % 2]);

		/* Just connected when the freeze came. */
		if (fd < 0 && (errno == ECONNRESET || errno == ECONNREFUSED))
			continue;
		if (fd < 0) {
			fail("holder %ld cannot connect: %s", i,
			     strerror(errno));
			break;
		}
		h->since = since;
		h->open++;
		if (recv(fd, text, sizeof(text), 0) >= 0 || errno != ECONNRESET)
			fail("holder %ld is told: %s", i, strerror(errno));
		h->reset++;
		close(fd);
	}
	return NULL;
}

static void be_holder(struct stage *s)
{
	pthread_t thread;
	long i;

	for (i = 1; i < HOLDERS; i++)
		pthread_create(&thread, NULL, hold, (void *)i);
	hold(NULL);
}

/* ---- who is wild ---- */

static void visit(const struct place *to)
{
	int fd = dial(to);

	usleep(dice(3000));
	close(fd);
}

/* The group has both ends. */
static void visit_inside(bool must)
{
	unsigned long number = dice(1000000);
	int fd = dial(&chaos->near[dice(2)]);

	if ((fd < 0 || !talk(fd, number)) && must && !chaos->stop)
		fail("a wild one inside: %s", strerror(errno));
	close(fd);
}

static void pass_on(void)
{
	struct msghdr msg = {};
	struct iovec iov = { "x", 1 };
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct cmsghdr *c;
	int over[2], fd = dial(&chaos->far[dice(2)]);

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, over))
		return;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control;
	msg.msg_controllen = sizeof(control);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	sendmsg(over[0], &msg, 0);
	close(fd);
	usleep(dice(2000));
	/* Or it is thrown away unread. */
	if (dice(2) && recvmsg(over[1], &msg, 0) == 1) {
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
		close(fd);
	}
	close(over[0]);
	close(over[1]);
}

static void bear_a_child(bool executes)
{
	pid_t pid = fork();

	if (!pid) {
		if (executes)
			execl("/bin/true", "true", NULL);
		visit(&chaos->far[dice(2)]);
		_exit(0);
	}
	if (dice(4))
		waitpid(pid, NULL, 0);
}

static void take_from_mother(void)
{
	int pidfd = syscall(SYS_pidfd_open, getppid(), 0);
	int fd = syscall(SYS_pidfd_getfd, pidfd, 3 + dice(6), 0);

	usleep(dice(2000));
	close(fd);
	close(pidfd);
}

static void twice(void)
{
	int fd = dial(&chaos->far[dice(2)]), other = dup(fd);

	close(fd);
	usleep(dice(1000));
	close(other);
}

static void *visit_in_thread(void *unused)
{
	visit(&chaos->far[0]);
	return NULL;
}

static void in_a_thread(void)
{
	pthread_t thread;

	if (!pthread_create(&thread, NULL, visit_in_thread, NULL))
		pthread_join(thread, NULL);
}

static void listen_and_accept(void)
{
	struct place here = { .len = sizeof(here.ss) };
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

	listen(l, 4);
	getsockname(l, (void *)&here.ss, &here.len);
	((struct sockaddr_in *)&here.ss)->sin_addr.s_addr =
		htonl(INADDR_LOOPBACK);
	fd = dial(&here);
	if (fd >= 0)
		close(accept(l, NULL, NULL));
	close(fd);
	close(l);
}

/* @stays: nobody makes it leave its group. */
static void go_wild(bool stays)
{
	unsigned int i, n = 5 + dice(40);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < n && !chaos->stop; i++) {
		switch (dice(10)) {
		case 0:
		case 1:
			visit(&chaos->far[dice(2)]);
			break;
		case 2:
			visit_inside(stays);
			break;
		case 3:
			pass_on();
			break;
		case 4:
			bear_a_child(false);
			break;
		case 5:
			bear_a_child(true);
			break;
		case 6:
			take_from_mother();
			break;
		case 7:
			twice();
			break;
		case 8:
			in_a_thread();
			break;
		default:
			listen_and_accept();
		}
	}
	_exit(0);
}

/* Has children as long as it lives; s->arg[1] is her number. */
static void be_mother(struct stage *s)
{
	unsigned int born, who = s->arg[1], n = 0;

	throw_dice(who);
	for (born = 0; !chaos->stop; born++) {
		/* Of its own dice, however many were thrown here. */
		if (!fork()) {
			throw_dice((who + 1) * 100000 + born);
			go_wild(!who);
		}
		n++;
		while (n >= CHILDREN || waitpid(-1, NULL, WNOHANG) > 0) {
			if (n >= CHILDREN)
				waitpid(-1, NULL, 0);
			n--;
		}
		s->counter++;
		usleep(1000);
	}
}

/* ---- who torments them ---- */

/* Some member that is not in @spared, or 0. */
static pid_t some_member(const struct group *g, const pid_t *spared)
{
	char *pid, *rest = slurp(sysfs(g, "members"));
	pid_t found = 0;
	int n = 0, i;

	while ((pid = strsep(&rest, "\n"))) {
		pid_t p = atoi(pid);

		for (i = 0; p && spared[i] && spared[i] != p; i++)
			;
		if (p && !spared[i] && !dice(++n))
			found = p;
	}
	return found;
}

static void trace(pid_t pid)
{
	bool seized = dice(2);
	int status;

	if (ptrace(seized ? PTRACE_SEIZE : PTRACE_ATTACH, pid, 0, 0))
		return;
	if (seized)
		ptrace(PTRACE_INTERRUPT, pid, 0, 0);
	/* It may have been killed. */
	if (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		usleep(dice(3000));
		ptrace(PTRACE_DETACH, pid, 0, 0);
	}
}

static void borrow(pid_t pid)
{
	int pidfd = syscall(SYS_pidfd_open, pid, 0);
	int fd = syscall(SYS_pidfd_getfd, pidfd, 3 + dice(4), 0);

	usleep(dice(3000));
	close(fd);
	close(pidfd);
}

static void move(pid_t pid)
{
	bool freezes = dice(2);

	if (freezes)
		put(CG "/cgroup.freeze", "1");
	put(CG "/cgroup.procs", "%d", pid);
	usleep(dice(3000));
	put(CG "/cgroup.freeze", "0");
	put("/sys/fs/cgroup/cgroup.procs", "%d", pid);
}

/**
 * struct orders - what a tormentor and a controller are told, in their buffer
 * @groups: both
 * @spared: who is not to be harmed, ends with 0
 */
struct orders {
	struct group groups[2];
	pid_t spared[16];
};

static struct orders *orders_of(struct stage *s)
{
	return (struct orders *)(s->buf + 4096);
}

static void torment(struct stage *s)
{
	const struct orders *o = orders_of(s);
	pid_t pid;

	throw_dice(1001);
	mkdir(CG, 0755);
	for (; !chaos->stop; s->counter++) {
		usleep(dice(5000));
		pid = some_member(&o->groups[dice(2)], o->spared);
		if (!pid)
			continue;
		switch (dice(5)) {
		case 0:
			kill(pid, SIGSTOP);
			usleep(dice(3000));
			kill(pid, SIGCONT);
			break;
		case 1:
			kill(pid, SIGKILL);
			break;
		case 2:
			trace(pid);
			break;
		case 3:
			borrow(pid);
			break;
		default:
			move(pid);
		}
	}
	s->ret = 0;
}

/* ---- who freezes them ---- */

static const char *const freezes[] = {
	"freeze", "freeze policy=reset", "freeze policy=keep",
	"freeze policy=wait wait_ms=200", "freeze policy=wait wait_ms=1",
};

/* What a freeze may say in such a turmoil. */
static bool may_fail_with(int err)
{
	return err == -ETIMEDOUT || err == -EINTR || err == -EBUSY ||
	       err == -ESRCH;
}

/* While they stand still. */
static void look_at_holders(struct holder *seen)
{
	int i;

	for (i = 0; i < HOLDERS; i++) {
		seen[i].open = chaos->holders[i].open;
		seen[i].reset = chaos->holders[i].reset;
		seen[i].since = chaos->holders[i].since;
	}
}

/*
 * Those that were open are reset after a thaw, and after another one not, if they
 * have been opened since the last: else they may just not have told yet.
 */
static void check_holders(const struct holder *seen, bool resets)
{
	int i;

	for (i = 0; i < HOLDERS; i++) {
		const struct holder *h = &chaos->holders[i];

		if (resets && !EVENTUALLY(h->reset >= seen[i].open))
			fail("holder %d was not reset", i);
		if (!resets && seen[i].open > seen[i].reset &&
		    seen[i].since == chaos->thaws - 1 &&
		    h->reset != seen[i].reset)
			fail("holder %d was reset", i);
	}
}

/* Freeze and thaw the first group: nobody else does. */
static void control_first(struct stage *s)
{
	const struct group *g = &orders_of(s)->groups[0];
	struct holder seen[HOLDERS];
	bool keep;
	int how, err;

	throw_dice(1002);
	for (; !chaos->stop; s->counter++) {
		usleep(dice(20000));
		how = dice(ARRAY_SIZE(freezes));
		err = control(g, freezes[how]);
		if (err) {
			if (!may_fail_with(err))
				fail("%s: %s", freezes[how], strerror(-err));
			continue;
		}
		chaos->freezes++;
		usleep(dice(5000));
		look_at_holders(seen);
		keep = dice(3) == 0;
		chaos->thaws++;
		err = control(g, keep ? "thaw keep" : "thaw");
		if (err)
			fail("thaw: %s", strerror(-err));
		check_holders(seen, !keep && how != 2);
		/* The next thaw would let somebody go who was forgotten. */
		if (!dice(3) && !both_talk(chaos->inside))
			fail("somebody stands still after a thaw");
	}
	s->ret = 0;
}

static const char *const lists[] = {
	EXTSOCK_RULES_DEFAULT, "", "reset any", "keep any", "wait tcp port 1-9",
	"reset unix path /*\nkeep tcp 10.0.0.0/8 port 80\n", "nonsense",
};

static void read_all(const struct group *g)
{
	slurp(procfs(g, "sockets"));
	slurp(procfs(g, "rules"));
	slurp(procfs(g, "stats"));
	slurp(sysfs(g, "members"));
}

/* Whatever one can do to a group; two do it to the second one at a time. */
static void control_second(struct stage *s)
{
	const struct orders *o = orders_of(s);
	const struct group *g = &o->groups[1];
	int pidfd = s->arg[1];
	char name[16];

	throw_dice(1003 + pidfd);
	snprintf(name, sizeof(name), "chaos-%d", getpid());
	for (; !chaos->stop; s->counter++) {
		usleep(dice(10000));
		switch (dice(10)) {
		case 0:
		case 1:
			control(g, freezes[dice(ARRAY_SIZE(freezes))]);
			break;
		case 2:
		case 3:
			control(g, dice(2) ? "thaw" : "thaw keep");
			break;
		case 4:
			put(sysfs(g, "members"), "-%d",
			    some_member(g, o->spared));
			break;
		case 5:
			put(sysfs(g, "members"), "%d", o->spared[dice(3)]);
			break;
		case 6:
			set_rules(g, lists[dice(ARRAY_SIZE(lists))]);
			break;
		case 7:
			groups("+%s", name);
			groups("-%s", name);
			break;
		case 8:
			if (!syscall(SYS_delete_module, "extsock", O_NONBLOCK))
				fail("the module was unloaded");
			break;
		default:
			read_all(&o->groups[dice(2)]);
		}
	}
	control(g, "thaw keep");
	s->ret = 0;
}

/* ---- all together ---- */

FIXTURE(chaos)
{
	struct group g[2];
	struct actor *far;
	struct actor *near;
	struct actor *inner;
	struct actor *holder;
	struct actor *bystander;
	struct actor *mothers[MOTHERS];
	struct actor *tormentor;
	struct actor *controllers[3];
};

static void serve(struct actor *a, struct place places[2])
{
	int tcp = listener_at(a, AF_INET, NULL, 512);
	int un = unix_server(a, SOCK_STREAM);

	places[0] = place_of(a, tcp);
	places[1] = place_of(a, un);
	start(a, -1L, (long)echo, (long)tcp, (long)un, 0L, 0L, 0L);
}

static struct actor *with_orders(const struct orders *o)
{
	struct actor *a = actor();

	memcpy(orders_of(a->stage), o, sizeof(*o));
	return a;
}

FIXTURE_SETUP(chaos)
{
	struct orders o = {};
	int i;

	chaos = mmap(NULL, sizeof(*chaos), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	chaos->seed = number("EXTSOCK_SEED", 0) ?: time(NULL);
	TH_LOG("EXTSOCK_SEED=%u", chaos->seed);
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
	self->tormentor = with_orders(&o);
	for (i = 0; i < 3; i++)
		self->controllers[i] = with_orders(&o);
}

FIXTURE_TEARDOWN(chaos)
{
	int i;

	chaos->stop = 1;
	for (i = 0; i < 3; i++)
		part(self->controllers[i]);
	part(self->tormentor);
	for (i = 0; i < MOTHERS; i++)
		part(self->mothers[i]);
	part(self->holder);
	part(self->inner);
	part(self->near);
	part(self->bystander);
	part(self->far);
	put(CG "/cgroup.freeze", "0");
	for (i = 0; i < 2; i++)
		EXPECT_TRUE(drop_group(&self->g[i]));
	EXPECT_TRUE(EVENTUALLY(!rmdir(CG) || errno == ENOENT));
}

TEST_F_TIMEOUT(chaos, reigns, 3600)
{
	long until = now_ms() + 1000 * number("EXTSOCK_DURATION", 20);
	int i;

	START_FN(self->inner, be_inner);
	START_FN(self->bystander, be_bystander);
	START_FN(self->holder, be_holder);
	ASSERT_TRUE(goes_on()) TH_LOG("%s", chaos->why);
	for (i = 0; i < MOTHERS; i++)
		start(self->mothers[i], -1L, (long)be_mother, (long)i, 0L, 0L,
		      0L, 0L);
	START_FN(self->tormentor, torment);
	START_FN(self->controllers[0], control_first);
	for (i = 1; i < 3; i++)
		start(self->controllers[i], -1L, (long)control_second, (long)i,
		      0L, 0L, 0L, 0L);
	/* However slow: one freeze at least, and then some. */
	while (now_ms() < until ||
	       (!chaos->freezes && now_ms() < until + 6 * PATIENCE_MS)) {
		ASSERT_TRUE(goes_on()) TH_LOG("%s", chaos->why);
		msleep(500);
	}
	EXPECT_TRUE(EVENTUALLY(moves(self->mothers[0]->stage)));
	chaos->stop = 1;
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, result(self->controllers[i]));
	EXPECT_EQ(0, result(self->tormentor));
	EXPECT_EQ(0, chaos->failed) TH_LOG("%s", chaos->why);
	/* counters add up */
	EXPECT_TRUE(state_is(&self->g[0], "running"));
	EXPECT_LT(0, chaos->freezes);
	EXPECT_EQ((long long)chaos->freezes, stat_of(&self->g[0], "freezes"));
	EXPECT_EQ((long long)chaos->freezes, stat_of(&self->g[0], "thaws"));
	EXPECT_TRUE(EVENTUALLY(state_is(&self->g[1], "running") ||
			       !control(&self->g[1], "thaw keep")));
	EXPECT_EQ(stat_of(&self->g[1], "thaws"),
		  stat_of(&self->g[1], "freezes"));
	TH_LOG("%lu freezes, %lu and %lu numbers inside, %lu acts of torment",
	       chaos->freezes, chaos->inside[0], chaos->inside[1],
	       self->tormentor->stage->counter);
}

TEST_HARNESS_MAIN
