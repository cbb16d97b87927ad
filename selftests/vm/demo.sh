#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# demo.sh KERNEL: run selftests/demo.sh in a guest; its facts decide.
set -eu
. "$(dirname "$0")/lib.sh"

kernel=$1
"$vm_dir/deps.sh"
"$vm_dir/build.sh" "$kernel"
build=$top/build/$kernel
echo "exec extsock/demo.sh" >"$build/script"
"$vm_dir/run.sh" -k "$kernel" -t 170 "$build/script" | grep -v '^GUEST' || true
grep -aqx 'GUEST-END 0' <(tr -d '\r' <"$build/run/output") ||
	die "the demo failed; the kernel's messages are in build/$kernel/run/console"
