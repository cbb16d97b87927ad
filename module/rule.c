// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules: text -> list, list -> text, and the first that matches a remote end.
 *
 *	ACTION [tcp|udp|unix|any] [to ADDR[/LEN]] [port N[-M]] [path GLOB]
 *
 * Nothing here knows of groups or sockets.
 */
#include <linux/ctype.h>
#include <linux/inet.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/extsock.h>
#include <net/ipv6.h>

#include "glob.h"
#include "rule.h"

/* An IPv4 address is the last 32 bits of its IPv4-mapped form. */
#define V4_PREFIX	96

/* "reset unix to ADDRESS/128 port 65535-65535 path ", with room to spare. */
#define HEAD_SIZE	128

/* So many bytes of a word that was not understood are shown. */
#define WORD_SHOWN	64

static const char * const protocol_names[EXTSOCK_PROTOCOLS] = {
	[EXTSOCK_PROTOCOL_ANY] = EXTSOCK_PROTOCOL_NAME_ANY,
	[EXTSOCK_PROTOCOL_TCP] = EXTSOCK_PROTOCOL_NAME_TCP,
	[EXTSOCK_PROTOCOL_UDP] = EXTSOCK_PROTOCOL_NAME_UDP,
	[EXTSOCK_PROTOCOL_UNIX] = EXTSOCK_PROTOCOL_NAME_UNIX,
};

/**
 * struct line - a line that is being parsed
 * @nr: its number, from 1
 * @rest: what has not been read of it
 * @word: the word that was read last, or NULL at the end
 * @outcome: what is wrong goes here
 */
struct line {
	unsigned int nr;
	char *rest;
	char *word;
	struct extsock_outcome *outcome;
};

/* A word that begins with # begins a comment. */
static char *next_word(struct line *line)
{
	do {
		line->word = strsep(&line->rest, " \t\r");
	} while (line->word && !*line->word);
	if (line->word && *line->word == '#') {
		line->word = NULL;
		line->rest = NULL;
	}
	return line->word;
}

/* What stands there is not what was expected. */
static int fail(const struct line *line, const char *expected)
{
	extsock_outcome_add(line->outcome, "line %u: ", line->nr);
	if (line->word) {
		extsock_outcome_add(line->outcome, "not understood: \"");
		extsock_outcome_quote(line->outcome, line->word,
				      strnlen(line->word, WORD_SHOWN));
		extsock_outcome_add(line->outcome, "\"; ");
	}
	extsock_outcome_add(line->outcome, "expected %s\n", expected);
	return -EINVAL;
}

static int parse_action(struct line *line, struct extsock_rule *rule)
{
	int i = match_string(extsock_action_names, EXTSOCK_KEEP + 1,
			     line->word);

	if (i <= EXTSOCK_NONE)
		return fail(line, "an action: reset, wait or keep");
	rule->action = i;
	return 0;
}

/* A decimal number without sign, of which @end is the rest. */
static int parse_number(const char *text, unsigned int max, unsigned int *number,
			const char **end)
{
	unsigned int n = 0;

	if (!isdigit(*text))
		return -EINVAL;
	for (; isdigit(*text); text++) {
		n = n * 10 + *text - '0';
		if (n > max)
			return -EINVAL;
	}
	*number = n;
	*end = text;
	return 0;
}

/* Returns how many bits the address has as it was written, or 0. */
static unsigned int parse_address(const char *text, struct in6_addr *addr,
				  const char **end)
{
	__be32 v4;

	if (in4_pton(text, -1, (u8 *)&v4, '/', end)) {
		ipv6_addr_set_v4mapped(v4, addr);
		return 32;
	}
	return in6_pton(text, -1, addr->s6_addr, '/', end) ? 128 : 0;
}

static int parse_to(struct line *line, struct extsock_rule *rule)
{
	const char *expected = "an IPv4 or IPv6 address, perhaps with /LENGTH";
	struct in6_addr addr;
	unsigned int bits, len;
	const char *end;

	if (!next_word(line))
		return fail(line, expected);
	bits = parse_address(line->word, &addr, &end);
	if (!bits)
		return fail(line, expected);
	len = bits;
	if (*end == '/' && parse_number(end + 1, bits, &len, &end))
		return fail(line, expected);
	if (*end)
		return fail(line, expected);
	rule->len = len + 128 - bits;
	ipv6_addr_prefix(&rule->to, &addr, rule->len);
	rule->has_to = true;
	return 0;
}

static int parse_port(struct line *line, struct extsock_rule *rule)
{
	const char *expected = "a port from 1 to 65535, or two as in 6000-6063";
	unsigned int first, last;
	const char *end;

	if (!next_word(line) ||
	    parse_number(line->word, U16_MAX, &first, &end))
		return fail(line, expected);
	last = first;
	if (*end == '-' && parse_number(end + 1, U16_MAX, &last, &end))
		return fail(line, expected);
	if (*end || !first || first > last)
		return fail(line, expected);
	rule->first = first;
	rule->last = last;
	rule->has_port = true;
	return 0;
}

static int parse_path(struct line *line, struct extsock_rule *rule)
{
	if (!next_word(line))
		return fail(line, "a path, @ and an abstract name, or a pattern with * ? []");
	rule->path = line->word;
	return 0;
}

static int parse_condition(struct line *line, struct extsock_rule *rule)
{
	if (!strcmp(line->word, EXTSOCK_RULE_TO) && !rule->has_to)
		return parse_to(line, rule);
	if (!strcmp(line->word, EXTSOCK_RULE_PORT) && !rule->has_port)
		return parse_port(line, rule);
	if (!strcmp(line->word, EXTSOCK_RULE_PATH) && !rule->path)
		return parse_path(line, rule);
	return fail(line, "\"to ADDRESS\", \"port N\" or \"path GLOB\", each once");
}

/* An address or a port means TCP or UDP, a path means unix. */
static int check_conditions(struct line *line, const struct extsock_rule *rule)
{
	bool inet = rule->has_to || rule->has_port;

	if (rule->path && (inet || rule->protocol == EXTSOCK_PROTOCOL_TCP ||
			   rule->protocol == EXTSOCK_PROTOCOL_UDP))
		return fail(line, "no path with an address, a port, tcp or udp");
	if (inet && rule->protocol == EXTSOCK_PROTOCOL_UNIX)
		return fail(line, "no address or port with unix");
	return 0;
}

/* Its first word has been read. */
static int parse_line(struct line *line, struct extsock_rule *rule)
{
	int err, i;

	memset(rule, 0, sizeof(*rule));
	err = parse_action(line, rule);
	if (err || !next_word(line))
		return err;
	i = match_string(protocol_names, ARRAY_SIZE(protocol_names),
			 line->word);
	if (i >= 0) {
		rule->protocol = i;
		next_word(line);
	}
	while (line->word) {
		err = parse_condition(line, rule);
		if (err)
			return err;
		next_word(line);
	}
	return check_conditions(line, rule);
}

/* Is it about IPv4? ::/0 is all of IPv6, and nothing of IPv4. */
static bool is_v4(const struct extsock_rule *rule)
{
	return rule->len >= V4_PREFIX && ipv6_addr_v4mapped(&rule->to);
}

/* All of a rule but its path, which is of any length; returns its length. */
static int format_head(const struct extsock_rule *rule, char head[HEAD_SIZE])
{
	bool v4 = is_v4(rule);
	int len = scnprintf(head, HEAD_SIZE, "%s %s",
			    extsock_action_names[rule->action],
			    protocol_names[rule->protocol]);

	if (rule->has_to && v4)
		len += scnprintf(head + len, HEAD_SIZE - len,
				 " " EXTSOCK_RULE_TO " %pI4",
				 &rule->to.s6_addr32[3]);
	else if (rule->has_to)
		len += scnprintf(head + len, HEAD_SIZE - len,
				 " " EXTSOCK_RULE_TO " %pI6c", &rule->to);
	if (rule->has_to && rule->len != 128)
		len += scnprintf(head + len, HEAD_SIZE - len, "/%u",
				 v4 ? rule->len - V4_PREFIX : rule->len);
	if (rule->has_port)
		len += scnprintf(head + len, HEAD_SIZE - len,
				 " " EXTSOCK_RULE_PORT " %u", rule->first);
	if (rule->has_port && rule->last != rule->first)
		len += scnprintf(head + len, HEAD_SIZE - len, "-%u",
				 rule->last);
	if (rule->path)
		len += scnprintf(head + len, HEAD_SIZE - len,
				 " " EXTSOCK_RULE_PATH " ");
	return len;
}

/* How long it is as canonical text, with its newline. */
static size_t canonical_length(const struct extsock_rule *rule)
{
	char head[HEAD_SIZE];

	return format_head(rule, head) + (rule->path ? strlen(rule->path) : 0) +
	       1;
}

static int parse_lines(struct extsock_rules *rules, unsigned int max,
		       struct extsock_outcome *outcome)
{
	struct line line = { .outcome = outcome };
	char *rest = rules->text;
	size_t len = 0;
	int err;

	while ((line.rest = strsep(&rest, "\n"))) {
		line.nr++;
		if (!next_word(&line))
			continue;
		if (rules->nr == max) {
			extsock_outcome_add(outcome,
					    "line %u: more than %u rules\n",
					    line.nr, EXTSOCK_RULES_MAX);
			return -EINVAL;
		}
		err = parse_line(&line, &rules->rule[rules->nr]);
		if (err)
			return err;
		/* What is read can be written again. */
		len += canonical_length(&rules->rule[rules->nr]);
		if (len > EXTSOCK_RULES_SIZE) {
			extsock_outcome_add(outcome,
					    "line %u: more than %u bytes\n",
					    line.nr, EXTSOCK_RULES_SIZE);
			return -EINVAL;
		}
		rules->waits |= rules->rule[rules->nr].action == EXTSOCK_WAIT;
		rules->nr++;
		cond_resched();
	}
	return 0;
}

static void free_rules(struct extsock_rules *rules)
{
	kvfree(rules->text);
	kvfree(rules);
}

/* One for each line is enough. */
static unsigned int count_lines(const char *text, size_t len)
{
	unsigned int n = 1;

	while (len--)
		n += *text++ == '\n';
	return n;
}

/**
 * extsock_rules_parse() - make a list from its text
 * @text: lines; # starts a comment
 * @len: its length in bytes, at most EXTSOCK_RULES_SIZE
 * @outcome: empty; if a line is wrong: which, and what was expected there
 *
 * Context: may sleep.
 * Return: the list, whose only user the caller is, or as a pointer -EINVAL or
 * -ENOMEM.
 */
struct extsock_rules *extsock_rules_parse(const char *text, size_t len,
					  struct extsock_outcome *outcome)
{
	unsigned int max = min_t(unsigned int, count_lines(text, len),
				 EXTSOCK_RULES_MAX);
	struct extsock_rules *rules;
	int err = -ENOMEM;

	if (memchr(text, '\0', len)) {
		extsock_outcome_add(outcome, "a NUL is no text\n");
		return ERR_PTR(-EINVAL);
	}
	rules = kvzalloc(struct_size(rules, rule, max), GFP_KERNEL_ACCOUNT);
	if (!rules)
		return ERR_PTR(-ENOMEM);
	kref_init(&rules->ref);
	rules->text = kvmalloc(len + 1, GFP_KERNEL_ACCOUNT);
	if (rules->text) {
		memcpy(rules->text, text, len);
		rules->text[len] = '\0';
		err = parse_lines(rules, max, outcome);
	}
	if (err) {
		free_rules(rules);
		return ERR_PTR(err);
	}
	return rules;
}

/**
 * extsock_rules_default() - make the list that a group starts with
 *
 * Context: may sleep.
 * Return: the list, whose only user the caller is, or NULL without memory.
 */
struct extsock_rules *extsock_rules_default(void)
{
	static const char text[] = EXTSOCK_RULES_DEFAULT;
	struct extsock_outcome *outcome = kzalloc(sizeof(*outcome), GFP_KERNEL);
	struct extsock_rules *rules = ERR_PTR(-ENOMEM);

	if (outcome)
		rules = extsock_rules_parse(text, sizeof(text) - 1, outcome);
	kfree(outcome);
	return IS_ERR(rules) ? NULL : rules;
}

/**
 * extsock_rules_get() - one user more
 * @rules: the list, which the caller holds
 *
 * Context: any.
 * Return: the list.
 */
struct extsock_rules *extsock_rules_get(struct extsock_rules *rules)
{
	kref_get(&rules->ref);
	return rules;
}

static void release_rules(struct kref *ref)
{
	free_rules(container_of(ref, struct extsock_rules, ref));
}

/**
 * extsock_rules_put() - one user less; the last one frees it
 * @rules: the list, or NULL
 *
 * Context: may sleep.
 */
void extsock_rules_put(struct extsock_rules *rules)
{
	if (rules)
		kref_put(&rules->ref, release_rules);
}

static bool matches(const struct extsock_rule *rule,
		    const struct extsock_remote *remote)
{
	bool is_unix = remote->protocol == EXTSOCK_PROTOCOL_UNIX;

	if (rule->protocol != EXTSOCK_PROTOCOL_ANY &&
	    rule->protocol != remote->protocol)
		return false;
	if (rule->path)
		return is_unix && *remote->path &&
		       extsock_glob_match(rule->path, remote->path);
	if (is_unix)
		return !rule->has_to && !rule->has_port;
	if (rule->has_port &&
	    (remote->port < rule->first || remote->port > rule->last))
		return false;
	if (!rule->has_to)
		return true;
	return is_v4(rule) == ipv6_addr_v4mapped(&remote->addr) &&
	       ipv6_prefix_equal(&rule->to, &remote->addr, rule->len);
}

/**
 * extsock_rules_match() - what the rules say about a remote end
 * @rules: the list
 * @remote: the remote end
 *
 * Context: any. Takes time in proportion to the number of rules.
 * Return: the action of the first rule that matches, or EXTSOCK_NONE.
 */
enum extsock_action extsock_rules_match(const struct extsock_rules *rules,
					const struct extsock_remote *remote)
{
	unsigned int i;

	for (i = 0; i < rules->nr; i++)
		if (matches(&rules->rule[i], remote))
			return rules->rule[i].action;
	return EXTSOCK_NONE;
}

/**
 * extsock_rules_show() - a list as canonical text, which parses to the same
 * @rules: the list
 * @seq: it goes here
 *
 * Context: any.
 */
void extsock_rules_show(const struct extsock_rules *rules, struct seq_file *seq)
{
	char head[HEAD_SIZE];
	unsigned int i;

	for (i = 0; i < rules->nr; i++) {
		format_head(&rules->rule[i], head);
		seq_puts(seq, head);
		if (rules->rule[i].path)
			seq_puts(seq, rules->rule[i].path);
		seq_putc(seq, '\n');
	}
}
