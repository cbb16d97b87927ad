#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# build.sh KERNEL: build everything for a guest, into build/KERNEL.
set -eu
. "$(dirname "$0")/lib.sh"

kernel=$1
build=$top/build/$kernel
places=$("$vm_dir/kernel.sh" "$kernel")
kdir=$(sed -n 's/^kdir=//p' <<<"$places")
ksft=$("$vm_dir/kselftest.sh")
# The guests' libc is older than or the same as this machine's.
mkdir -p "$build/module-build"

# A copy of the sources: two kernels' objects do not meet, and what is up to
# date is not built again.
copy()
{
	mkdir -p "$build/module-build/$1"
	cp -rpu "$top/$1/." "$build/module-build/$1/"
}
copy module
copy uapi
cp -pu "$top/Kbuild" "$build/module-build/"

quietly()
{
	"$@" >"$build/build.log" 2>&1 || {
		cat "$build/build.log" >&2
		die "cannot build for $kernel: $*"
	}
	grep -E 'warning:' "$build/build.log" >&2 || true
}
quietly make -j"$(nproc)" -C "$kdir" M="$build/module-build" W=1 \
	CONFIG_DEBUG_INFO_BTF_MODULES= modules
cp "$build/module-build/extsock.ko" "$build/extsock.ko"
case $kernel in
*-kcsan)
	nm "$build/extsock.ko" | grep -q ' U __tsan_' ||
		die "KCSAN does not watch the module for $kernel"
	;;
esac
quietly make -C "$top/tools/extsockctl" O="$build/tools" LDFLAGS=-static check
cp "$build/tools/extsockctl" "$build/extsockctl"

# kselftest's install layout: a folder for the collection, the runner, a list.
rm -rf "$build/selftests"
mkdir -p "$build/tests" "$build/selftests/extsock"
quietly make -j"$(nproc)" -C "$top/selftests" KSFT="$ksft" OUTPUT="$build/tests" \
	INSTALL_PATH="$build/selftests/extsock" install
make -s -C "$top/selftests" KSFT="$ksft" OUTPUT="$build/tests" \
	COLLECTION=extsock emit_tests >"$build/selftests/kselftest-list.txt"
cp -r "$ksft/run_kselftest.sh" "$ksft/kselftest" "$build/selftests/"
