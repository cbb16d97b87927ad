#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# lint.sh: static checks of scripts, module and CLI.
set -eu
. "$(dirname "$0")/lib.sh"

"$vm_dir/deps.sh"
cd "$top"
status=0
shellcheck -x .ci/run selftests/*.sh selftests/fuzz/*.sh selftests/vm/*.sh \
	selftests/vm/init ||
	status=1
ksft=$("$vm_dir/kselftest.sh")
# The locks are described in the kernel-doc of their structs, version tests are
# what compat/ is for, and the CLI has no kernel macros.
"${ksft%/tools/testing/selftests}/scripts/checkpatch.pl" --no-tree --strict \
	--terse --show-types --file --ignore LINUX_VERSION_CODE,FILE_PATH_CHANGES,UNCOMMENTED_DEFINITION,CONSTANT_COMPARISON,PREFER_DEFINED_ATTRIBUTE_MACRO \
	module/*.[ch] module/compat/*.h tools/extsockctl/*.[ch] \
	uapi/linux/*.h | grep -v '^total: 0 errors, 0 warnings, 0 checks' &&
	status=1
for standard in c90 c11; do
	printf '#include <linux/extsock.h>\nint unused;\n' |
		gcc -std=$standard -pedantic -Wall -Werror -fsyntax-only \
			-Iuapi -x c - || status=1
done
make -s -C tools/extsockctl O="$top/build/lint" \
	CFLAGS="-O2 -Werror -fanalyzer" || status=1
exit $status
