// SPDX-License-Identifier: GPL-2.0-only
/*
 * scnprintf(), with the two conversions of addresses that the parsers use.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <stdlib.h>

#include "print.h"

/* The longest IPv6 address as text, with its NUL. */
#define ADDRESS_SIZE	48

/* Not that of the kernel, which writes single digits by a table of its own. */
char *ip4_string(char *p, const u8 *addr, const char *fmt)
{
	(void)fmt;
	return p + sprintf(p, "%u.%u.%u.%u", addr[0], addr[1], addr[2], addr[3]);
}

/* As %pI4 and %pI6c do. */
static int print_address(char *buf, size_t size, bool v6, const void *addr)
{
	char text[ADDRESS_SIZE];

	if (v6)
		ip6_compressed_string(text, addr);
	else
		ip4_string(text, addr, "I4");
	return snprintf(buf, size, "%s", text);
}

/* One conversion, which ends at @end. */
static int print_one(char *buf, size_t size, const char *fmt, const char *end,
		     va_list *args)
{
	char one[16] = "";

	memcpy(one, fmt, end - fmt);
	switch (end[-1]) {
	case 's':
		return snprintf(buf, size, one, va_arg(*args, char *));
	case 'd':
	case 'u':
		return snprintf(buf, size, one, va_arg(*args, unsigned int));
	}
	abort();
}

static const char *end_of_conversion(const char *fmt)
{
	return fmt + strcspn(fmt, "sdup") + 1;
}

/* Text up to the next conversion, or that; moves @fmt behind it. */
static int print_next(char *buf, size_t size, const char **fmt, va_list *args)
{
	const char *from = *fmt;
	size_t len = strcspn(from, "%");

	if (len) {
		*fmt += len;
		return snprintf(buf, size, "%.*s", (int)len, from);
	}
	if (!strncmp(from, "%pI4", 4) || !strncmp(from, "%pI6c", 5)) {
		*fmt += from[3] == '6' ? 5 : 4;
		return print_address(buf, size, from[3] == '6',
				     va_arg(*args, void *));
	}
	*fmt = end_of_conversion(from);
	return print_one(buf, size, from, *fmt, args);
}

int vscnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	size_t len = 0;
	va_list rest;

	va_copy(rest, args);
	if (size)
		buf[0] = '\0';
	while (*fmt && size) {
		len += print_next(buf + len, size - len, &fmt, &rest);
		if (len >= size) {
			len = size - 1;
			break;
		}
	}
	va_end(rest);
	return len;
}

int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vscnprintf(buf, size, fmt, args);
	va_end(args);
	return len;
}
