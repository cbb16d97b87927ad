#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The judge must refuse everything but a good run, and so must who adds up what
# it says. Prints a line of TAP for each case, and "N passed, N failed" last.
set -eu
. "$(dirname "$0")/lib.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
kernel=6.1
mode=
n=0
wrong=0

good()
{
	printf '[    1.0] extsock: loading out-of-tree module taints kernel.\n' \
		>"$work/console"
	cat >"$work/output" <<-EOF
	TAP version 13
	1..1
	# selftests: extsock: test_x
	# TAP version 13
	# 1..2
	# ok 1 one
	# ok 2 two
	ok 1 selftests: extsock: test_x
	GUEST-SAID loading out-of-tree module taints kernel.
	GUEST-TAINT 12288
	GUEST-UNLOAD 0
	GUEST-END 0
	EOF
}

report()
{
	n=$((n + 1))
	if [ "$1" = "$2" ]; then
		echo "ok $n $3"
	else
		echo "not ok $n $3"
		wrong=$((wrong + 1))
	fi
}

expect()
{
	local want=$1 what=$2 got=bad

	# shellcheck disable=SC2086 # perhaps none
	if "$vm_dir/judge.sh" $mode "$work" "$kernel" >"$work/verdict" 2>&1; then
		got=good
	fi
	tail -n 1 "$work/verdict" | grep -qE '^[0-9]+ passed, [0-9]+ failed$' ||
		got=mute
	report "$got" "$want" "$what"
	good
}

# expect_sum STATUS LAST-LINE PASSED FAILED
expect_sum()
{
	local passed=0 failed=0

	printf 'before\n%s\n' "$2" >"$work/verdict"
	add_verdict "$1" "$work/verdict" >/dev/null
	report "$passed $failed" "$3 $4" "status $1 and \"$2\""
}

good
expect good "a good run"
rm "$work/console"
expect bad "no console"
: >"$work/output"
expect bad "no output"
: >"$work/console"
expect bad "an empty console"
while IFS= read -r message; do
	echo "[    2.0] $message" >>"$work/console"
	expect bad "kernel: $message"
done <<'EOF'
BUG: KASAN: slab-use-after-free in x
WARNING: CPU: 0 PID: 1 at kernel/x.c:1
------------[ cut here ]------------
Oops: 0000 [#1]
general protection fault, probably for non-canonical address
UBSAN: shift-out-of-bounds in x
Kernel panic - not syncing: x
BUG: unable to handle page fault for address
WARNING: possible circular locking dependency detected
WARNING: suspicious RCU usage
INFO: trying to register non-static key.
BUG: sleeping function called from invalid context
BUG: scheduling while atomic: x
INFO: task x:1 blocked for more than 120 seconds.
rcu: INFO: rcu_sched detected stalls on CPUs
watchdog: BUG: soft lockup - CPU#0 stuck
refcount_t: underflow; use-after-free.
list_del corruption. x
kmemleak: 1 new suspected memory leaks
ODEBUG: activate active (active state 1) object: x
ODEBUG: Out of memory. ODEBUG disabled
BUG extsock_tag (Tainted: G           OE): Right Redzone overwritten
FIX extsock_tag: Restoring Right Redzone 0xff-0xff=0xcc
BUG: KCSAN: data-race in x / y
Out of memory: Killed process 1
GUEST-DEADLINE 10
EOF
# shellcheck disable=SC2016 # for sed
for edit in 's/GUEST-END 0/GUEST-END 1/' '/GUEST-END/d' \
	'/GUEST-TAINT/d' 's/GUEST-TAINT 12288/GUEST-TAINT 12800/' \
	's/GUEST-UNLOAD 0/GUEST-UNLOAD 1/' '/^1\.\.1/d' 's/^1\.\.1/1..2/' \
	's/^1\.\.1/1..0/' 's/^ok 1 self/not ok 1 self/' \
	's/^# ok 2 two/# not ok 2 two/' '/^# ok 2/d' '/^# ok/d' \
	's/^# ok \(.\)/# ok \1 # SKIP/' 's/^# ok 2.*/& # SKIP/' \
	's/^ok 1 .*/& # SKIP/' \
	'$a unreferenced object 0xff (size 8)' '$a GUEST-LOG x' \
	'$a GUEST-END 0' '/GUEST-SAID/d' '$a GUEST-SAID frozen' \
	'$a GUEST-SAID loading out-of-tree module taints kernel.'; do
	sed -i "$edit" "$work/output"
	expect bad "output: $edit"
done
# What tests provoke: so often and no more, and on the kernels where they run.
say="GUEST-SAID cannot probe sock_clos? by ftrace (error -2): freezes cannot wait for sockets"
echo "$say" >>"$work/output"
expect good "said as it should be"
printf '%s\n' "$say" "$say" >>"$work/output"
expect bad "said twice"
echo "${say/sock_clos?/sock_close}" >>"$work/output"
expect bad "said of another function"
say="GUEST-SAID cannot probe tcp_connect by ftrace, which extsock needs (error -12)"
for kernel in 7.3-debug 6.1; do
	printf '%s\n' "$say" "$say" >>"$work/output"
	case $kernel in
	7.3*) expect good "$kernel: said as it should be" ;;
	*) expect bad "$kernel: said where it should not be" ;;
	esac
done
# What is known not to run on one kernel.
for kernel in 7.3-debug 6.1; do
	sed -i 's/^ok 1 .*/ok 1 selftests: extsock: test_criu.sh # SKIP/' \
		"$work/output"
	case $kernel in
	7.3*) expect good "$kernel: criu skipped" ;;
	*) expect bad "$kernel: criu skipped" ;;
	esac
done
# A guest without tests.
mode=-c
kernel=6.1
expect good "-c: a good run"
sed -i '/^#/d;/^ok/d;/^1\.\./d' "$work/output"
expect good "-c: a run without tests"
sed -i 's/GUEST-END 0/GUEST-END 1/' "$work/output"
expect bad "-c: a script that failed"
sed -i '/GUEST-END/d' "$work/output"
expect bad "-c: a guest that did not end"
echo "[    2.0] BUG: x" >>"$work/console"
expect bad "-c: a kernel that complains"

expect_sum 0 "5 passed, 0 failed" 5 0
expect_sum 1 "5 passed, 2 failed" 5 2
expect_sum 0 "5 passed, 2 failed" 5 2
expect_sum 1 "5 passed, 0 failed" 5 1
expect_sum 0 "" 0 1
expect_sum 1 "" 0 1
expect_sum 0 "passed, failed" 0 1
expect_sum 0 "all 5 passed, 0 failed" 0 1
echo "$((n - wrong)) passed, $wrong failed"
[ "$wrong" = 0 ]
