#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kselftest.sh: provide the kernel's kselftest and what lint.sh takes of its scripts,
# from Debian's linux-source-6.1, in the cache, and print the path of the former:
# tools/testing/selftests.
set -eu
. "$(dirname "$0")/lib.sh"

unpack()
{
	cd "$1"
	kernel_source \
		'tools/testing/selftests/*.h' \
		'tools/testing/selftests/*.mk' \
		'tools/testing/selftests/*.sh' \
		tools/testing/selftests/kselftest \
		tools/scripts \
		scripts/checkpatch.pl \
		scripts/coccinelle \
		scripts/kernel-doc \
		scripts/spelling.txt \
		scripts/const_structs.checkpatch \
		scripts/subarch.include
	# Only the runner's own files: no tests of others.
	find tools/testing/selftests -mindepth 1 -maxdepth 1 -type d \
		! -name kselftest -exec rm -rf {} +
}

path=$cache/kselftest-$(key "$0")
make_once "$path" unpack
echo "$path/tools/testing/selftests"
