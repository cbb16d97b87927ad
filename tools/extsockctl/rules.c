// SPDX-License-Identifier: GPL-2.0-only
/*
 * extsockctl rules [list] | set [FILE...] | add [--first] RULE | flush
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "extsockctl.h"

/* The end of a message about a list that was refused. */
#define UNCHANGED	"the rules are unchanged"

static int show(const struct options *opt)
{
	char *path = proc_path(opt, EXTSOCK_PROC_RULES);
	char *text = read_text(path);
	int err = text ? 0 : -errno;

	if (!err && opt->json)
		err = rules_print_json(text);
	else if (!err)
		rules_print(text);
	free(text);
	free(path);
	if (!err)
		return EXIT_DONE;
	return fail(-err, NULL, err != -EPROTO ? NULL :
		    "are module and extsockctl of one version? (extsockctl --version)",
		    "cannot list the rules of group \"%s\"", opt->group);
}

/*
 * One at a time changes the rules: who adds one writes back what it has read, and must
 * not lose what another one has added since. -errno if it cannot be.
 */
static int open_rules(const struct options *opt)
{
	char *path = proc_path(opt, EXTSOCK_PROC_RULES);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	int err = errno;

	free(path);
	if (fd < 0)
		return -err;
	if (!flock(fd, LOCK_EX))
		return fd;
	err = errno;
	close(fd);
	return -err;
}

/*
 * A list is one write, from the beginning. If it was refused, @why gets what is wrong
 * with it: "line 3: not understood: ...", to be freed, or NULL.
 */
static int write_list(int fd, const char *text, size_t len, char **why)
{
	int err = 0;

	*why = NULL;
	if (lseek(fd, 0, SEEK_SET) || write(fd, text, len) < 0)
		err = -errno;
	/* Any other failure is not about the text, and a read gives the list. */
	if ((err == -EINVAL || err == -E2BIG) && !lseek(fd, 0, SEEK_SET))
		*why = read_fd(fd);
	if (*why)
		(*why)[strcspn(*why, "\n")] = '\0';
	return err;
}

/* What is behind "line 3: ", and the 3; the whole text and 0 if it has none. */
static const char *split_reason(const char *why, size_t *line)
{
	int len = 0;

	*line = 0;
	if (why && (sscanf(why, "line %zu: %n", line, &len) < 1 || !len))
		*line = 0;
	return *line ? why + len : why;
}

/* The kernel counts the lines of all files. */
static int fail_set(const struct options *opt, int err, const char *why,
		    const struct lists *lists)
{
	const char *name;
	size_t line;

	why = split_reason(why, &line);
	if (!line || !lists->last)
		return fail(err, why, why ? UNCHANGED : NULL,
			    "cannot set the rules of group \"%s\"", opt->group);
	name = lists_find(lists, &line);
	return fail(err, why, UNCHANGED, "%s, line %zu", name, line);
}

/* Replace the rules by what is in files, or by none: a write needs some text. */
static int replace(const struct options *opt, const struct lists *lists)
{
	const char *text = lists->len ? lists->text : "\n";
	int fd = open_rules(opt), status = EXIT_DONE, err;
	char *why;

	if (fd < 0)
		return fail(-fd, NULL, NULL, "cannot set the rules of group \"%s\"",
			    opt->group);
	err = write_list(fd, text, lists->len ? lists->len : 1, &why);
	if (err)
		status = fail_set(opt, -err, why, lists);
	free(why);
	close(fd);
	return status;
}

static int set(const struct options *opt, int nr, char **names)
{
	char *usual = RULES_DIR;
	struct lists lists;
	int status;

	status = lists_read(&lists, nr ? nr : 1, nr ? names : &usual);
	if (!status)
		status = replace(opt, &lists);
	lists_free(&lists);
	return status;
}

/* The words of a rule as a line. */
static char *join_words(int argc, char **argv)
{
	size_t size = 2;
	char *line;
	int i;

	for (i = 0; i < argc; i++)
		size += strlen(argv[i]) + 1;
	line = calloc(size, 1);
	for (i = 0; line && i < argc; i++) {
		strcat(line, argv[i]);
		strcat(line, i < argc - 1 ? " " : "\n");
	}
	return line;
}

/* The rules that there are with one more. */
static int add_line(const struct options *opt, int fd, const char *line,
		    char **why)
{
	char *old = read_fd(fd), *text = NULL;
	int err = old ? 0 : -errno, len = 0;

	*why = NULL;
	if (!err) {
		len = asprintf(&text, "%s%s", opt->first ? line : old,
			       opt->first ? old : line);
		err = len < 0 ? -ENOMEM : write_list(fd, text, len, why);
	}
	if (len > 0)
		free(text);
	free(old);
	return err;
}

/* Which line it is does not matter: the others were understood before. */
static int fail_add(const struct options *opt, int err, const char *why,
		    const char *line)
{
	size_t nr;

	why = split_reason(why, &nr);
	return fail(err, why, why ? UNCHANGED : NULL,
		    "cannot add \"%.*s\" to the rules of group \"%s\"",
		    (int)strcspn(line, "\n"), line, opt->group);
}

static int add(const struct options *opt, int argc, char **argv)
{
	char *line = join_words(argc, argv), *why = NULL;
	int fd, err, status = EXIT_DONE;

	if (!line)
		return fail(ENOMEM, NULL, NULL, "cannot go on");
	fd = open_rules(opt);
	err = fd < 0 ? fd : add_line(opt, fd, line, &why);
	if (err)
		status = fail_add(opt, -err, why, line);
	if (fd >= 0)
		close(fd);
	free(why);
	free(line);
	return status;
}

static int flush(const struct options *opt)
{
	const struct lists none = { 0 };

	return replace(opt, &none);
}

int verb_rules(const struct options *opt, int argc, char **argv)
{
	const char *what = argc ? argv[0] : "list";

	if (opt->json && strcmp(what, "list"))
		return usage("rules %s has no --json", what);
	if (opt->first && strcmp(what, "add"))
		return usage("rules %s has no --first", what);
	if (!strcmp(what, "set"))
		return set(opt, argc - 1, argv + 1);
	if (!strcmp(what, "add"))
		return add(opt, argc - 1, argv + 1);
	if (!strcmp(what, "flush"))
		return flush(opt);
	return show(opt);
}
