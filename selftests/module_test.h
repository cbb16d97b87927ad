/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading and unloading, and what is left of the module then. */
#ifndef _EXTSOCK_MODULE_TEST_H
#define _EXTSOCK_MODULE_TEST_H

#include "extsock_test.h"

static long unload_by(int flags)
{
	return syscall(SYS_delete_module, "extsock", flags) ? -errno : 0;
}

static long unload(void)
{
	return unload_by(O_NONBLOCK);
}

static long load(void)
{
	int fd = open(getenv("EXTSOCK_KO") ?: "/extsock.ko",
		      O_RDONLY | O_CLOEXEC);
	long err = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;

	close(fd);
	return err;
}

static bool is_there(const char *path)
{
	return !access(path, F_OK);
}

/* Are there the files that tell, while the module is in use? */
static bool can_look(void)
{
	return *slurp("/proc/slabinfo") &&
	       strstr(slurp("/sys/kernel/debug/kprobes/list"), "extsock") &&
	       *slurp("/sys/kernel/tracing/enabled_functions");
}

/*
 * What there still is of it, or NULL. Nobody else in a guest has probes. A hook of
 * netfilter that were left would be run by the next packet, and there is no code any
 * more.
 */
static const char *what_is_left(void)
{
	if (is_there("/sys/module/extsock") ||
	    strstr(slurp("/proc/modules"), "extsock"))
		return "the module";
	if (is_there(EXTSOCK_SYSFS_ROOT) || is_there(EXTSOCK_PROC_ROOT))
		return "files";
	if (strstr(slurp("/proc/slabinfo"), "extsock"))
		return "a slab cache";
	if (*slurp("/sys/kernel/debug/kprobes/list"))
		return "kprobes";
	if (*slurp("/sys/kernel/tracing/enabled_functions"))
		return "probed functions";
	return NULL;
}

static bool nothing_is_left(void)
{
	if (EVENTUALLY(!what_is_left()))
		return true;
	printf("# left: %s\n", what_is_left() ?: "nothing any more");
	return false;
}

/* Does it go, when nothing needs it any more? */
static bool goes(void)
{
	return EVENTUALLY(!unload()) && nothing_is_left();
}

#endif /* _EXTSOCK_MODULE_TEST_H */
