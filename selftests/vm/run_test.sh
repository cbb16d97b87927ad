#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run_test.sh KERNEL: no guest outlives its runner. Prints a line of TAP for each
# case, and "N passed, N failed" last.
set -eu
. "$(dirname "$0")/lib.sh"

kernel=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo 'sleep 1000' >"$work/script"
n=0
failed=0

# verdict CONDITION...: one line of TAP, called $what
verdict()
{
	n=$((n + 1))
	if "$@"; then
		echo "ok $n $what"
	else
		echo "not ok $n $what"
		failed=$((failed + 1))
	fi
}

# Is there a guest whose files are in $work?
guest_lives()
{
	pgrep -f "qemu-system.*file:$work/run/console" >/dev/null
}

guest_is_gone()
{
	! guest_lives
}

# soon CONDITION...: it comes true within half a minute
soon()
{
	local tick

	for ((tick = 0; tick < 150; tick++)); do
		! "$@" || return 0
		sleep 0.2
	done
	return 1
}

what="a guest that takes too long is killed"
"$vm_dir/run.sh" -k "$kernel" -o "$work/run" -t 3 "$work/script" >/dev/null
verdict guest_is_gone
what="and its console says so"
verdict grep -q '^GUEST-DEADLINE 3$' "$work/run/console"

for signal in TERM KILL; do
	"$vm_dir/run.sh" -k "$kernel" -o "$work/run" "$work/script" >/dev/null &
	what="a guest comes up"
	verdict soon guest_lives
	{
		kill -$signal $!
		wait $! || true
	} 2>/dev/null
	what="it is gone after its runner got SIG$signal"
	verdict soon guest_is_gone
	pkill -KILL -f "qemu-system.*file:$work/run/console" || true
done
echo "$((n - failed)) passed, $failed failed"
[ "$failed" = 0 ]
