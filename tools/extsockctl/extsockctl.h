/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef EXTSOCKCTL_H
#define EXTSOCKCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/extsock.h>

#define VERSION_FILE	EXTSOCK_SYSFS_ROOT "/" EXTSOCK_SYSFS_VERSION

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
 * @keep: thaw --keep
 * @tree: add --tree
 * @json: --json
 * @help: --help
 * @version: --version
 */
struct options {
	const char *group;
	bool named;
	const char *policy;
	bool keep;
	bool tree;
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

/* message.c */
__printf(4, 5)
int fail(int err, const char *why, const char *hint, const char *fmt, ...);
__printf(1, 2) int usage(const char *fmt, ...);
__printf(1, 2) const char *hintf(const char *fmt, ...);
const char *group_flag(const struct options *opt);
const char *thaw_first(const struct options *opt);

/* operands.c */
bool group_name_valid(const char *name);
int bad_group_name(void);
bool parse_pid(const char *text, pid_t *pid);
int operands_none(const char *verb, int argc, char **argv);
int operands_pids(const char *verb, int argc, char **argv);
int operands_command(const char *verb, int argc, char **argv);
int operands_groups(const char *verb, int argc, char **argv);

/* run.c */
int exec_command(char **argv);

/* file.c */
char *sysfs_path(const struct options *opt, const char *file);
char *proc_path(const struct options *opt, const char *file);
int write_text(const char *path, const char *text);
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
int control_write(int fd, const char *command);
int control_fail(const struct options *opt, int fd, const char *command,
		 int err, const char *why, const char *hint);
int control_explain(const struct options *opt, int fd, const char *command,
		    int err);
int control_command(const struct options *opt, const char *command);

/* sockets.c */

/**
 * struct sockets - the table NAME/sockets, and what was true when it was
 * @state: of the group
 * @members: of the group, one PID per line
 * @text: what was read; the words point into it
 * @columns: how many columns the header has
 * @rows: how many rows, without the header
 * @judged: the sockets have classes, since the group is frozen
 * @words: @columns words of the header, then of each row
 */
struct sockets {
	char *state;
	char *members;
	char *text;
	size_t columns;
	size_t rows;
	bool judged;
	char **words;
};

/* The classes in the order in which people read them. */
#define CLASSES	6
extern const char * const class_names[CLASSES];

int sockets_read(const struct options *opt, struct sockets *sockets);
void sockets_free(struct sockets *sockets);
const char *sockets_get(const struct sockets *sockets, size_t row,
			const char *column);
size_t sockets_count(const struct sockets *sockets, const char *class);
void sockets_summary(const struct sockets *sockets, char *text, size_t size);

/* json.c */
void json_string(const char *text);
void json_unescaped(const char *text);

#endif /* EXTSOCKCTL_H */
