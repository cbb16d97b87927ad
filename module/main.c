// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load and unload: leaves first, publication last, and the exact reverse.
 *
 * While a group has members or is not running, the module is pinned and rmmod
 * is refused. Otherwise extsock_exit() finds: no member, hence no task that is
 * held; perhaps probes still attached and the work item to detach them; tags;
 * RCU callbacks. Documentation/unload.rst says for each why it ends here.
 */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/extsock.h>

#include "group.h"
#include "probe.h"
#include "proc.h"
#include "sysfs.h"
#include "tag.h"

static int __init extsock_init(void)
{
	int err;

	err = extsock_tag_init();
	if (err)
		return err;
	err = extsock_group_init();
	if (err)
		goto tag;
	err = extsock_probe_init();
	if (err)
		goto group;
	err = extsock_proc_init();
	if (err)
		goto probe;
	err = extsock_sysfs_init();
	if (err)
		goto proc;
	return 0;

proc:
	extsock_proc_exit();
probe:
	/* Who wrote to a file that was there for a moment may have attached them. */
	extsock_group_settle();
	extsock_probe_exit();
group:
	extsock_group_exit();
tag:
	extsock_tag_exit();
	return err;
}

static void __exit extsock_exit(void)
{
	extsock_sysfs_exit();
	extsock_proc_exit();
	extsock_group_settle();
	extsock_probe_exit();
	extsock_group_exit();
	extsock_tag_exit();
}

module_init(extsock_init);
module_exit(extsock_exit);

MODULE_DESCRIPTION("Checkpoint processes whose sockets lead outside");
MODULE_AUTHOR("The extsock authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(EXTSOCK_VERSION);
