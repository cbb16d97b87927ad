#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# extract.sh SOURCE: print those functions of the kernel that the module's parsers
# call, out of the kernel's sources in SOURCE, as a file of C.
set -eu
source=$1
module=$(dirname "$0")/../../module

# function FILE NAME...: their first definitions, which need not be inline
functions()
{
	local file=$1 name

	shift
	for name; do
		awk -v name="$name" '
			!on && $0 ~ "^[a-z].*[ *]" name "\\(" && !/;$/ { on = 1 }
			on { print; found = 1 }
			on && /^}/ { exit }
			END { exit !found }' "$file" |
			sed -E '1s/^static (__always_)?inline //' || {
			echo "$name is not in $file" >&2
			return 1
		}
	done
}

echo '#include "kernel.h"'
sed -n '/^const char \* const extsock_action_names/,/^};/p' "$module/names.c"
sed -n '/^const unsigned char _ctype/,/};/p' "$source/lib/ctype.c"
functions "$source/lib/hexdump.c" hex_to_bin
functions "$source/lib/string_helpers.c" skip_spaces strim match_string \
	escape_passthrough escape_space escape_special escape_null \
	escape_octal escape_hex string_escape_mem
functions "$source/include/linux/string.h" str_has_prefix
functions "$source/lib/kstrtox.c" _parse_integer_fixup_radix \
	_parse_integer_limit _parse_integer _kstrtoull kstrtoull kstrtouint \
	kstrtoll kstrtoint
functions "$source/include/net/ipv6.h" __ipv6_addr_set_half ipv6_addr_set \
	ipv6_addr_v4mapped ipv6_addr_set_v4mapped ipv6_addr_prefix \
	__ipv6_prefix_equal64_half ipv6_prefix_equal
functions "$source/include/net/addrconf.h" ipv6_addr_is_isatap
functions "$source/lib/vsprintf.c" ip6_compressed_string
sed -n '/^#define IN6PTON_/p' "$source/net/core/utils.c"
functions "$source/net/core/utils.c" xdigit2bin in4_pton in6_pton
