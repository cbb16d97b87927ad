#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# pgbench and a PostgreSQL outside. A client that connects anew for each
# transaction is drained, frozen and thawed in the middle of its work and loses
# none; one that keeps its connections is in the way, named, and left alone.
set -u
. ./lib.sh
. ./members.sh

[ "${EXTSOCK_VARIANTS-}" != few ] || skip_all "it takes too long here"

bin=/usr/lib/postgresql/15/bin
cluster=/usr/share/postgresql/cluster.tar.gz
[ -r $cluster ] || skip_all "there is no PostgreSQL"

port=5444
server=

cleanup()
{
	[ -z "$server" ] || kill -QUIT "$server"
	end_group
}

start_server()
{
	tar xzf $cluster -C "$work" || return
	setpriv --reuid=nobody --regid=nogroup --clear-groups $bin/postgres \
		-D "$work/cluster" -k "$work/cluster" -p $port \
		-c listen_addresses=127.0.0.1 -c fsync=off -c autovacuum=off \
		-c shared_buffers=16MB -c log_connections=on \
		>"$work/server" 2>&1 &
	server=$!
	eventually grep -q 'ready to accept connections' "$work/server"
}

# What the server has seen: connections, and transactions of pgbench.
connections() { grep -c 'connection authorized' "$work/server"; }
transactions()
{
	$bin/psql -h "$work/cluster" -p $port -U postgres -Atc \
		'select count(*) from pgbench_history' postgres
}

# bench NAME HOST OPTION...: pgbench as a member
bench()
{
	local name=$1 host=$2

	shift 2
	inside "$name" $bin/pgbench --no-vacuum -h "$host" -p $port \
		-U postgres "$@" postgres
}

# Of pgbench's report: "100" or "100/100"; and no failed one.
processed()
{
	sed -n 's/^number of transactions actually processed: //p' "$work/$1"
}
none_failed()
{
	grep -qx 'number of failed transactions: 0 (0.000%)' "$work/$1"
}
has_connections() { [ "$(connections)" -ge "$1" ]; }
is_waited_for() { is_state draining && [ "$(rows external wait)" = "$1" ]; }

# Four clients, a thread each.
reconnects()
{
	local name=$1 before

	before=$(transactions)
	bench "$name" "$2" --connect -c 4 -j 4 -t 40
	check "$name: frozen and thawed until it has done its work" \
		freeze_all_along connections 1
	check "$name: that was at least three times" [ "$freezes" -ge 3 ]
	check "$name: pgbench ends well" ends_well "$name" "$pid"
	check "$name: it has processed what was asked" \
		[ "$(processed "$name")" = 160/160 ]
	check "$name: and says that none failed" none_failed "$name"
	check "$name: the server has them all" \
		[ "$(transactions)" = $((before + 160)) ]
}

trap cleanup EXIT
start_group
check "a server starts outside" start_server

reconnects tcp 127.0.0.1
reconnects unix "$work/cluster"

# Connections that stay: both kinds at once, two of each.
before=$(transactions)
open=$(connections)
bench tcp_stays 127.0.0.1 -c 2 -j 2 -T 8
over_tcp=$pid
bench unix_stays "$work/cluster" -c 2 -j 2 -T 8
over_unix=$pid
check "two programs connect to stay" eventually has_connections $((open + 6))
echo 1500 >"$dir/wait_ms"
{
	give "freeze policy=wait"
	echo $? >"$work/status"
	echo "$said" >"$work/said"
} &
freezer=$!
check "a freeze waits for their four connections" eventually is_waited_for 4
wait $freezer
said=$(cat "$work/said")
show_said
check "it fails" [ "$(cat "$work/status")" = 1 ]
check "since time is up" has_said "Connection timed out"
check "it names one connection over TCP" \
	has_said "127.0.0.1:$port of pgbench[$over_tcp]"
check "and one over the unix socket" \
	has_said "$work/cluster/.s.PGSQL.$port of pgbench[$over_unix]"
check "and all four" [ "$(grep -c 'waiting for' <<<"$said")" = 4 ]
check "the group runs" is_state running
check "pgbench over TCP ends well" ends_well tcp_stays "$over_tcp"
check "pgbench over the unix socket ends well" ends_well unix_stays "$over_unix"
check "none failed over TCP" none_failed tcp_stays
check "none failed over the unix socket" none_failed unix_stays
check "the server has them all" [ "$(transactions)" = \
	$((before + $(processed tcp_stays) + $(processed unix_stays))) ]

# One thread for four clients: it waits to connect for one of them, so the others
# do not come to close their connections.
before=$(transactions)
open=$(connections)
bench one_thread 127.0.0.1 --connect -c 4 -j 1 -T 6
check "one thread connects for four clients" \
	eventually has_connections $((open + 8))
check "it cannot be drained" eval '! give "freeze policy=wait"'
show_said
check "since time is up" has_said "Connection timed out"
check "the group runs" is_state running
check "pgbench ends well" ends_well one_thread "$pid"
check "none failed" none_failed one_thread
check "the server has them all" \
	[ "$(transactions)" = $((before + $(processed one_thread))) ]

# What could not be drained can be frozen all the same.
bench tcp_again 127.0.0.1 --connect -c 4 -j 4 -t 10
check "later freezes wait as ever" freeze_all_along connections 1
check "there were some" [ "$freezes" -ge 2 ]
check "pgbench ends well" ends_well tcp_again "$pid"
check "and has processed what was asked" [ "$(processed tcp_again)" = 40/40 ]
finish
