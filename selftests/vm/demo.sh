#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# demo.sh KERNEL: run selftests/demo.sh in a guest; its facts decide, and whether
# the kernel had something to complain about.
set -eu
. "$(dirname "$0")/lib.sh"

kernel=$1
"$vm_dir/deps.sh"
"$vm_dir/build.sh" "$kernel"
build=$top/build/$kernel
echo "exec extsock/demo.sh" >"$build/script"
"$vm_dir/run.sh" -k "$kernel" -t 170 "$build/script" | grep -v '^GUEST' || true
"$vm_dir/judge.sh" -c "$build/run" "$kernel" >"$build/verdict" ||
	die "the demo failed: $(head -n 1 "$build/verdict"); the kernel's messages" \
		"are in build/$kernel/run/console"
