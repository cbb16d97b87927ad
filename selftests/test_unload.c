// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unloading: refused at each step of a freeze, which then goes on as if nobody had
 * asked; granted as soon as nothing needs the module, and then nothing of it is left,
 * though people keep what they have opened. Over and over, on a machine with something
 * to do; EXTSOCK_RELOADS says how often.
 */
#include "extsock_test.h"
#include "module_test.h"
#include "page_test.h"

/* ---- refused ---- */

/* modprobe looks for names in a folder of its own. */
#define MODULES	"/tmp/unload-modules"

static int make_modules(void)
{
	return sh("d=" MODULES "/lib/modules/$(uname -r) && mkdir -p $d && "
		  "cp ${EXTSOCK_KO:-/extsock.ko} $d/ && "
		  "depmod -b " MODULES " 2>/dev/null");
}

FIXTURE(unload)
{
	struct group g;
	struct actor *m;
	struct pair p;
};

FIXTURE_SETUP(unload)
{
	if (!is_there("/sys/module/extsock"))
		ASSERT_EQ(0, load());
	ASSERT_EQ(0, make_modules());
	make_group(&self->g, "unload");
	self->m = member(&self->g);
	self->p = connection(self->m, OUTSIDE, AF_INET);
	ASSERT_LE(0, self->p.server);
	ASSERT_TRUE(can_look());
}

FIXTURE_TEARDOWN(unload)
{
	if (is_there(sysfs(&self->g, "state"))) {
		EXPECT_TRUE(drop_group(&self->g));
		EXPECT_TRUE(goes());
	}
	if (!is_there("/sys/module/extsock"))
		EXPECT_EQ(0, load());
}

/* All that an attempt to unload could change. */
static char *facts(const struct group *g)
{
	static char text[2][4096];
	static int turn;
	const char *files[] = {
		sysfs(g, "state"), "/sys/module/extsock/refcnt",
		"/sys/module/extsock/initstate", EXTSOCK_SYSFS_ROOT "/groups",
		sysfs(g, "members"),
	};
	size_t len = 0, i;

	turn = !turn;
	for (i = 0; i < sizeof(files) / sizeof(*files); i++)
		len += snprintf(text[turn] + len, sizeof(text[0]) - len, "%s:",
				slurp(files[i]));
	return text[turn];
}

/* Refused to whoever asks, in whatever way, and nothing changes? */
static bool is_refused(const struct group *g, const char *state)
{
	char *before = facts(g);

	return state_is(g, state) && unload() == -EWOULDBLOCK &&
	       unload_by(0) == -EWOULDBLOCK &&
	       sh("rmmod extsock 2>/dev/null") > 0 &&
	       sh("modprobe -d " MODULES " -r extsock 2>/dev/null") > 0 &&
	       !strcmp(before, facts(g));
}

#define REFUSED(state)	ASSERT_TRUE(is_refused(&self->g, state))

/* After a thaw: the external connection is reset, or is not. */
static bool is_reset(struct actor *m, int fd)
{
	return receive(m, fd) == -ECONNRESET && !receive(m, fd);
}

TEST_F(unload, running)
{
	REFUSED("running");
	EXPECT_TRUE(carries(self->m, self->p.client, OUTSIDE, self->p.server));
}

/* Without a member nothing is in its way; modprobe finds it. */
TEST_F(unload, granted_to_modprobe)
{
	EXPECT_TRUE(drop_group(&self->g));
	EXPECT_TRUE(EVENTUALLY(!sh("modprobe -d " MODULES
				   " -r extsock 2>/dev/null")));
	EXPECT_TRUE(nothing_is_left());
}

/*
 * Where the kernel is built for it, O_TRUNC takes a module away from whoever needs
 * it. From one that nobody needs it takes nothing.
 */
TEST_F(unload, granted_to_who_would_force_it)
{
	EXPECT_TRUE(drop_group(&self->g));
	EXPECT_TRUE(EVENTUALLY(!strcmp(slurp("/sys/module/extsock/refcnt"),
				       "0\n")));
	EXPECT_EQ(0, unload_by(O_NONBLOCK | O_TRUNC));
	EXPECT_TRUE(nothing_is_left());
}

TEST_F(unload, draining)
{
	struct long_drain l;

	CALL(self->m, SYS_close, self->p.client);
	ASSERT_TRUE(begin_long_drain(&l, &self->g, self->m,
				     "freeze policy=wait"));
	REFUSED("draining");
	ASSERT_TRUE(end_long_drain(&l));
	REFUSED("frozen");
	THAW();
}

TEST_F(unload, draining_with_a_call_that_is_held)
{
	struct actor *caller = member(&self->g);
	int server = unix_server(OUTSIDE, SOCK_STREAM);
	struct place there = place_of(OUTSIDE, server);
	int fd = CALL(caller, SYS_socket, AF_UNIX, SOCK_STREAM, 0);
	struct long_drain l;

	CALL(self->m, SYS_close, self->p.client);
	ASSERT_TRUE(begin_long_drain(&l, &self->g, self->m,
				     "freeze policy=wait"));
	start_connect(caller, fd, &there);
	ASSERT_TRUE(waits_in(caller, SYS_connect));
	REFUSED("draining");
	EXPECT_TRUE(lasts(caller));
	ASSERT_TRUE(end_long_drain(&l));
	REFUSED("frozen");
	EXPECT_TRUE(lasts(caller));
	THAW();
	EXPECT_EQ(0, result(caller));
	EXPECT_TRUE(leads_to(caller, fd, OUTSIDE, server));
}

/* The stop cannot be completed, for as long as the test likes. */
TEST_F(unload, freezing)
{
	struct drain d;
	int fs;

	if (!mount_fs())
		SKIP(return, "no ext4 on a loop device here");
	ASSERT_EQ(0, put(sysfs(&self->g, "freeze_ms"), "60000"));
	fs = open(FS_DIR, O_RDONLY | O_CLOEXEC);
	ASSERT_EQ(0, ioctl(fs, FIFREEZE, 0));
	START_FN(self->m, write_there);
	EXPECT_TRUE(EVENTUALLY(state_of(self->m->pid) == 'D'));
	EXPECT_TRUE(give(&d, &self->g, "freeze"));
	EXPECT_TRUE(EVENTUALLY(state_is(&self->g, "freezing")));
	EXPECT_TRUE(is_refused(&self->g, "freezing"));
	EXPECT_FALSE(d.over);
	ioctl(fs, FITHAW, 0);
	EXPECT_EQ(0, end_of(&d));
	close(fs);
	close(d.fd);
	REFUSED("frozen");
	THAW();
	EXPECT_EQ(0, result(self->m));
	EXPECT_TRUE(is_reset(self->m, self->p.client));
	part(self->m);
	sh("umount " FS_DIR);
}

TEST_F(unload, after_a_failed_freeze)
{
	struct drain d;
	int fs;

	if (!mount_fs())
		SKIP(return, "no ext4 on a loop device here");
	ASSERT_EQ(0, put(sysfs(&self->g, "freeze_ms"), "200"));
	fs = open(FS_DIR, O_RDONLY | O_CLOEXEC);
	ASSERT_EQ(0, ioctl(fs, FIFREEZE, 0));
	START_FN(self->m, write_there);
	EXPECT_TRUE(EVENTUALLY(state_of(self->m->pid) == 'D'));
	EXPECT_TRUE(give(&d, &self->g, "freeze"));
	EXPECT_EQ(-ETIMEDOUT, end_of(&d));
	close(d.fd);
	EXPECT_TRUE(is_refused(&self->g, "running"));
	ioctl(fs, FITHAW, 0);
	close(fs);
	EXPECT_EQ(0, result(self->m));
	EXPECT_TRUE(carries(self->m, self->p.client, OUTSIDE, self->p.server));
	part(self->m);
	sh("umount " FS_DIR);
}

/* ---- steps that are over soon ---- */

/* Does who gives the command sleep in this function of the module? */
static bool is_in(const struct drain *d, const char *function)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/stack", d->tid);
	return strstr(slurp(path), function);
}

/*
 * Try until the command is over; how often it was seen to be in this state, and
 * this function, before a try, and not to have left it afterwards.
 */
static int tries_during(struct drain *d, const struct group *g,
			const char *state, const char *function, int *granted)
{
	int n = 0;

	while (!d->over) {
		bool during = state_is(g, state) && is_in(d, function);

		*granted += unload() != -EWOULDBLOCK;
		n += during && !d->over && state_is(g, state);
	}
	return n;
}

/* A member's sockets: many, so that looking takes some time. */
#define MANY	400

/* Sockets that somebody outside holds are looked at several times. */
TEST_F(unload, census)
{
	long until = now_ms() + PATIENCE_MS;
	int held = pass_out(self->m, self->p.client);
	int granted = 0, n = 0, i;
	struct drain d;

	for (i = 0; i < MANY; i++)
		ASSERT_LE(0, CALL(self->m, SYS_socket, AF_INET, SOCK_STREAM, 0));
	while (!n && now_ms() < until) {
		ASSERT_TRUE(give(&d, &self->g, "freeze"));
		n = tries_during(&d, &self->g, "freezing",
				 "extsock_census_take", &granted);
		ASSERT_EQ(0, end_of(&d));
		close(d.fd);
		EXPECT_STREQ("shared",
			     class_of(&self->g, self->m, self->p.client));
		THAW();
	}
	EXPECT_LT(0, n);
	EXPECT_EQ(0, granted);
	close(held);
	EXPECT_TRUE(carries(self->m, self->p.client, OUTSIDE, self->p.server));
}

/* So are those that somebody has taken since the freeze. */
TEST_F(unload, thawing)
{
	long until = now_ms() + PATIENCE_MS;
	int granted = 0, n = 0, held;
	struct drain d;

	while (!n && now_ms() < until) {
		FREEZE();
		held = pass_out(self->m, self->p.client);
		ASSERT_LE(0, held);
		ASSERT_TRUE(give(&d, &self->g, "thaw"));
		n = tries_during(&d, &self->g, "thawing",
				 "[extsock]", &granted);
		ASSERT_EQ(0, end_of(&d));
		EXPECT_TRUE(strstr(d.said, "left alone: 1"));
		close(d.fd);
		close(held);
	}
	EXPECT_LT(0, n);
	EXPECT_EQ(0, granted);
	EXPECT_TRUE(carries(self->m, self->p.client, OUTSIDE, self->p.server));
	REFUSED("running");
}

/* ---- frozen ---- */

TEST_F(unload, frozen)
{
	FREEZE();
	REFUSED("frozen");
	EXPECT_STREQ("external", class_of(&self->g, self->m, self->p.client));
	THAW();
	EXPECT_TRUE(is_reset(self->m, self->p.client));
	REFUSED("running");
}

TEST_F(unload, frozen_without_a_member)
{
	FREEZE();
	part(self->m);
	ASSERT_TRUE(EVENTUALLY(!count_members(&self->g)));
	REFUSED("frozen");
	THAW();
	EXPECT_TRUE(state_is(&self->g, "running"));
}

TEST_F(unload, frozen_by_a_lease)
{
	struct drain d;

	ASSERT_TRUE(give(&d, &self->g, "freeze lease"));
	ASSERT_EQ(0, end_of(&d));
	REFUSED("frozen");
	close(d.fd);
	EXPECT_TRUE(EVENTUALLY(state_is(&self->g, "running")));
	REFUSED("running");
	EXPECT_TRUE(carries(self->m, self->p.client, OUTSIDE, self->p.server));
}

/* ---- by a member ---- */

TEST_F(unload, by_a_member)
{
	strcpy(buf_of(self->m), "extsock");
	EXPECT_EQ(-EWOULDBLOCK, CALL(self->m, SYS_delete_module,
				     buf_of(self->m), O_NONBLOCK));
	EXPECT_TRUE(is_member(&self->g, self->m->pid));
	REFUSED("running");
	/* By one that has just left, itself the last. */
	ASSERT_EQ(0, put(sysfs(&self->g, "members"), "-%d", self->m->pid));
	strcpy(buf_of(self->m), "extsock");
	EXPECT_TRUE(EVENTUALLY(!CALL(self->m, SYS_delete_module,
				     buf_of(self->m), O_NONBLOCK)));
	EXPECT_TRUE(nothing_is_left());
	EXPECT_TRUE(carries(self->m, self->p.client, OUTSIDE, self->p.server));
	part(self->m);
}

/* ---- what people keep ---- */

/* A file of the module, how it is opened, and what is said when that has gone. */
static const struct kept {
	bool proc;
	const char *name;
	int flags;
	int err;
} kept[] = {
	{ true, "control", O_RDWR, EIO },
	{ true, "rules", O_RDWR, EIO },
	{ true, "sockets", O_RDONLY, EIO },
	{ true, "stats", O_RDONLY, EIO },
	{ false, "members", O_RDWR, ENODEV },
	{ false, "state", O_RDONLY, ENODEV },
	{ false, "policy", O_RDWR, ENODEV },
	{ false, "wait_ms", O_RDWR, ENODEV },
	{ false, "freeze_ms", O_RDWR, ENODEV },
	{ false, "../version", O_RDONLY, ENODEV },
	{ false, "../group", O_RDWR, ENODEV },
	{ false, "../groups", O_RDWR, ENODEV },
};

#define KEPT	((int)(sizeof(kept) / sizeof(*kept)))

static int open_kept(const struct group *g, int i)
{
	return open(kept[i].proc ? procfs(g, kept[i].name) :
				   sysfs(g, kept[i].name),
		    kept[i].flags | O_CLOEXEC);
}

/* The error of a read, a write and a map, as far as it can be opened for that. */
static bool is_dead(int i, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLPRI };
	char byte;

	return pread(fd, &byte, 1, 0) < 0 && errno == kept[i].err &&
	       read(fd, &byte, 1) < 0 && errno == kept[i].err &&
	       (kept[i].flags == O_RDONLY ||
		(write(fd, "0", 1) < 0 && errno == kept[i].err)) &&
	       mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED &&
	       poll(&p, 1, 0) >= 0;
}

static int first_alive(const int *fds)
{
	int i;

	for (i = 0; i < KEPT; i++)
		if (!is_dead(i, fds[i]))
			return i;
	return -1;
}

TEST_F(unload, with_open_files)
{
	char byte;
	int fds[KEPT], i;

	for (i = 0; i < KEPT; i++) {
		fds[i] = open_kept(&self->g, i);
		ASSERT_LE(0, fds[i]);
		/* Some have state of their own once they were read. */
		if (i % 2)
			ASSERT_LE(0, read(fds[i], &byte, 1));
		EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED,
					   fds[i], 0));
	}
	REFUSED("running");
	part(self->m);
	ASSERT_TRUE(goes());
	EXPECT_EQ(-1, first_alive(fds));
	/* Nor does a new one make them what they were. */
	ASSERT_EQ(0, load());
	ASSERT_EQ(0, groups("+%s", self->g.name));
	EXPECT_EQ(-1, first_alive(fds));
	for (i = 0; i < KEPT; i++)
		EXPECT_EQ(0, close(fds[i]));
	EXPECT_TRUE(state_is(&self->g, "running"));
}

TEST_F(unload, with_a_lease_that_has_ended)
{
	struct drain d;

	ASSERT_TRUE(give(&d, &self->g, "freeze lease"));
	ASSERT_EQ(0, end_of(&d));
	ASSERT_EQ(4, write(d.fd, "thaw", 4));
	part(self->m);
	ASSERT_TRUE(goes());
	EXPECT_EQ(-1, write(d.fd, "thaw", 4));
	EXPECT_EQ(EIO, errno);
	/* It was somebody's who had a group of this name. */
	ASSERT_EQ(0, load());
	ASSERT_EQ(0, groups("+%s", self->g.name));
	self->m = member(&self->g);
	FREEZE();
	close(d.fd);
	EXPECT_TRUE(state_is(&self->g, "frozen"));
	THAW();
}

/* In another process, and in a message that is read when the module has gone. */
TEST_F(unload, with_files_that_are_passed_on)
{
	struct actor *heir = actor();
	int fd = open(procfs(&self->g, "control"), O_RDWR | O_CLOEXEC);
	int theirs = pass_fd(heir, fd), pair[2];

	ASSERT_LE(0, theirs);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ASSERT_TRUE(send_fd(OUTSIDE, pair[0], fd));
	close(fd);
	part(self->m);
	ASSERT_TRUE(goes());
	EXPECT_EQ(-EIO, CALL(heir, SYS_write, theirs, "thaw", 4));
	EXPECT_EQ(0, CALL(heir, SYS_close, theirs));
	fd = receive_fd(OUTSIDE, pair[1]);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, write(fd, "thaw", 4));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(0, close(fd));
	close(pair[0]);
	close(pair[1]);
	part(heir);
}

/* From a folder that has gone one finds nothing, but the way out. */
static bool is_nowhere(struct actor *a)
{
	const char *names[] = {
		"control", "state", "../default", "default", "groups", "version",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		strcpy(buf_of(a), names[i]);
		if (CALL(a, SYS_openat, AT_FDCWD, buf_of(a), O_RDONLY, 0) !=
		    -ENOENT)
			return false;
	}
	return true;
}

TEST_F(unload, with_somebody_in_a_folder)
{
	const char *folders[] = {
		EXTSOCK_SYSFS_ROOT, EXTSOCK_SYSFS_ROOT "/default",
		EXTSOCK_PROC_ROOT, EXTSOCK_PROC_ROOT "/default",
	};
	struct actor *a[4];
	int i;

	for (i = 0; i < 4; i++) {
		a[i] = actor();
		strcpy(buf_of(a[i]), folders[i]);
		ASSERT_EQ(0, CALL(a[i], SYS_chdir, buf_of(a[i])));
	}
	part(self->m);
	ASSERT_TRUE(goes());
	for (i = 0; i < 4; i++)
		EXPECT_TRUE(is_nowhere(a[i]));
	ASSERT_EQ(0, load());
	for (i = 0; i < 4; i++) {
		EXPECT_TRUE(is_nowhere(a[i]));
		strcpy(buf_of(a[i]), folders[i]);
		EXPECT_EQ(0, CALL(a[i], SYS_chdir, buf_of(a[i])));
	}
	ASSERT_TRUE(goes());
	for (i = 0; i < 4; i++)
		part(a[i]);
}

/* ---- who is in the middle of something ---- */

/**
 * struct doing - a system call that lasts, made by a thread
 * @thread: who makes it
 * @nr: the call
 * @arg: its arguments
 * @tid: the thread's number, when it has one
 * @over: it has returned
 * @ret: its result or -errno
 */
struct doing {
	pthread_t thread;
	long nr;
	long arg[6];
	_Atomic pid_t tid;
	_Atomic bool over;
	long ret;
};

static void *do_it(void *doing)
{
	struct doing *d = doing;
	long ret;

	d->tid = gettid();
	ret = syscall(d->nr, d->arg[0], d->arg[1], d->arg[2], d->arg[3],
		      d->arg[4], d->arg[5]);
	d->ret = ret < 0 ? -errno : ret;
	d->over = true;
	return NULL;
}

/* Does it come to wait in the call? */
static bool begin_doing(struct doing *d)
{
	d->tid = 0;
	d->over = false;
	return !pthread_create(&d->thread, NULL, do_it, d) &&
	       EVENTUALLY(d->tid) && sleeps_in(d->tid, d->nr);
}

static long end_of_doing(struct doing *d)
{
	if (!EVENTUALLY(d->over))
		return -ETIME;
	pthread_join(d->thread, NULL);
	return d->ret;
}

/* A splice that waits for room: what comes then is what a read would say. */
TEST_F(unload, with_a_splice)
{
	static char text[1 << 16];
	int pipes[KEPT][2], fds[KEPT], waiting = 0, i;
	struct doing d[KEPT];

	for (i = 0; i < KEPT; i++) {
		fds[i] = open_kept(&self->g, i);
		ASSERT_EQ(0, pipe(pipes[i]));
		ASSERT_EQ((ssize_t)sizeof(text),
			  write(pipes[i][1], text, sizeof(text)));
		d[i] = (struct doing){
			.nr = SYS_splice,
			.arg = { fds[i], 0, pipes[i][1], 0, 4096, 0 },
		};
		/* Not all of them know how to. */
		pthread_create(&d[i].thread, NULL, do_it, &d[i]);
		EXPECT_TRUE(EVENTUALLY(d[i].tid));
	}
	msleep(100);
	for (i = 0; i < KEPT; i++)
		waiting += !d[i].over;
	EXPECT_LT(KEPT / 2, waiting);
	part(self->m);
	ASSERT_TRUE(goes());
	for (i = 0; i < KEPT; i++) {
		read(pipes[i][0], text, sizeof(text));
		EXPECT_GT(0, end_of_doing(&d[i]));
		close(pipes[i][0]);
		close(pipes[i][1]);
		close(fds[i]);
	}
}

/* Who waits for a change of the state is told that there is none to come. */
TEST_F(unload, with_somebody_who_polls)
{
	int fd = open(sysfs(&self->g, "state"), O_RDONLY | O_CLOEXEC);
	struct pollfd p = { .fd = fd, .events = POLLPRI };
	struct doing d = { .nr = SYS_poll, .arg = { (long)&p, 1, -1 } };
	char text[16];

	ASSERT_LT(0, pread(fd, text, sizeof(text), 0));
	ASSERT_TRUE(begin_doing(&d));
	part(self->m);
	ASSERT_TRUE(goes());
	EXPECT_EQ(1, end_of_doing(&d));
	EXPECT_EQ(POLLPRI | POLLERR, p.revents);
	EXPECT_EQ(-1, pread(fd, text, sizeof(text), 0));
	EXPECT_EQ(ENODEV, errno);
	close(fd);
}

/* Who is inside of a write is waited for, though nothing pins the module. */
TEST_F(unload, with_somebody_inside)
{
	struct doing writer = { .nr = SYS_write };
	struct doing rmmod = {
		.nr = SYS_delete_module,
		.arg = { (long)"extsock", O_NONBLOCK },
	};
	int uffd, fd = open(procfs(&self->g, "rules"), O_RDWR | O_CLOEXEC);
	char *page = missing_page(&uffd);

	if (!page)
		SKIP(return, "no userfaultfd here");
	part(self->m);
	EXPECT_TRUE(EVENTUALLY(!strcmp(slurp("/sys/module/extsock/refcnt"),
				       "0\n")));
	writer.arg[0] = fd;
	writer.arg[1] = (long)page;
	writer.arg[2] = 4;
	ASSERT_TRUE(begin_doing(&writer));
	ASSERT_TRUE(begin_doing(&rmmod));
	msleep(100);
	EXPECT_FALSE(rmmod.over);
	EXPECT_FALSE(writer.over);
	EXPECT_EQ(-ENOENT, groups("+late"));
	EXPECT_EQ(0, give_page(uffd, page, "keep"));
	EXPECT_EQ(4, end_of_doing(&writer));
	EXPECT_EQ(0, end_of_doing(&rmmod));
	EXPECT_TRUE(nothing_is_left());
	EXPECT_EQ(-1, write(fd, "keep", 4));
	EXPECT_EQ(EIO, errno);
	close(fd);
	close(uffd);
}

/* ---- loading ---- */

TEST_F(unload, loaded_twice)
{
	char *before = facts(&self->g);

	EXPECT_EQ(-EEXIST, load());
	EXPECT_STREQ(before, facts(&self->g));
	EXPECT_TRUE(carries(self->m, self->p.client, OUTSIDE, self->p.server));
	FREEZE();
	EXPECT_EQ(-EEXIST, load());
	REFUSED("frozen");
	THAW();
	EXPECT_TRUE(is_reset(self->m, self->p.client));
}

/* ---- over and over ---- */

#define CALLERS		4
#define OUTSIDERS	3

/* Fewer reloads than this tell nothing of a leak. */
#define MEASURABLE	40

/**
 * struct load - what goes on all the time
 * @calls: how many connections each has had
 * @failed: how many of them did not do what they should
 * @why: the error of the last of these
 * @pid: of the outsiders
 * @listener: of the test, for connections of members that last
 */
struct load {
	_Atomic unsigned long calls[CALLERS + OUTSIDERS];
	_Atomic int failed;
	_Atomic int why;
	pid_t pid[OUTSIDERS];
	int listener;
};

static struct load *load_;

/*
 * A connection to oneself: made, accepted, used and closed, with a reset, lest
 * there be no port left that nothing waits at.
 */
static bool talk(int listener, const struct place *to)
{
	struct linger none = { .l_onoff = 1 };
	int fd = socket(to->ss.ss_family, SOCK_STREAM, 0);
	int peer = connect(fd, (void *)&to->ss, to->len) ? -1 :
		   accept(listener, NULL, NULL);
	char byte = 'a';
	bool good = peer >= 0 && send(fd, &byte, 1, MSG_NOSIGNAL) == 1 &&
		    recv(peer, &byte, 1, 0) == 1;

	if (!good)
		load_->why = errno;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(fd);
	close(peer);
	return good;
}

/* The same in a child, which inherits the listening socket. */
static bool talk_in_child(int listener, const struct place *to)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(!talk(listener, to));
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

/* Callers have numbers; the others are never members, and not in such a hurry. */
static void call_for_ever(int nr)
{
	int listener = server_at(OUTSIDE, nr % 2 ? AF_UNIX : AF_INET);
	struct place to = place_of(OUTSIDE, listener);
	unsigned long i;

	for (i = 0;; i++) {
		bool good = i % 8 ? talk(listener, &to) :
				    talk_in_child(listener, &to);

		load_->failed += !good;
		load_->calls[nr]++;
		/* An emulator has other things to do as well. */
		msleep(nr < CALLERS ? 1 : 10);
	}
}

static pid_t start_caller(int nr)
{
	int port = nr ? 0 : port_of(OUTSIDE, load_->listener);
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* What members held as well would be theirs. */
	close(load_->listener);
	/* Something that a drain waits for in vain. */
	if (port && connect_to(OUTSIDE, AF_INET, NULL, port, 0) < 0)
		load_->failed++;
	call_for_ever(nr);
	_exit(1);
}

static void end_caller(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void start_outsiders(void)
{
	int i;

	for (i = 0; i < OUTSIDERS; i++)
		load_->pid[i] = start_caller(CALLERS + i);
}

static void end_outsiders(void)
{
	int i;

	for (i = 0; i < OUTSIDERS; i++)
		end_caller(load_->pid[i]);
}

/* Give up at the first thing that is not as it should be, and say what it was. */
#define NEED(what) do { if (!(what)) return #what; } while (0)

/* Sometimes a freeze that succeeds, sometimes one that is given up. */
static const char *maybe_freeze(const struct group *g, int i)
{
	switch (i % 5) {
	case 0:
		NEED(!command(g, "freeze"));
		NEED(unload() == -EWOULDBLOCK);
		NEED(!command(g, "thaw"));
		break;
	case 1:
		NEED(control(g, "freeze policy=wait wait_ms=20") == -ETIMEDOUT);
		break;
	case 2:
		NEED(!command(g, "freeze lease"));
		break;
	}
	return NULL;
}

/* They leave, or are killed, or are dying when the module is to go. */
static const char *leave(const struct group *g, int nr, const pid_t *pid,
			 int i)
{
	int n;

	for (n = 0; n < CALLERS; n++) {
		if (i % 3 == 0)
			NEED(!put(sysfs(&g[n % nr], "members"), "-%d", pid[n]));
		else
			NEED(!kill(pid[n], SIGKILL));
		if (i % 3 == 1)
			NEED(waitpid(pid[n], NULL, WUNTRACED) == pid[n]);
	}
	return NULL;
}

static const char *join_all(const struct group *g, int nr, const pid_t *pid)
{
	unsigned long before[CALLERS];
	int n;

	for (n = 0; n < CALLERS; n++) {
		before[n] = load_->calls[n];
		NEED(!put(sysfs(&g[n % nr], "members"), "%d", pid[n]));
	}
	/* With a child among them. */
	for (n = 0; n < CALLERS; n++)
		NEED(EVENTUALLY(load_->calls[n] - before[n] > 8));
	return NULL;
}

static const char *use_once(const pid_t *pid, int i)
{
	struct group g[2] = { { "one" }, { "two" } };
	int nr = 1 + i % 2, n;
	const char *wrong;

	for (n = 0; n < nr; n++)
		NEED(!groups("+%s", g[n].name));
	wrong = join_all(g, nr, pid);
	if (wrong)
		return wrong;
	NEED(unload() == -EWOULDBLOCK);
	return maybe_freeze(&g[0], i) ?: leave(g, nr, pid, i);
}

static const char *cycle(int i)
{
	pid_t pid[CALLERS];
	const char *wrong;
	int n;

	NEED(!load());
	for (n = 0; n < CALLERS; n++)
		pid[n] = start_caller(n);
	wrong = use_once(pid, i);
	if (!wrong && !EVENTUALLY(!unload()))
		wrong = "unloading is granted";
	for (n = 0; n < CALLERS; n++)
		end_caller(pid[n]);
	if (poll_fd(OUTSIDE, load_->listener) & POLLIN)
		close(accept(load_->listener, NULL, NULL));
	if (!wrong && !nothing_is_left())
		wrong = "nothing is left";
	return wrong;
}

/* ---- leaks ---- */

/**
 * struct memory - what the kernel has in use
 * @caches: how many kinds of objects there are
 * @name: what they are called
 * @objects: how many are in use
 * @slab: how many there are in a slab; each CPU may have taken a few since
 * @slabs: kB in slabs that the kernel cannot get back
 */
struct memory {
	int caches;
	char name[512][48];
	long objects[512];
	long slab[512];
	long slabs;
};

/* What is in use, and neither cached nor kept by a CPU for the next one. */
static void measure(struct memory *m)
{
	char *line, *rest;

	msleep(500);
	/* What was used of late is only dropped when it is looked at again. */
	sh("sync; for i in 1 2 3 4; do echo 3 >/proc/sys/vm/drop_caches; done");
	/* What is no longer cached is freed after a grace period. */
	msleep(500);
	sh("for i in /sys/kernel/slab/*/shrink; do echo 1 >$i; done");
	m->slabs = atol(strstr(slurp("/proc/meminfo"), "SUnreclaim:") + 11);
	m->caches = 0;
	rest = slurp("/proc/slabinfo");
	while ((line = strsep(&rest, "\n")) && m->caches < 512)
		if (sscanf(line, "%47s %ld %*d %*d %ld", m->name[m->caches],
			   &m->objects[m->caches], &m->slab[m->caches]) == 3)
			m->caches++;
}

/*
 * How much more of it there is than there was, for certain: what CPUs have taken, a
 * few hundred objects of some kinds, need not be in use. So 60 cycles tell of a leak of
 * about five objects each time, and 500 of one.
 */
static long growth(const struct memory *m, int i, const struct memory *before)
{
	long slack = 4 * m->slab[i] * sysconf(_SC_NPROCESSORS_ONLN);
	int j;

	for (j = 0; j < before->caches; j++)
		if (!strcmp(before->name[j], m->name[i]))
			return m->objects[i] - before->objects[j] - slack;
	return m->objects[i] - slack;
}

/* Is there no kind of which most cycles, or two in five, have left one? */
static bool is_as_before(const struct memory *before, int cycles)
{
	static struct memory now;
	bool good;
	int i;

	measure(&now);
	printf("# kB of slabs: %ld more\n", now.slabs - before->slabs);
	/* A page each time, and some for who begins to use another slab. */
	good = now.caches && now.slabs - before->slabs < 512 + cycles * 4L;
	for (i = 0; i < now.caches; i++) {
		if (growth(&now, i, before) < cycles * 2 / 5)
			continue;
		printf("# %s: %ld more\n", now.name[i],
		       growth(&now, i, before));
		good = false;
	}
	return good;
}

/* What only is late goes in the end. */
static bool nothing_leaks(const struct memory *before, int cycles)
{
	int look;

	for (look = 0; look < 5; look++)
		if (is_as_before(before, cycles))
			return true;
	return false;
}

/* On a kernel that is slow kmemleak looks for leaks, after all tests. */
TEST_F_TIMEOUT(unload, again_and_again, 3000)
{
	int n = number("EXTSOCK_RELOADS", 60), i;
	static struct memory before;
	const char *wrong = NULL;
	long since = now_ms();

	setlinebuf(stdout);
	EXPECT_TRUE(drop_group(&self->g));
	ASSERT_TRUE(goes());
	load_ = mmap(NULL, sizeof(*load_), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	load_->listener = listener(OUTSIDE, AF_INET);
	start_outsiders();
	for (i = 0; i < n && !wrong; i++) {
		wrong = cycle(i);
		if (i % 10 == 9)
			printf("# %d times, %ld s\n", i + 1,
			       (now_ms() - since) / 1000);
		if (i == n / 10) {
			end_outsiders();
			measure(&before);
			start_outsiders();
		}
	}
	EXPECT_EQ(NULL, wrong)
		printf("# cycle %d: %s\n", i - 1, wrong);
	end_outsiders();
	EXPECT_EQ(0, load_->failed)
		printf("# %s\n", strerror(load_->why));
	if (n >= MEASURABLE)
		EXPECT_TRUE(nothing_leaks(&before, i - 1 - n / 10));
}

TEST_HARNESS_MAIN
