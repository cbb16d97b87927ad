/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all who take part in test_chaos share: what they know, how they decide, and
 * how they open connections.
 */
#ifndef CHAOS_H
#define CHAOS_H

#include "dice.h"

#define HOLDERS		8
#define LOANS		3

/* The name of children who are spared as well. */
#define HEIR		"heir"

/* Where somebody listens. */
enum door { TCP, UNIX, TCP6, SEQPACKET, MPTCP, DOORS };

/* Those who talk for ever; the last two are inside only. */
enum talk {
	TALK_TCP, TALK_UNIX, TALK_SEQPACKET, TALK_MPTCP, TALK_RING, TALK_PASSED,
	TALKS
};

#define OUTER_TALKS	TALK_RING

/**
 * enum event - what a run must have seen, or it has judged too little
 * @EACH_RESET: a thaw has reset a connection of each holder
 * @KEPT: a thaw that keeps, one to which a reset would have been seen
 * @LEASE_ENDED: the same, of a lease that ended
 * @DRAINED: a freeze that has waited, and was complete
 * @SHARED_SPARED: what an outsider held before a freeze outlived its thaw
 * @TAKEN_SPARED: what an outsider took while the group stood still did
 */
enum event {
	EACH_RESET, KEPT, LEASE_ENDED, DRAINED, SHARED_SPARED, TAKEN_SPARED,
	EVENTS
};

/* Between two misdeeds of one who is wild there may be so much time. */
#define CALM_US_MIN	1000
#define CALM_US_MAX	512000

/**
 * struct holder - a member's thread that has an external connection
 * @open: how many it has opened
 * @over: how many of them have ended
 * @told: how many of these were reset
 * @since: the thaws that there had been before the last one was opened
 * @doomed: the last of them that a thaw must have reset
 */
struct holder {
	_Atomic unsigned long open;
	_Atomic unsigned long over;
	_Atomic unsigned long told;
	_Atomic unsigned long since;
	_Atomic unsigned long doomed;
};

/**
 * struct loan - a member's connection that an outsider may take
 * @offers: odd while there is one
 * @fd: its descriptor then
 * @taken: the outsider has it, or is about to
 */
struct loan {
	_Atomic unsigned long offers;
	_Atomic int fd;
	_Atomic bool taken;
};

/**
 * struct chaos - what all share
 * @stop: they are to end
 * @failed: how often somebody has seen what must not be
 * @why: what the first one says
 * @holders: members with external connections
 * @listener: of the holder who accepts
 * @called: where it listens
 * @loans: connections of @lender
 * @lender: the member whose they are
 * @polite: who waits for all these to be closed
 * @inside: turns of those who talk on internal connections
 * @outside: turns of outsiders who talk
 * @events: how often each was seen
 * @owners: who has frozen the first group and not thawed it: one or none
 * @freezes: complete ones of the first group
 * @unsure: those of which nobody knows: their owner was killed in the middle
 * @thaws: its thaws, raised while it still stands
 * @resets: what its thaws say that they have reset
 * @calm_us: see CALM_US_MIN; follows from how often it is frozen
 * @far: where outsiders listen
 * @near: where a member listens
 */
struct chaos {
	_Atomic int stop;
	_Atomic int failed;
	char why[256];
	struct holder holders[HOLDERS];
	int listener;
	struct place called;
	struct loan loans[LOANS];
	pid_t lender;
	_Atomic int polite;
	_Atomic unsigned long inside[TALKS];
	_Atomic unsigned long outside[OUTER_TALKS];
	_Atomic unsigned long events[EVENTS];
	_Atomic int owners;
	_Atomic unsigned long freezes;
	_Atomic unsigned long unsure;
	_Atomic unsigned long thaws;
	_Atomic unsigned long resets;
	_Atomic unsigned int calm_us;
	struct place far[DOORS];
	struct place near[DOORS];
};

static struct chaos *chaos;

/* What somebody is at, for what it may have to say; ps(1) says it as well. */
static const char *doing = "nothing";

static void fail(const char *fmt, ...)
{
	char what[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	if (!chaos->failed++)
		snprintf(chaos->why, sizeof(chaos->why), "seed %u: %s",
			 seed_of_dice, what);
}

/* ---- deeds ---- */

/* What the machine needs to get along. */
static void rest(void)
{
	usleep(dice(1000) * (chaos->calm_us / 1000));
}

/**
 * struct deed - what one may do
 * @name: for messages
 * @commit: do it
 */
struct deed {
	const char *name;
	void (*commit)(void);
};

static void commit(const struct deed *deed)
{
	doing = deed->name;
	prctl(PR_SET_NAME, doing);
	deed->commit();
}

/* ---- connections ---- */

static int socket_to(const struct place *to)
{
	bool packets = to == &chaos->far[SEQPACKET] ||
		       to == &chaos->near[SEQPACKET];
	bool multipath = to == &chaos->far[MPTCP] || to == &chaos->near[MPTCP];

	return socket(to->ss.ss_family, SOCK_CLOEXEC |
		      (packets ? SOCK_SEQPACKET : SOCK_STREAM),
		      multipath ? IPPROTO_MPTCP : 0);
}

static int dial_by(int fd, const struct place *to)
{
	int err;

	if (fd >= 0 && connect(fd, (const void *)&to->ss, to->len)) {
		err = errno;
		close(fd);
		errno = err;
		fd = -1;
	}
	return fd;
}

static int dial(const struct place *to)
{
	return dial_by(socket_to(to), to);
}

static const struct place *some_far(void)
{
	return &chaos->far[dice(DOORS)];
}

static const struct place *some_near(void)
{
	return &chaos->near[dice(DOORS)];
}

static void visit(const struct place *to)
{
	int fd = dial(to);

	usleep(dice(3000));
	close(fd);
}

static bool say(int fd, unsigned long number)
{
	errno = 0;
	return send(fd, &number, sizeof(number), MSG_NOSIGNAL) ==
	       sizeof(number);
}

static bool hear(int fd, unsigned long number)
{
	unsigned long heard = 0;

	errno = 0;
	return recv(fd, &heard, sizeof(heard), MSG_WAITALL) == sizeof(heard) &&
	       heard == number;
}

/* Say a number and hear it again. */
static bool talk(int fd, unsigned long number)
{
	return say(fd, number) && hear(fd, number);
}

/* ---- descriptors ---- */

static bool pass(int over, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { "x", 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(over, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

static int take(int over)
{
	char text, control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { &text, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd = -1;

	if (recvmsg(over, &msg, MSG_DONTWAIT) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

#endif /* CHAOS_H */
