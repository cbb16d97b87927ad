#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# build-matrix.sh [KDIR...]: build the module for each kernel whose headers are
# installed, or for those whose build folders are given. Prints TAP.
set -eu
. "$(dirname "$0")/lib.sh"

kdirs=("$@")
if [ $# = 0 ]; then
	for kdir in /usr/src/linux-headers-* /lib/modules/*/build; do
		# Not what headers of several kernels have in common, nor a link.
		[ ! -e "$kdir/Module.symvers" ] || kdirs+=("$(realpath "$kdir")")
	done
	mapfile -t kdirs < <(printf '%s\n' "${kdirs[@]}" | sort -u -V)
fi
[ -n "${kdirs[*]}" ] || die "no kernel headers are installed"
n=0 failed=0

echo "1..${#kdirs[@]}"
for kdir in "${kdirs[@]}"; do
	n=$((n + 1))
	copy=$top/build/matrix/$(basename "$kdir")-$(key "$kdir")
	mkdir -p "$copy"
	rsync -a "$top/module" "$top/uapi" "$top/Kbuild" "$copy/"
	if make -C "$kdir" M="$copy" CONFIG_DEBUG_INFO_BTF_MODULES= modules \
		>"$copy/log" 2>&1; then
		echo "ok $n - $kdir"
	else
		echo "not ok $n - $kdir"
		grep -E 'error|warning' "$copy/log" | sed 's/^/# /' || true
		failed=$((failed + 1))
	fi
done
[ $failed = 0 ]
