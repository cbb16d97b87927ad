// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/extsock:
 *
 *	version			the module's version
 *	group			members of the group "default"
 *	groups			the groups
 *	NAME/members		members of a group
 *	NAME/state		running ... frozen, for poll()
 *	NAME/policy		action of external sockets without a rule
 *	NAME/wait_ms		how long a drain may last
 *	NAME/freeze_ms		how long a stop may take
 *
 * The lists are binary attributes: those can be longer than a page.
 */
#include <linux/kobject.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "group.h"
#include "names.h"
#include "permit.h"
#include "proc.h"
#include "sysfs.h"
#include "value.h"

/*
 * Orders the making and removing of groups, folders included. Held while
 * removal waits for those who are inside of a group's files, so none of them
 * may take it.
 */
static DEFINE_MUTEX(publish_mutex);

static struct kobject *root;

/* What readers of "groups" are given, or NULL before the first; and its lock. */
static struct extsock_text *groups_text;
static DEFINE_MUTEX(groups_lock);

static struct extsock_group *to_group(struct kobject *kobj)
{
	return container_of(kobj, struct extsock_group, kobj);
}

/* What was written, without the newline; hostile text is refused. */
static int get_text(char *text, const char *buf, size_t len)
{
	return extsock_permitted() ? extsock_value_text(text, buf, len) :
				     -EPERM;
}

/*
 * What makes a list, as much of it as there is room for, and returns the length of
 * the whole. Of members those of @group.
 */
typedef size_t (*print_fn)(struct extsock_group *group, char *text, size_t max);

/* Who leaves and joins again meanwhile is not there twice. */
static size_t print_members(struct extsock_group *group, char *text, size_t max)
{
	u64 last = READ_ONCE(group->nr_inserted);
	struct extsock_member *member;
	size_t len = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(member, &group->members, node) {
		pid_t nr = pid_vnr(member->pid);

		if (member->nr > last)
			break;
		/* Not all can be seen from the reader's PID namespace. */
		if (nr)
			len += snprintf(text + len, len < max ? max - len : 0,
					"%d\n", nr);
	}
	rcu_read_unlock();
	return len;
}

static size_t print_groups(struct extsock_group *unused, char *text, size_t max)
{
	struct extsock_group *group;
	size_t len = 0;

	mutex_lock(&extsock_group_mutex);
	list_for_each_entry(group, &extsock_groups, node)
		len += snprintf(text + len, len < max ? max - len : 0, "%s\n",
				group->name);
	mutex_unlock(&extsock_group_mutex);
	return len;
}

/* The last one to begin, or so many before. */
static struct extsock_reader *reader_of(struct extsock_text *text,
					unsigned int back)
{
	return &text->readers[(text->nr_readers - 1 - back) % EXTSOCK_READERS];
}

static bool is_last(struct extsock_text *text, const void *file)
{
	return text && reader_of(text, 0)->file == file;
}

/*
 * Has a reader whose list is no longer there come to its end? The new one may be
 * shorter. Somebody who has been forgotten begins again: better twice than cut off.
 */
static bool has_read_all(struct extsock_text *text, const void *file,
			 loff_t off)
{
	unsigned int i;

	for (i = 1; text && i < EXTSOCK_READERS; i++)
		if (reader_of(text, i)->file == file)
			return off >= reader_of(text, i)->len;
	return false;
}

/* Room for a list of this length, and for some more who come meanwhile. */
#define MORE	1024

/* Make the list anew, as of now, for a reader who begins. */
static int refresh(struct extsock_text **text, const void *file,
		   print_fn print, struct extsock_group *group)
{
	struct extsock_text *old = *text, *new = NULL;
	size_t len = old ? reader_of(old, 0)->len : 0, max;

	do {
		kvfree(new);
		max = len + MORE;
		new = kvmalloc(struct_size(new, text, max), GFP_KERNEL_ACCOUNT);
		if (!new)
			return -ENOMEM;
		len = print(group, new->text, max);
	} while (len >= max);
	if (old)
		memcpy(new, old, offsetof(struct extsock_text, text));
	else
		memset(new, 0, offsetof(struct extsock_text, text));
	if (!is_last(old, file))
		new->nr_readers++;
	*reader_of(new, 0) = (struct extsock_reader){ file, len };
	kvfree(old);
	*text = new;
	return 0;
}

/*
 * A list longer than a page is read in pieces, which must be of one list: that
 * which is made when the reader begins. Another reader that begins meanwhile
 * replaces it, and the first one is told to begin again, unless it has come to
 * the end.
 */
static ssize_t give(struct extsock_text *text, const void *file, char *buf,
		    loff_t off, size_t count)
{
	if (!is_last(text, file))
		return has_read_all(text, file, off) ? 0 : -EAGAIN;
	return memory_read_from_buffer(buf, count, &off, text->text,
				       reader_of(text, 0)->len);
}

static ssize_t members_read(struct extsock_group *group, struct file *file,
			    char *buf, loff_t off, size_t count)
{
	ssize_t ret = 0;

	mutex_lock(&group->text_lock);
	if (!off)
		ret = refresh(&group->text, file, print_members, group);
	if (!ret)
		ret = give(group->text, file, buf, off, count);
	mutex_unlock(&group->text_lock);
	return ret;
}

static ssize_t members_write(struct extsock_group *group, const char *buf,
			     size_t count)
{
	char text[EXTSOCK_VALUE_MAX + 1];
	bool leave;
	int nr, err;

	err = get_text(text, buf, count);
	if (!err)
		err = extsock_value_pid(text, &leave, &nr);
	if (err)
		return err;
	err = leave ? extsock_group_leave(group, nr) :
		      extsock_group_join(group, nr);
	return err ?: count;
}

static ssize_t read_members(struct file *file, struct kobject *kobj,
			    extsock_bin_attribute *attr, char *buf, loff_t off,
			    size_t count)
{
	return members_read(to_group(kobj), file, buf, off, count);
}

static ssize_t write_members(struct file *file, struct kobject *kobj,
			     extsock_bin_attribute *attr, char *buf, loff_t off,
			     size_t count)
{
	return members_write(to_group(kobj), buf, count);
}

static ssize_t state_show(struct kobject *kobj, struct kobj_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  extsock_state_names[READ_ONCE(to_group(kobj)->state)]);
}

static ssize_t policy_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	enum extsock_action policy = READ_ONCE(to_group(kobj)->policy);

	return sysfs_emit(buf, "%s\n", extsock_action_names[policy]);
}

static ssize_t policy_store(struct kobject *kobj, struct kobj_attribute *attr,
			    const char *buf, size_t count)
{
	char text[EXTSOCK_VALUE_MAX + 1];
	enum extsock_action policy;
	int err;

	err = get_text(text, buf, count);
	if (!err)
		err = extsock_value_policy(text, &policy);
	if (err)
		return err;
	mutex_lock(&extsock_group_mutex);
	to_group(kobj)->policy = policy;
	mutex_unlock(&extsock_group_mutex);
	return count;
}

static ssize_t ms_store(unsigned int *value, const char *buf, size_t count)
{
	char text[EXTSOCK_VALUE_MAX + 1];
	unsigned int ms;
	int err;

	err = get_text(text, buf, count);
	if (!err)
		err = extsock_value_ms(text, &ms);
	if (err)
		return err;
	mutex_lock(&extsock_group_mutex);
	*value = ms;
	mutex_unlock(&extsock_group_mutex);
	return count;
}

static ssize_t wait_ms_show(struct kobject *kobj, struct kobj_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(to_group(kobj)->wait_ms));
}

static ssize_t wait_ms_store(struct kobject *kobj, struct kobj_attribute *attr,
			     const char *buf, size_t count)
{
	return ms_store(&to_group(kobj)->wait_ms, buf, count);
}

static ssize_t freeze_ms_show(struct kobject *kobj, struct kobj_attribute *attr,
			      char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(to_group(kobj)->freeze_ms));
}

static ssize_t freeze_ms_store(struct kobject *kobj,
			       struct kobj_attribute *attr, const char *buf,
			       size_t count)
{
	return ms_store(&to_group(kobj)->freeze_ms, buf, count);
}

static struct kobj_attribute state_attr = __ATTR_RO_MODE(state, 0400);
static struct kobj_attribute policy_attr = __ATTR_RW_MODE(policy, 0600);
static struct kobj_attribute wait_ms_attr = __ATTR_RW_MODE(wait_ms, 0600);
static struct kobj_attribute freeze_ms_attr = __ATTR_RW_MODE(freeze_ms, 0600);

static struct attribute *group_attrs[] = {
	&state_attr.attr,
	&policy_attr.attr,
	&wait_ms_attr.attr,
	&freeze_ms_attr.attr,
	NULL
};
ATTRIBUTE_GROUPS(group);

static const struct bin_attribute members_attr =
	__BIN_ATTR(members, 0600, read_members, write_members, 0);

static void release_group(struct kobject *kobj)
{
	extsock_group_free(to_group(kobj));
}

static const struct kobj_type group_type = {
	.release = release_group,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = group_groups,
};

/* Names that other files in the folder have. */
static bool is_reserved(const char *name)
{
	return !strcmp(name, EXTSOCK_SYSFS_VERSION) ||
	       !strcmp(name, EXTSOCK_SYSFS_GROUP) ||
	       !strcmp(name, EXTSOCK_SYSFS_GROUPS);
}

static int add_files(struct extsock_group *group)
{
	int err;

	err = sysfs_create_bin_file(&group->kobj, &members_attr);
	if (!err)
		err = extsock_proc_add(group);
	return err;
}

/* Nobody can join it before it is opened, so it can be given up until then. */
static struct extsock_group *create_group(const char *name)
{
	struct extsock_group *group;
	bool exists;
	int err;

	lockdep_assert_held(&publish_mutex);
	if (!extsock_value_is_name(name))
		return ERR_PTR(-EINVAL);
	mutex_lock(&extsock_group_mutex);
	exists = extsock_group_find(name);
	mutex_unlock(&extsock_group_mutex);
	if (exists || is_reserved(name))
		return ERR_PTR(-EEXIST);
	group = extsock_group_alloc(name);
	if (!group)
		return ERR_PTR(-ENOMEM);
	err = kobject_init_and_add(&group->kobj, &group_type, root, "%s", name);
	if (!err)
		err = add_files(group);
	if (err) {
		kobject_put(&group->kobj);
		return ERR_PTR(err);
	}
	mutex_lock(&extsock_group_mutex);
	list_add_tail(&group->node, &extsock_groups);
	mutex_unlock(&extsock_group_mutex);
	kobject_uevent(&group->kobj, KOBJ_ADD);
	return group;
}

static int add_group(const char *name)
{
	struct extsock_group *group = create_group(name);

	if (IS_ERR(group))
		return PTR_ERR(group);
	extsock_group_open(group);
	return 0;
}

/*
 * Nobody can join or freeze it any more. The folder in proc goes first: a
 * command that is under way there still notifies those who poll the state.
 * They are told once more when the file has gone, for its removal wakes nobody.
 */
static void remove_group(struct extsock_group *group)
{
	struct kernfs_node *state = sysfs_get_dirent(group->kobj.sd,
						     EXTSOCK_SYSFS_STATE);

	extsock_proc_remove(group);
	kobject_del(&group->kobj);
	if (state)
		sysfs_notify_dirent(state);
	sysfs_put(state);
	kobject_put(&group->kobj);
}

static int delete_group(const char *name)
{
	struct extsock_group *group;
	int err = -ENOENT;

	lockdep_assert_held(&publish_mutex);
	if (!extsock_value_is_name(name) ||
	    !strcmp(name, EXTSOCK_GROUP_DEFAULT))
		return -EINVAL;
	mutex_lock(&extsock_group_mutex);
	group = extsock_group_find(name);
	if (group)
		err = extsock_group_retire(group);
	if (!err)
		list_del_init(&group->node);
	mutex_unlock(&extsock_group_mutex);
	if (!err)
		remove_group(group);
	return err;
}

static ssize_t groups_write(struct file *file, struct kobject *kobj,
			    extsock_bin_attribute *attr, char *buf, loff_t off,
			    size_t count)
{
	char text[EXTSOCK_VALUE_MAX + 1];
	int err;

	err = get_text(text, buf, count);
	if (err)
		return err;
	mutex_lock(&publish_mutex);
	if (text[0] == '+')
		err = add_group(text + 1);
	else if (text[0] == '-')
		err = delete_group(text + 1);
	else
		err = -EINVAL;
	mutex_unlock(&publish_mutex);
	return err ?: count;
}

static ssize_t groups_read(struct file *file, struct kobject *kobj,
			   extsock_bin_attribute *attr, char *buf, loff_t off,
			   size_t count)
{
	ssize_t ret = 0;

	mutex_lock(&groups_lock);
	if (!off)
		ret = refresh(&groups_text, file, print_groups, NULL);
	if (!ret)
		ret = give(groups_text, file, buf, off, count);
	mutex_unlock(&groups_lock);
	return ret;
}

/* "default" is the first of the groups and never removed while files exist. */
static struct extsock_group *default_group(void)
{
	return list_first_entry(&extsock_groups, struct extsock_group, node);
}

static ssize_t read_group(struct file *file, struct kobject *kobj,
			  extsock_bin_attribute *attr, char *buf, loff_t off,
			  size_t count)
{
	return members_read(default_group(), file, buf, off, count);
}

static ssize_t write_group(struct file *file, struct kobject *kobj,
			   extsock_bin_attribute *attr, char *buf, loff_t off,
			   size_t count)
{
	return members_write(default_group(), buf, count);
}

static ssize_t version_show(struct kobject *kobj, struct kobj_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%s\n", EXTSOCK_VERSION);
}

static struct kobj_attribute version_attr = __ATTR_RO(version);
static const struct bin_attribute group_attr =
	__BIN_ATTR(group, 0600, read_group, write_group, 0);
static const struct bin_attribute groups_attr =
	__BIN_ATTR(groups, 0600, groups_read, groups_write, 0);

static int add_root_files(void)
{
	int err;

	err = sysfs_create_file(root, &version_attr.attr);
	if (!err)
		err = sysfs_create_bin_file(root, &group_attr);
	if (!err)
		err = sysfs_create_bin_file(root, &groups_attr);
	return err;
}

/**
 * extsock_sysfs_init() - publish: from here on everything can be called
 *
 * Makes the group "default" and its folders in sysfs and proc.
 *
 * Return: 0 or -ENOMEM.
 */
int __init extsock_sysfs_init(void)
{
	struct extsock_group *group;
	int err;

	root = kobject_create_and_add("extsock", kernel_kobj);
	if (!root)
		return -ENOMEM;
	mutex_lock(&publish_mutex);
	group = create_group(EXTSOCK_GROUP_DEFAULT);
	mutex_unlock(&publish_mutex);
	err = PTR_ERR_OR_ZERO(group);
	if (!err)
		err = add_root_files();
	if (err)
		extsock_sysfs_exit();
	else
		extsock_group_open(group);
	return err;
}

/**
 * extsock_sysfs_exit() - take everything back
 *
 * The files of the root go first and are waited for: nobody makes groups or
 * joins "default" after that. No group has members or is frozen; the module
 * would be pinned.
 */
void extsock_sysfs_exit(void)
{
	struct extsock_group *group, *next;

	sysfs_remove_bin_file(root, &groups_attr);
	sysfs_remove_bin_file(root, &group_attr);
	sysfs_remove_file(root, &version_attr.attr);
	kvfree(groups_text);
	list_for_each_entry_safe(group, next, &extsock_groups, node) {
		list_del_init(&group->node);
		remove_group(group);
	}
	kobject_put(root);
}
