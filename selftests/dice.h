/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decisions at random that can be made again: they follow from a seed, from who
 * decides, and from the step that he is at, and not from what has come of the steps
 * before.
 */
#ifndef DICE_H
#define DICE_H

#include "extsock_test.h"

/* For all; printed. */
static unsigned int seed_of_dice;

static _Thread_local unsigned int state_of_dice;

/* Before anybody is there who decides. */
static unsigned int pick_seed(void)
{
	seed_of_dice = number("EXTSOCK_SEED", 0) ?: time(NULL);
	return seed_of_dice;
}

static unsigned int mix(unsigned int a, unsigned int b)
{
	a = (a ^ b) * 2654435761u;
	return a ^ a >> 15;
}

/* At the beginning of each step. */
static void throw_dice(unsigned int who, unsigned int step)
{
	state_of_dice = mix(mix(mix(1, seed_of_dice), who), step);
}

/* 0 to n - 1 */
static unsigned int dice(unsigned int n)
{
	unsigned int high;

	state_of_dice = state_of_dice * 1103515245u + 12345u;
	high = state_of_dice & 0xffff0000;
	state_of_dice = state_of_dice * 1103515245u + 12345u;
	return (high | state_of_dice >> 16) % n;
}

#endif /* DICE_H */
