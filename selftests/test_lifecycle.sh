#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Loading and unloading: refused while it would hurt, clean when it is granted,
# and what is published is what is documented.
set -u
. ./lib.sh

# How often what is done over and over: on debug kernels it takes long.
times=10
[ "${EXTSOCK_VARIANTS-}" != few ] || times=3

sys=/sys/kernel/extsock
kprobes=/sys/kernel/debug/kprobes/list
ko=${EXTSOCK_KO:-/extsock.ko}
abi=${EXTSOCK_ABI:-../ABI/testing}
ours='tcp_connect|security_sock_graft|cgroup_leave_frozen|proc_ptrace_connector|__ptrace_unlink'
sleeper=
server=
path=/tmp/outside.socket

skip()
{
	tests=$((tests + 1))
	echo "ok $tests $1 # SKIP $2"
}

cleanup()
{
	[ -z "$sleeper" ] || kill -KILL "$sleeper" 2>/dev/null
	[ -z "$server" ] || kill -KILL "$server" 2>/dev/null
	[ -d $sys ] || insmod "$ko"
	echo "thaw keep" >/proc/extsock/default/control 2>/dev/null
}
trap cleanup EXIT

start_member()
{
	sleep 1000 >/dev/null 2>&1 &
	sleeper=$!
	echo "$sleeper" >$sys/group
}
end_member()
{
	kill -KILL "$sleeper"
	wait "$sleeper" 2>/dev/null
	sleeper=
}
is_loaded() { [ -d /sys/module/extsock ] && [ -d $sys ] && [ -d /proc/extsock ]; }
is_gone() { [ ! -e /sys/module/extsock ] && [ ! -e $sys ] && [ ! -e /proc/extsock ]; }
# Refused with EBUSY, in whatever words rmmod has for it.
is_refused()
{
	local said

	said=$(rmmod extsock 2>&1) && return 1
	grep -qiE 'in use|busy|temporarily unavailable' <<<"$said"
}
is_member() { grep -qx "$sleeper" $sys/group; }
is_alive() { kill -0 "$sleeper" && [ "$(awk '{ print $3 }' "/proc/$sleeper/stat")" != Z ]; }
is_empty() { [ -z "$(cat $sys/group)" ]; }
is_state() { [ "$(cat $sys/default/state)" = "$1" ]; }
has_probes() { [ "$(grep -cE "[[:space:]]($ours)\+0x" $kprobes)" -ge 5 ]; }
has_no_probes() { ! grep -qE "[[:space:]]($ours)\+0x" $kprobes; }
control() { echo "$1" >/proc/extsock/default/control; }
# What it said in other tests does not count.
dmesg -C
is_clean() { ! dmesg | grep -q '\] extsock:'; }

check "the module is loaded" is_loaded
[ -r $kprobes ] || mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null

if [ -r $kprobes ]; then
	check "without members there are no probes" eventually has_no_probes
	start_member
	check "with one there are" has_probes
	end_member
	check "when it has gone they have, too" eventually has_no_probes
else
	skip "probes" "there is no $kprobes"
fi

start_member
check "unloading is refused while there is a member" is_refused
check "it is still a member" is_member
check "it lives" is_alive
check "the module is still loaded" is_loaded
check "the group can be frozen" control freeze
check "unloading is refused while it is frozen" is_refused
check "the group is still frozen" is_state frozen
kill -KILL "$sleeper"
wait "$sleeper" 2>/dev/null
check "its only member was killed" eventually is_empty
check "unloading is refused while an empty group is frozen" is_refused
check "the thaw succeeds" control thaw
check "the group runs" is_state running
check "now unloading is granted" eventually rmmod extsock
check "nothing of it is left" is_gone

reload()
{
	local i

	for ((i = 0; i < 2 * times; i++)); do
		insmod "$ko" || return 1
		is_loaded || return 1
		start_member
		is_member || return 1
		end_member
		eventually rmmod extsock 2>/dev/null || return 1
		is_gone || return 1
	done
}
check "$((2 * times)) times loaded, used and unloaded" reload
check "without probes left behind" has_no_probes

# Unloading at once, while the probes are still being detached.
hurry()
{
	local i

	for ((i = 0; i < times; i++)); do
		insmod "$ko" || return 1
		start_member
		end_member
		rmmod extsock 2>/dev/null || eventually rmmod extsock || return 1
	done
}
check "$times times unloaded right after its last member" hurry
check "it is loaded again" insmod "$ko"

# ---- while tasks wait ----

./helper_listen $path >/dev/null &
server=$!

# A member that opens a connection whenever it is told to.
start_caller()
{
	rm -f /tmp/orders
	mkfifo /tmp/orders
	./helper_dial $path </tmp/orders >/tmp/calls &
	sleeper=$!
	exec 8>/tmp/orders
	echo "$sleeper" >$sys/group
}
end_caller()
{
	exec 8>&-
	end_member
}
call() { echo >&8; }
has_calls() { [ "$(grep -c connected /tmp/calls)" = "$1" ]; }
# In connect(), whose number is 42.
is_waiting() { grep -q '^42 ' "/proc/$sleeper/syscall"; }

# The state says that it drains before the gate is closed, the table when it is.
is_waited_for() { grep -q ' external wait ' /proc/extsock/default/sockets; }

# One connection that the drain waits for, and one that waits for the drain.
drain=
start_drain()
{
	start_caller
	call
	eventually has_calls 1 || return 1
	control "freeze policy=wait" 2>/dev/null &
	drain=$!
	eventually is_waited_for || return 1
	call
	eventually is_waiting
}
end_drain()
{
	kill -KILL "$drain"
	wait "$drain" 2>/dev/null
	eventually is_state running
}

check "a task waits for the end of a drain" start_drain
check "unloading is refused meanwhile" is_refused
check "the group still drains" is_state draining
check "the task still waits" is_waiting
check "the drain ends with its caller" end_drain
check "the task goes on" eventually has_calls 2
check "unloading is refused, for there is a member" is_refused
end_caller
check "unloading is granted when it has gone" eventually rmmod extsock
check "nothing of it is left" is_gone

# Who waits is released, leaves, and the module goes at once.
let_go()
{
	local i

	for ((i = 0; i < times; i++)); do
		insmod "$ko" || return 1
		start_drain || return 1
		is_refused || return 1
		end_drain || return 1
		echo "-$sleeper" >$sys/group || return 1
		rmmod extsock 2>/dev/null || eventually rmmod extsock || return 1
		eventually has_calls 2 || return 1
		end_caller
	done
}
check "$times times unloaded right after somebody has waited" let_go

# Who waits is killed, and its drain is at its end.
kill_it()
{
	local i

	for ((i = 0; i < times; i++)); do
		insmod "$ko" || return 1
		start_drain || return 1
		end_caller
		wait "$drain" 2>/dev/null
		control "thaw" 2>/dev/null
		rmmod extsock 2>/dev/null || eventually rmmod extsock || return 1
	done
}
check "$times times unloaded right after one was killed who waited" kill_it
kill -KILL "$server"
server=
check "it is loaded again" insmod "$ko"

groups_survive_not()
{
	echo +gone >$sys/groups || return 1
	rmmod extsock || return 1
	insmod "$ko" || return 1
	[ "$(cat $sys/groups)" = default ]
}
check "unloading takes empty groups along" groups_survive_not

# What there is: the names, with NAME in place of the group's.
live() { find "$1" -type f | sed "s,^$1/default/,$1/NAME/," | sort; }
documented() { sed -n 's/^What:[[:space:]]*//p' "$1" | sed 's,<name>,NAME,g;s,/$,,' | grep -v '/NAME$' | sort; }
is_documented()
{
	diff <(documented "$abi/$1-extsock") <(live "$2") | sed 's/^/# /'
	[ "$(documented "$abi/$1-extsock")" = "$(live "$2")" ]
}
for what in "sysfs-kernel $sys" "procfs /proc/extsock"; do
	file=$abi/${what% *}-extsock
	if [ -r "$file" ]; then
		check "${file##*/} names what there is, and nothing else" \
			is_documented "${what% *}" "${what#* }"
	else
		skip "${file##*/}" "there is no $file"
	fi
done
check "the module had nothing to say" is_clean

# With kprobes turned off it would load and see nothing.
all=/sys/kernel/debug/kprobes/enabled
is_not_joined() { ! start_member 2>/dev/null; }
is_not_loaded() { ! insmod "$ko" 2>/dev/null; }
says_why()
{
	[ "$(dmesg | grep -c '\] extsock:')" = 1 ] &&
		dmesg | grep -q '\] extsock: kprobes do not run'
}
if [ -w $all ]; then
	echo 0 >$all
	check "nobody can join while kprobes are off" is_not_joined
	end_member
	check "and the module has nothing to say" is_clean
	check "it is unloaded" eventually rmmod extsock
	check "and is not loaded while kprobes are off" is_not_loaded
	check "nothing of it is left" is_gone
	check "one sentence says why" says_why
	dmesg -C
	echo 1 >$all
	check "it is loaded when they are on again" insmod "$ko"
	start_member
	check "and has its probes" has_probes
	end_member
else
	skip "kprobes turned off" "there is no $all"
fi
finish
