// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may do what, and what nobody may: read other people's affairs, leave a group
 * by being clever, or undo a stop. Documentation/security.rst has the table.
 */
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>

#include "extsock_test.h"

#define NOBODY	65534

/* ---- the files ---- */

/**
 * struct file - a file or folder of the module
 * @path: with %s for the group's name
 * @mode: as documented
 * @write: what would be written, NULL if nothing can
 */
struct file {
	const char *path;
	unsigned int mode;
	const char *write;
};

/* Commands go last: the others would find the group frozen. */
static const struct file files[] = {
	{ EXTSOCK_SYSFS_ROOT, 0755, NULL },
	{ EXTSOCK_SYSFS_ROOT "/version", 0444, NULL },
	{ EXTSOCK_SYSFS_ROOT "/group", 0600, "0" },
	{ EXTSOCK_SYSFS_ROOT "/group", 0600, "-0" },
	{ EXTSOCK_SYSFS_ROOT "/groups", 0600, "+security-too" },
	{ EXTSOCK_SYSFS_ROOT "/groups", 0600, "-security-too" },
	{ EXTSOCK_SYSFS_ROOT "/%s", 0755, NULL },
	{ EXTSOCK_SYSFS_ROOT "/%s/members", 0600, "0" },
	{ EXTSOCK_SYSFS_ROOT "/%s/members", 0600, "-0" },
	{ EXTSOCK_SYSFS_ROOT "/%s/state", 0400, NULL },
	{ EXTSOCK_SYSFS_ROOT "/%s/policy", 0600, "reset" },
	{ EXTSOCK_SYSFS_ROOT "/%s/wait_ms", 0600, "60000" },
	{ EXTSOCK_SYSFS_ROOT "/%s/freeze_ms", 0600, "10000" },
	{ EXTSOCK_PROC_ROOT, 0500, NULL },
	{ EXTSOCK_PROC_ROOT "/%s", 0500, NULL },
	{ EXTSOCK_PROC_ROOT "/%s/rules", 0600, EXTSOCK_RULES_DEFAULT },
	{ EXTSOCK_PROC_ROOT "/%s/sockets", 0400, NULL },
	{ EXTSOCK_PROC_ROOT "/%s/stats", 0400, NULL },
	{ EXTSOCK_PROC_ROOT "/%s/control", 0600, "freeze" },
	{ EXTSOCK_PROC_ROOT "/%s/control", 0600, "thaw" },
};

#define FILES	ARRAY_SIZE(files)

static char *path_of(const struct group *g, size_t f)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), files[f].path, g->name);
	return path;
}

static bool is_folder(size_t f)
{
	return files[f].mode & 0100;
}

FIXTURE(security)
{
	struct group g;
	struct actor *m;
};

FIXTURE_SETUP(security)
{
	make_group(&self->g, "security");
	self->m = member(&self->g);
}

FIXTURE_TEARDOWN(security)
{
	part(self->m);
	EXPECT_TRUE(drop_group(&self->g));
}

TEST_F(security, modes)
{
	struct stat st;
	size_t f;

	for (f = 0; f < FILES; f++) {
		ASSERT_EQ(0, stat(path_of(&self->g, f), &st));
		EXPECT_EQ(files[f].mode, st.st_mode & 07777)
			TH_LOG("%s", path_of(&self->g, f));
		EXPECT_EQ(0, st.st_uid);
		EXPECT_EQ(0, st.st_gid);
	}
}

/* ---- who may do what ---- */

#define BIT(n)		(1ull << (n))
#define ALL		(~0ull)

static int keep_capabilities(uint64_t caps)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ .effective = caps, .permitted = caps },
		{ .effective = caps >> 32, .permitted = caps >> 32 },
	};

	if (caps == ALL)
		return 0;
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

static int become_nobody(uint64_t caps)
{
	prctl(PR_SET_KEEPCAPS, 1);
	if (syscall(SYS_setgroups, 0, NULL) || setgid(NOBODY) || setuid(NOBODY))
		return -errno;
	/* Or it could not be traced by its like, nor name itself. */
	prctl(PR_SET_DUMPABLE, 1);
	return keep_capabilities(caps);
}

/* Root of a user namespace, with these other ones of its own. */
static int become_namespace_root(uid_t outside, int others)
{
	char map[32];

	if (unshare(CLONE_NEWUSER | others))
		return -errno;
	snprintf(map, sizeof(map), "0 %u 1", outside);
	put("/proc/self/setgroups", "deny");
	if (put("/proc/self/uid_map", "%s", map) ||
	    put("/proc/self/gid_map", "%s", map))
		return -EPERM;
	return setuid(0) || setgid(0) ? -errno : 0;
}

/**
 * struct who - somebody who tries
 * @name: for people
 * @uid: outside of its user namespace
 * @caps: the capabilities that are left
 * @namespaces: its own ones
 * @opens: does it get files opened that only root may?
 * @writes: what a write to what it has opened gives
 * @uses: what a write to what root has opened, and handed to it, gives
 */
struct who {
	const char *name;
	uid_t uid;
	uint64_t caps;
	int namespaces;
	bool opens;
	int writes;
	int uses;
};

#define CONTAINER	(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET)

/* What container managers leave to root when they make no user namespace. */
#define USUAL	(BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) |	\
		 BIT(CAP_FOWNER) | BIT(CAP_MKNOD) | BIT(CAP_NET_RAW) |		\
		 BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETFCAP) |		\
		 BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE) |			\
		 BIT(CAP_SYS_CHROOT) | BIT(CAP_KILL) | BIT(CAP_AUDIT_WRITE))

static const struct who everybody[] = {
	{ "root", 0, ALL, 0, true, 0, 0 },
	{ "root without capabilities", 0, 0, 0, true, -EPERM, -EPERM },
	{ "root with CAP_CHECKPOINT_RESTORE", 0, BIT(CAP_CHECKPOINT_RESTORE), 0,
	  true, 0, 0 },
	{ "root with CAP_SYS_ADMIN", 0, BIT(CAP_SYS_ADMIN), 0, true, 0, 0 },
	{ "root with CAP_NET_ADMIN", 0, BIT(CAP_NET_ADMIN), 0, true, -EPERM,
	  -EPERM },
	{ "nobody", NOBODY, 0, 0, false, 0, -EPERM },
	{ "nobody with CAP_CHECKPOINT_RESTORE", NOBODY,
	  BIT(CAP_CHECKPOINT_RESTORE), 0, false, 0, 0 },
	{ "nobody with CAP_SYS_ADMIN", NOBODY, BIT(CAP_SYS_ADMIN), 0, false, 0,
	  0 },
	{ "nobody with CAP_NET_ADMIN", NOBODY, BIT(CAP_NET_ADMIN), 0, false, 0,
	  -EPERM },
	{ "nobody, root of a user namespace", NOBODY, 0, CLONE_NEWUSER, false,
	  0, -EPERM },
	{ "nobody, root of a container", NOBODY, 0, CLONE_NEWUSER | CONTAINER,
	  false, 0, -EPERM },
	{ "root, root of a user namespace", 0, ALL, CLONE_NEWUSER, true, -EPERM,
	  -EPERM },
	{ "root, root of a container", 0, ALL, CLONE_NEWUSER | CONTAINER, true,
	  -EPERM, -EPERM },
	{ "root of a container without a user namespace", 0, USUAL, CONTAINER,
	  true, -EPERM, -EPERM },
};

static int become(const struct who *who)
{
	int err = 0;

	if (who->uid)
		err = become_nobody(who->caps);
	if (!err && who->namespaces & CLONE_NEWUSER)
		err = become_namespace_root(who->uid, who->namespaces &
					    ~CLONE_NEWUSER);
	else if (!err && unshare(who->namespaces))
		err = -errno;
	return err;
}

/**
 * struct attempt - what came of one file
 * @reads: 0 or -errno, of opening it to read and reading
 * @writes: 0 or -errno, of opening it to write and writing
 * @opened: it could be opened to write
 * @uses: 0 or -errno, of writing to what root had opened
 */
struct attempt {
	int reads;
	int writes;
	bool opened;
	int uses;
};

/**
 * struct attempts - what is told and heard, in the actor's buffer
 * @g: the group
 * @who: who the actor is to be
 * @mounted: it has mounts of sysfs and proc of its own
 * @dropped: 0 or -errno, of giving up capabilities
 * @of: what came of it
 */
struct attempts {
	struct group g;
	const struct who *who;
	bool mounted;
	int dropped;
	struct attempt of[FILES];
};

static struct attempts *attempts_of(struct stage *s)
{
	return (struct attempts *)(s->buf + 8192);
}

static int try_read(const char *path, bool folder)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | (folder ? O_DIRECTORY : 0));
	char text[64];
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (!folder && read(fd, text, sizeof(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int say(int fd, const char *text)
{
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static void attempt(struct attempts *all, size_t f, int of_root)
{
	struct attempt *a = &all->of[f];
	const char *path = path_of(&all->g, f);
	int fd;

	a->reads = try_read(path, is_folder(f));
	if (!files[f].write)
		return;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	a->opened = fd >= 0;
	a->writes = fd < 0 ? -errno : say(fd, files[f].write);
	if (fd >= 0)
		close(fd);
	/* What it has done itself would be refused a second time. */
	if (a->writes)
		a->uses = say(of_root, files[f].write);
}

/* Mounts as a container has them. */
static bool mount_own(void)
{
	return !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("sysfs", "/sys", "sysfs", 0, NULL) &&
	       !mount("proc", "/proc", "proc", 0, NULL);
}

static void try_all(struct attempts *all, const int *of_root)
{
	size_t f;

	if (all->who->namespaces & CLONE_NEWNS)
		all->mounted = mount_own();
	/* Root does so when its container is ready. */
	if (!all->who->uid)
		all->dropped = keep_capabilities(all->who->caps);
	for (f = 0; f < FILES; f++)
		attempt(all, f, of_root[f]);
}

static void try_as(struct stage *s)
{
	struct attempts *all = attempts_of(s);
	int of_root[FILES];
	pid_t pid;
	size_t f;

	for (f = 0; f < FILES; f++)
		of_root[f] = files[f].write ?
			     open(path_of(&all->g, f), O_RDWR | O_CLOEXEC) : -1;
	s->ret = become(all->who);
	if (s->ret)
		return;
	/* Its first child is in the PID namespace. */
	pid = fork();
	if (!pid) {
		try_all(all, of_root);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void check_attempts(struct __test_metadata *_metadata,
			   const struct who *who, const struct group *g)
{
	struct actor *a = actor();
	struct attempts *all = attempts_of(a->stage);
	size_t f;

	all->g = *g;
	all->who = who;
	START_FN(a, try_as);
	ASSERT_EQ(0, result(a)) TH_LOG("%s", who->name);
	EXPECT_EQ(!!(who->namespaces & CLONE_NEWNS), all->mounted)
		TH_LOG("%s has mounts of its own", who->name);
	ASSERT_EQ(0, all->dropped) TH_LOG("%s", who->name);
	for (f = 0; f < FILES; f++) {
		bool opens = who->opens || files[f].mode & 0004;
		const struct attempt *seen = &all->of[f];

		EXPECT_EQ(opens ? 0 : -EACCES, seen->reads)
			TH_LOG("%s reads %s", who->name, files[f].path);
		if (!files[f].write)
			continue;
		EXPECT_EQ(who->opens, seen->opened)
			TH_LOG("%s opens %s", who->name, files[f].path);
		EXPECT_EQ(who->opens ? who->writes : -EACCES, seen->writes)
			TH_LOG("%s writes %s", who->name, files[f].path);
		EXPECT_EQ(seen->writes ? who->uses : 0, seen->uses)
			TH_LOG("%s uses %s", who->name, files[f].path);
	}
	EXPECT_TRUE(state_is(g, "running")) TH_LOG("after %s", who->name);
	part(a);
}

TEST_F(security, who_may_do_what)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(everybody); i++)
		check_attempts(_metadata, &everybody[i], &self->g);
	EXPECT_STREQ("reset\n", slurp(sysfs(&self->g, "policy")));
	EXPECT_EQ(1, count_members(&self->g));
}

/* Being in a group gives nobody any right. */
TEST_F(security, members_of_other_groups_may_no_more)
{
	struct actor *a = actor();
	struct attempts *all = attempts_of(a->stage);
	struct group other;

	make_group(&other, "other");
	ASSERT_EQ(0, join(&other, a));
	all->g = self->g;
	all->who = &everybody[5];
	START_FN(a, try_as);
	ASSERT_EQ(0, result(a));
	EXPECT_EQ(-EACCES, all->of[FILES - 2].writes);
	EXPECT_EQ(-EPERM, all->of[FILES - 2].uses);
	part(a);
	EXPECT_TRUE(drop_group(&other));
}

static void open_without_capabilities(struct stage *s)
{
	struct attempts *all = attempts_of(s);

	s->ret = keep_capabilities(0);
	s->arg[1] = open(procfs(&all->g, "control"), O_RDWR);
	s->arg[2] = open(procfs(&all->g, "rules"), O_RDWR);
}

/* As somebody's standard output may be: the privileged do not know where it leads. */
TEST_F(security, what_others_opened_is_of_no_use_to_the_privileged)
{
	struct actor *a = actor();
	int fd[2], i;

	attempts_of(a->stage)->g = self->g;
	START_FN(a, open_without_capabilities);
	ASSERT_EQ(0, result(a));
	for (i = 0; i < 2; i++) {
		fd[i] = pass_out(a, a->stage->arg[1 + i]);
		ASSERT_LE(0, fd[i]);
	}
	EXPECT_EQ(-EPERM, say(fd[0], "freeze"));
	EXPECT_EQ(-EPERM, say(fd[1], "keep any"));
	EXPECT_TRUE(state_is(&self->g, "running"));
	EXPECT_NE(NULL, strstr(slurp(procfs(&self->g, "rules")), "389"));
	close(fd[0]);
	close(fd[1]);
	part(a);
}

/* ---- another PID namespace ---- */

/**
 * struct view - what is seen from there, in the actor's buffer
 * @g: the group
 * @outer: a member outside
 * @add_outer: what adding that one's number gives
 * @add_own: what adding its own child gives
 * @members: the list
 * @sockets: the table of the frozen group
 */
struct view {
	struct group g;
	pid_t outer;
	int add_outer;
	int add_own;
	char members[256];
	char sockets[4096];
};

static struct view *view_of(struct stage *s)
{
	return (struct view *)(s->buf + 8192);
}

static void look_around(struct view *v)
{
	pid_t child = fork();

	if (!child)
		for (;;)
			pause();
	v->add_outer = put(sysfs(&v->g, "members"), "%d", v->outer);
	v->add_own = put(sysfs(&v->g, "members"), "%d", child);
	snprintf(v->members, sizeof(v->members), "%s",
		 slurp(sysfs(&v->g, "members")));
	if (!control(&v->g, "freeze")) {
		snprintf(v->sockets, sizeof(v->sockets), "%s",
			 slurp(procfs(&v->g, "sockets")));
		control(&v->g, "thaw keep");
	}
	kill(child, SIGKILL);
}

static void look_from_inside(struct stage *s)
{
	pid_t pid;

	if (unshare(CLONE_NEWPID)) {
		s->ret = -errno;
		return;
	}
	pid = fork();
	if (!pid) {
		look_around(view_of(s));
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	s->ret = 0;
}

TEST_F(security, a_pid_namespace_sees_and_names_its_own)
{
	struct actor *a = actor();
	struct view *v = view_of(a->stage);
	struct pair p = connection(self->m, OUTSIDE, AF_INET);
	char outer[32];

	v->g = self->g;
	v->outer = self->m->pid;
	START_FN(a, look_from_inside);
	ASSERT_EQ(0, result(a));
	EXPECT_EQ(-ESRCH, v->add_outer);
	EXPECT_EQ(0, v->add_own);
	/* Its first process is 1, that one's child 2. */
	EXPECT_STREQ("2\n", v->members);
	snprintf(outer, sizeof(outer), " %d ", self->m->pid);
	EXPECT_NE(NULL, strstr(v->sockets, " external ")) TH_LOG("%s", v->sockets);
	EXPECT_EQ(NULL, strstr(v->sockets, outer)) TH_LOG("%s", v->sockets);
	part(a);
	close(p.server);
	close(p.listener);
}

/* ---- what is shown ---- */

static char *read_whole(const struct group *g, size_t f)
{
	return is_folder(f) ? "" : slurp(path_of(g, f));
}

#define NO_POINTERS(when) do {						\
	size_t f;							\
									\
	for (f = 0; f < FILES; f++)					\
		EXPECT_FALSE(has_pointer(read_whole(&self->g, f)))	\
			TH_LOG("file %zu, %s", f, when);		\
} while (0)

TEST_F(security, nothing_shows_pointers)
{
	struct pair p = connection(self->m, OUTSIDE, AF_INET);
	struct pair un = connection(self->m, OUTSIDE, AF_INET6);
	struct drain d;

	EXPECT_TRUE(has_pointer("ffff888003a1c000"));
	EXPECT_TRUE(has_pointer("0x00000000e71c03ab,"));
	listener(self->m, AF_INET);
	unix_server(self->m, SOCK_STREAM);
	NO_POINTERS("running");
	ASSERT_TRUE(begin_drain(&d, &self->g, "freeze policy=wait"));
	NO_POINTERS("draining");
	THAW();
	EXPECT_EQ(-EINTR, end_of(&d));
	close(d.fd);
	FREEZE();
	NO_POINTERS("frozen");
	THAW();
	close(p.server);
	close(p.listener);
	close(un.server);
	close(un.listener);
}

/* Write this to a file; what it then says there. */
static char *said_of(const char *path, const char *text)
{
	static char said[2048];
	int fd = open(path, O_RDWR | O_CLOEXEC);
	ssize_t len;

	say(fd, text);
	len = pread(fd, said, sizeof(said) - 1, 0);
	close(fd);
	said[len > 0 ? len : 0] = '\0';
	return said;
}

/* What is written to NAME/FILE gives an outcome with @part, and no pointer. */
#define SAYS(file, text, part) do {					\
	char *said = said_of(procfs(&self->g, file), text);		\
									\
	EXPECT_NE(NULL, strstr(said, part)) TH_LOG("says: %s", said);	\
	EXPECT_FALSE(has_pointer(said)) TH_LOG("says: %s", said);	\
} while (0)

/* That of who is in the way is in test_errno. */
TEST_F(security, outcomes_have_no_pointers)
{
	struct pair p = connection(self->m, OUTSIDE, AF_INET);
	struct pair un = connection(self->m, OUTSIDE, AF_INET6);

	SAYS("control", "frieze", "not understood");
	SAYS("rules", "reset tcp\nrest udp\n", "line 2: not understood");
	SAYS("control", "thaw", "the group is running");
	SAYS("control", "freeze policy=wait wait_ms=300", "waiting for: 127.0.0.1:");
	SAYS("control", "freeze", "frozen: 1 process");
	SAYS("control", "freeze", "the group is frozen");
	SAYS("control", "thaw", "2 sockets reset");
	close(p.server);
	close(p.listener);
	close(un.server);
	close(un.listener);
}

/* Every row has the PID of a member, here the only one. */
TEST_F(security, nobody_elses_sockets_are_shown)
{
	struct actor *other = actor();
	struct pair far = connection(other, OUTSIDE, AF_INET);
	struct pair p = connection(self->m, OUTSIDE, AF_INET);
	char port[32];

	snprintf(port, sizeof(port), ":%d ", port_of(other, far.client));
	EXPECT_EQ(1, count_rows(&self->g));
	EXPECT_EQ(NULL, strstr(slurp(procfs(&self->g, "sockets")), port));
	FREEZE();
	EXPECT_EQ(1, count_rows(&self->g));
	EXPECT_STREQ("external", class_of(&self->g, self->m, p.client));
	EXPECT_EQ(NULL, strstr(slurp(procfs(&self->g, "sockets")), port));
	THAW();
	close(p.server);
	close(p.listener);
	close(far.server);
	close(far.listener);
	part(other);
}

/* ---- hostile names ---- */

static const char hostile[] = "\n\x1b[2J\"\\\xff %";

static bool only_harmless(const char *text)
{
	for (; *text; text++)
		if (*text != '\n' && (*text < ' ' || *text > '~'))
			return false;
	return true;
}

static int columns_of(const char *row)
{
	int n = 1;

	for (; *row && *row != '\n'; row++)
		n += *row == ' ';
	return n;
}

TEST_F(security, hostile_names_make_no_rows)
{
	int columns = columns_of(EXTSOCK_SOCKETS_HEADER), fd;
	struct sockaddr_un *un = (void *)buf_of(self->m);
	char *line, *rest;

	strcpy(buf_of(self->m), hostile);
	ASSERT_EQ(0, CALL(self->m, SYS_prctl, PR_SET_NAME, buf_of(self->m)));
	fd = CALL(self->m, SYS_socket, AF_UNIX, SOCK_STREAM, 0);
	un->sun_family = AF_UNIX;
	snprintf(un->sun_path, sizeof(un->sun_path), "/tmp/%s", hostile);
	unlink(un->sun_path);
	ASSERT_EQ(0, CALL(self->m, SYS_bind, fd, un, sizeof(*un)));
	ASSERT_EQ(0, CALL(self->m, SYS_listen, fd, 1));
	FREEZE();
	EXPECT_EQ(1, count_rows(&self->g));
	rest = slurp(procfs(&self->g, "sockets"));
	EXPECT_TRUE(only_harmless(rest)) TH_LOG("%s", rest);
	EXPECT_NE(NULL, strstr(rest, " \\012\\033[2J\\042\\134\\377\\040% "));
	EXPECT_NE(NULL, strstr(rest, "/tmp/\\012\\033[2J\\042\\134\\377\\040% "));
	while ((line = strsep(&rest, "\n")) && *line)
		EXPECT_EQ(columns, columns_of(line)) TH_LOG("%s", line);
	EXPECT_EQ(0, sh("extsockctl -g %s list --json | ./helper_json >/dev/null",
			self->g.name));
	/* No byte of it commands the terminal. */
	EXPECT_NE(0, sh("extsockctl -g %s list | LC_ALL=C grep -q '[^ -~]'",
			self->g.name));
	THAW();
	sh("rm -f /tmp/*2J*");
}

/* ---- nobody leaves by being clever ---- */

static void beat(struct stage *s, int i)
{
	prctl(PR_SET_PDEATHSIG, 0);
	for (;;) {
		++*heart(s, i);
		usleep(1000);
	}
}

static void go_daemon(struct stage *s, int i)
{
	if (fork())
		return;
	setsid();
	if (fork())
		_exit(0);
	beat(s, i);
}

/* Not its child, but its sister. */
static void have_sister(struct stage *s, int i)
{
	if (!syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0))
		beat(s, i);
}

/* A child of init of a PID namespace, with everything else its own. */
static void unshare_all(struct stage *s, int i)
{
	if (fork())
		return;
	unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET |
		CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP);
	if (!fork())
		beat(s, i);
	waitpid(-1, NULL, 0);
	_exit(0);
}

/* Its parent dies, and a grandparent takes it. */
static void be_taken(struct stage *s, int i)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (fork())
		return;
	if (!fork())
		beat(s, i);
	_exit(0);
}

static void vfork_away(struct stage *s, int i)
{
	pid_t pid = fork();

	if (pid)
		return;
	if (!syscall(SYS_vfork))
		beat(s, i);
	_exit(0);
}

static void (* const ways_out[])(struct stage *, int) = {
	go_daemon, have_sister, unshare_all, be_taken, vfork_away,
};

#define WAYS	((int)ARRAY_SIZE(ways_out))

static void try_to_escape(struct stage *s)
{
	int i;

	for (i = 0; i < WAYS; i++)
		ways_out[i](s, i);
	s->ret = 0;
}

static void check_escapes(struct __test_metadata *_metadata,
			  const struct group *g, struct actor *m)
{
	START_FN(m, try_to_escape);
	ASSERT_EQ(0, result(m));
	ASSERT_TRUE(all_move(m->stage, WAYS));
	ASSERT_EQ(0, command(g, "freeze"));
	EXPECT_TRUE(all_stand(m->stage, WAYS, 200));
	/* who went with them, and their parents that are left */
	EXPECT_LE(WAYS + 1, count_members(g));
	ASSERT_EQ(0, command(g, "thaw"));
	EXPECT_TRUE(all_move(m->stage, WAYS));
}

TEST_F(security, nobody_escapes)
{
	check_escapes(_metadata, &self->g, self->m);
}

static void lose_privileges(struct stage *s)
{
	s->ret = become_nobody(0);
}

TEST_F(security, nobody_unprivileged_escapes)
{
	START_FN(self->m, lose_privileges);
	ASSERT_EQ(0, result(self->m));
	check_escapes(_metadata, &self->g, self->m);
}

#define SETUID_FILE	"/tmp/extsock-setuid"

static void execute_setuid(struct stage *s)
{
	s->ret = become_nobody(0);
	execl(SETUID_FILE, SETUID_FILE, "1000", NULL);
}

static bool is_roots(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	return strstr(slurp(path), "Uid:\t65534\t0\t0");
}

TEST_F(security, a_setuid_program_stays_a_member)
{
	ASSERT_EQ(0, sh("cp /bin/sleep " SETUID_FILE " && chmod 4755 " SETUID_FILE));
	START_FN(self->m, execute_setuid);
	ASSERT_TRUE(EVENTUALLY(is_roots(self->m->pid)));
	EXPECT_TRUE(is_member(&self->g, self->m->pid));
	FREEZE();
	EXPECT_TRUE(is_member(&self->g, self->m->pid));
	EXPECT_EQ(1, count_members(&self->g));
	THAW();
	EXPECT_TRUE(is_member(&self->g, self->m->pid));
	unlink(SETUID_FILE);
}

/* ---- nobody undoes a stop ---- */

/* s->arg[1]: whom it torments, as nobody; what tracing it gives is the result. */
static void torment(struct stage *s)
{
	pid_t pid = s->arg[1];

	if (become_nobody(0)) {
		s->ret = -EINVAL;
		return;
	}
	kill(pid, SIGCONT);
	kill(pid, SIGSTOP);
	kill(pid, SIGCONT);
	s->ret = ptrace(PTRACE_SEIZE, pid, 0, 0) ? -errno : 0;
	if (!s->ret && (ptrace(PTRACE_INTERRUPT, pid, 0, 0) ||
			waitpid(pid, NULL, __WALL) != pid))
		s->ret = -ESRCH;
}

static long torment_by(struct actor *a, pid_t pid)
{
	start(a, -1L, (long)torment, (long)pid, 0L, 0L, 0L, 0L);
	return result(a);
}

TEST_F(security, a_stop_is_not_undone_by_others)
{
	struct actor *a = actor();

	START_FN(self->m, spin);
	FREEZE();
	/* Root's is none of its business. */
	EXPECT_EQ(-EPERM, torment_by(a, self->m->pid));
	EXPECT_TRUE(stands(self->m->stage));
	kill(self->m->pid, SIGCONT);
	kill(self->m->pid, SIGSTOP);
	kill(self->m->pid, SIGCONT);
	EXPECT_EQ(0, enter_cgroup(self->m->pid));
	EXPECT_EQ(0, put(CG "/cgroup.freeze", "1"));
	EXPECT_EQ(0, put(CG "/cgroup.freeze", "0"));
	EXPECT_TRUE(stands(self->m->stage));
	EXPECT_TRUE(state_is(&self->g, "frozen"));
	EXPECT_TRUE(leave_cgroup(self->m->pid));
	THAW();
	EXPECT_TRUE(moves(self->m->stage));
	part(a);
}

static void spin_as_nobody(struct stage *s)
{
	if (!become_nobody(0))
		spin(s);
}

/* Who may trace it gets it; when the tracer has gone it stands again. */
TEST_F(security, what_a_relative_traces_stands_again)
{
	struct actor *a = actor();

	START_FN(self->m, spin_as_nobody);
	ASSERT_TRUE(moves(self->m->stage));
	FREEZE();
	EXPECT_EQ(0, torment_by(a, self->m->pid));
	part(a);
	EXPECT_TRUE(EVENTUALLY(stands(self->m->stage)));
	EXPECT_TRUE(stands(self->m->stage));
	EXPECT_TRUE(state_is(&self->g, "frozen"));
	THAW();
	EXPECT_TRUE(moves(self->m->stage));
}

/* Whatever state an unprivileged member is in, a thaw ends, and so does a freeze. */
static void hinder(struct stage *s)
{
	int i;

	s->ret = become_nobody(0);
	for (i = 0; i < 3; i++) {
		if (fork())
			continue;
		if (i == 1 && syscall(SYS_vfork))
			_exit(0);
		if (i == 2)
			kill(getpid(), SIGSTOP);
		beat(s, i);
	}
}

TEST_F(security, a_member_cannot_hinder_a_thaw)
{
	START_FN(self->m, hinder);
	ASSERT_EQ(0, result(self->m));
	ASSERT_TRUE(all_move(self->m->stage, 2));
	FREEZE();
	EXPECT_TRUE(all_stand(self->m->stage, 2, 100));
	THAW();
	EXPECT_TRUE(all_move(self->m->stage, 2));
}

TEST_HARNESS_MAIN
