#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What extsock does, on real programs: redis-server outside of the group; inside
# of it an iperf3 server and client, which talk to each other, and a redis
# client, which talks to the server outside. Every claim is checked.
set -u
work=$(mktemp -d)
story=

say() { printf '\n== %s\n' "$*"; }
tell() { story="$story  * $*"$'\n'; }
die()
{
	printf 'NOT TRUE: %s\n' "$*"
	extsockctl thaw --keep >/dev/null 2>&1
	exit 1
}
soon()
{
	local i
	for ((i = 0; i < 100; i++)); do
		"$@" && return
		sleep 0.1
	done
	return 1
}
answers() { [ "$(redis-cli ping 2>/dev/null)" = PONG ]; }
listens() { grep -qi ":1451 .* 0A " /proc/net/tcp6; }
is_connected() { [ "$(rows - 127.0.0.1.*iperf3)" = 4 ]; }
says() { grep -q "$1" "$work/client"; }
rows() { extsockctl list | grep -c "^$1 .*$2"; }
bytes() { cat /proc/"$client"/io /proc/"$server"/io | grep -E '^[rw]char'; }

say "redis-server starts, outside of the group"
redis-server --save '' --daemonize yes --logfile /dev/null >/dev/null
soon answers || die "redis-server answers"

say "iperf3, both ends inside of the group"
extsockctl run -- iperf3 -s -1 >"$work/server" 2>&1 &
server=$!
soon listens || die "iperf3's server listens"
extsockctl run -- iperf3 -c 127.0.0.1 -t 15 >"$work/iperf" 2>&1 &
client=$!
soon is_connected || die "iperf3's client reached its server"

say "redis-cli, inside of the group"
mkfifo "$work/commands"
extsockctl run -- redis-cli <"$work/commands" >"$work/client" 2>&1 &
redis=$!
exec 7>"$work/commands"
echo "set colour green" >&7
soon says OK || die "the redis client reached its server"
tell "iperf3 talked to iperf3 inside of the group, redis-cli to a redis-server outside."

say "extsockctl list, before"
extsockctl list

say "extsockctl freeze"
extsockctl freeze || die "the group was frozen"
extsockctl list
[ "$(rows internal 127.0.0.1)" -ge 4 ] || die "iperf3's connections are internal"
[ "$(rows external 127.0.0.1:6379)" = 1 ] || die "the redis connection is external"
before=$(bytes)
sleep 2
[ "$before" = "$(bytes)" ] || die "iperf3 moves no byte while frozen"
tell "Frozen, iperf3's counters stood still for two seconds."
answers || die "redis-server, outside, goes on"

say "extsockctl thaw"
extsockctl thaw || die "the group was thawed"
sleep 0.5
[ "$before" != "$(bytes)" ] || die "iperf3 goes on"
echo "get colour" >&7
soon says 'Connection reset by peer\|Server closed the connection' ||
	die "the redis client reports the reset: $(cat "$work/client")"
says 'Connection reset by peer' || die "it reports a reset, and no end of file"
echo "get colour" >&7
soon says green || die "the redis client reconnected and was answered"
tell "After the thaw redis-cli said: $(grep -m 1 'reset' "$work/client")."
tell "It reconnected by itself and read the colour: $(grep -m 1 green "$work/client")."

say "iperf3 ends"
wait "$client" || die "iperf3's client ended well: $(tail -n 3 "$work/iperf")"
wait "$server" || die "iperf3's server ended well"
grep -qi error "$work/iperf" "$work/server" && die "iperf3 had no error"
tail -n 4 "$work/iperf"
tell "iperf3 ended without an error: it never noticed."
exec 7>&-
wait "$redis"
redis-cli shutdown nosave

say "What was seen"
printf '%s' "$story"
