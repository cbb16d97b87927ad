// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whatever is done to the files of sysfs and proc: every call returns, with a result
 * or with an errno that the file may give; what was refused has changed nothing; a
 * list is read as it was in one moment; and members and outsiders go on.
 *
 * How long is told by the environment, EXTSOCK_DURATION in seconds, and what
 * everybody decides by EXTSOCK_SEED, which is printed.
 */
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "dice.h"

#define FUZZERS		3
#define THREADS		2
#define SPARE_GROUPS	3
#define CROWD		40
#define LISTS		4
#define BIG		(3 << 20)
#define PID_LIMIT	4194304

/* ---- the files ---- */

enum place_of_file { ROOT, SYSFS, PROC };

/**
 * struct file - a file of the module
 * @name: as in the folder
 * @where: its folder
 * @mode: as documented
 * @refuses: what a write of any text may fail with, ends with 0
 */
struct file {
	const char *name;
	enum place_of_file where;
	unsigned int mode;
	int refuses[12];
};

static const struct file files[] = {
	{ "version", ROOT, 0444, {} },
	{ "group", ROOT, 0600, { EINVAL, ESRCH, EBUSY } },
	{ "groups", ROOT, 0600, { EINVAL, EEXIST, ENOENT, ENOTEMPTY, EBUSY } },
	{ "members", SYSFS, 0600, { EINVAL, ESRCH, EBUSY, ENOENT } },
	{ "state", SYSFS, 0400, {} },
	{ "policy", SYSFS, 0600, { EINVAL } },
	{ "wait_ms", SYSFS, 0600, { EINVAL } },
	{ "freeze_ms", SYSFS, 0600, { EINVAL } },
	{ "control", PROC, 0600,
	  { EINVAL, ESRCH, EBUSY, ETIMEDOUT, EINTR, EDEADLK } },
	{ "rules", PROC, 0600, { EINVAL, E2BIG, EINTR } },
	/* So procfs says of any file that cannot be written. */
	{ "sockets", PROC, 0400, { EIO } },
	{ "stats", PROC, 0400, { EIO } },
};

#define FILES		ARRAY_SIZE(files)
#define FIRST_OF_GROUP	3

static const char *path_of(char *path, const char *group, unsigned int f)
{
	if (files[f].where == ROOT)
		snprintf(path, PATH_MAX, "%s/%s", EXTSOCK_SYSFS_ROOT,
			 files[f].name);
	else
		snprintf(path, PATH_MAX, "%s/%s/%s",
			 files[f].where == PROC ? EXTSOCK_PROC_ROOT :
						  EXTSOCK_SYSFS_ROOT,
			 group, files[f].name);
	return path;
}

/**
 * struct fuzz - what all share
 * @stop: they are to end
 * @failed: how often somebody has seen what must not be
 * @why: what the first one says
 * @steps: of each fuzzer's thread
 * @wrote: how many writes each file took
 * @wild: the group that anything may happen to
 * @calm: one that is never given anything valid
 * @harmless: processes that anybody may add to a group, or take out
 * @calm_rules: the list it begins with
 * @lists: lists of rules, as they are shown
 * @crowd: processes that stay in a group
 * @known: processes that are or have been in it
 */
struct fuzz {
	_Atomic int stop;
	_Atomic int failed;
	char why[256];
	_Atomic unsigned long steps[FUZZERS * THREADS];
	_Atomic unsigned long wrote[FILES];
	struct group wild;
	struct group calm;
	pid_t harmless[8];
	char calm_rules[1024];
	char lists[LISTS][65536];
	pid_t crowd[CROWD];
	_Atomic unsigned char known[PID_LIMIT];
};

static struct fuzz *fuzz;

static void fail(const char *fmt, ...)
{
	va_list args;

	if (fuzz->failed++)
		return;
	va_start(args, fmt);
	vsnprintf(fuzz->why, sizeof(fuzz->why), fmt, args);
	va_end(args);
}

/* ---- texts ---- */

static const char * const words[] = {
	"freeze", "thaw", "lease", "keep", "reset", "wait", "policy=", "wait_ms=",
	"tcp", "udp", "unix", "any", "to", "port", "path", "#", "+", "-", "0",
	"10", "-1", "99999999999999999999", "running", "frozen", "default",
	"fuzz-0", "fuzz-1", "fuzz-2", "10.0.0.0/8", "::ffff:1.2.3.4", "1-65535",
	"*", "[a-", "\\", "@", "\n", "\t", "\r", "\x1b[31m", "\xff", "=", "../..",
};

static const char * const settings[] = {
	"reset", "wait", "keep", "1", "20", "10000", "86400000", "keep\n",
};

static const char * const commands[] = {
	"freeze", "thaw", "thaw keep", "freeze policy=keep", "freeze lease",
	"freeze policy=wait wait_ms=20", "freeze policy=reset lease\n",
	"freeze wait_ms=1 policy=wait lease",
};

static const char * const names[] = {
	"+fuzz-0", "+fuzz-1", "+fuzz-2", "-fuzz-0", "-fuzz-1", "-fuzz-2",
	"-default", "+default", "+group", "-nobody",
};

static const char * const rules[] = {
	EXTSOCK_RULES_DEFAULT, "", "reset any", "keep tcp to 10.0.0.0/8 port 80\n",
	"wait unix path /run/*\n# comment\nkeep udp", "reset to ::/0 port 1-9",
};

#define ONE_OF(list)	((list)[dice(ARRAY_SIZE(list))])

static size_t valid_text(char *text, size_t max, const char *file)
{
	if (!strcmp(file, "control"))
		return snprintf(text, max, "%s", ONE_OF(commands));
	if (!strcmp(file, "groups"))
		return snprintf(text, max, "%s", ONE_OF(names));
	if (!strcmp(file, "rules"))
		return snprintf(text, max, "%s", ONE_OF(rules));
	if (strcmp(file, "members") && strcmp(file, "group"))
		return snprintf(text, max, "%s", ONE_OF(settings));
	return snprintf(text, max, "%s%d%s", dice(2) ? "-" : "",
			ONE_OF(fuzz->harmless), dice(2) ? "\n" : "");
}

static size_t random_words(char *text, size_t max)
{
	size_t len = 0;
	int n = dice(12);

	while (n-- && len + 64 < max)
		len += snprintf(text + len, max - len, "%s%s", ONE_OF(words),
				dice(2) ? " " : "");
	return len;
}

static void mutate(char *text, size_t *len, size_t max)
{
	int n = 1 + dice(3);

	while (n-- && *len) {
		size_t at = dice(*len);

		switch (dice(4)) {
		case 0:
			text[at] ^= 1 << dice(8);
			break;
		case 1:
			text[at] = dice(256);
			break;
		case 2:
			*len = at;
			break;
		default:
			if (*len * 2 <= max) {
				memcpy(text + *len, text, *len);
				*len *= 2;
			}
		}
	}
}

/* How long something is: mostly little, sometimes a lot. */
static size_t some_size(size_t max)
{
	static const unsigned int magnitudes[] = { 2, 16, 130, 4097, 70000, BIG };

	return dice(ONE_OF(magnitudes)) % (max + 1);
}

static size_t any_text(char *text, size_t max, const char *file)
{
	size_t len, i;

	switch (dice(8)) {
	case 0:
		len = some_size(max);
		for (i = 0; i < len && i < 8192; i++)
			text[i] = dice(256);
		return len;
	case 1:
		len = some_size(max);
		memset(text, dice(2) ? 0 : ' ' + dice(90), len);
		return len;
	case 2:
		return random_words(text, max);
	case 3:
	case 4:
		len = valid_text(text, max, file);
		mutate(text, &len, max);
		return len;
	default:
		return valid_text(text, max, file);
	}
}

/* Would it add or remove a process that has no part in this? */
static bool hits_somebody(const char *text, size_t len)
{
	char copy[64] = "";
	size_t i;
	long pid;

	memcpy(copy, text, len < 63 ? len : 63);
	pid = strtol(copy + (*copy == '-'), NULL, 10);
	if (pid <= 2 || pid > PID_LIMIT)
		return false;
	for (i = 0; i < ARRAY_SIZE(fuzz->harmless); i++)
		if (pid == fuzz->harmless[i])
			return false;
	return true;
}

/* Whatever it says, a file of the calm group must not take it. */
static size_t refused_text(char *text, size_t max, const char *file)
{
	size_t len = any_text(text + 1, max - 1, file);

	text[0] = 0x80 | dice(128);
	return len + 1;
}

/* ---- calls ---- */

/* What the fuzzer's threads share: descriptors, by group and file. */
static int shared[2][FILES];

static _Thread_local char *page, *big;

/**
 * struct call - a call and what it is made for
 * @f: the file
 * @fd: its descriptor
 * @calm: it is one of the calm group's
 * @may_vanish: the group may be removed
 */
struct call {
	unsigned int f;
	int fd;
	bool calm;
	bool may_vanish;
};

/* Not of the module, but of how files are opened, called and removed. */
static bool is_common(const struct call *c, int err)
{
	return err == EBADF || err == EACCES ||
	       (c->may_vanish && (err == ENODEV || err == EIO ||
				  err == ENOENT));
}

static bool is_among(const int *errs, int err)
{
	while (*errs && *errs != err)
		errs++;
	return *errs;
}

/* The errnos that a call may fail with besides, as a list. */
#define OR(...)	((const int[]){ __VA_ARGS__, 0 })

static void check(const struct call *c, const char *what, long ret,
		  const int *others)
{
	int err = errno;

	if (ret < 0 && !is_common(c, err) && !is_among(others, err))
		fail("%s of %s: %s", what, files[c->f].name, strerror(err));
}

static void check_write(const struct call *c, size_t len, ssize_t ret)
{
	int err = errno;

	if (ret < 0 && !is_common(c, err) &&
	    !is_among(files[c->f].refuses, err))
		fail("write to %s: %s", files[c->f].name, strerror(err));
	if (ret > (ssize_t)len)
		fail("%s took %zd of %zu bytes", files[c->f].name, ret, len);
	if (ret > 0 && c->calm)
		fail("%s of the calm group took %zd bytes", files[c->f].name,
		     ret);
	if (ret > 0)
		fuzz->wrote[c->f]++;
}

static size_t text_for(const struct call *c, char *text, size_t max)
{
	const char *name = files[c->f].name;
	size_t len = c->calm ? refused_text(text, max, name) :
			       any_text(text, max, name);

	if ((!strcmp(name, "members") || !strcmp(name, "group")) &&
	    hits_somebody(text, len))
		len = 0;
	return len;
}

static void write_to(const struct call *c)
{
	size_t len = text_for(c, big, BIG);

	check_write(c, len, write(c->fd, big, len));
}

static loff_t some_offset(void)
{
	switch (dice(6)) {
	case 0:
		return -1 - dice(100);
	case 1:
		return LLONG_MAX - dice(3);
	case 2:
		return 1LL << dice(63);
	default:
		return dice(200);
	}
}

static void pwrite_to(const struct call *c)
{
	size_t len = text_for(c, big, BIG);
	ssize_t ret = pwrite(c->fd, big, len, some_offset());

	/* Odd offsets, and what was opened to read only. */
	if (ret < 0 && is_among(OR(EINVAL, EOVERFLOW, EFBIG, ESPIPE), errno))
		return;
	check_write(c, len, ret);
}

/* In two pieces: of proc files each is a write. */
static void writev_to(const struct call *c)
{
	size_t len = text_for(c, big, BIG), cut = dice(len + 1);
	struct iovec iov[] = { { big, cut }, { big + cut, len - cut } };

	/* A piece of a PID may be somebody's, and of what is refused may be valid. */
	if (!strcmp(files[c->f].name, "members") ||
	    !strcmp(files[c->f].name, "group") || c->calm) {
		iov[0].iov_len = len;
		iov[1].iov_len = 0;
	}
	check_write(c, len, writev(c->fd, iov, 2));
}

/* The text goes on where nothing is mapped. */
static void write_beyond(const struct call *c)
{
	size_t have = dice(16);
	ssize_t ret;

	memset(page + 4096 - have, 0x80, have);
	ret = write(c->fd, page + 4096 - have, have + 1 + dice(100));
	if (ret > 0)
		fail("%s took %zd bytes that are not all there",
		     files[c->f].name, ret);
	if (ret >= 0 || errno != EFAULT)
		check_write(c, have + 100, ret);
}

static void read_from(const struct call *c)
{
	bool own_offset = dice(2);
	size_t len = some_size(BIG);
	loff_t at = some_offset();
	ssize_t ret = own_offset ? pread(c->fd, big, len, at) :
				   read(c->fd, big, len);

	/* Of a list: another reader began. Or it is too far behind the end. */
	check(c, "read", ret, OR(EAGAIN, EINVAL, EOVERFLOW));
	if (ret > (ssize_t)len)
		fail("%s gave %zd of %zu bytes", files[c->f].name, ret, len);
}

static void read_beyond(const struct call *c)
{
	check(c, "read", pread(c->fd, page + 4090, 1 + dice(4096), dice(20)),
	      OR(EAGAIN, EFAULT));
}

static void seek_in(const struct call *c)
{
	static const int whences[] = { SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA,
				       SEEK_HOLE, 77 };
	long ret = lseek(c->fd, some_offset(), ONE_OF(whences));

	check(c, "lseek", ret, OR(EINVAL, EOVERFLOW, ENXIO));
}

static void map(const struct call *c)
{
	void *at = mmap(NULL, 4096, dice(2) ? PROT_READ : PROT_WRITE,
			dice(2) ? MAP_SHARED : MAP_PRIVATE, c->fd, 0);

	if (at != MAP_FAILED)
		fail("%s can be mapped", files[c->f].name);
	else
		check(c, "mmap", -1, OR(ENODEV, EIO));
}

static void control_io(const struct call *c)
{
	static const unsigned long requests[] = { FIONREAD, 0x5401, 0, 0xdeadbeef };

	check(c, "ioctl", ioctl(c->fd, ONE_OF(requests), big), OR(ENOTTY));
}

static void send_out(const struct call *c)
{
	loff_t at = dice(100);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	check(c, "sendfile", sendfile(null, c->fd, dice(2) ? &at : NULL,
				      some_size(BIG)),
	      OR(EAGAIN, EINVAL, EOVERFLOW));
	close(null);
}

static void splice_in(const struct call *c)
{
	size_t len = text_for(c, big, 4096);
	int ends[2];
	ssize_t ret;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return;
	if (len && write(ends[1], big, len) == (ssize_t)len) {
		ret = splice(ends[0], NULL, c->fd, NULL, len, 0);
		/* Files of proc take none. */
		if (ret >= 0 || errno != EINVAL)
			check_write(c, len, ret);
	}
	close(ends[0]);
	close(ends[1]);
}

static void cut_off(const struct call *c)
{
	check(c, "ftruncate", ftruncate(c->fd, dice(2) ? 0 : some_size(BIG)),
	      OR(EINVAL, EPERM));
}

static void wait_for(const struct call *c)
{
	struct pollfd p = { c->fd, POLLIN | POLLPRI | POLLOUT, 0 };

	check(c, "poll", poll(&p, 1, dice(20)), OR(EINTR));
}

static void (* const calls[])(const struct call *) = {
	write_to, write_to, write_to, write_to, pwrite_to, pwrite_to, writev_to,
	write_beyond, read_from, read_from, read_beyond, seek_in, map,
	control_io, send_out, splice_in, cut_off, wait_for,
};

static int open_some(const char *group, struct call *c)
{
	static const int ways[] = { O_RDONLY, O_WRONLY, O_RDWR };
	char path[PATH_MAX];
	int fd;

	fd = open(path_of(path, group, c->f), O_CLOEXEC | ONE_OF(ways) |
		  (dice(4) ? 0 : O_TRUNC) | (dice(4) ? 0 : O_APPEND) |
		  (dice(4) ? 0 : O_NONBLOCK));
	/* Of a folder of proc that is just being made or removed. */
	if (fd < 0)
		check(c, "open", fd, OR(EINTR));
	return fd;
}

static void step(void)
{
	char spare[16];
	struct call c = { .f = dice(FILES), .fd = -1 };
	const char *group = fuzz->wild.name;
	bool own = dice(3);

	c.calm = files[c.f].where != ROOT && !dice(3);
	if (c.calm)
		group = fuzz->calm.name;
	if (own && !c.calm && !dice(3)) {
		snprintf(spare, sizeof(spare), "fuzz-%u", dice(SPARE_GROUPS));
		group = dice(4) ? spare : EXTSOCK_GROUP_DEFAULT;
		c.may_vanish = group == spare && files[c.f].where != ROOT;
	}
	c.fd = own ? open_some(group, &c) : shared[c.calm][c.f];
	if (c.fd < 0)
		return;
	calls[dice(ARRAY_SIZE(calls))](&c);
	if (own)
		close(c.fd);
}

static void *fuzz_on(void *arg)
{
	long who = (long)arg;

	big = malloc(BIG + 64);
	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(page + 4096, 4096);
	while (!fuzz->stop) {
		throw_dice(who, fuzz->steps[who]);
		step();
		fuzz->steps[who]++;
	}
	return NULL;
}

static void open_shared(void)
{
	char path[PATH_MAX];
	unsigned int f;

	for (f = 0; f < FILES; f++) {
		int how = O_CLOEXEC |
			  (files[f].mode & 0200 ? O_RDWR : O_RDONLY);

		shared[0][f] = open(path_of(path, fuzz->wild.name, f), how);
		shared[1][f] = open(path_of(path, fuzz->calm.name, f), how);
		if (shared[0][f] < 0 || shared[1][f] < 0)
			fail("cannot open %s: %s", path, strerror(errno));
	}
}

/* s->arg[1] is its number. */
static void be_fuzzer(struct stage *s)
{
	pthread_t thread;
	long who = s->arg[1] * THREADS;

	signal(SIGPIPE, SIG_IGN);
	open_shared();
	pthread_create(&thread, NULL, fuzz_on, (void *)(who + 1));
	fuzz_on((void *)who);
	pthread_join(thread, NULL);
	s->ret = 0;
}

/* A member with children that come and go. */
static void be_mother(struct stage *s)
{
	for (;;) {
		pid_t pid = fork();

		if (!pid) {
			usleep(2000);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
		s->counter++;
	}
}

/* ---- what is looked at ---- */

static const char * const grown[] = {
	"joined", "forked", "left", "lost", "drains", "freezes",
	"freezes_failed", "thaws", "sockets", "sockets_unseen",
	"sockets_reset",
};

static void check_stats(const struct group *g, long long *last)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(grown); i++) {
		long long now = stat_of(g, grown[i]);

		if (now < last[i])
			fail("%s was %lld and is %lld", grown[i], last[i], now);
		last[i] = now;
	}
}

static int count_words(const char *line)
{
	int n = 1;

	while (*line)
		n += *line++ == ' ';
	return n;
}

/* A header line, and rows with as many columns. */
static void check_sockets(const struct group *g)
{
	char *line, *rest = slurp(procfs(g, "sockets"));
	int want = count_words(EXTSOCK_SOCKETS_HEADER);

	while ((line = strsep(&rest, "\n")) && *line)
		if (count_words(line) != want)
			fail("a row of %d columns: %s", count_words(line), line);
	if (rest && *rest)
		fail("an empty row before: %s", rest);
}

/* What is there can be written back, and is then the same. */
static void check_rules(const struct group *g, const struct group *scratch)
{
	char *copy = strdup(slurp(procfs(g, "rules")));
	int err = set_rules(scratch, copy);

	if (err)
		fail("rules that cannot be written back: %s: %.80s",
		     strerror(-err), copy);
	else if (strcmp(copy, slurp(procfs(scratch, "rules"))))
		fail("rules that are others when written back: %.80s", copy);
	free(copy);
}

static void check_members(const struct group *g)
{
	char *text = slurp(sysfs(g, "members"));

	if (text[strspn(text, "0123456789\n")] || strstr(text, "\n\n") ||
	    *text == '\n' || (*text && text[strlen(text) - 1] != '\n'))
		fail("members that are no numbers: %.80s", text);
}

/* Nothing of what was refused has left a trace. */
static void check_calm(const struct actor *m)
{
	const struct group *g = &fuzz->calm;
	char want[16];

	snprintf(want, sizeof(want), "%d\n", m->pid);
	if (!state_is(g, "running"))
		fail("the calm group is no longer running");
	if (strcmp(slurp(sysfs(g, "policy")), "reset\n") ||
	    strcmp(slurp(sysfs(g, "wait_ms")), "60000\n") ||
	    strcmp(slurp(sysfs(g, "freeze_ms")), "10000\n"))
		fail("a setting of the calm group has changed");
	if (strcmp(slurp(procfs(g, "rules")), fuzz->calm_rules))
		fail("rules of the calm group have changed");
	if (strcmp(slurp(sysfs(g, "members")), want))
		fail("the calm group has other members");
	if (stat_of(g, "freezes") || stat_of(g, "freezes_failed"))
		fail("the calm group was frozen");
}

/* Let every group run that somebody has frozen. */
static void thaw_all(void)
{
	struct group g;
	char *line, *list = strdup(slurp(EXTSOCK_SYSFS_ROOT "/groups"));
	char *rest = list;

	while ((line = strsep(&rest, "\n")) && *line) {
		snprintf(g.name, sizeof(g.name), "%s", line);
		control(&g, "thaw keep");
	}
	free(list);
}

/* What is left of the spare groups, and of what mutation has named. */
static void drop_others(const struct group *kept, size_t n)
{
	char *line, *list = strdup(slurp(EXTSOCK_SYSFS_ROOT "/groups"));
	char *rest = list;
	struct group g;
	size_t i;

	while ((line = strsep(&rest, "\n")) && *line) {
		for (i = 0; i < n && strcmp(line, kept[i].name); i++)
			;
		snprintf(g.name, sizeof(g.name), "%s", line);
		if (i == n && strcmp(line, EXTSOCK_GROUP_DEFAULT))
			drop_group(&g);
	}
	free(list);
}

/* "default" is everybody's. */
static void restore_default(void)
{
	const struct group g = { EXTSOCK_GROUP_DEFAULT };

	control(&g, "thaw keep");
	put(sysfs(&g, "policy"), "reset");
	put(sysfs(&g, "wait_ms"), "%d", EXTSOCK_WAIT_MS_DEFAULT);
	put(sysfs(&g, "freeze_ms"), "%d", EXTSOCK_FREEZE_MS_DEFAULT);
	set_rules(&g, EXTSOCK_RULES_DEFAULT);
}

/* ---- the test ---- */

FIXTURE(files)
{
	struct group scratch;
	struct actor *calm;
	struct actor *mother;
	struct actor *member;
	struct actor *outsider;
	struct actor *fuzzers[FUZZERS];
};

FIXTURE_SETUP(files)
{
	int i;

	fuzz = mmap(NULL, sizeof(*fuzz), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	TH_LOG("EXTSOCK_SEED=%u", pick_seed());
	make_group(&fuzz->wild, "wild");
	make_group(&fuzz->calm, "calm");
	make_group(&self->scratch, "scratch");
	snprintf(fuzz->calm_rules, sizeof(fuzz->calm_rules), "%s",
		 slurp(procfs(&fuzz->calm, "rules")));
	self->calm = member(&fuzz->calm);
	self->member = member(&fuzz->wild);
	self->mother = member(&fuzz->wild);
	self->outsider = actor();
	for (i = 0; i < FUZZERS; i++)
		self->fuzzers[i] = actor();
	/* 0 is who writes; there are kernel threads and dead ones, too. */
	fuzz->harmless[1] = self->member->pid;
	fuzz->harmless[2] = self->mother->pid;
	fuzz->harmless[3] = self->calm->pid;
	fuzz->harmless[4] = self->fuzzers[0]->pid;
	fuzz->harmless[5] = 1;
	fuzz->harmless[6] = 2;
	fuzz->harmless[7] = PID_LIMIT - 1;
}

FIXTURE_TEARDOWN(files)
{
	int i;

	fuzz->stop = 1;
	for (i = 0; i < FUZZERS; i++)
		part(self->fuzzers[i]);
	part(self->outsider);
	part(self->mother);
	part(self->member);
	part(self->calm);
	EXPECT_TRUE(drop_group(&fuzz->wild));
	EXPECT_TRUE(drop_group(&fuzz->calm));
	EXPECT_TRUE(drop_group(&self->scratch));
	drop_others(NULL, 0);
	restore_default();
}

static bool all_step(void)
{
	unsigned long before[FUZZERS * THREADS];
	int i;

	for (i = 0; i < FUZZERS * THREADS; i++)
		before[i] = fuzz->steps[i];
	for (i = 0; i < FUZZERS * THREADS; i++)
		if (!EVENTUALLY((thaw_all(), fuzz->steps[i] != before[i])))
			return false;
	return true;
}

static bool end_fuzzers(struct actor **fuzzers)
{
	int i;

	fuzz->stop = 1;
	for (i = 0; i < FUZZERS; i++)
		if (!EVENTUALLY((thaw_all(), is_done(fuzzers[i]))))
			return false;
	return true;
}

TEST_F_TIMEOUT(files, take_anything, 3600)
{
	long until = now_ms() + 1000 * number("EXTSOCK_DURATION", 20) / 2;
	long long wild[ARRAY_SIZE(grown)] = {}, calm[ARRAY_SIZE(grown)] = {};
	struct pair in = connection(self->member, self->mother, AF_INET);
	struct pair ex = connection(self->calm, OUTSIDE, AF_INET);
	struct pair out = connection(OUTSIDE, OUTSIDE, AF_INET);
	unsigned int f;
	long i;

	ASSERT_LE(0, in.server);
	connection(self->member, OUTSIDE, AF_INET);
	START_FN(self->member, spin);
	START_FN(self->calm, spin);
	START_FN(self->outsider, spin);
	START_FN(self->mother, be_mother);
	for (i = 0; i < FUZZERS; i++)
		start(self->fuzzers[i], -1L, (long)be_fuzzer, i, 0L, 0L, 0L,
		      0L);
	while (!fuzz->failed && now_ms() < until) {
		ASSERT_TRUE(all_step());
		check_stats(&fuzz->wild, wild);
		check_stats(&fuzz->calm, calm);
		check_sockets(&fuzz->wild);
		check_rules(&fuzz->wild, &self->scratch);
		check_members(&fuzz->wild);
		check_calm(self->calm);
		EXPECT_TRUE(moves(self->outsider->stage));
		EXPECT_TRUE(moves(self->calm->stage));
		EXPECT_TRUE(carries(OUTSIDE, out.client, OUTSIDE, out.server));
	}
	ASSERT_TRUE(end_fuzzers(self->fuzzers));
	EXPECT_EQ(0, fuzz->failed) TH_LOG("%s", fuzz->why);
	thaw_all();
	EXPECT_TRUE(moves(self->member->stage));
	EXPECT_TRUE(moves(self->mother->stage));
	/* It was never reset; now it is. */
	EXPECT_EQ(0, poll_fd(OUTSIDE, ex.server) & (POLLERR | POLLHUP));
	EXPECT_EQ(0, command(&fuzz->calm, "freeze"));
	EXPECT_TRUE(stands(self->calm->stage));
	EXPECT_EQ(0, command(&fuzz->calm, "thaw"));
	EXPECT_TRUE(EVENTUALLY(poll_fd(OUTSIDE, ex.server) & POLLERR));
	for (f = 0; f < FILES; f++)
		TH_LOG("%s took %lu writes", files[f].name, fuzz->wrote[f]);
}

/* ---- lists are of one moment ---- */

/*
 * Read in pieces of any size; anew when another reader has begun, and in larger ones
 * then, for of two who take long none might come to an end.
 */
static size_t read_in_pieces(const char *path, char *text, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t size = dice(3) ? 1 + dice(64) : 65536, len = 0;
	ssize_t got;

	do {
		if (!dice(60))
			usleep(dice(2000));
		got = read(fd, text + len,
			   size < max - len ? size : max - len);
		if (got > 0)
			len += got;
		if (got >= 0 || errno != EAGAIN)
			continue;
		len = 0;
		size *= 2;
		lseek(fd, 0, SEEK_SET);
	} while (got || !len);
	close(fd);
	text[len] = '\0';
	return len;
}

/* All of the crowd are there, once, and else those who have been in it. */
static void check_crowd(char *text)
{
	int there = 0, n = 0, i;
	static long seen[4096];
	char *line;

	while ((line = strsep(&text, "\n")) && text && n < 4096) {
		long pid = strtol(line, &line, 10);

		for (i = 0; i < n && seen[i] != pid; i++)
			;
		if (*line || i < n || pid <= 0 || pid >= PID_LIMIT ||
		    !fuzz->known[pid])
			fail("%ld%s in a list of members", pid, line);
		seen[n++] = pid;
		for (i = 0; i < CROWD && fuzz->crowd[i] != pid; i++)
			;
		there += i < CROWD;
	}
	if (there != CROWD || *line)
		fail("%d of %d members are there, and \"%s\"", there, CROWD,
		     line);
}

/* s->arg[1] is its number, as for all who follow. */
static void read_members(struct stage *s)
{
	static char text[65536];

	for (; !fuzz->stop; s->counter++) {
		throw_dice(s->arg[1], s->counter);
		read_in_pieces(sysfs(&fuzz->wild, "members"), text,
			       sizeof(text) - 1);
		check_crowd(text);
	}
	s->ret = 0;
}

static void read_rules(struct stage *s)
{
	static char text[65536];
	int i;

	for (; !fuzz->stop; s->counter++) {
		throw_dice(s->arg[1], s->counter);
		read_in_pieces(procfs(&fuzz->calm, "rules"), text,
			       sizeof(text) - 1);
		for (i = 0; i < LISTS && strcmp(text, fuzz->lists[i]); i++)
			;
		if (i == LISTS)
			fail("a list that nobody wrote: %.80s", text);
	}
	s->ret = 0;
}

static void write_rules(struct stage *s)
{
	static char text[65536 + 64];

	for (; !fuzz->stop; s->counter++) {
		const char *list;
		bool bad;
		int err;

		throw_dice(s->arg[1], s->counter);
		list = fuzz->lists[dice(LISTS)];
		bad = dice(2);
		snprintf(text, sizeof(text), "%s%s", list,
			 bad ? "keep \x80\n" : "");
		err = set_rules(&fuzz->calm, text);
		if (err != (bad ? -EINVAL : 0))
			fail("a %s list: %d", bad ? "bad" : "good", err);
	}
	s->ret = 0;
}

/* Those who stay for a while; they are known before they join. */
static void come_and_go(struct stage *s)
{
	for (; !fuzz->stop; s->counter++) {
		unsigned int ms;

		throw_dice(s->arg[1], s->counter);
		ms = dice(20);
		if (!fork()) {
			fuzz->known[getpid()] = 1;
			put(sysfs(&fuzz->wild, "members"), "0");
			msleep(ms);
			_exit(0);
		}
		msleep(dice(10));
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	s->ret = 0;
}

/* The list becomes much longer and shorter again, in front of its readers. */
static void add_and_remove(struct stage *s)
{
	pid_t pids[2 * CROWD];
	int i;

	for (i = 0; i < 2 * CROWD; i++, s->counter++) {
		pids[i] = fork();
		if (!pids[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
		fuzz->known[pids[i]] = 1;
	}
	for (i = 0; !fuzz->stop; i = (i + 1) % (4 * CROWD), s->counter++)
		put(sysfs(&fuzz->wild, "members"), "%s%d",
		    i < 2 * CROWD ? "" : "-", pids[i % (2 * CROWD)]);
	for (i = 0; i < 2 * CROWD; i++)
		kill(pids[i], SIGKILL);
	s->ret = 0;
}

/* Who stays. */
static void be_crowd(struct stage *s)
{
	int i;

	for (i = 0; i < CROWD; i++) {
		pid_t pid = fork();

		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
		fuzz->crowd[i] = pid;
		fuzz->known[pid] = 1;
	}
	fuzz->known[getpid()] = 1;
	s->ret = 0;
}

/* As they are shown; the shortest has one rule, the longest eight pages. */
static bool make_lists(const struct group *scratch)
{
	static const int lengths[LISTS] = { 1, 40, 200, 900 };
	static char text[65536];
	size_t len;
	int i, n;

	for (i = 0; i < LISTS; i++) {
		for (n = 0, len = 0; n < lengths[i]; n++)
			len += sprintf(text + len, "keep tcp to 10.%d.%d.%d port 80\n",
				       i, n / 256, n % 256);
		if (set_rules(scratch, text))
			return false;
		snprintf(fuzz->lists[i], sizeof(fuzz->lists[i]), "%s",
			 slurp(procfs(scratch, "rules")));
	}
	return !set_rules(&fuzz->calm, fuzz->lists[0]);
}

#define MORE	8

/* Who has come to the end of its list has; who has not begins again. */
TEST_F(files, tell_who_is_cut_off_to_begin_again)
{
	const char *path = sysfs(&fuzz->wild, "members");
	int through = open(path, O_RDONLY), cut = open(path, O_RDONLY);
	struct actor *more[MORE];
	ssize_t len, shorter;
	char text[256];
	int i, other;

	for (i = 0; i < MORE; i++)
		more[i] = member(&fuzz->wild);
	len = read(through, text, sizeof(text));
	ASSERT_EQ(len - 1, read(cut, text, len - 1));
	for (i = 0; i < MORE; i++)
		part(more[i]);
	other = open(sysfs(&fuzz->wild, "members"), O_RDONLY);
	shorter = read(other, text, sizeof(text));
	ASSERT_GT(len, shorter);
	EXPECT_EQ(0, read(through, text, sizeof(text)));
	EXPECT_EQ(-1, read(cut, text, sizeof(text)));
	EXPECT_EQ(EAGAIN, errno);
	lseek(cut, 0, SEEK_SET);
	EXPECT_EQ(shorter, read(cut, text, sizeof(text)));
	close(through);
	close(cut);
	close(other);
}

#define MANY	40

/* Many have begun since, so of this one nothing is known: better twice than cut off. */
TEST_F(files, tell_who_is_forgotten_to_begin_again)
{
	const char *path = sysfs(&fuzz->wild, "members");
	int cut = open(path, O_RDONLY), others[MANY], i;
	struct actor *more[MORE];
	ssize_t len, shorter = 0;
	char text[256];

	for (i = 0; i < MORE; i++)
		more[i] = member(&fuzz->wild);
	len = read(cut, text, sizeof(text));
	ASSERT_EQ(len - 1, pread(cut, text, len - 1, 0));
	lseek(cut, len - 1, SEEK_SET);
	for (i = 0; i < MORE; i++)
		part(more[i]);
	for (i = 0; i < MANY; i++) {
		others[i] = open(sysfs(&fuzz->wild, "members"), O_RDONLY);
		shorter = read(others[i], text, sizeof(text));
		ASSERT_GT(len - 1, shorter);
	}
	EXPECT_EQ(-1, read(cut, text, sizeof(text)));
	EXPECT_EQ(EAGAIN, errno);
	lseek(cut, 0, SEEK_SET);
	EXPECT_EQ(shorter, read(cut, text, sizeof(text)));
	close(cut);
	for (i = 0; i < MANY; i++)
		close(others[i]);
}

#define WHEEL	300

static pid_t wheel[WHEEL];

/* The oldest leaves and joins again, and so on. */
static void turn(struct stage *s)
{
	int i;

	s->ret = 0;
	for (i = 0; !fuzz->stop && !s->ret; i = (i + 1) % WHEEL, s->counter++)
		s->ret = put(sysfs(&fuzz->wild, "members"), "-%d", wheel[i]) ?:
			 put(sysfs(&fuzz->wild, "members"), "%d", wheel[i]);
}

/* How many are in the list, or -1 if one of them is there twice. */
static int count_different(char *list)
{
	static char seen[PID_LIMIT];
	char *line;
	int n = 0;

	memset(seen, 0, sizeof(seen));
	while ((line = strsep(&list, "\n")) && *line) {
		if (seen[atol(line) % PID_LIMIT]++)
			return -1;
		n++;
	}
	return n;
}

/* Who leaves and joins again while the list is made is in it once, or not at all. */
TEST_F_TIMEOUT(files, list_members_once, 3600)
{
	long until;
	struct actor *turner;
	bool good = true;
	int i;

	for (i = 0; i < WHEEL; i++) {
		wheel[i] = fork();
		if (!wheel[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
		ASSERT_EQ(0, put(sysfs(&fuzz->wild, "members"), "%d", wheel[i]));
	}
	turner = actor();
	START_FN(turner, turn);
	ASSERT_TRUE(moves(turner->stage));
	until = now_ms() + 1000 * number("EXTSOCK_DURATION", 20) / 4;
	for (i = 0; good && now_ms() < until; i++) {
		int n = count_different(slurp(sysfs(&fuzz->wild, "members")));

		/* Who joins while the reader loses the CPU is not there. */
		good = n > WHEEL / 2;
		EXPECT_TRUE(good) TH_LOG("list %d: %d", i, n);
	}
	fuzz->stop = 1;
	EXPECT_EQ(0, result(turner));
	TH_LOG("%d lists, %lu turns", i, turner->stage->counter);
	part(turner);
	for (i = 0; i < WHEEL; i++)
		kill(wheel[i], SIGKILL);
	for (i = 0; i < WHEEL; i++)
		waitpid(wheel[i], NULL, 0);
}

#define READERS	7

TEST_F_TIMEOUT(files, give_lists_of_one_moment, 3600)
{
	static void (* const roles[READERS])(struct stage *) = {
		read_members, read_members, come_and_go, read_rules,
		write_rules, write_rules, add_and_remove,
	};
	long until = now_ms() + 1000 * number("EXTSOCK_DURATION", 20) / 4;
	struct actor *readers[READERS];
	long i;

	ASSERT_TRUE(make_lists(&self->scratch));
	fuzz->known[self->member->pid] = 1;
	fuzz->known[self->mother->pid] = 1;
	START_FN(self->member, be_crowd);
	ASSERT_EQ(0, result(self->member));
	for (i = 0; i < READERS; i++) {
		readers[i] = actor();
		start(readers[i], -1L, (long)roles[i], 2000 + i, 0L, 0L, 0L,
		      0L);
	}
	for (i = 0; i < READERS; i++)
		EXPECT_TRUE(moves(readers[i]->stage));
	while (!fuzz->failed && now_ms() < until)
		msleep(100);
	fuzz->stop = 1;
	for (i = 0; i < READERS; i++) {
		EXPECT_EQ(0, result(readers[i]));
		TH_LOG("%ld: %lu times", i, readers[i]->stage->counter);
		part(readers[i]);
	}
	EXPECT_EQ(0, fuzz->failed) TH_LOG("%s", fuzz->why);
}

TEST_HARNESS_MAIN
