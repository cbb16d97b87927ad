/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef EXTSOCKCTL_H
#define EXTSOCKCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>
#include <linux/extsock.h>

#define VERSION_FILE	EXTSOCK_SYSFS_ROOT "/" EXTSOCK_SYSFS_VERSION

/* Where "rules set" looks for lists if it is told of none. */
#define RULES_DIR	"/etc/extsock/rules.d"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* As the kernel has it. */
#define __printf(a, b)	__attribute__((__format__(__printf__, a, b)))

/* Exit status; documented in extsockctl(8). */
enum {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_FOUND = 3,
	EXIT_PERMISSION = 4,
	EXIT_NOT_LOADED = 5,
	EXIT_BUSY = 6,
};

/**
 * struct options - what was given on the command line
 * @group: name of the group
 * @named: it was given
 * @policy: freeze --policy, or NULL
 * @wait: freeze or checkpoint --wait; a policy that is given counts for more
 * @wait_ms: its argument, or 0
 * @keep: thaw --keep
 * @tree: add --tree
 * @first: rules add --first
 * @json: --json
 * @help: --help
 * @version: --version
 */
struct options {
	const char *group;
	bool named;
	const char *policy;
	bool wait;
	unsigned int wait_ms;
	bool keep;
	bool tree;
	bool first;
	bool json;
	bool help;
	bool version;
};

/*
 * The verbs, one file each: argv are the operands, checked already, the result
 * is the exit status.
 */
int verb_add(const struct options *opt, int argc, char **argv);
int verb_remove(const struct options *opt, int argc, char **argv);
int verb_run(const struct options *opt, int argc, char **argv);
int verb_freeze(const struct options *opt, int argc, char **argv);
int verb_thaw(const struct options *opt, int argc, char **argv);
int verb_checkpoint(const struct options *opt, int argc, char **argv);
int verb_status(const struct options *opt, int argc, char **argv);
int verb_list(const struct options *opt, int argc, char **argv);
int verb_groups(const struct options *opt, int argc, char **argv);
int verb_rules(const struct options *opt, int argc, char **argv);

/* message.c */
__printf(4, 5)
int fail(int err, const char *why, const char *hint, const char *fmt, ...);
void lost_output(int err);
__printf(1, 2) int usage(const char *fmt, ...);
__printf(1, 2) const char *hintf(const char *fmt, ...);
const char *group_flag(const struct options *opt);
const char *thaw_first(const struct options *opt);
void print_printable(const char *text, FILE *stream);

/* operands.c */
bool group_name_valid(const char *name);
int bad_group_name(void);
bool parse_pid(const char *text, pid_t *pid);
bool parse_seconds(const char *text, unsigned int *ms);
int operands_none(const char *verb, int argc, char **argv);
int operands_pids(const char *verb, int argc, char **argv);
int operands_command(const char *verb, int argc, char **argv);
int operands_groups(const char *verb, int argc, char **argv);
int operands_rules(const char *verb, int argc, char **argv);

/* run.c */
int exec_command(char **argv);

/* freeze.c */
void freeze_command(const struct options *opt, bool lease, char *text,
		    size_t size);

/* file.c */
char *sysfs_path(const struct options *opt, const char *file);
char *proc_path(const struct options *opt, const char *file);
int write_text(const char *path, const char *text);
char *read_fd(int fd);
bool try_again(unsigned int *tries);
char *read_text(const char *path);
char *read_group(const struct options *opt, const char *file);
char *read_word(const struct options *opt, const char *file);
bool module_loaded(void);
int check_group(const struct options *opt);
size_t count_lines(const char *text);

/* member.c */
int write_member(const struct options *opt, const char *sign, pid_t pid);
bool is_member(const struct options *opt, pid_t pid);
bool group_of(pid_t pid, char *name);
int fail_member(const struct options *opt, int err, pid_t pid);

/* control.c */
int control_open(const struct options *opt);
int control_write(const struct options *opt, int fd, const char *command);
int control_fail(const struct options *opt, int fd, const char *command,
		 int err, const char *why, const char *hint);
int control_explain(const struct options *opt, int fd, const char *command,
		    int err);
int control_command(const struct options *opt, const char *command);

/* interrupt.c */
void interrupt_catch(void);
void interrupt_release(void);
int interrupted(void);
void interrupt_die(void);

/* drain.c */
bool drain_watch(const struct options *opt);
void drain_unwatch(void);

/* progress.c */

/* The longest line, in bytes. */
#define PROGRESS_MAX	400

/**
 * struct progress - a line that tells what a freeze waits for
 * @opt: names the group
 * @output: standard error, which does not block; -1 if there is none
 * @terminal: it is written anew in its place
 * @deadline: until when the freeze may wait, in milliseconds of the monotonic clock,
 *	or 0 if nobody knows
 * @shown: it stands on the terminal
 * @told: the line that was written last, if there is no terminal
 */
struct progress {
	const struct options *opt;
	int output;
	bool terminal;
	long long deadline;
	bool shown;
	char told[PROGRESS_MAX + 1];
};

void progress_begin(struct progress *progress, const struct options *opt);
bool progress_show(struct progress *progress);
void progress_clear(struct progress *progress);
void progress_end(struct progress *progress);

/* sockets.c */

/**
 * struct sockets - the table NAME/sockets, and what was true when it was
 * @state: of the group
 * @members: of the group, one PID per line
 * @text: what was read; the words point into it
 * @columns: how many columns the header has
 * @rows: how many rows, without the header
 * @judged: the sockets have classes, since the group is frozen
 * @draining: the group drains, and there are sockets that it waits for: these
 * @words: @columns words of the header, then of each row
 */
struct sockets {
	char *state;
	char *members;
	char *text;
	size_t columns;
	size_t rows;
	bool judged;
	bool draining;
	char **words;
};

/* The classes in the order in which people read them. */
#define CLASSES	6
extern const char * const class_names[CLASSES];

int sockets_try(const struct options *opt, struct sockets *sockets);
int sockets_read(const struct options *opt, struct sockets *sockets);
void sockets_free(struct sockets *sockets);
const char *sockets_get(const struct sockets *sockets, size_t row,
			const char *column);
size_t sockets_count(const struct sockets *sockets, const char *class);
void sockets_summary(const struct sockets *sockets, char *text, size_t size);

/* rule.c */
int rules_print_json(char *text);
void rules_print(char *text);

/* lists.c */

/**
 * struct list - a file with rules
 * @last: the one before it, or NULL
 * @before: how many lines are before its first one
 * @name: its name
 */
struct list {
	struct list *last;
	size_t before;
	char name[];
};

/**
 * struct lists - files with rules, which are one list
 * @text: what is in them
 * @len: its length in bytes
 * @last: the last file
 */
struct lists {
	char *text;
	size_t len;
	struct list *last;
};

int lists_read(struct lists *lists, int nr, char **names);
void lists_free(struct lists *lists);
const char *lists_find(const struct lists *lists, size_t *line);

/* json.c */
void json_string(const char *text);
void json_unescaped(const char *text);

#endif /* EXTSOCKCTL_H */
