/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EXTSOCK_RULE_H
#define _EXTSOCK_RULE_H

#include <linux/in6.h>
#include <linux/kref.h>
#include <linux/types.h>

#include "action.h"
#include "outcome.h"

struct seq_file;

/**
 * enum extsock_protocol - what a rule may be about
 * @EXTSOCK_PROTOCOL_ANY: everything
 * @EXTSOCK_PROTOCOL_TCP: TCP and MPTCP
 * @EXTSOCK_PROTOCOL_UDP: UDP
 * @EXTSOCK_PROTOCOL_UNIX: unix sockets of all types
 * @EXTSOCK_PROTOCOLS: how many there are
 */
enum extsock_protocol {
	EXTSOCK_PROTOCOL_ANY,
	EXTSOCK_PROTOCOL_TCP,
	EXTSOCK_PROTOCOL_UDP,
	EXTSOCK_PROTOCOL_UNIX,
	EXTSOCK_PROTOCOLS,
};

/**
 * struct extsock_remote - the other end of a socket, as rules look at it
 * @protocol: any but EXTSOCK_PROTOCOL_ANY
 * @addr: its address, IPv4 in its IPv4-mapped form; of TCP and UDP
 * @port: its port, in host byte order; of TCP and UDP
 * @path: its path, or @ and its abstract name; "" if it has none
 */
struct extsock_remote {
	enum extsock_protocol protocol;
	struct in6_addr addr;
	u16 port;
	const char *path;
};

/**
 * struct extsock_rule - a line of NAME/rules
 * @action: reset, wait or keep
 * @protocol: what it is about
 * @to: the remote address begins with the first @len bits of this one
 * @len: as above; 96 more than was written of an IPv4 prefix
 * @first: the lowest remote port
 * @last: the highest one
 * @path: a glob that the remote path matches, or NULL; points into the text of
 *	its list
 * @has_to: it looks at the address
 * @has_port: it looks at the port
 */
struct extsock_rule {
	enum extsock_action action;
	enum extsock_protocol protocol;
	struct in6_addr to;
	unsigned int len;
	u16 first;
	u16 last;
	const char *path;
	bool has_to;
	bool has_port;
};

/**
 * struct extsock_rules - a list of rules
 * @ref: counts who uses it: the group whose list it is, and freezes under way
 * @nr: how many rules
 * @waits: the action of one is wait
 * @text: what it was parsed from, cut into words
 * @rule: the rules, in the order in which they are tried
 *
 * Constant from the moment it is made.
 */
struct extsock_rules {
	struct kref ref;
	unsigned int nr;
	bool waits;
	char *text;
	struct extsock_rule rule[];
};

struct extsock_rules *extsock_rules_parse(const char *text, size_t len,
					  struct extsock_outcome *outcome);
struct extsock_rules *extsock_rules_default(void);
struct extsock_rules *extsock_rules_get(struct extsock_rules *rules);
void extsock_rules_put(struct extsock_rules *rules);
enum extsock_action extsock_rules_match(const struct extsock_rules *rules,
					const struct extsock_remote *remote);
void extsock_rules_show(const struct extsock_rules *rules,
			struct seq_file *seq);

#endif /* _EXTSOCK_RULE_H */
