// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets of other families and protocols: those without a peer process are
 * idle, connections that cannot be reset are unsupported, and a thaw leaves both
 * alone.
 */
#include "extsock_test.h"

#include <linux/if_alg.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>
#include <net/if.h>

FIXTURE(family)
{
	struct group g;
	struct actor *m;
};

FIXTURE_SETUP(family)
{
	make_group(&self->g, "family");
	self->m = member(&self->g);
}

FIXTURE_TEARDOWN(family)
{
	part(self->m);
	EXPECT_TRUE(drop_group(&self->g));
}

#define EXPECT_ROW(class, family, protocol, state, fd)			\
do {									\
	pid_t pid_ = self->m->pid;					\
									\
	EXPECT_STREQ(class, column_of(&self->g, pid_, fd, "class"));	\
	EXPECT_STREQ("-", column_of(&self->g, pid_, fd, "action"));	\
	EXPECT_STREQ(family, column_of(&self->g, pid_, fd, "family"));	\
	EXPECT_STREQ(protocol,						\
		     column_of(&self->g, pid_, fd, "protocol"));	\
	EXPECT_STREQ(state, column_of(&self->g, pid_, fd, "state"));	\
} while (0)

#define EXPECT_SAYS(part)						\
do {									\
	char *said_ = outcome_of(&self->g, "freeze policy=reset");	\
									\
	EXPECT_NE(NULL, strstr(said_, part)) TH_LOG("%s", said_);	\
} while (0)

/* ---- vsock, of this machine alone ---- */

static bool have_vsock(void)
{
	sh("modprobe -q vsock_loopback");
	return access("/dev/vsock", F_OK) == 0;
}

static int vsock(struct actor *a, int type)
{
	return CALL(a, SYS_socket, AF_VSOCK, type, 0);
}

static int vsock_listener(struct actor *a, int type)
{
	struct sockaddr_vm *vm = (void *)buf_of(a);
	int fd = vsock(a, type);

	*vm = (struct sockaddr_vm){
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY,
		.svm_port = VMADDR_PORT_ANY,
	};
	if (fd < 0 || CALL(a, SYS_bind, fd, vm, sizeof(*vm)) ||
	    CALL(a, SYS_listen, fd, 4))
		return -1;
	return fd;
}

static int vsock_connect(struct actor *a, int fd, struct actor *server, int l)
{
	struct sockaddr_vm *at = (void *)buf_of(server);
	struct sockaddr_vm *vm = (void *)buf_of(a);
	socklen_t *len = (void *)(at + 1);

	*len = sizeof(*at);
	if (CALL(server, SYS_getsockname, l, at, len))
		return -1;
	*vm = (struct sockaddr_vm){
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_LOCAL,
		.svm_port = at->svm_port,
	};
	return CALL(a, SYS_connect, fd, vm, sizeof(*vm));
}

TEST_F(family, vsock_connected_is_unsupported)
{
	int l, fd, peer;

	if (!have_vsock())
		SKIP(return, "no vsock here");
	l = vsock_listener(OUTSIDE, SOCK_STREAM);
	fd = vsock(self->m, SOCK_STREAM);
	ASSERT_EQ(0, vsock_connect(self->m, fd, OUTSIDE, l));
	peer = accept_from(OUTSIDE, l);
	ASSERT_LE(0, peer);
	ASSERT_EQ(4, send_text(OUTSIDE, peer, "data"));
	EXPECT_SAYS("1 socket: 1 unsupported\n");
	EXPECT_ROW("unsupported", "vsock", "stream", "established", fd);
	THAW();
	EXPECT_EQ(4, receive(self->m, fd));
	EXPECT_TRUE(carries(self->m, fd, OUTSIDE, peer));
}

TEST_F(family, vsock_seqpacket_is_unsupported)
{
	int l, fd, peer;

	if (!have_vsock())
		SKIP(return, "no vsock here");
	l = vsock_listener(OUTSIDE, SOCK_SEQPACKET);
	fd = vsock(self->m, SOCK_SEQPACKET);
	ASSERT_EQ(0, vsock_connect(self->m, fd, OUTSIDE, l));
	peer = accept_from(OUTSIDE, l);
	ASSERT_LE(0, peer);
	EXPECT_SAYS("1 socket: 1 unsupported\n");
	EXPECT_ROW("unsupported", "vsock", "seqpacket", "established", fd);
	THAW();
	EXPECT_TRUE(carries(self->m, fd, OUTSIDE, peer));
}

/* Who waits at it cannot be seen: it stands for them. */
TEST_F(family, vsock_listening_is_unsupported)
{
	int l, fd = vsock(OUTSIDE, SOCK_STREAM);

	if (!have_vsock())
		SKIP(return, "no vsock here");
	l = vsock_listener(self->m, SOCK_STREAM);
	ASSERT_EQ(0, vsock_connect(OUTSIDE, fd, self->m, l));
	EXPECT_SAYS("1 socket: 1 unsupported\n");
	EXPECT_ROW("unsupported", "vsock", "stream", "listen", l);
	THAW();
	EXPECT_TRUE(carries(OUTSIDE, fd, self->m, accept_from(self->m, l)));
}

TEST_F(family, vsock_not_connected_is_idle)
{
	int l, fd;

	if (!have_vsock())
		SKIP(return, "no vsock here");
	l = vsock_listener(OUTSIDE, SOCK_STREAM);
	fd = vsock(self->m, SOCK_STREAM);
	EXPECT_SAYS("1 socket: 1 idle\n");
	EXPECT_ROW("idle", "vsock", "stream", "close", fd);
	THAW();
	ASSERT_EQ(0, vsock_connect(self->m, fd, OUTSIDE, l));
	EXPECT_TRUE(carries(self->m, fd, OUTSIDE, accept_from(OUTSIDE, l)));
}

/* ---- SCTP ---- */

static int sctp_at(struct actor *a, int type)
{
	int fd = CALL(a, SYS_socket, AF_INET, type, IPPROTO_SCTP);
	struct sockaddr_storage *ss = (void *)buf_of(a);
	socklen_t len = address(ss, AF_INET, NULL, 0);

	return CALL(a, SYS_bind, fd, ss, len) ? -1 : fd;
}

static int sctp_listener(struct actor *a, int type)
{
	int fd = sctp_at(a, type);

	return CALL(a, SYS_listen, fd, 4) ? -1 : fd;
}

static bool have_sctp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);

	return fd >= 0 && !close(fd);
}

TEST_F(family, sctp_connected_is_unsupported)
{
	int l, fd, peer;

	if (!have_sctp())
		SKIP(return, "no SCTP here");
	l = sctp_listener(OUTSIDE, SOCK_STREAM);
	fd = sctp_at(self->m, SOCK_STREAM);
	ASSERT_EQ(0, connect_fd(self->m, fd, AF_INET, NULL,
				port_of(OUTSIDE, l)));
	peer = accept_from(OUTSIDE, l);
	ASSERT_LE(0, peer);
	EXPECT_SAYS("1 socket: 1 unsupported\n");
	EXPECT_ROW("unsupported", "inet", "sctp", "established", fd);
	THAW();
	EXPECT_TRUE(carries(self->m, fd, OUTSIDE, peer));
}

TEST_F(family, sctp_listening_is_unsupported)
{
	int l, fd;

	if (!have_sctp())
		SKIP(return, "no SCTP here");
	l = sctp_listener(self->m, SOCK_STREAM);
	fd = sctp_at(OUTSIDE, SOCK_STREAM);
	ASSERT_EQ(0, connect_fd(OUTSIDE, fd, AF_INET, NULL,
				port_of(self->m, l)));
	EXPECT_SAYS("1 socket: 1 unsupported\n");
	EXPECT_ROW("unsupported", "inet", "sctp", "listen", l);
	THAW();
	EXPECT_TRUE(carries(OUTSIDE, fd, self->m, accept_from(self->m, l)));
}

/* One that is connecting has the same state, so this may be one. */
TEST_F(family, sctp_not_connected_is_unsupported)
{
	int l, fd;

	if (!have_sctp())
		SKIP(return, "no SCTP here");
	l = sctp_listener(OUTSIDE, SOCK_STREAM);
	fd = sctp_at(self->m, SOCK_STREAM);
	EXPECT_SAYS("1 socket: 1 unsupported\n");
	EXPECT_ROW("unsupported", "inet", "sctp", "close", fd);
	THAW();
	ASSERT_EQ(0, connect_fd(self->m, fd, AF_INET, NULL,
				port_of(OUTSIDE, l)));
	EXPECT_TRUE(carries(self->m, fd, OUTSIDE, accept_from(OUTSIDE, l)));
}

static long send_to_port(struct actor *a, int fd, const char *text, int port)
{
	struct sockaddr_storage *ss = (void *)(buf_of(a) + 1024);
	socklen_t len = address(ss, AF_INET, NULL, port);

	strcpy(buf_of(a), text);
	return CALL(a, SYS_sendto, fd, buf_of(a), strlen(text), 0, ss, len);
}

/* It has associations, whatever its state. */
TEST_F(family, sctp_one_to_many_is_unsupported)
{
	int server, fd;

	if (!have_sctp())
		SKIP(return, "no SCTP here");
	server = sctp_listener(OUTSIDE, SOCK_SEQPACKET);
	fd = sctp_at(self->m, SOCK_SEQPACKET);
	ASSERT_LE(0, fd);
	ASSERT_EQ(5, send_to_port(self->m, fd, "hello",
				  port_of(OUTSIDE, server)));
	ASSERT_EQ(5, receive(OUTSIDE, server));
	EXPECT_SAYS("1 socket: 1 unsupported\n");
	EXPECT_ROW("unsupported", "inet", "sctp", "close", fd);
	THAW();
	ASSERT_EQ(6, send_to_port(OUTSIDE, server, "answer",
				  port_of(self->m, fd)));
	EXPECT_EQ(6, receive(self->m, fd));
	ASSERT_EQ(4, send_to_port(self->m, fd, "more",
				  port_of(OUTSIDE, server)));
	EXPECT_EQ(4, receive(OUTSIDE, server));
}

/* ---- raw and ping sockets, which ask this machine for an echo ---- */

FIXTURE(echo)
{
	struct group g;
	struct actor *m;
	int fd;
	const char *name;
};

FIXTURE_VARIANT(echo)
{
	int family;
	int type;
	int protocol;
	const char *shown;
};

FIXTURE_VARIANT_ADD(echo, raw_ipv4) {
	AF_INET, SOCK_RAW, IPPROTO_ICMP, "raw"
};

FIXTURE_VARIANT_ADD(echo, raw_ipv6) {
	AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, "raw"
};

FIXTURE_VARIANT_ADD(echo, ping_ipv4) {
	AF_INET, SOCK_DGRAM, IPPROTO_ICMP, "icmp"
};

FIXTURE_VARIANT_ADD(echo, ping_ipv6) {
	AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, "icmp"
};

FIXTURE_SETUP(echo)
{
	make_group(&self->g, "echo");
	self->m = member(&self->g);
	put("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
	self->fd = CALL(self->m, SYS_socket, variant->family, variant->type,
			variant->protocol);
	ASSERT_LE(0, self->fd);
	self->name = variant->family == AF_INET ? "inet" : "inet6";
}

FIXTURE_TEARDOWN(echo)
{
	part(self->m);
	EXPECT_TRUE(drop_group(&self->g));
}

/* Does the answer come? A raw socket may see the question, too. */
static bool echoes(struct actor *a, int fd, int family, int type)
{
	static const unsigned char ask4[8] = { 8, 0, 0xf7, 0xff };
	static const unsigned char ask6[8] = { 128 };
	int at = family == AF_INET && type == SOCK_RAW ? 20 : 0, i;

	memcpy(buf_of(a), family == AF_INET ? ask4 : ask6, 8);
	if (CALL(a, SYS_sendto, fd, buf_of(a), 8, 0, NULL, 0) != 8)
		return false;
	for (i = 0; i < 2; i++)
		if (receive(a, fd) == at + 8 &&
		    (unsigned char)buf_of(a)[at] == (family == AF_INET ? 0 : 129))
			return true;
	return false;
}

TEST_F(echo, not_connected_is_idle)
{
	EXPECT_SAYS("1 socket: 1 idle\n");
	EXPECT_ROW("idle", self->name, variant->shown, "close", self->fd);
	THAW();
	ASSERT_EQ(0, connect_fd(self->m, self->fd, variant->family, NULL, 0));
	EXPECT_TRUE(echoes(self->m, self->fd, variant->family, variant->type));
}

TEST_F(echo, connected_is_unsupported)
{
	ASSERT_EQ(0, connect_fd(self->m, self->fd, variant->family, NULL, 0));
	EXPECT_SAYS("1 socket: 1 unsupported\n");
	EXPECT_ROW("unsupported", self->name, variant->shown, "established",
		   self->fd);
	THAW();
	EXPECT_TRUE(echoes(self->m, self->fd, variant->family, variant->type));
}

/* ---- whose peer is the kernel ---- */

/* A hash that is half done is done afterwards. */
TEST_F(family, alg_is_idle)
{
	static const unsigned char sha256_of_abc[] = {
		0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
		0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
		0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
		0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
	};
	struct sockaddr_alg *alg = (void *)buf_of(self->m);
	int bound = CALL(self->m, SYS_socket, AF_ALG, SOCK_SEQPACKET, 0), op;

	if (bound < 0)
		SKIP(return, "no AF_ALG here");
	*alg = (struct sockaddr_alg){
		.salg_family = AF_ALG, .salg_type = "hash",
		.salg_name = "sha256",
	};
	ASSERT_EQ(0, CALL(self->m, SYS_bind, bound, alg, sizeof(*alg)));
	op = accept_from(self->m, bound);
	ASSERT_LE(0, op);
	strcpy(buf_of(self->m), "abc");
	ASSERT_EQ(2, CALL(self->m, SYS_sendto, op, buf_of(self->m), 2, MSG_MORE,
			  NULL, 0));
	EXPECT_SAYS("2 sockets: 2 idle\n");
	EXPECT_ROW("idle", "alg", "seqpacket", "-", bound);
	EXPECT_ROW("idle", "alg", "seqpacket", "-", op);
	THAW();
	ASSERT_EQ(1, CALL(self->m, SYS_sendto, op, buf_of(self->m) + 2, 1, 0,
			  NULL, 0));
	ASSERT_EQ(32, receive(self->m, op));
	EXPECT_EQ(0, memcmp(buf_of(self->m), sha256_of_abc, 32));
}

/* Ask for this machine's network interfaces: does an answer come? */
static bool is_answered(struct actor *a, int fd)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg body;
	} *ask = (void *)buf_of(a);
	struct nlmsghdr *answer = (void *)ask;

	memset(ask, 0, sizeof(*ask));
	ask->head.nlmsg_len = sizeof(*ask);
	ask->head.nlmsg_type = RTM_GETLINK;
	ask->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	return CALL(a, SYS_sendto, fd, ask, sizeof(*ask), 0, NULL, 0) ==
		sizeof(*ask) && receive(a, fd) > 0 &&
		answer->nlmsg_type == RTM_NEWLINK;
}

TEST_F(family, netlink_is_idle)
{
	struct sockaddr_nl *nl = (void *)buf_of(self->m);
	int fresh = CALL(self->m, SYS_socket, AF_NETLINK, SOCK_RAW, 0);
	int bound = CALL(self->m, SYS_socket, AF_NETLINK, SOCK_RAW, 0);
	int connected = CALL(self->m, SYS_socket, AF_NETLINK, SOCK_DGRAM, 0);

	*nl = (struct sockaddr_nl){ .nl_family = AF_NETLINK };
	ASSERT_EQ(0, CALL(self->m, SYS_connect, connected, nl, sizeof(*nl)));
	nl->nl_groups = RTMGRP_LINK;
	ASSERT_EQ(0, CALL(self->m, SYS_bind, bound, nl, sizeof(*nl)));
	EXPECT_SAYS("3 sockets: 3 idle\n");
	EXPECT_ROW("idle", "netlink", "raw", "-", fresh);
	EXPECT_ROW("idle", "netlink", "raw", "-", bound);
	EXPECT_ROW("idle", "netlink", "dgram", "-", connected);
	THAW();
	EXPECT_TRUE(is_answered(self->m, fresh));
	EXPECT_TRUE(is_answered(self->m, connected));
	/* what it is told of is told still */
	ASSERT_EQ(0, sh("ip link add told type dummy"));
	EXPECT_LT(0, receive(self->m, bound));
	sh("ip link del told");
}

TEST_F(family, packet_is_idle)
{
	struct sockaddr_ll *ll = (void *)buf_of(self->m);
	int fresh = CALL(self->m, SYS_socket, AF_PACKET, SOCK_RAW, 0);
	int bound = CALL(self->m, SYS_socket, AF_PACKET, SOCK_DGRAM, 0);
	int out = socket(AF_INET, SOCK_DGRAM, 0);

	*ll = (struct sockaddr_ll){
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = if_nametoindex("lo"),
	};
	ASSERT_LE(0, fresh);
	ASSERT_EQ(0, CALL(self->m, SYS_bind, bound, ll, sizeof(*ll)));
	EXPECT_SAYS("2 sockets: 2 idle\n");
	EXPECT_ROW("idle", "packet", "raw", "-", fresh);
	EXPECT_ROW("idle", "packet", "dgram", "-", bound);
	THAW();
	send_to_port(OUTSIDE, out, "datagram", 9);
	EXPECT_LT(0, receive(self->m, bound));
}

/* ---- all others, bluetooth too where it is ---- */

#define KINDS	256

/* A new socket, if there is such a kind here. */
static int open_kind(struct actor *a, int family, int type, int protocol)
{
	int fd = socket(family, type, protocol);

	/* The test tries first: to look for a module takes its time. */
	if (fd < 0)
		return -errno;
	close(fd);
	return CALL(a, SYS_socket, family, type, protocol);
}

/* A socket of every kind that there is here. */
static int open_all(struct actor *a, int fds[KINDS])
{
	static const int extra[][2] = {
		{ SOCK_STREAM, IPPROTO_SCTP }, { SOCK_SEQPACKET, IPPROTO_SCTP },
		{ SOCK_STREAM, IPPROTO_MPTCP }, { SOCK_DGRAM, IPPROTO_UDPLITE },
		{ SOCK_RAW, IPPROTO_RAW }, { SOCK_RAW, IPPROTO_TCP },
	};
	int family, type, fd, n = 0;
	size_t i;

	for (family = AF_UNIX; family < AF_MAX; family++)
		for (type = SOCK_STREAM; type <= SOCK_SEQPACKET; type++) {
			fd = open_kind(a, family, type, 0);
			if (fd >= 0)
				fds[n++] = fd;
			if (fd == -EAFNOSUPPORT)
				break;
		}
	for (family = AF_INET; family <= AF_INET6; family += AF_INET6 - AF_INET)
		for (i = 0; i < ARRAY_SIZE(extra); i++) {
			fd = open_kind(a, family, extra[i][0], extra[i][1]);
			if (fd >= 0)
				fds[n++] = fd;
		}
	return n;
}

TEST_F(family, every_one_is_listed)
{
	int fds[KINDS], n = open_all(self->m, fds), i;

	ASSERT_LT(15, n);
	FREEZE();
	EXPECT_EQ(n, count_rows(&self->g));
	for (i = 0; i < n; i++) {
		const char *class = class_of(&self->g, self->m, fds[i]);

		EXPECT_TRUE(!strcmp(class, "idle") ||
			    !strcmp(class, "unsupported"))
			TH_LOG("descriptor %d is %s", fds[i], class);
	}
	THAW();
}

/* Then the thaw is who lets go of them last. */
TEST_F(family, killed_with_every_one)
{
	int fds[KINDS];

	ASSERT_LT(15, open_all(self->m, fds));
	FREEZE();
	part(self->m);
	THAW();
	self->m = actor();
}

TEST_HARNESS_MAIN
