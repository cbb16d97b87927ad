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

# Of pgbench's report: how many; and no failed one.
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

# reconnects NAME HOST: four clients, a thread each, for a while
reconnects()
{
	local name=$1 before

	before=$(transactions)
	bench "$name" "$2" --connect -c 4 -j 4 -T 10
	check "$name: frozen and thawed until its time is over" \
		freeze_all_along connections 1
	check "$name: pgbench ends well" ends_well "$name" "$pid"
	check "$name: and says that none failed" none_failed "$name"
	check "$name: the server has all that it has processed" \
		[ "$(transactions)" = $((before + $(processed "$name"))) ]
	printf '# %s transactions\n' "$(processed "$name")"
}

# The same again and again, on a machine that is slow, until it was frozen thrice.
frozen_thrice()
{
	local name=$1 turn sum=0

	for ((turn = 0; turn < 20 && sum < 3; turn++)); do
		reconnects "$@"
		sum=$((sum + freezes))
	done
	check "$name: that was at least three times" [ $sum -ge 3 ]
}

trap cleanup EXIT
start_group
check "a server starts outside" start_server

frozen_thrice tcp 127.0.0.1
frozen_thrice unix "$work/cluster"

# Connections that stay: both kinds at once, two of each.
before=$(transactions)
open=$(connections)
bench tcp_stays 127.0.0.1 -c 2 -j 2 -T 40
over_tcp=$pid
bench unix_stays "$work/cluster" -c 2 -j 2 -T 40
over_unix=$pid
check "two programs connect to stay" eventually has_connections $((open + 6))
extsockctl -g "$group" freeze --wait=10 >"$work/said" 2>&1 &
freezer=$!
check "a freeze waits for their four connections" eventually is_waited_for 4
wait $freezer
check "it fails" [ $? = 6 ]
said=$(cat "$work/said")
show_said
check "since time is up" has_said "the deadline has passed"
check "it names one connection over TCP" \
	has_said "127.0.0.1:$port of pgbench[$over_tcp]"
check "and one over the unix socket" \
	has_said "$work/cluster/.s.PGSQL.$port of pgbench[$over_unix]"
check "and all four" [ "$(grep -c '^waiting for: ' <<<"$said")" = 4 ]
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
bench one_thread 127.0.0.1 --connect -c 4 -j 1 -T 30
check "one thread connects for four clients" \
	eventually has_connections $((open + 8))
not_drained() { ! tries freeze --wait=5; }
check "it cannot be drained" not_drained
show_said
check "since time is up" has_said "the deadline has passed"
check "the group runs" is_state running
check "pgbench ends well" ends_well one_thread "$pid"
check "none failed" none_failed one_thread
check "the server has them all" \
	[ "$(transactions)" = $((before + $(processed one_thread))) ]

# What could not be drained can be frozen all the same.
frozen_thrice tcp_again 127.0.0.1
finish
