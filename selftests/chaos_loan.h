/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A member of test_chaos whose connections lead outside, and outsiders who take them:
 * before a freeze, so that they are shared, or while it lasts. What an outsider holds
 * is never reset: numbers come back over it after the thaw as before.
 */
#ifndef CHAOS_LOAN_H
#define CHAOS_LOAN_H

#include "chaos.h"

/* Whoever looks at @offers before and after has seen the same connection. */
static void offer(struct loan *loan, int fd)
{
	loan->fd = fd;
	loan->offers++;
}

/* Until it is reset, or somebody waits for it to be closed and nobody has it. */
static void *lend(void *arg)
{
	struct loan *loan = arg;
	unsigned int n;

	for (n = loan - chaos->loans; !chaos->stop; n++) {
		struct pollfd p = { .fd = dial(&chaos->far[n % DOORS]) };

		/* Just connected when the freeze came. */
		if (p.fd < 0)
			continue;
		offer(loan, p.fd);
		while (!poll(&p, 1, 50) && !chaos->stop &&
		       (loan->taken || !chaos->polite))
			;
		offer(loan, -1);
		close(p.fd);
	}
	return NULL;
}

static void be_lender(struct stage *s)
{
	pthread_t thread;
	int i;

	for (i = 1; i < LOANS; i++)
		pthread_create(&thread, NULL, lend, &chaos->loans[i]);
	lend(&chaos->loans[0]);
}

/**
 * struct borrower - an outsider with a connection of a member
 * @loan: where it is from
 * @offer: which one it is
 * @fd: its own descriptor, or -1
 * @good: it carried a number while the group stood still
 */
struct borrower {
	struct loan *loan;
	unsigned long offer;
	int fd;
	bool good;
};

static bool still_lent(const struct borrower *b)
{
	return b->loan->offers == b->offer;
}

static void take_loan(struct borrower *b)
{
	int pidfd = syscall(SYS_pidfd_open, chaos->lender, 0);

	b->loan->taken = true;
	b->offer = b->loan->offers;
	if (b->offer % 2)
		b->fd = syscall(SYS_pidfd_getfd, pidfd, b->loan->fd, 0);
	close(pidfd);
	/* Perhaps it is another one that got the descriptor. */
	if (!still_lent(b)) {
		close(b->fd);
		b->fd = -1;
	}
}

static void return_loan(struct borrower *b)
{
	close(b->fd);
	b->loan->taken = false;
}

/*
 * The group stands still, and nobody else can thaw it: what is not reset now must not
 * be any more. A thaw that had begun before it was taken may have reset it.
 */
static void try_loan(struct borrower *b)
{
	b->good = b->fd >= 0 && still_lent(b) && talk(b->fd, b->offer);
}

/* After the thaw; returns whether there was something to be seen. */
static bool check_loan(const struct borrower *b)
{
	if (b->good && !talk(b->fd, b->offer + 1))
		fail("%s: what an outsider holds was reset: %s", doing,
		     strerror(errno));
	return b->good;
}

#endif /* CHAOS_LOAN_H */
