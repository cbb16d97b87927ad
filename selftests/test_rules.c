// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules: what is a list and what is not, and which sockets a rule is about.
 */
#include "extsock_test.h"

FIXTURE(rules)
{
	struct group g;
	struct actor *a;
};

FIXTURE_SETUP(rules)
{
	make_group(&self->g, "rules");
	self->a = member(&self->g);
}

FIXTURE_TEARDOWN(rules)
{
	part(self->a);
	EXPECT_TRUE(drop_group(&self->g));
}

static const char defaults[] =
	"reset tcp port 389\n"
	"reset tcp port 636\n"
	"reset tcp port 6000-6063\n"
	"reset unix path /tmp/.X11-unix/X*\n"
	"reset unix path @/tmp/.X11-unix/X*\n"
	"reset unix path /run/nscd/socket\n"
	"reset unix path /var/run/nscd/socket\n"
	"reset unix path /var/lib/sss/pipes/*\n";

static char *list_of(const struct group *g)
{
	return slurp(procfs(g, "rules"));
}

TEST_F(rules, a_new_group_has_the_default_list)
{
	EXPECT_STREQ(defaults, list_of(&self->g));
}

TEST_F(rules, read_as_canonical_text)
{
	static const struct {
		const char *written;
		const char *read;
	} lists[] = {
		{ "", "" },
		{ "\n\n# nothing\n", "" },
		{ "keep", "keep any\n" },
		{ "  wait\ttcp  # a comment", "wait tcp\n" },
		{ "reset any", "reset any\n" },
		{ "keep udp to 10.0.0.0/8", "keep udp to 10.0.0.0/8\n" },
		{ "keep to 10.1.2.3/8", "keep any to 10.0.0.0/8\n" },
		{ "keep to 10.1.2.3/32", "keep any to 10.1.2.3\n" },
		{ "keep to 0.0.0.0/0", "keep any to 0.0.0.0/0\n" },
		{ "keep to ::ffff:10.1.2.3", "keep any to 10.1.2.3\n" },
		{ "keep to ::ffff:10.1.2.3/104", "keep any to 10.0.0.0/8\n" },
		{ "keep to ::/0", "keep any to ::/0\n" },
		{ "keep to FD09:0::0001/64", "keep any to fd09::/64\n" },
		{ "keep tcp port 80-80", "keep tcp port 80\n" },
		{ "keep port 1-65535 to ::1", "keep any to ::1 port 1-65535\n" },
		{ "keep path /run/*", "keep any path /run/*\n" },
		{ "keep unix path @a#b", "keep unix path @a#b\n" },
		{ "keep tcp\r\nreset udp\r\n", "keep tcp\nreset udp\n" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		TH_LOG("%s", lists[i].written);
		EXPECT_EQ(0, set_rules(&self->g, lists[i].written));
		EXPECT_STREQ(lists[i].read, list_of(&self->g));
		/* What was read can be written. */
		EXPECT_EQ(0, set_rules(&self->g, lists[i].read));
		EXPECT_STREQ(lists[i].read, list_of(&self->g));
	}
}

/* Written over one descriptor, which then says why it was refused. */
static int refuse(const struct group *g, const char *text, size_t len,
		  char why[1024])
{
	int fd = open(procfs(g, "rules"), O_RDWR | O_CLOEXEC);
	ssize_t got = 0;
	int err;

	err = write(fd, text, len) < 0 ? -errno : 0;
	got = read(fd, why, 1023);
	why[got < 0 ? 0 : got] = '\0';
	close(fd);
	return err;
}

TEST_F(rules, a_bad_line_is_named_and_changes_nothing)
{
	static const struct {
		const char *text;
		const char *why;
	} bad[] = {
		{ "nonsense", "line 1: not understood: \"nonsense\"; expected an action: reset, wait or keep\n" },
		{ "keep tcp\n#\nkeep -", "line 3: not understood: \"-\"" },
		{ "keep sctp", "\"sctp\"" },
		{ "keep tcp tcp", "expected \"to ADDRESS\", \"port N\" or \"path GLOB\"" },
		{ "keep to", "line 1: expected an IPv4 or IPv6 address" },
		{ "keep to 10.0.0", "\"10.0.0\"" },
		{ "keep to 10.0.0.0/33", "\"10.0.0.0/33\"" },
		{ "keep to 10.0.0.0/", "\"10.0.0.0/\"" },
		{ "keep to 10.0.0.0/8x", "\"10.0.0.0/8x\"" },
		{ "keep to ::/129", "\"::/129\"" },
		{ "keep to fe80::1%eth0", "\"fe80::1%eth0\"" },
		{ "keep to localhost", "\"localhost\"" },
		{ "keep to ::1 to ::2", "each once" },
		{ "keep port", "line 1: expected a port" },
		{ "keep port 0", "\"0\"" },
		{ "keep port 65536", "\"65536\"" },
		{ "keep port 4294967297", "\"4294967297\"" },
		{ "keep port -1", "\"-1\"" },
		{ "keep port 9-8", "\"9-8\"" },
		{ "keep port 8-", "\"8-\"" },
		{ "keep port 8-9-10", "\"8-9-10\"" },
		{ "keep path", "line 1: expected a path" },
		{ "keep tcp path /x", "no path with" },
		{ "keep port 1 path /x", "no path with" },
		{ "keep unix port 1", "no address or port with unix" },
		{ "keep unix to ::1", "no address or port with unix" },
		{ "keep \"\\\x01", "\"\\042\\134\\001\"" },
	};
	char why[1024];
	size_t i;

	ASSERT_EQ(0, set_rules(&self->g, "keep udp"));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		TH_LOG("%s", bad[i].text);
		EXPECT_EQ(-EINVAL, refuse(&self->g, bad[i].text,
					  strlen(bad[i].text), why));
		EXPECT_NE(NULL, strstr(why, bad[i].why)) {
			TH_LOG("it says: %s", why);
		}
		EXPECT_STREQ("keep udp\n", list_of(&self->g));
	}
	EXPECT_EQ(-EINVAL, refuse(&self->g, "keep\0", 5, why));
	EXPECT_STREQ("a NUL is no text\n", why);
}

/* As a shell does that has written before it reads. */
TEST_F(rules, the_reason_is_there_to_be_read)
{
	int fd = open(procfs(&self->g, "rules"), O_RDWR | O_CLOEXEC);
	char text[512] = "";

	ASSERT_EQ((long)strlen(defaults), read(fd, text, sizeof(text)));
	ASSERT_EQ(0, read(fd, text, sizeof(text)));
	EXPECT_EQ(-1, write(fd, "bad", 3));
	memset(text, 0, sizeof(text));
	EXPECT_LT(0, read(fd, text, sizeof(text)));
	EXPECT_EQ(0, strncmp(text, "line 1: not understood: \"bad\"", 29));
	close(fd);
}

/* A shell may cut a long list; the pieces are one. */
TEST_F(rules, written_in_pieces)
{
	int fd = open(procfs(&self->g, "rules"), O_RDWR | O_CLOEXEC);

	ASSERT_EQ(18, write(fd, "keep tcp\nkeep udp\n", 18));
	EXPECT_STREQ("keep tcp\nkeep udp\n", list_of(&self->g));
	ASSERT_EQ(10, write(fd, "keep unix\n", 10));
	EXPECT_STREQ("keep tcp\nkeep udp\nkeep unix\n", list_of(&self->g));
	/* From the beginning it is another one. */
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	ASSERT_EQ(9, write(fd, "keep any\n", 9));
	EXPECT_STREQ("keep any\n", list_of(&self->g));
	close(fd);
}

/* The end of a list is not the list. */
TEST_F(rules, refused_to_its_end)
{
	int fd = open(procfs(&self->g, "rules"), O_RDWR | O_CLOEXEC);
	char why[512];

	ASSERT_EQ(9, write(fd, "keep tcp\n", 9));
	EXPECT_EQ(-1, write(fd, "bad\n", 4));
	EXPECT_EQ(-1, write(fd, "reset any\n", 10));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_STREQ("keep tcp\n", list_of(&self->g));
	/* Whoever was told why can try again. */
	ASSERT_LT(0, read(fd, why, sizeof(why)));
	EXPECT_EQ(0, strncmp(why, "line 2: not understood: \"bad\"", 29));
	ASSERT_EQ(9, write(fd, "keep any\n", 9));
	EXPECT_STREQ("keep any\n", list_of(&self->g));
	close(fd);
}

/* Who has read before writes a list of its own. */
TEST_F(rules, written_after_reading)
{
	int fd = open(procfs(&self->g, "rules"), O_RDWR | O_CLOEXEC);
	char text[1024];

	ASSERT_EQ((long)strlen(defaults), read(fd, text, sizeof(text)));
	ASSERT_EQ(9, write(fd, "keep tcp\n", 9));
	EXPECT_STREQ("keep tcp\n", list_of(&self->g));
	close(fd);
}

/* What is read is longer than what was written, and can be written all the same. */
TEST_F(rules, as_long_as_there_may_be)
{
	const size_t size = EXTSOCK_RULES_SIZE;
	char *text = malloc(size + 1);
	size_t len;

	memset(text, 'x', size);
	memcpy(text, "keep path ", 10);
	text[size] = '\0';
	EXPECT_EQ(-EINVAL, set_rules(&self->g, text));
	/* As canonical text it has " any" and a newline. */
	text[size - 5] = '\0';
	ASSERT_EQ(0, set_rules(&self->g, text));
	len = strlen(list_of(&self->g));
	EXPECT_EQ(size, len);
	memcpy(text, list_of(&self->g), len);
	EXPECT_EQ(0, write_file(procfs(&self->g, "rules"), text, len));
	free(text);
}

TEST_F(rules, as_many_as_there_may_be)
{
	char *text = malloc(EXTSOCK_RULES_SIZE + 2), *p = text;
	int i;

	for (i = 0; i < EXTSOCK_RULES_MAX; i++)
		p += sprintf(p, "keep tcp port %d\n", i + 1);
	EXPECT_EQ(0, set_rules(&self->g, text));
	EXPECT_STREQ(text, list_of(&self->g));
	strcpy(p, "keep tcp\n");
	EXPECT_EQ(-EINVAL, set_rules(&self->g, text));
	/* A comment is no rule. */
	strcpy(p, "# that is all");
	EXPECT_EQ(0, set_rules(&self->g, text));
	memset(text, '\n', EXTSOCK_RULES_SIZE + 1);
	text[EXTSOCK_RULES_SIZE + 1] = '\0';
	EXPECT_EQ(-E2BIG, set_rules(&self->g, text));
	text[EXTSOCK_RULES_SIZE] = '\0';
	EXPECT_EQ(0, set_rules(&self->g, text));
	free(text);
}

TEST_F(rules, not_for_everybody)
{
	struct actor *out = actor();
	int fd;

	EXPECT_EQ(0, CALL(out, SYS_setresuid, 1000, 1000, 1000));
	strcpy(buf_of(out), procfs(&self->g, "rules"));
	EXPECT_EQ(-EACCES, CALL(out, SYS_openat, AT_FDCWD, buf_of(out),
				O_RDONLY, 0));
	/* Nor for one who was given the file. */
	fd = open(procfs(&self->g, "rules"), O_RDWR | O_CLOEXEC);
	fd = pass_fd(out, fd);
	ASSERT_LE(0, fd);
	strcpy(buf_of(out), "keep");
	EXPECT_EQ(-EPERM, CALL(out, SYS_write, fd, buf_of(out), 4));
	EXPECT_STREQ(defaults, list_of(&self->g));
	part(out);
}

TEST_F(rules, the_first_that_matches_counts)
{
	struct pair p = connection(self->a, OUTSIDE, AF_INET);
	char text[128];

	snprintf(text, sizeof(text), "keep tcp port %d\nreset tcp\n",
		 port_of(OUTSIDE, p.listener));
	ASSERT_EQ(0, set_rules(&self->g, text));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, p.client));
	EXPECT_STREQ("keep", column_of(&self->g, self->a->pid, p.client,
				       "action"));
	THAW();
	EXPECT_TRUE(carries(self->a, p.client, OUTSIDE, p.server));
	snprintf(text, sizeof(text), "reset tcp\nkeep tcp port %d\n",
		 port_of(OUTSIDE, p.listener));
	ASSERT_EQ(0, set_rules(&self->g, text));
	FREEZE();
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->a, p.client));
}

/* The action of a connection to an outsider, under a list. */
static const char *action_under(const struct group *g, struct actor *a, int fd,
				const char *text)
{
	static char action[16];

	if (set_rules(g, text) || command(g, "freeze"))
		return "refused";
	strcpy(action, column_of(g, a->pid, fd, "action"));
	command(g, "thaw keep");
	return action;
}

TEST_F(rules, about_ipv4)
{
	struct pair p = connection(self->a, OUTSIDE, AF_INET);
	struct group *g = &self->g;
	struct actor *a = self->a;
	char text[128];
	int port = port_of(OUTSIDE, p.listener), fd = p.client;

	EXPECT_STREQ("keep", action_under(g, a, fd, "keep to 127.0.0.1"));
	EXPECT_STREQ("keep", action_under(g, a, fd, "keep to 127.0.0.0/8"));
	EXPECT_STREQ("keep", action_under(g, a, fd, "keep to 0.0.0.0/0"));
	EXPECT_STREQ("keep", action_under(g, a, fd, "keep to ::ffff:0:0/96"));
	EXPECT_STREQ("keep", action_under(g, a, fd, "keep any"));
	EXPECT_STREQ("reset", action_under(g, a, fd, "keep to 127.0.0.2"));
	EXPECT_STREQ("reset", action_under(g, a, fd, "keep to 126.0.0.0/8"));
	EXPECT_STREQ("reset", action_under(g, a, fd, "keep to ::/0"));
	EXPECT_STREQ("reset", action_under(g, a, fd, "keep udp"));
	EXPECT_STREQ("reset", action_under(g, a, fd, "keep unix"));
	EXPECT_STREQ("reset", action_under(g, a, fd, "keep path *"));
	snprintf(text, sizeof(text), "keep port %d", port);
	EXPECT_STREQ("keep", action_under(g, a, fd, text));
	snprintf(text, sizeof(text), "keep tcp to 127.0.0.1 port %d-%d",
		 port - 1, port + 1);
	EXPECT_STREQ("keep", action_under(g, a, fd, text));
	snprintf(text, sizeof(text), "keep to 127.0.0.2 port %d", port);
	EXPECT_STREQ("reset", action_under(g, a, fd, text));
	snprintf(text, sizeof(text), "keep port 1-%d", port - 1);
	EXPECT_STREQ("reset", action_under(g, a, fd, text));
	/* It is the remote port that counts. */
	snprintf(text, sizeof(text), "keep port %d", port_of(a, fd));
	EXPECT_STREQ("reset", action_under(g, a, fd, text));
}

TEST_F(rules, about_ipv4_over_an_ipv6_socket)
{
	int l = listener(OUTSIDE, AF_INET);
	int fd = connect_to(self->a, AF_INET6, "::ffff:127.0.0.1",
			    port_of(OUTSIDE, l), 0);
	struct group *g = &self->g;

	ASSERT_LE(0, fd);
	EXPECT_STREQ("keep", action_under(g, self->a, fd, "keep to 127.0.0.1"));
	EXPECT_STREQ("reset", action_under(g, self->a, fd, "keep to ::/0"));
}

TEST_F(rules, about_ipv6)
{
	struct pair p = connection(self->a, OUTSIDE, AF_INET6);
	struct group *g = &self->g;
	struct actor *a = self->a;
	int fd = p.client;

	EXPECT_STREQ("keep", action_under(g, a, fd, "keep to ::1"));
	EXPECT_STREQ("keep", action_under(g, a, fd, "keep to ::/64"));
	EXPECT_STREQ("keep", action_under(g, a, fd, "keep to ::/0"));
	EXPECT_STREQ("reset", action_under(g, a, fd, "keep to ::2"));
	EXPECT_STREQ("reset", action_under(g, a, fd, "keep to ::2/127"));
	EXPECT_STREQ("reset", action_under(g, a, fd, "keep to 0.0.0.0/0"));
}

/* A member's connection to an outsider that listens at this name. */
static int unix_connection(struct actor *a, const char *name, int type)
{
	struct sockaddr_un *un = (void *)buf_of(a), own = { AF_UNIX, "" };
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + strlen(name) +
			(*name != '@');
	int l = socket(AF_UNIX, type, 0), fd;

	strcpy(own.sun_path, name);
	if (*name == '@')
		own.sun_path[0] = '\0';
	unlink(name);
	if (bind(l, (void *)&own, len) ||
	    (type != SOCK_DGRAM && listen(l, 1)))
		return -1;
	fd = CALL(a, SYS_socket, AF_UNIX, type, 0);
	*un = own;
	return CALL(a, SYS_connect, fd, un, len) ? -1 : fd;
}

TEST_F(rules, about_unix_paths)
{
	int fd = unix_connection(self->a, "/tmp/rules dir#1", SOCK_STREAM);
	struct group *g = &self->g;
	struct actor *a = self->a;

	ASSERT_LE(0, fd);
	EXPECT_STREQ("keep", action_under(g, a, fd, "keep path /tmp/rules?dir#1"));
	EXPECT_STREQ("keep", action_under(g, a, fd, "keep unix path /tmp/r*"));
	EXPECT_STREQ("keep", action_under(g, a, fd, "keep path /tmp/[a-s]*1"));
	EXPECT_STREQ("keep", action_under(g, a, fd, "keep unix"));
	EXPECT_STREQ("reset", action_under(g, a, fd, "keep path /tmp/r*[!1]"));
	EXPECT_STREQ("reset", action_under(g, a, fd, "keep path @*"));
	EXPECT_STREQ("reset", action_under(g, a, fd, "keep path /tmp/rules"));
	EXPECT_STREQ("reset", action_under(g, a, fd, "keep path ules"));
	EXPECT_STREQ("reset", action_under(g, a, fd, "keep tcp"));
	EXPECT_STREQ("reset", action_under(g, a, fd, "keep to 0.0.0.0/0"));
	EXPECT_STREQ("reset", action_under(g, a, fd, "keep port 1-65535"));
}

TEST_F(rules, about_abstract_names)
{
	int fd = unix_connection(self->a, "@rules/1", SOCK_SEQPACKET);
	struct group *g = &self->g;
	struct actor *a = self->a;

	ASSERT_LE(0, fd);
	EXPECT_STREQ("keep", action_under(g, a, fd, "keep path @rules/1"));
	EXPECT_STREQ("keep", action_under(g, a, fd, "keep path @rules/*"));
	EXPECT_STREQ("reset", action_under(g, a, fd, "keep path rules/*"));
	EXPECT_STREQ("reset", action_under(g, a, fd, "keep path /*"));
}

TEST_F(rules, about_a_full_path)
{
	int fd;
	char name[110];

	memset(name, 'x', sizeof(name));
	memcpy(name, "/tmp/", 5);
	name[107] = '\0';
	fd = unix_connection(self->a, name, SOCK_STREAM);
	ASSERT_LE(0, fd);
	EXPECT_STREQ("keep", action_under(&self->g, self->a, fd,
					  "keep path /tmp/*x"));
}

TEST_F(rules, a_path_is_no_rule_for_a_nameless_peer)
{
	int sv[2], fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	fd = pass_fd(self->a, sv[0]);
	close(sv[0]);
	ASSERT_LE(0, fd);
	EXPECT_STREQ("reset", action_under(&self->g, self->a, fd,
					   "keep path *"));
	EXPECT_STREQ("keep", action_under(&self->g, self->a, fd, "keep unix"));
}

TEST_F(rules, a_rule_is_stronger_than_the_policy)
{
	struct pair p = connection(self->a, OUTSIDE, AF_INET);

	ASSERT_EQ(0, set_rules(&self->g, "reset tcp"));
	ASSERT_EQ(0, command(&self->g, "freeze policy=keep"));
	EXPECT_STREQ("reset", column_of(&self->g, self->a->pid, p.client,
					"action"));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->a, p.client));
}

TEST_F(rules, changed_while_frozen)
{
	struct pair p = connection(self->a, OUTSIDE, AF_INET);

	FREEZE();
	EXPECT_EQ(0, set_rules(&self->g, "keep any"));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->a, p.client));
	p = connection(self->a, OUTSIDE, AF_INET);
	FREEZE();
	THAW();
	EXPECT_TRUE(carries(self->a, p.client, OUTSIDE, p.server));
}

TEST_F(rules, nothing_internal_is_touched)
{
	struct actor *b = member(&self->g);
	struct pair p = connection(self->a, b, AF_INET);

	ASSERT_EQ(0, set_rules(&self->g, "reset any"));
	FREEZE();
	EXPECT_STREQ("-", column_of(&self->g, self->a->pid, p.client, "action"));
	THAW();
	EXPECT_TRUE(carries(self->a, p.client, b, p.server));
	part(b);
}

static void *write_lists(void *path)
{
	static const char *lists[] = { "reset any", "keep tcp\nkeep udp" };
	int i;

	for (i = 0; i < 300; i++)
		if (write_file(path, lists[i & 1], strlen(lists[i & 1])))
			return "refused";
	return NULL;
}

/* A reader sees the one or the other, and a freeze goes by one. */
TEST_F(rules, replaced_all_the_time)
{
	pthread_t writer;
	char path[128];
	void *why;
	int i;

	ASSERT_EQ(0, set_rules(&self->g, "reset any"));
	strcpy(path, procfs(&self->g, "rules"));
	ASSERT_EQ(0, pthread_create(&writer, NULL, write_lists, path));
	for (i = 0; i < 20; i++) {
		char *text = list_of(&self->g);

		EXPECT_TRUE(!strcmp(text, "reset any\n") ||
			    !strcmp(text, "keep tcp\nkeep udp\n"));
		FREEZE();
		THAW();
	}
	pthread_join(writer, &why);
	EXPECT_EQ(NULL, why);
}

TEST_HARNESS_MAIN
