#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A genuine criu dumps a frozen group, unprompted and knowing nothing of it:
# the group is still frozen afterwards, and runs on after the thaw.
set -u
. ./lib.sh

command -v criu >/dev/null || skip_all "there is no criu"

group=criu-$$
dir=/sys/kernel/extsock/$group
control=/proc/extsock/$group/control
work=$(mktemp -d)
progress=$work/progress
pair=
stranger=

cleanup()
{
	local pid

	[ -z "$stranger" ] || kill -KILL -- "-$stranger"
	echo "thaw keep" >"$control" 2>/dev/null
	[ -z "$pair" ] || while read -r pid; do
		kill -KILL "$pid"
	done <"$dir/members" 2>/dev/null
	eventually is_empty
	echo "-$group" >/sys/kernel/extsock/groups
	rm -rf "$work"
}

is_empty() { [ -z "$(cat "$dir/members")" ]; }
has_members() { [ "$(wc -l <"$dir/members")" = "$1" ]; }
# A number that shell does not take for an octal one, or words.
last() { sed 's/^0*\(.\)/\1/' "$progress" 2>/dev/null; }
is_number() { [[ $(last) =~ ^[0-9]+$ ]]; }
goes_on_from() { is_number && [ "$(last)" -gt "$1" ]; }
stands_still()
{
	local before

	before=$(last)
	sleep 0.5
	[ "$before" = "$(last)" ]
}
give() { echo "$1" >"$control"; }
is_state() { [ "$(cat "$dir/state")" = "$1" ]; }
classes() { awk '$5 == "tcp" { print $2 }' "/proc/extsock/$group/sockets" | sort | uniq -c | xargs; }
# Established connections are locked while they are dumped: by iptables, which
# a guest has not, or by nftables.
dump()
{
	local lock=iptables

	command -v iptables-restore >/dev/null || lock=nftables
	mkdir -p "$work/$1"
	"${@:2}" timeout 120 criu dump --tree "${tree:-$pair}" --leave-running \
		--tcp-established --shell-job --network-lock $lock \
		-D "$work/$1" -o log -v4 >"$work/$1/said" 2>&1 && return
	grep -h 'Error\|Warn' "$work/$1/said" "$work/$1/log" | sed 's/^/# /'
	return 1
}
is_complete()
{
	[ "$(find "$work/$1" -name 'core-*.img' | wc -l)" = 2 ] &&
		[ "$(find "$work/$1" -name 'tcp-stream-*.img' | wc -l)" = 2 ]
}
has_only() { [ "$(classes)" = "$1" ]; }

echo "+$group" >/sys/kernel/extsock/groups
trap cleanup EXIT

# Can it dump on this kernel at all, a pair that has nothing to do with us?
setsid ./helper_pair "$progress" </dev/null >/dev/null 2>&1 &
stranger=$!
eventually goes_on_from 10
if ! tree=$stranger dump control; then
	skip_all "criu cannot dump on this kernel, extsock or not"
fi
kill -KILL -- "-$stranger"
stranger=
rm -f "$progress"

# The shell joins, and becomes the pair: nobody else is a member.
# shellcheck disable=SC2016 # for the other shell
setsid sh -c 'echo 0 >"$1"; exec ./helper_pair "$2"' - \
	"$dir/members" "$progress" </dev/null >/dev/null 2>&1 &
pair=$!

check "two processes exchange numbers" eventually goes_on_from 10
check "both are members" has_members 2
check "the freeze succeeds" give freeze
check "the group is frozen" is_state frozen
check "both ends are internal" has_only "2 internal"
check "nothing moves" stands_still
before=$(last)
check "criu dumps the frozen tree" dump one
check "the dump has both processes and both ends" is_complete one
check "the group is still frozen" is_state frozen
check "still nothing moves" stands_still
check "nothing moved meanwhile" [ "$(last)" = "$before" ]
check "criu dumps it a second time" dump two
check "that one is complete as well" is_complete two
check "and nothing moves" stands_still
check "the thaw succeeds" give thaw
check "the numbers go on, in order" eventually goes_on_from "$before"
before=$(last)
check "and on" eventually goes_on_from "$((${before//[^0-9]/} + 100))"
check "nobody got lost" has_members 2

# As a checkpointer is used that belongs to extsockctl's lease.
if command -v extsockctl >/dev/null; then
	before=$(last)
	check "extsockctl checkpoint -- criu dump" \
		dump three extsockctl -g "$group" checkpoint --
	check "the dump is complete" is_complete three
	check "the group runs" is_state running
	check "and the numbers go on" \
		eventually goes_on_from "$((${before//[^0-9]/} + 100))"
fi
finish
