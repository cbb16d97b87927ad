// SPDX-License-Identifier: GPL-2.0-only
/*
 * NAME/control: a command that is accepted can be said in one way.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/extsock.h>

#include "../../module/command.h"
#include "fuzz.h"

static bool parse(const char *text, size_t len, struct extsock_command *command)
{
	struct extsock_outcome *outcome = kzalloc(sizeof(*outcome), GFP_KERNEL);
	char *words = fuzz_text(text, len);
	int err = extsock_command_parse(words, command, outcome);

	fuzz_check(!err || err == -EINVAL, "another errno");
	fuzz_check(strlen(outcome->text) == outcome->len, "a NUL is said");
	fuzz_check(!err == !outcome->len, "nothing is said of what is refused");
	free(words);
	free(outcome);
	return !err;
}

static void check_limits(const struct extsock_command *command)
{
	bool freeze = command->verb == EXTSOCK_VERB_FREEZE;

	fuzz_check(command->policy <= EXTSOCK_KEEP, "no such policy");
	fuzz_check(command->wait_ms <= EXTSOCK_MS_MAX, "too long a wait");
	fuzz_check(freeze ? !command->keep :
		   !command->policy && !command->wait_ms && !command->lease,
		   "an option of another command");
}

static int print(const struct extsock_command *command, char *text, size_t size)
{
	int len;

	if (command->verb == EXTSOCK_VERB_THAW)
		return scnprintf(text, size, "%s %s", EXTSOCK_CMD_THAW,
				 command->keep ? EXTSOCK_OPT_KEEP : "");
	len = scnprintf(text, size, "%s %s", EXTSOCK_CMD_FREEZE,
			command->lease ? EXTSOCK_OPT_LEASE : "");
	if (command->policy)
		len += scnprintf(text + len, size - len, " %s%s",
				 EXTSOCK_OPT_POLICY,
				 extsock_action_names[command->policy]);
	if (command->wait_ms)
		len += scnprintf(text + len, size - len, " %s%u",
				 EXTSOCK_OPT_WAIT_MS, command->wait_ms);
	return len;
}

static bool equal(const struct extsock_command *a,
		  const struct extsock_command *b)
{
	return a->verb == b->verb && a->policy == b->policy &&
	       a->wait_ms == b->wait_ms && a->lease == b->lease &&
	       a->keep == b->keep;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct extsock_command command, same;
	char text[EXTSOCK_COMMAND_MAX + 1];
	int len;

	/* As the file does before it parses anything. */
	if (!size || size > EXTSOCK_COMMAND_MAX || memchr(data, '\0', size))
		return 0;
	if (!parse((const char *)data, size, &command))
		return 0;
	check_limits(&command);
	len = print(&command, text, sizeof(text));
	fuzz_check(parse(text, len, &same), "the same command is refused");
	fuzz_check(equal(&command, &same), "the same command means another");
	return 0;
}
