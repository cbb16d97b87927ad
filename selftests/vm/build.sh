#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# build.sh KERNEL: build everything for a guest, into build/KERNEL. With WARNINGS=allowed
# in the environment the compiler may warn.
set -eu
. "$(dirname "$0")/lib.sh"

kernel=$1
build=$top/build/$kernel
places=$("$vm_dir/kernel.sh" "$kernel")
kdir=$(sed -n 's/^kdir=//p' <<<"$places")
ksft=$("$vm_dir/kselftest.sh")
[ "${WARNINGS-}" = allowed ] && werror='' || werror=-Werror
# The guests' libc is older than or the same as this machine's.
mkdir -p "$build/module-build"

# A copy of the sources: two kernels' objects do not meet, and what is up to date is not
# built again.
rsync -a --delete --exclude='*.o' --exclude='.*' "$top/module" "$top/uapi" \
	"$top/Kbuild" "$build/module-build/"

quietly()
{
	"$@" >"$build/build.log" 2>&1 || {
		cat "$build/build.log" >&2
		die "cannot build for $kernel: $*"
	}
	grep -i 'warning:' "$build/build.log" >&2 || true
}
quietly make -j"$(nproc)" -C "$kdir" M="$build/module-build" W=1 \
	KCFLAGS="$werror" CONFIG_DEBUG_INFO_BTF_MODULES= modules
cp "$build/module-build/extsock.ko" "$build/extsock.ko"
case $kernel in
*-kcsan)
	nm "$build/extsock.ko" | grep -q ' U __tsan_' ||
		die "KCSAN does not watch the module for $kernel"
	;;
esac
quietly make -C "$top/tools/extsockctl" O="$build/tools" LDFLAGS=-static \
	CFLAGS="-O2 -g $werror" check
cp "$build/tools/extsockctl" "$build/extsockctl"

# kselftest's install layout: a folder for the collection, the runner, a list.
rm -rf "$build/selftests"
mkdir -p "$build/tests" "$build/selftests/extsock"
quietly make -j"$(nproc)" -C "$top/selftests" KSFT="$ksft" OUTPUT="$build/tests" \
	USERCFLAGS="$werror" INSTALL_PATH="$build/selftests/extsock" install
make -s -C "$top/selftests" KSFT="$ksft" OUTPUT="$build/tests" \
	COLLECTION=extsock emit_tests >"$build/selftests/kselftest-list.txt"
cp -r "$ksft/run_kselftest.sh" "$ksft/kselftest" "$build/selftests/"
