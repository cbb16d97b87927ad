// SPDX-License-Identifier: GPL-2.0-only
/*
 * UDP sockets: whether what one sends stays inside of the group. They hold no
 * connection, so without a rule a thaw leaves them alone.
 */
#include "extsock_test.h"

FIXTURE(udp)
{
	struct group g;
	struct actor *a;
	struct actor *b;
};

FIXTURE_VARIANT(udp)
{
	int family;
	const char *any;
	const char *far;
};

FIXTURE_VARIANT_ADD(udp, ipv4) { AF_INET, "0.0.0.0", "10.9.0.2" };
FIXTURE_VARIANT_ADD(udp, ipv6) { AF_INET6, "::", "fd09::2" };

FIXTURE_SETUP(udp)
{
	make_group(&self->g, "udp");
	self->a = member(&self->g);
	self->b = member(&self->g);
}

FIXTURE_TEARDOWN(udp)
{
	part(self->a);
	part(self->b);
	EXPECT_TRUE(drop_group(&self->g));
}

/* Bound to an address (NULL: loopback's) and a port (0: any). */
static int udp_at(struct actor *a, int family, const char *ip, int port)
{
	int fd = CALL(a, SYS_socket, family, SOCK_DGRAM, 0);
	struct sockaddr_storage *ss = (void *)(buf_of(a) + 64);
	socklen_t len = address(ss, family, ip, port);
	int *one = (int *)buf_of(a);

	*one = 1;
	CALL(a, SYS_setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, one,
	     sizeof(*one));
	return CALL(a, SYS_bind, fd, ss, len) ? -1 : fd;
}

static int udp_to(struct actor *a, int family, const char *ip, int port)
{
	int fd = CALL(a, SYS_socket, family, SOCK_DGRAM, 0);

	return connect_fd(a, fd, family, ip, port) ? -1 : fd;
}

TEST_F(udp, to_an_outsider_is_external_and_kept)
{
	int server = udp_at(OUTSIDE, variant->family, NULL, 0);
	int fd = udp_to(self->a, variant->family, NULL,
			port_of(OUTSIDE, server));

	ASSERT_LE(0, server);
	ASSERT_LE(0, fd);
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, fd));
	EXPECT_STREQ("keep", column_of(&self->g, self->a->pid, fd, "action"));
	EXPECT_STREQ("udp", column_of(&self->g, self->a->pid, fd, "protocol"));
	THAW();
	ASSERT_EQ(4, send_text(self->a, fd, "ping"));
	EXPECT_EQ(4, receive(OUTSIDE, server));
}

/* As after an ICMP error: one error, and nothing else. */
TEST_F(udp, reset_by_a_rule)
{
	int server = udp_at(OUTSIDE, variant->family, NULL, 0);
	int fd = udp_to(self->a, variant->family, NULL,
			port_of(OUTSIDE, server));
	int idle = udp_at(self->a, variant->family, NULL, 0);

	ASSERT_EQ(0, set_rules(&self->g, "reset udp"));
	FREEZE();
	EXPECT_STREQ("reset", column_of(&self->g, self->a->pid, fd, "action"));
	EXPECT_STREQ("-", column_of(&self->g, self->a->pid, idle, "action"));
	THAW();
	EXPECT_EQ(POLLOUT | POLLERR, poll_fd(self->a, fd));
	EXPECT_EQ(-ECONNREFUSED, send_text(self->a, fd, "ping"));
	ASSERT_EQ(4, send_text(self->a, fd, "ping"));
	EXPECT_EQ(4, receive(OUTSIDE, server));
	EXPECT_EQ(POLLOUT, poll_fd(self->a, idle));
}

TEST_F(udp, a_reader_wakes_when_reset_by_a_rule)
{
	int server = udp_at(OUTSIDE, variant->family, NULL, 0);
	int fd = udp_to(self->a, variant->family, NULL,
			port_of(OUTSIDE, server));

	ASSERT_EQ(0, set_rules(&self->g, "reset udp"));
	START(self->a, SYS_recvfrom, fd, buf_of(self->a), 16, 0, NULL, NULL);
	ASSERT_TRUE(sleeps_in(self->a->pid, SYS_recvfrom));
	FREEZE();
	THAW();
	EXPECT_EQ(-ECONNREFUSED, result(self->a));
	ASSERT_EQ(4, send_text(self->a, fd, "ping"));
	EXPECT_EQ(4, receive(OUTSIDE, server));
}

TEST_F(udp, to_a_members_bound_socket_is_internal)
{
	int server = udp_at(self->b, variant->family, NULL, 0);
	int fd = udp_to(self->a, variant->family, NULL,
			port_of(self->b, server));

	ASSERT_LE(0, fd);
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->a, fd));
	EXPECT_STREQ("idle", class_of(&self->g, self->b, server));
	THAW();
	ASSERT_EQ(4, send_text(self->a, fd, "ping"));
	EXPECT_EQ(4, receive(self->b, server));
}

TEST_F(udp, to_a_members_socket_bound_to_any_address_is_internal)
{
	int server = udp_at(self->b, variant->family, variant->any, 0);
	int fd = udp_to(self->a, variant->family, NULL,
			port_of(self->b, server));

	ASSERT_LE(0, fd);
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->a, fd));
	THAW();
}

/* The port alone does not tell: an outsider has the better address. */
TEST_F(udp, to_an_outsider_at_a_members_port_is_external)
{
	int server = udp_at(self->b, variant->family, variant->any, 0);
	int port = port_of(self->b, server), fd;

	ASSERT_LE(0, udp_at(OUTSIDE, variant->family, NULL, port));
	fd = udp_to(self->a, variant->family, NULL, port);
	ASSERT_LE(0, fd);
	FREEZE();
	EXPECT_STREQ("external", class_of(&self->g, self->a, fd));
	THAW();
}

TEST_F(udp, connected_to_each_other)
{
	int one = udp_at(self->a, variant->family, NULL, 0);
	int two = udp_at(self->b, variant->family, NULL, 0);

	ASSERT_EQ(0, connect_fd(self->a, one, variant->family, NULL,
				port_of(self->b, two)));
	ASSERT_EQ(0, connect_fd(self->b, two, variant->family, NULL,
				port_of(self->a, one)));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->a, one));
	EXPECT_STREQ("internal", class_of(&self->g, self->b, two));
	THAW();
	EXPECT_TRUE(carries(self->a, one, self->b, two));
}

/* Both are bound to the interface over which they talk. */
TEST_F(udp, bound_to_an_interface)
{
	int one = udp_at(self->a, variant->family, NULL, 0);
	int two = udp_at(self->b, variant->family, NULL, 0);

	strcpy(buf_of(self->a), "lo");
	ASSERT_EQ(0, CALL(self->a, SYS_setsockopt, one, SOL_SOCKET,
			  SO_BINDTODEVICE, buf_of(self->a), 3));
	strcpy(buf_of(self->b), "lo");
	ASSERT_EQ(0, CALL(self->b, SYS_setsockopt, two, SOL_SOCKET,
			  SO_BINDTODEVICE, buf_of(self->b), 3));
	ASSERT_EQ(0, connect_fd(self->a, one, variant->family, NULL,
				port_of(self->b, two)));
	ASSERT_EQ(0, connect_fd(self->b, two, variant->family, NULL,
				port_of(self->a, one)));
	ASSERT_EQ(0, set_rules(&self->g, "reset udp"));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->a, one));
	EXPECT_STREQ("internal", class_of(&self->g, self->b, two));
	THAW();
	EXPECT_TRUE(carries(self->a, one, self->b, two));
}

/* A receiver is bound to the interface that has the address. */
TEST_F(udp, to_one_bound_to_the_interface_of_its_address)
{
	const char *ip = variant->family == AF_INET ? "10.7.0.1" : "fd07::1";
	int server, fd;

	sh("ip link del udp0 2>/dev/null");
	ASSERT_EQ(0, sh("ip link add udp0 type dummy && "
			"ip addr add 10.7.0.1/24 dev udp0 && "
			"ip addr add fd07::1/64 dev udp0 nodad && "
			"ip link set udp0 up"));
	server = udp_at(self->b, variant->family, ip, 0);
	strcpy(buf_of(self->b), "udp0");
	ASSERT_EQ(0, CALL(self->b, SYS_setsockopt, server, SOL_SOCKET,
			  SO_BINDTODEVICE, buf_of(self->b), 5));
	fd = udp_to(self->a, variant->family, ip, port_of(self->b, server));
	ASSERT_LE(0, fd);
	ASSERT_EQ(4, send_text(self->a, fd, "ping"));
	ASSERT_EQ(4, receive(self->b, server));
	ASSERT_EQ(0, set_rules(&self->g, "reset udp"));
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->a, fd));
	THAW();
	ASSERT_EQ(4, send_text(self->a, fd, "ping"));
	EXPECT_EQ(4, receive(self->b, server));
	sh("ip link del udp0");
}

/* Whatever the rules say: there is nothing to be told. */
TEST_F(udp, not_connected_is_not_reset)
{
	int server = udp_at(self->a, variant->family, NULL, 0), out;

	ASSERT_EQ(0, set_rules(&self->g, "reset any"));
	FREEZE();
	EXPECT_STREQ("idle", class_of(&self->g, self->a, server));
	THAW();
	out = udp_to(OUTSIDE, variant->family, NULL, port_of(self->a, server));
	ASSERT_EQ(4, send_text(OUTSIDE, out, "ping"));
	EXPECT_EQ(4, receive(self->a, server));
}

TEST_F(udp, not_connected_is_idle)
{
	int fd = CALL(self->a, SYS_socket, variant->family, SOCK_DGRAM, 0);
	int bound = udp_at(self->a, variant->family, NULL, 0);

	FREEZE();
	EXPECT_STREQ("idle", class_of(&self->g, self->a, fd));
	EXPECT_STREQ("idle", class_of(&self->g, self->a, bound));
	THAW();
}

TEST_F(udp, over_veth)
{
	struct actor *out = actor();
	int server, other, in, ex;

	ASSERT_EQ(0, join_namespaces());
	enter(self->a, "left");
	enter(self->b, "right");
	enter(out, "right");
	server = udp_at(self->b, variant->family, variant->any, 0);
	other = udp_at(out, variant->family, variant->far, 0);
	in = udp_to(self->a, variant->family, variant->far,
		    port_of(self->b, server));
	ex = udp_to(self->a, variant->family, variant->far,
		    port_of(out, other));
	ASSERT_LE(0, in);
	ASSERT_LE(0, ex);
	FREEZE();
	EXPECT_STREQ("internal", class_of(&self->g, self->a, in));
	EXPECT_STREQ("external", class_of(&self->g, self->a, ex));
	THAW();
	part(out);
	sh("ip netns del left; ip netns del right");
}

TEST_HARNESS_MAIN
