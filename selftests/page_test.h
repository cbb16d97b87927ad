/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory whose page comes when the test says so: a system call that needs it waits.
 */
#ifndef PAGE_TEST_H
#define PAGE_TEST_H

#include <linux/userfaultfd.h>

#include "extsock_test.h"

/* Memory without a page until the test gives it one; NULL if there is no such. */
static char *missing_page(int *uffd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *page;

	*uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (*uffd < 0)
		return NULL;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (long)page;
	reg.range.len = 4096;
	if (ioctl(*uffd, UFFDIO_API, &api) ||
	    ioctl(*uffd, UFFDIO_REGISTER, &reg))
		return NULL;
	return page;
}

static int give_page(int uffd, char *page, const char *text)
{
	char *full = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_copy copy = {
		.dst = (long)page, .src = (long)full, .len = 4096,
	};

	strcpy(full, text);
	return ioctl(uffd, UFFDIO_COPY, &copy);
}

#endif /* PAGE_TEST_H */
