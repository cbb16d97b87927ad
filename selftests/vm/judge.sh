#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# judge.sh [-c] DIR KERNEL: say from outside how a guest's tests went. DIR has
# "console" (the kernel's messages) and "output" (TAP). What is not clearly good
# is bad. Prints each failure, and "N passed, N failed" last. With -c there is no
# TAP, and the guest's end counts as one.
set -eu
. "$(dirname "$0")/lib.sh"

only_guest=
if [ "$1" = -c ]; then
	only_guest=1
	shift
fi
console=$1/console
output=$1/output
kernel=$2
passed=0
failed=0

bad()
{
	printf 'FAILED: %s\n' "$*"
	failed=$((failed + 1))
}

# What the kernel says when it has found a mistake.
forbidden='BUG:|WARNING:|\[ cut here \]|Oops|general protection|KASAN|UBSAN'
forbidden="$forbidden|KCSAN|kernel panic|unable to handle|possible .* detected"
forbidden="$forbidden|suspicious RCU|bad unlock|held lock freed|inconsistent lock"
forbidden="$forbidden|non-static key|sleeping function|scheduling while atomic"
forbidden="$forbidden|blocked for more than|rcu.*stall|soft lockup|hard LOCKUP"
forbidden="$forbidden|refcount_t|list_(add|del) corruption|unreferenced object"
forbidden="$forbidden|kernel memory leak|kmemleak:.*new suspected|Call Trace"
forbidden="$forbidden|lock held when returning|still has locks|stack depth overflow"
forbidden="$forbidden|ODEBUG|BUG [a-z0-9_-]+ \(|FIX [a-z0-9_-]+:"
forbidden="$forbidden|GUEST-DEADLINE|GUEST-LOG|Out of memory|oom-kill"

for file in "$console" "$output"; do
	[ -f "$file" ] || {
		bad "there is no ${file##*/}"
		echo "$passed passed, $failed failed"
		exit 1
	}
done

# Carriage returns come from the serial line. A test's own words do not count
# as the kernel's: they begin with "#" or "ok".
if found=$({ cat "$console"; grep -v '^ *\(#\|ok\|not ok\)' "$output"; } |
	tr -d '\r' | grep -aEi "$forbidden"); then
	bad "the kernel complains: $(head -n 5 <<<"$found")"
fi

# The console works if it has what every guest says.
grep -aq 'extsock: loading out-of-tree module' "$console" ||
	bad "the console does not tell of the module"

text=$(tr -d '\r' <"$output")
value()
{
	sed -n "s/^$1 //p" <<<"$text"
}

# The module is silent: it may say what "messages" lists, and only so often.
declare -A said
may_say()
{
	local on times what

	while read -r on times what; do
		# shellcheck disable=SC2053 # patterns
		[[ $kernel == $on && $1 == $what ]] || continue
		said[$what]=$((${said[$what]-0} + 1))
		[ "${said[$what]}" -gt "$times" ] || return 0
	done < <(grep -v '^#' "$vm_dir/messages")
	return 1
}
value GUEST-SAID | grep -q '^loading out-of-tree module taints kernel' ||
	bad "what the module said is not told"
while read -r line; do
	may_say "$line" || bad "the module says: $line"
done < <(value GUEST-SAID)

[ "$(value GUEST-END | wc -l)" = 1 ] || bad "the guest did not come to its end"
[ "$(value GUEST-END)" = 0 ] || bad "the script ended with \"$(value GUEST-END)\""
[ "$(value GUEST-UNLOAD)" = 0 ] || bad "the module could not be unloaded"
# 4096: an out-of-tree module, 8192: an unsigned one
case $(value GUEST-TAINT) in
4096 | 12288) ;;
*) bad "the kernel is tainted: \"$(value GUEST-TAINT)\"" ;;
esac

if [ -n "$only_guest" ]; then
	passed=$((1 - (failed > 0)))
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
	exit
fi

# The runner's own TAP: a plan, and a line for each program.
plan=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' <<<"$text")
lines=$(grep -cE '^(ok|not ok) [0-9]+ ' <<<"$text" || true)
if [ -z "$plan" ] || [ "$plan" = 0 ] || [ "$plan" != "$lines" ]; then
	bad "the plan was \"$plan\" programs, $lines reported"
fi
while read -r line; do
	bad "$line"
done < <(grep -E '^not ok ' <<<"$text" || true)

# The programs' TAP, which the runner puts behind "# ". A program's plan counts
# what it must report.
planned=$(sed -n 's/^# 1\.\.\([0-9]*\)\( .*\)\?$/\1/p' <<<"$text" |
	awk '{ n += $1 } END { print n + 0 }')
reported=$(grep -cE '^# (ok|not ok) [0-9]+' <<<"$text" || true)
[ "$planned" = "$reported" ] ||
	bad "the tests planned were $planned, $reported reported"
good=$(grep -cE '^# ok [0-9]+' <<<"$text" || true)
skipped=$(grep -cE '^# ok [0-9]+.*# SKIP' <<<"$text" || true)
passed=$((good - skipped))
[ "$passed" -gt 0 ] || bad "no test ran"
while read -r line; do
	bad "${line#\# }"
done < <(grep -E '^# not ok ' <<<"$text" || true)

# A test that does not run tests nothing: only what "skips" lists may be skipped.
may_skip()
{
	local on what

	while read -r on what; do
		# shellcheck disable=SC2053 # a pattern
		[[ $kernel == $on && $1 == *"$what"* ]] && return
	done < <(grep -v '^#' "$vm_dir/skips")
	return 1
}
while read -r line; do
	if may_skip "$line"; then
		echo "skipped: ${line#\# }"
	else
		bad "skipped: ${line#\# }"
	fi
done < <(grep -E '^(# )?ok [0-9]+.*# SKIP' <<<"$text" || true)

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
