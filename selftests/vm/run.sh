#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run.sh [-k KERNEL] [-t SECONDS] [-m MIB] [-o DIR] [-i] SCRIPT [NAME=VALUE...]
#
# Boot a guest with KERNEL and the module built in build/KERNEL, run SCRIPT in
# it with the environment given, and copy what it prints to standard output.
# DIR (build/KERNEL/run by default) gets "console", the kernel's messages, and
# "output". With -i the guest's second serial line is this terminal, and bash
# runs instead of a script. How it went is judged by judge.sh.
set -eu
. "$(dirname "$0")/lib.sh"

kernel=6.1 deadline=900 memory=4096 out='' interactive=''
while getopts k:t:m:o:i option; do
	case $option in
	k) kernel=$OPTARG ;;
	t) deadline=$OPTARG ;;
	m) memory=$OPTARG ;;
	o) out=$OPTARG ;;
	i) interactive=1 ;;
	*) die "usage: run.sh [-k KERNEL] [-t SECONDS] [-m MIB] [-o DIR] [-i] SCRIPT [NAME=VALUE...]" ;;
	esac
done
shift $((OPTIND - 1))
script=${1-/dev/null}
[ $# -eq 0 ] || shift
build=$top/build/$kernel
out=${out:-$build/run}
rm -rf "$out"
mkdir -p "$out"

places=$("$vm_dir/kernel.sh" "$kernel")
base=$("$vm_dir/rootfs.sh")
qemu=$("$vm_dir/qemu.sh")
kimage=$(sed -n 's/^kimage=//p' <<<"$places")
kmodules=$(sed -n 's/^kmodules=//p' <<<"$places")

# The overlay: what was just built. The kernel unpacks one archive after another.
overlay=$out/overlay
mkdir -p "$overlay/run" "$overlay/usr/bin" "$overlay/selftests"
cp "$vm_dir/init" "$overlay/init"
cp "$build/extsock.ko" "$overlay/extsock.ko"
[ ! -x "$build/extsockctl" ] || cp "$build/extsockctl" "$overlay/usr/bin/"
[ ! -d "$build/selftests" ] || cp -r "$build/selftests/." "$overlay/selftests/"
[ ! -d "$top/Documentation/ABI" ] ||
	cp -r "$top/Documentation/ABI" "$overlay/selftests/"
cp "$script" "$overlay/run/script"
{
	echo "INTERACTIVE=$interactive"
	for setting; do
		printf 'export %s=%q\n' "${setting%%=*}" "${setting#*=}"
	done
} >"$overlay/run/environment"
(cd "$overlay" && find . | cpio -o -H newc -R 0:0 --quiet) >"$out/overlay.cpio"
cat "$base" "$kmodules" "$out/overlay.cpio" >"$out/initramfs"
rm -rf "$overlay" "$out/overlay.cpio"

# Ends in QEMU: whoever has its PID can kill it, and the kernel does when this
# script is gone.
boot()
{
	exec setpriv --pdeathsig KILL "$qemu" -nodefaults -no-user-config \
		-display none -no-reboot -kernel "$kimage" "$@"
}

# KVM is often present and does not work: believe a guest that came up.
kvm_works()
{
	local verdict probe=$out/probe

	[ -w /dev/kvm ] || return 1
	verdict=$cache/kvm-$(cat /proc/sys/kernel/random/boot_id)
	if [ ! -e "$verdict" ]; then
		timeout -k 5 20 "$qemu" -nodefaults -no-user-config \
			-display none -no-reboot -accel kvm -m 512 \
			-kernel "$kimage" -append "console=ttyS0 panic=-1" \
			-serial "file:$probe" >/dev/null 2>&1 || true
		if grep -q 'Kernel panic.*VFS\|Unable to mount root' "$probe" \
			2>/dev/null; then
			echo yes >"$verdict"
		else
			echo no >"$verdict"
		fi
	fi
	[ "$(cat "$verdict")" = yes ]
}

if kvm_works; then
	accel="-accel kvm -cpu host"
else
	accel="-accel tcg,thread=multi -cpu max,la57=off"
fi
# What an emulator on a busy machine does in the first moments proves nothing.
append="console=ttyS0 panic=-1 loglevel=5 rdinit=/init no_timer_check"
if [ -n "$interactive" ]; then
	# shellcheck disable=SC2086 # lists of options
	boot $accel -smp 2 -m "$memory" -initrd "$out/initramfs" \
		-append "$append" -serial "file:$out/console" -serial mon:stdio
fi
: >"$out/output"
tail -n +1 -f "$out/output" &
tail=$!
guest=
end_guest()
{
	[ -z "$guest" ] || {
		kill -KILL "$guest"
		wait "$guest"
	} 2>/dev/null || true
	guest=
}
finish()
{
	end_guest
	# what it said last
	sleep 0.3
	kill $tail 2>/dev/null || true
}
trap finish EXIT
trap 'exit 1' HUP INT TERM
append="$append panic_on_warn=1 oops=panic kmemleak=on log_buf_len=16M"
# The module's own caches are checked at each step. Not on stock
# kernels: 6.1 then leaks an inode of debugfs for each cache that goes.
case $kernel in
*-debug) append="$append slub_debug=FZP,extsock_* hash_pointers=always" ;;
esac
# shellcheck disable=SC2086 # lists of options
boot $accel -smp 2 -m "$memory" -initrd "$out/initramfs" -append "$append" \
	-serial "file:$out/console" -serial "file:$out/output" &
guest=$!
for ((tick = 0; tick < deadline * 5; tick++)); do
	kill -0 $guest 2>/dev/null || break
	sleep 0.2
done
if kill -0 $guest 2>/dev/null; then
	echo "GUEST-DEADLINE $deadline" >>"$out/console"
fi
end_guest
rm -f "$out/initramfs"
