// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/extsock/NAME: control, rules, sockets and stats. Text in, text out.
 *
 * Removing an entry waits for whoever is inside of one of these functions, and
 * closes the files that are still open, so each can rely on its group.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "checkpoint.h"
#include "command.h"
#include "names.h"
#include "permit.h"
#include "probe.h"
#include "proc.h"
#include "table.h"

static struct proc_dir_entry *root;

/**
 * struct control - an open control file
 * @group: its group
 * @lock: one command at a time; protects the following
 * @leased: its last freeze was with a lease, and it has not thawed it
 * @outcome: of the last command
 */
struct control {
	struct extsock_group *group;
	struct mutex lock;
	bool leased;
	struct extsock_outcome outcome;
};

/* It is not the text that is wrong, of which its parser would have said more. */
static void say_why(struct extsock_outcome *outcome, int err)
{
	if (err && !outcome->len)
		extsock_outcome_add(outcome, err == -EFAULT ?
					     "what was written cannot be read\n" :
					     "out of memory\n");
}

static int control_open(struct inode *inode, struct file *file)
{
	struct control *control = kzalloc(sizeof(*control), GFP_KERNEL_ACCOUNT);

	if (!control)
		return -ENOMEM;
	control->group = pde_data(inode);
	mutex_init(&control->lock);
	file->private_data = control;
	return 0;
}

static int control_release(struct inode *inode, struct file *file)
{
	struct control *control = file->private_data;

	extsock_checkpoint_expire(control->group, control);
	kfree(control);
	return 0;
}

static ssize_t control_read(struct file *file, char __user *buf, size_t len,
			    loff_t *pos)
{
	struct control *control = file->private_data;
	ssize_t ret;

	if (mutex_lock_interruptible(&control->lock))
		return -ERESTARTSYS;
	ret = simple_read_from_buffer(buf, len, pos, control->outcome.text,
				      control->outcome.len);
	mutex_unlock(&control->lock);
	return ret;
}

static int do_freeze(struct control *control,
		     const struct extsock_command *command)
{
	const struct extsock_freeze how = {
		.policy = command->policy,
		.wait_ms = command->wait_ms,
		.lease = command->lease ? control : NULL,
	};
	int err = extsock_checkpoint_freeze(control->group, &how,
					    &control->outcome);

	if (!err)
		control->leased = how.lease;
	return err;
}

/* Whoever has a lease means its own freeze, and not that of who came after. */
static int do_thaw(struct control *control,
		   const struct extsock_command *command)
{
	int err = extsock_checkpoint_thaw(control->group, command->keep,
					  control->leased ? control : NULL,
					  &control->outcome);

	if (!err)
		control->leased = false;
	return err;
}

static int do_command(struct control *control, char *text)
{
	struct extsock_command command;
	int err;

	err = extsock_command_parse(text, &command, &control->outcome);
	if (err)
		return err;
	return command.verb == EXTSOCK_VERB_FREEZE ?
	       do_freeze(control, &command) : do_thaw(control, &command);
}

static int do_text(struct control *control, const char __user *buf, size_t len)
{
	char *text;
	int err;

	control->outcome.len = 0;
	if (len > EXTSOCK_COMMAND_MAX) {
		extsock_outcome_add(&control->outcome, "more than %u bytes\n",
				    EXTSOCK_COMMAND_MAX);
		return -EINVAL;
	}
	text = memdup_user_nul(buf, len);
	if (IS_ERR(text))
		return PTR_ERR(text);
	if (strlen(text) == len) {
		err = do_command(control, text);
	} else {
		extsock_outcome_add(&control->outcome, "a NUL is no text\n");
		err = -EINVAL;
	}
	kfree(text);
	return err;
}

/* Both who writes and who opened the file, which may have been passed on. */
static bool may_command(struct file *file)
{
	return extsock_permitted() &&
	       (file_ns_capable(file, &init_user_ns, CAP_CHECKPOINT_RESTORE) ||
		file_ns_capable(file, &init_user_ns, CAP_SYS_ADMIN));
}

/*
 * Whoever may give no commands changes nothing, not even the outcome: that is for
 * those who may.
 */
static ssize_t control_write(struct file *file, const char __user *buf,
			     size_t len, loff_t *pos)
{
	struct control *control = file->private_data;
	int err;

	if (!may_command(file))
		return -EPERM;
	if (mutex_lock_interruptible(&control->lock))
		return -EINTR;
	err = do_text(control, buf, len);
	say_why(&control->outcome, err);
	/* A reader begins at the beginning, also after an error. */
	file->f_pos = 0;
	*pos = 0;
	mutex_unlock(&control->lock);
	return err ?: len;
}

static const struct proc_ops control_ops = {
	.proc_open = control_open,
	.proc_release = control_release,
	.proc_read = control_read,
	.proc_write = control_write,
	.proc_lseek = default_llseek,
};

/**
 * struct rules_file - an open rules file
 * @group: its group
 * @lock: one list at a time; protects the following
 * @outcome: what was wrong with the last list that was written, if anything
 * @text: the list that is being written, or NULL
 * @len: its length in bytes
 * @failed: it was refused, and so is what follows
 */
struct rules_file {
	struct extsock_group *group;
	struct mutex lock;
	struct extsock_outcome outcome;
	char *text;
	size_t len;
	bool failed;
};

static void end_list(struct rules_file *file)
{
	kvfree(file->text);
	file->text = NULL;
	file->len = 0;
}

/*
 * The list, or after a write that failed what was wrong. Whoever reads has ended
 * the list that was being written.
 */
static int rules_show(struct seq_file *seq, void *v)
{
	struct rules_file *file = seq->private;
	struct extsock_rules *rules;

	mutex_lock(&file->lock);
	end_list(file);
	file->failed = false;
	if (file->outcome.len) {
		seq_write(seq, file->outcome.text, file->outcome.len);
	} else {
		rules = extsock_group_get_rules(file->group);
		extsock_rules_show(rules, seq);
		extsock_rules_put(rules);
	}
	mutex_unlock(&file->lock);
	return 0;
}

static int rules_open(struct inode *inode, struct file *file)
{
	struct rules_file *rules = kzalloc(sizeof(*rules), GFP_KERNEL_ACCOUNT);
	int err;

	if (!rules)
		return -ENOMEM;
	rules->group = pde_data(inode);
	mutex_init(&rules->lock);
	err = single_open(file, rules_show, rules);
	if (err)
		kfree(rules);
	return err;
}

static int rules_release(struct inode *inode, struct file *file)
{
	struct seq_file *seq = file->private_data;
	struct rules_file *rules = seq->private;

	kvfree(rules->text);
	kfree(rules);
	return single_release(inode, file);
}

/* What was written before, and what is written now. */
static char *join_text(const struct rules_file *file, const char __user *buf,
		       size_t len)
{
	char *text = kvmalloc(file->len + len, GFP_KERNEL_ACCOUNT);

	if (!text)
		return ERR_PTR(-ENOMEM);
	if (file->len)
		memcpy(text, file->text, file->len);
	if (copy_from_user(text + file->len, buf, len)) {
		kvfree(text);
		return ERR_PTR(-EFAULT);
	}
	return text;
}

static int set_rules(struct rules_file *file, const char __user *buf,
		     size_t len)
{
	struct extsock_rules *rules;
	char *text;

	file->outcome.len = 0;
	if (len > EXTSOCK_RULES_SIZE - file->len) {
		extsock_outcome_add(&file->outcome, "more than %u bytes\n",
				    EXTSOCK_RULES_SIZE);
		return -E2BIG;
	}
	text = join_text(file, buf, len);
	if (IS_ERR(text))
		return PTR_ERR(text);
	rules = extsock_rules_parse(text, file->len + len, &file->outcome);
	if (IS_ERR(rules)) {
		kvfree(text);
		return PTR_ERR(rules);
	}
	extsock_group_set_rules(file->group, rules);
	kvfree(file->text);
	file->text = text;
	file->len += len;
	return 0;
}

/*
 * A write is a list, and those that follow it are the rest of that list: a shell
 * may cut a long one. When one was refused, so is the rest, until a reader was
 * told why: the end of a list must not become the list.
 */
static ssize_t rules_write(struct file *file, const char __user *buf,
			   size_t len, loff_t *pos)
{
	struct rules_file *rules = ((struct seq_file *)file->private_data)->private;
	int err = -EINVAL;

	if (!may_command(file))
		return -EPERM;
	if (mutex_lock_interruptible(&rules->lock))
		return -EINTR;
	if (!*pos)
		end_list(rules);
	if (!rules->failed)
		err = set_rules(rules, buf, len);
	say_why(&rules->outcome, err);
	if (err) {
		/* A reader begins at the beginning. */
		rules->failed = true;
		file->f_pos = 0;
	} else {
		*pos = rules->len;
	}
	mutex_unlock(&rules->lock);
	return err ?: len;
}

static const struct proc_ops rules_ops = {
	.proc_open = rules_open,
	.proc_release = rules_release,
	.proc_read = seq_read,
	.proc_write = rules_write,
	.proc_lseek = seq_lseek,
};

static int sockets_show(struct seq_file *seq, void *v)
{
	extsock_table_show(seq, seq->private);
	return 0;
}

static int stats_show(struct seq_file *seq, void *v)
{
	static const char * const names[EXTSOCK_COUNTERS] = {
		[EXTSOCK_JOINED] = "joined",
		[EXTSOCK_FORKED] = "forked",
		[EXTSOCK_LEFT] = "left",
		[EXTSOCK_LOST] = "lost",
		[EXTSOCK_DRAINS] = "drains",
		[EXTSOCK_FREEZES] = "freezes",
		[EXTSOCK_FREEZES_FAILED] = "freezes_failed",
		[EXTSOCK_THAWS] = "thaws",
		[EXTSOCK_SOCKETS] = "sockets",
		[EXTSOCK_UNSEEN] = "sockets_unseen",
		[EXTSOCK_RESETS] = "sockets_reset",
	};
	struct extsock_group *group = seq->private;
	unsigned int i;

	for (i = 0; i < EXTSOCK_COUNTERS; i++)
		seq_printf(seq, "%s %lld\n", names[i],
			   atomic64_read(&group->counters[i]));
	extsock_probe_show_stats(seq);
	return 0;
}

/**
 * extsock_proc_add() - publish a group in proc
 * @group: the group
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int extsock_proc_add(struct extsock_group *group)
{
	group->proc = proc_mkdir_mode(group->name, 0500, root);
	if (!group->proc)
		return -ENOMEM;
	if (!proc_create_data(EXTSOCK_PROC_CONTROL, 0600, group->proc,
			      &control_ops, group) ||
	    !proc_create_data(EXTSOCK_PROC_RULES, 0600, group->proc,
			      &rules_ops, group) ||
	    !proc_create_single_data(EXTSOCK_PROC_SOCKETS, 0400, group->proc,
				     sockets_show, group) ||
	    !proc_create_single_data(EXTSOCK_PROC_STATS, 0400, group->proc,
				     stats_show, group)) {
		proc_remove(group->proc);
		return -ENOMEM;
	}
	return 0;
}

/**
 * extsock_proc_remove() - take a group out of proc
 * @group: the group
 *
 * Waits for commands that are under way; files still open are closed.
 *
 * Context: may sleep; no locks that a command takes.
 */
void extsock_proc_remove(struct extsock_group *group)
{
	proc_remove(group->proc);
}

/**
 * extsock_proc_init() - make /proc/extsock
 *
 * Return: 0 or -ENOMEM.
 */
int __init extsock_proc_init(void)
{
	root = proc_mkdir_mode("extsock", 0500, NULL);
	return root ? 0 : -ENOMEM;
}

/**
 * extsock_proc_exit() - remove /proc/extsock, which is empty
 */
void extsock_proc_exit(void)
{
	proc_remove(root);
}
