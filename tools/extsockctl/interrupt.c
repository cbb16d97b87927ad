// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals that end us while a freeze waits: they interrupt it, and end us when
 * we have said so.
 */
#include <signal.h>
#include <stdatomic.h>

#include "extsockctl.h"

static const int deadly[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

#define DEADLY	ARRAY_SIZE(deadly)

static struct sigaction before[DEADLY];

/* Written by a handler, and read by a thread as well. */
static atomic_int caught;

static void note(int sig)
{
	caught = sig;
}

/**
 * interrupt_catch() - take note of signals that would end us
 *
 * Those that are ignored, as under nohup, still are.
 */
void interrupt_catch(void)
{
	/* Without SA_RESTART: a write is to come back. */
	struct sigaction action = { .sa_handler = note };
	size_t i;

	sigemptyset(&action.sa_mask);
	for (i = 0; i < DEADLY; i++) {
		sigaction(deadly[i], NULL, &before[i]);
		if (before[i].sa_handler == SIG_DFL)
			sigaction(deadly[i], &action, NULL);
	}
}

/**
 * interrupt_release() - let signals end us again
 */
void interrupt_release(void)
{
	size_t i;

	for (i = 0; i < DEADLY; i++)
		sigaction(deadly[i], &before[i], NULL);
}

/**
 * interrupted() - was there a signal?
 *
 * Return: the last one that was caught, or 0.
 */
int interrupted(void)
{
	return caught;
}

/**
 * interrupt_die() - end by the signal that was caught, if any
 *
 * Whoever started us learns that it was one, and a shell ends its loop.
 */
void interrupt_die(void)
{
	if (caught)
		raise(caught);
}
