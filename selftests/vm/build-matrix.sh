#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# build-matrix.sh [KDIR...]: build the module, without a warning, for each kernel whose
# headers are installed, or for those whose build folders are given. Prints TAP.
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

# build KDIR COPY: objtool and modpost have warnings that no option makes errors. That
# the compiler is another one than the kernel's is no fault of the module.
build()
{
	make -C "$1" M="$2" CONFIG_DEBUG_INFO_BTF_MODULES= KCFLAGS=-Werror modules \
		>"$2/log" 2>&1 || return
	! grep -i 'warning:' "$2/log" | grep -qv 'compiler differs'
}

echo "1..${#kdirs[@]}"
for kdir in "${kdirs[@]}"; do
	n=$((n + 1))
	# Anew: of what has been removed since nothing is left.
	copy=$top/build/matrix/$(basename "$kdir")-$(key "$kdir")
	rm -rf "$copy"
	mkdir -p "$copy"
	cp -r "$top/module" "$top/uapi" "$top/Kbuild" "$copy/"
	if build "$kdir" "$copy"; then
		echo "ok $n - $kdir"
	else
		echo "not ok $n - $kdir"
		grep -iE 'error|warning' "$copy/log" | sed 's/^/# /' || true
		failed=$((failed + 1))
	fi
done
[ $failed = 0 ]
