#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Programs that know nothing of multipath TCP and use it all the same: mptcpize
# makes their sockets multipath ones, as servers in Go have them by themselves.
set -u
. ./lib.sh

command -v mptcpize >/dev/null || skip_all "there is no mptcpize"

group=mptcpize-$$
dir=/sys/kernel/extsock/$group
control=/proc/extsock/$group/control
work=$(mktemp -d)
started=

cleanup()
{
	echo "thaw keep" >"$control" 2>/dev/null
	# shellcheck disable=SC2086 # a list of words
	kill -KILL $started 2>/dev/null
	eventually is_empty
	echo "-$group" >/sys/kernel/extsock/groups
	rm -rf "$work"
}

is_empty() { [ -z "$(cat "$dir/members")" ]; }
answers() { [ "$(redis-cli -p "$1" ping 2>/dev/null)" = PONG ]; }
said() { grep -q "$2" "$work/$1"; }
# rows CLASS PROTOCOL COMMAND: how many sockets are so
rows()
{
	awk -v class="$1" -v protocol="$2" -v command="$3" '
		$2 == class && $5 == protocol && $13 == command { n++ }
		END { print n + 0 }' "/proc/extsock/$group/sockets"
}

# inside COMMAND...: run it as a member, in the background; it reads from 3
inside()
{
	(
		echo 0 >"$dir/members"
		exec "$@" <&3
	) &
	started="$started $!"
}

# client NAME PORT COMMAND...: a redis client inside that reads from a pipe
client()
{
	local name=$1 port=$2

	shift 2
	mkfifo "$work/$name.in"
	inside "$@" redis-cli -p "$port" 3<>"$work/$name.in" >"$work/$name" 2>&1
	tell "$name" "set $name here"
	eventually said "$name" OK
}

# Opened both ways, it waits for no reader.
tell() { echo "$2" 1<>"$work/$1.in"; }

# knows NAME: its connection, the same or a new one, works
knows()
{
	tell "$1" "get $1"
	eventually said "$1" here
}

# is_told NAME: it finds its connection reset
is_told()
{
	tell "$1" "get $1"
	eventually said "$1" "Connection reset by peer"
}

server()
{
	mptcpize run redis-server --port "$1" --save '' --logfile /dev/null &
	started="$started $!"
	eventually answers "$1"
}

trap cleanup EXIT
echo "+$group" >/sys/kernel/extsock/groups

check "a multipath server starts outside" server 6501
inside mptcpize run redis-server --port 6502 --save '' --logfile /dev/null \
	3</dev/null
check "a multipath server starts inside" eventually answers 6502
check "a plain client of the one outside" client plain_out 6501
check "a multipath client of the one outside" client multi_out 6501 mptcpize run
check "a plain client of the one inside" client plain_in 6502
check "a multipath client of the one inside" client multi_in 6502 mptcpize run

echo freeze >"$control"
check "frozen" [ "$(cat "$dir/state")" = frozen ]
check "the plain client of the one outside is external" \
	[ "$(rows external tcp redis-cli)" = 1 ]
check "the multipath client of the one outside is external" \
	[ "$(rows external mptcp redis-cli)" = 1 ]
check "the plain client of the one inside is internal" \
	[ "$(rows internal tcp redis-cli)" = 1 ]
check "the multipath client of the one inside is internal" \
	[ "$(rows internal mptcp redis-cli)" = 1 ]
check "the server has an internal end of each kind" \
	[ "$(rows internal mptcp redis-server) $(rows internal tcp redis-server)" = "1 1" ]
check "the server listens by multipath TCP" \
	[ "$(rows listening mptcp redis-server)" -ge 1 ]
echo thaw >"$control"

check "the plain client of the one outside is told" is_told plain_out
check "and connects again" knows plain_out
check "the multipath client of the one outside is told" is_told multi_out
check "and connects again" knows multi_out
check "the plain client inside goes on" knows plain_in
check "and noticed nothing" eval '! said plain_in Error'
check "the multipath client inside goes on" knows multi_in
check "and noticed nothing" eval '! said multi_in Error'
finish
