// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network namespaces: members in several, addresses that are used twice, and
 * connections through a router that translates them.
 */
#include "extsock_test.h"

/* ---- members in three namespaces ---- */

FIXTURE(netns)
{
	struct group g;
	struct actor *a;
	struct actor *b;
};

FIXTURE_SETUP(netns)
{
	make_group(&self->g, "netns");
	self->a = member(&self->g);
	self->b = member(&self->g);
}

FIXTURE_TEARDOWN(netns)
{
	part(self->a);
	part(self->b);
	EXPECT_TRUE(drop_group(&self->g));
	sh("for n in left right left2 right2; do ip netns del $n; done 2>/dev/null");
}

/* A third member in the test's own namespace. */
TEST_F(netns, members_in_several)
{
	struct actor *here = member(&self->g), *out = actor();
	struct pair in[3], ex[3];
	struct actor *all[] = { here, self->a, self->b };
	char *own;
	int i;

	ASSERT_EQ(0, join_namespaces());
	enter(self->a, "left");
	enter(self->b, "right");
	for (i = 0; i < 3; i++) {
		if (i == 1)
			enter(out, "left");
		if (i == 2)
			enter(out, "right");
		in[i] = connection(all[i], all[i], AF_INET);
		ex[i] = connection(all[i], out, AF_INET);
		ASSERT_LE(0, in[i].server);
		ASSERT_LE(0, ex[i].server);
	}
	FREEZE();
	for (i = 0; i < 3; i++) {
		EXPECT_STREQ("internal", class_of(&self->g, all[i],
						  in[i].client));
		EXPECT_STREQ("external", class_of(&self->g, all[i],
						  ex[i].client));
	}
	own = strdup(column_of(&self->g, here->pid, in[0].client, "netns"));
	EXPECT_STRNE(own, column_of(&self->g, self->a->pid, in[1].client,
				    "netns"));
	free(own);
	THAW();
	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(carries(all[i], in[i].client, all[i],
				    in[i].server));
		EXPECT_EQ(-ECONNRESET, receive(all[i], ex[i].client));
		EXPECT_EQ(-ECONNRESET, receive(out, ex[i].server));
	}
	part(here);
	part(out);
}

/* From a given port; the listener is at a given one, too. */
static struct pair connect_at(struct actor *client, struct actor *server,
			      const char *from, int from_port, const char *to,
			      int to_port)
{
	struct sockaddr_storage *ss = (void *)buf_of(server);
	socklen_t len = address(ss, AF_INET, to, to_port);
	struct pair p = { -1, -1, -1 };

	p.listener = CALL(server, SYS_socket, AF_INET, SOCK_STREAM, 0);
	if (CALL(server, SYS_bind, p.listener, ss, len) ||
	    CALL(server, SYS_listen, p.listener, 1))
		return p;
	p.client = CALL(client, SYS_socket, AF_INET, SOCK_STREAM, 0);
	ss = (void *)buf_of(client);
	len = address(ss, AF_INET, from, from_port);
	if (CALL(client, SYS_bind, p.client, ss, len) ||
	    connect_fd(client, p.client, AF_INET, to, to_port))
		return p;
	p.server = accept_from(server, p.listener);
	return p;
}

/*
 * Two pairs of namespaces with the same addresses, and a connection in each with
 * the same ports. A member has the client of the one, and another the server of
 * the other: the ends fit, and yet they are strangers.
 */
TEST_F(netns, the_same_addresses_twice)
{
	struct actor *server = actor(), *client = actor();
	struct pair one, two;

	ASSERT_EQ(0, join_namespaces());
	ASSERT_EQ(0, sh("for n in left right; do ip netns add ${n}2; done; "
			"ip link add vl netns left2 type veth peer name vr netns right2 && "
			"ip -n left2 addr add 10.9.0.1/24 dev vl && "
			"ip -n right2 addr add 10.9.0.2/24 dev vr && "
			"ip -n left2 link set vl up && ip -n right2 link set vr up"));
	enter(self->a, "left");
	enter(server, "right");
	enter(client, "left2");
	enter(self->b, "right2");
	one = connect_at(self->a, server, "10.9.0.1", 7001, "10.9.0.2", 7002);
	two = connect_at(client, self->b, "10.9.0.1", 7001, "10.9.0.2", 7002);
	ASSERT_LE(0, one.server);
	ASSERT_LE(0, two.server);
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, one.client));
	EXPECT_STREQ("external", class_of(&self->g, self->b, two.server));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(server, one.server));
	EXPECT_EQ(-ECONNRESET, receive(client, two.client));
	EXPECT_EQ(-ECONNRESET, receive(self->a, one.client));
	EXPECT_EQ(-ECONNRESET, receive(self->b, two.server));
	part(server);
	part(client);
}

/* A container beside, with the same addresses, is nobody's business. */
TEST_F(netns, the_same_addresses_in_a_container_outside)
{
	struct actor *client = actor(), *server = actor();
	struct pair in, ex;

	ASSERT_EQ(0, join_namespaces());
	ASSERT_EQ(0, sh("for n in left right; do ip netns add ${n}2; done; "
			"ip link add vl netns left2 type veth peer name vr netns right2 && "
			"ip -n left2 addr add 10.9.0.1/24 dev vl && "
			"ip -n right2 addr add 10.9.0.2/24 dev vr && "
			"ip -n left2 link set vl up && ip -n right2 link set vr up"));
	enter(self->a, "left");
	enter(self->b, "right");
	enter(client, "left2");
	enter(server, "right2");
	in = connect_at(self->a, self->b, "10.9.0.1", 7001, "10.9.0.2", 7002);
	ex = connect_at(client, server, "10.9.0.1", 7001, "10.9.0.2", 7002);
	ASSERT_LE(0, in.server);
	ASSERT_LE(0, ex.server);
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->a, in.client));
	EXPECT_STREQ("internal", class_of(&self->g, self->b, in.server));
	EXPECT_EQ(3, count_rows(&self->g));
	THAW();
	EXPECT_TRUE(carries(self->a, in.client, self->b, in.server));
	EXPECT_TRUE(carries(client, ex.client, server, ex.server));
	part(client);
	part(server);
}

/* ---- through a router that translates addresses ---- */

FIXTURE(nat)
{
	struct group g;
	struct actor *in;
	struct actor *far;
};

/*
 * "inner" 10.8.1.2 - 10.8.1.1 "router" 10.8.2.1 - 10.8.2.2 "outer". What leaves
 * "inner" has the router's address outside; the router's port 8080 is that of
 * "inner".
 */
FIXTURE_SETUP(nat)
{
	make_group(&self->g, "nat");
	self->in = member(&self->g);
	self->far = actor();
	ASSERT_EQ(0, sh("for n in inner router outer; do ip netns del $n; ip netns add $n; done 2>/dev/null; "
			"ip link add vi netns inner type veth peer name ri netns router && "
			"ip link add vo netns outer type veth peer name ro netns router && "
			"ip -n inner addr add 10.8.1.2/24 dev vi && "
			"ip -n router addr add 10.8.1.1/24 dev ri && "
			"ip -n router addr add 10.8.2.1/24 dev ro && "
			"ip -n outer addr add 10.8.2.2/24 dev vo && "
			"for d in 'inner vi' 'router ri' 'router ro' 'outer vo'; do "
			"set -- $d; ip -n $1 link set $2 up || exit 1; done; "
			"ip -n inner route add default via 10.8.1.1 && "
			"ip netns exec router sysctl -qw net.ipv4.ip_forward=1"));
	ASSERT_EQ(0, sh("ip netns exec router nft -f - <<'EOF'\n"
			"table ip nat {\n"
			"	chain out {\n"
			"		type nat hook postrouting priority 100;\n"
			"		oifname ro masquerade\n"
			"	}\n"
			"	chain in {\n"
			"		type nat hook prerouting priority -100;\n"
			"		iifname ro tcp dport 8080 dnat to 10.8.1.2\n"
			"	}\n"
			"}\nEOF"));
	enter(self->in, "inner");
	enter(self->far, "outer");
}

FIXTURE_TEARDOWN(nat)
{
	part(self->in);
	part(self->far);
	EXPECT_TRUE(drop_group(&self->g));
	sh("for n in inner router outer; do ip netns del $n; done 2>/dev/null");
}

static struct pair outgoing(struct actor *client, struct actor *server)
{
	struct pair p;

	p.listener = listener_at(server, AF_INET, "10.8.2.2", 16);
	p.client = connect_to(client, AF_INET, "10.8.2.2",
			      port_of(server, p.listener), 0);
	p.server = accept_from(server, p.listener);
	return p;
}

static struct pair incoming(struct actor *client, struct actor *server)
{
	struct sockaddr_storage *ss = (void *)buf_of(server);
	socklen_t len = address(ss, AF_INET, "10.8.1.2", 8080);
	struct pair p = { -1, -1, -1 };

	p.listener = CALL(server, SYS_socket, AF_INET, SOCK_STREAM, 0);
	if (CALL(server, SYS_bind, p.listener, ss, len) ||
	    CALL(server, SYS_listen, p.listener, 16))
		return p;
	p.client = connect_to(client, AF_INET, "10.8.2.1", 8080, 0);
	p.server = accept_from(server, p.listener);
	return p;
}

TEST_F(nat, a_client_behind_masquerade_is_reset)
{
	struct pair p = outgoing(self->in, self->far);

	ASSERT_LE(0, p.server);
	ASSERT_TRUE(carries(self->in, p.client, self->far, p.server));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->in, p.client));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->far, p.server));
	EXPECT_EQ(-ECONNRESET, receive(self->in, p.client));
}

TEST_F(nat, a_server_at_a_forwarded_port_is_reset)
{
	struct pair p = incoming(self->far, self->in);

	ASSERT_LE(0, p.server);
	ASSERT_TRUE(carries(self->far, p.client, self->in, p.server));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->in, p.server));
	THAW();
	EXPECT_EQ(-ECONNRESET, receive(self->far, p.client));
	EXPECT_EQ(-ECONNRESET, receive(self->in, p.server));
}

/*
 * Both ends are the group's, but neither knows the other's address: for extsock
 * they are external, and a rule keeps them.
 */
TEST_F(nat, a_pair_inside_is_external_and_kept_by_a_rule)
{
	struct actor *b = member(&self->g);
	struct pair out, in;

	enter(b, "outer");
	out = outgoing(self->in, b);
	in = incoming(b, self->in);
	ASSERT_LE(0, out.server);
	ASSERT_LE(0, in.server);
	ASSERT_EQ(0, set_rules(&self->g, "keep tcp to 10.8.0.0/16"));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->in, out.client));
	EXPECT_STREQ("external", class_of(&self->g, b, out.server));
	EXPECT_STREQ("keep", column_of(&self->g, self->in->pid, out.client,
				       "action"));
	EXPECT_STREQ("keep", column_of(&self->g, b->pid, out.server, "action"));
	THAW();
	EXPECT_TRUE(carries(self->in, out.client, b, out.server));
	EXPECT_TRUE(carries(b, in.client, self->in, in.server));
	part(b);
}

/* Whoever is behind the forwarded port, the router's address is no member's. */
TEST_F(nat, connecting_through_a_forwarded_port)
{
	struct sockaddr_storage *ss = (void *)buf_of(self->far);
	int fd;
	socklen_t len;

	/* Nobody answers at the forwarded port. */
	ASSERT_EQ(0, sh("ip netns exec router nft add rule ip nat in tcp dport 8081 dnat to 10.8.1.77"));
	part(self->far);
	self->far = member(&self->g);
	enter(self->far, "outer");
	fd = CALL(self->far, SYS_socket, AF_INET, SOCK_STREAM, 0);
	ss = (void *)buf_of(self->far);
	len = address(ss, AF_INET, "10.8.2.1", 8081);
	START(self->far, SYS_connect, fd, ss, len);
	ASSERT_TRUE(sleeps_in(self->far->pid, SYS_connect));
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->far, fd));
	THAW();
	EXPECT_EQ(-ECONNREFUSED, result(self->far));
}

TEST_HARNESS_MAIN
