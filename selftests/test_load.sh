#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Kernels that lack a function or tracepoint which is to be probed: without one that
# all depends on the module is not loaded, without one for the gate freezes cannot wait.
# Such a kernel is made by a module that knows it by another name.
set -u
. ./lib.sh

ko=${EXTSOCK_KO:-/extsock.ko}
work=$(mktemp -d)
dir=/sys/kernel/extsock/default
control=/proc/extsock/default/control
started=
said=

cleanup()
{
	[ ! -e $control ] || echo "thaw keep" >$control 2>/dev/null
	# shellcheck disable=SC2086 # a list of PIDs
	kill -KILL $started 2>/dev/null
	eventually unload >/dev/null 2>&1
	insmod "$ko"
	dmesg -C
	rm -rf "$work"
}

unload() { [ ! -d /sys/module/extsock ] || rmmod extsock; }

# lacking SYMBOL: the module that finds no such function or tracepoint
lacking()
{
	LC_ALL=C sed "s/\x00$1\x00/\x00${1%?}?\x00/g" "$ko" >"$work/extsock.ko"
	! cmp -s "$ko" "$work/extsock.ko"
}

# What the module has said since the last time.
log() { dmesg | sed -n 's/.*\] extsock: //p' | grep -v taint; }
is_said_once() { [ "$(log | wc -l)" = 1 ] && log | grep -q "$1"; }
is_refused() { ! insmod "$work/extsock.ko" 2>/dev/null; }
nothing_is_there()
{
	[ ! -e /sys/module/extsock ] && [ ! -e /sys/kernel/extsock ] &&
		[ ! -e /proc/extsock ]
}
is_state() { [ "$(cat $dir/state)" = "$1" ]; }

# give COMMAND: $said is the outcome
give()
{
	local status=0

	exec 4<>$control
	echo "$1" 2>"$work/error" >&4 || status=1
	said=$(cat "$work/error" - <&4)
	exec 4>&-
	return $status
}
fails_to() { ! give "$1"; }
has_said() { grep -qF -- "$1" <<<"$said"; }

# A server outside, and a member that is connected to it.
start_both()
{
	rm -f "$work/socket" "$work/said"
	redis-server --port 0 --unixsocket "$work/socket" --save '' \
		--logfile /dev/null &
	started=$!
	eventually [ -S "$work/socket" ] || return
	(
		echo 0 >/sys/kernel/extsock/group
		exec redis-cli -s "$work/socket" subscribe nothing
	) >"$work/said" 2>&1 &
	started="$started $!"
	eventually grep -q subscribe "$work/said"
}

trap cleanup EXIT
check "unloaded" rmmod extsock
dmesg -C

# is_needed SYMBOL SENTENCE: without it the module is not loaded, and says why
is_needed()
{
	check "one that knows no $1" lacking "$1"
	check "$1: it is not loaded" is_refused
	check "$1: one sentence says why" is_said_once "$2"
	check "$1: nothing of it is left" nothing_is_there
	dmesg -C
}
for symbol in tcp_connect proc_ptrace_connector; do
	is_needed $symbol \
		"cannot probe ${symbol%?}? by ftrace, which extsock needs"
done
for symbol in inet_sock_set_state task_newtask sched_process_exit; do
	is_needed $symbol \
		"this kernel has no tracepoint ${symbol%?}?, which extsock needs"
done

for symbol in sock_close unix_stream_connect; do
	check "one that knows no $symbol" lacking $symbol
	check "$symbol: it is loaded" insmod "$work/extsock.ko"
	check "$symbol: one sentence says what it cannot do" \
		is_said_once "cannot probe ${symbol%?}? .*freezes cannot wait"
	dmesg -C
	check "$symbol: a program and its server start" start_both
	check "$symbol: a freeze cannot wait" fails_to "freeze policy=wait"
	check "$symbol: for want of support" has_said "not supported"
	check "$symbol: a sentence says so" \
		has_said "waiting for sockets needs"
	check "$symbol: the group runs" is_state running
	check "$symbol: another freeze does not have to" give freeze
	check "$symbol: frozen" is_state frozen
	check "$symbol: thawed" give thaw
	check "$symbol: the socket is reset" has_said "1 socket reset"
	# shellcheck disable=SC2086 # a list of PIDs
	kill -KILL $started 2>/dev/null
	check "$symbol: unloaded" eventually unload
	check "$symbol: it has said nothing more" [ "$(log)" = "" ]
done
finish
