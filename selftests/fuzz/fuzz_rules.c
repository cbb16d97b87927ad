// SPDX-License-Identifier: GPL-2.0-only
/*
 * NAME/rules: a list that is accepted must be shown as text that means the same.
 *
 * The input is the list, and behind a byte of 1 the remote end that is looked up: its
 * protocol (1 byte), port (2), address (16), path.
 */
#include <linux/kernel.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/extsock.h>

#include "../../module/rule.h"
#include "fuzz.h"

#define REMOTE	'\1'

/* Bytes before the path. */
#define ENDPOINT	19

static struct extsock_rules *parse(const char *text, size_t len)
{
	struct extsock_outcome *outcome = kzalloc(sizeof(*outcome), GFP_KERNEL);
	/* No NUL follows what is written. */
	char *exact = malloc(len);
	struct extsock_rules *rules;

	memcpy(exact, text, len);
	rules = extsock_rules_parse(exact, len, outcome);
	free(exact);
	fuzz_check(outcome->len < sizeof(outcome->text), "too much is said");
	fuzz_check(strlen(outcome->text) == outcome->len, "a NUL is said");
	fuzz_check(IS_ERR(rules) == !!outcome->len,
		   "nothing is said of a list that is refused");
	free(outcome);
	return IS_ERR(rules) ? NULL : rules;
}

static char *show(const struct extsock_rules *rules)
{
	size_t len;
	char *text;
	struct seq_file seq = { .stream = open_memstream(&text, &len) };

	extsock_rules_show(rules, &seq);
	fclose(seq.stream);
	fuzz_check(len <= EXTSOCK_RULES_SIZE,
		   "what is shown is too long to be written");
	return text;
}

static void read_remote(const uint8_t *data, size_t size,
			struct extsock_remote *remote)
{
	uint8_t bytes[ENDPOINT] = "";
	size_t len = size < ENDPOINT ? size : ENDPOINT;

	memcpy(bytes, data, len);
	remote->protocol = EXTSOCK_PROTOCOL_TCP +
			   bytes[0] % (EXTSOCK_PROTOCOLS - 1);
	remote->port = bytes[1] << 8 | bytes[2];
	memcpy(&remote->addr, bytes + 3, sizeof(remote->addr));
	remote->path = fuzz_text(data + len, size - len);
}

/* Shown, written, and shown again; and they say the same of a remote end. */
static void check_rules(const struct extsock_rules *rules,
			const struct extsock_remote *remote)
{
	char *text = show(rules), *again;
	struct extsock_rules *same = parse(text, strlen(text));

	fuzz_check(same, "what is shown is refused");
	again = show(same);
	fuzz_check(!strcmp(text, again), "what is shown changes");
	fuzz_check(rules->nr == same->nr && rules->waits == same->waits,
		   "what is shown is another list");
	fuzz_check(extsock_rules_match(rules, remote) ==
		   extsock_rules_match(same, remote),
		   "what is shown matches something else");
	extsock_rules_put(same);
	free(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, REMOTE, size);
	size_t len = end ? (size_t)(end - data) : size;
	struct extsock_rules *rules = parse((const char *)data, len);
	struct extsock_remote remote;

	if (!rules)
		return 0;
	if (end)
		len++;
	read_remote(data + len, size - len, &remote);
	check_rules(rules, &remote);
	free((char *)remote.path);
	extsock_rules_put(rules);
	return 0;
}
