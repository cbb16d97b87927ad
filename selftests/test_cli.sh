#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# extsockctl: each verb does what it says, each exit status is what it says,
# results go to standard output and reasons to standard error.
set -u
. ./lib_cli.sh

[ "${EXTSOCK_VARIANTS-}" != few ] || skip_all "it takes too long here"

group=cli-$$
other=$group-2
dir=/sys/kernel/extsock/$group
ko=${EXTSOCK_KO:-/extsock.ko}

cleanup()
{
	# shellcheck disable=SC2086 # a list of PIDs
	[ -z "$strangers" ] || kill -KILL $strangers 2>/dev/null
	if mountpoint -q "$work/fs"; then
		fsfreeze -u "$work/fs" 2>/dev/null
		eventually umount "$work/fs"
	fi
	if [ -d "$dir" ]; then
		echo "thaw keep" >/proc/extsock/"$group"/control 2>/dev/null
		eventually kill_members
		echo "-$group" >/sys/kernel/extsock/groups
	fi
	[ ! -d "/sys/kernel/extsock/$other" ] ||
		eventually delete_other
	rm -rf "$work"
}
trap cleanup EXIT

delete_other() { echo "-$other" >/sys/kernel/extsock/groups; }
kill_members()
{
	local pid none=0

	while read -r pid; do
		kill -KILL "$pid" 2>/dev/null
		none=1
	done <"$dir/members"
	return $none
}

is_member() { grep -qx "$1" "$dir/members"; }
is_no_member() { ! is_member "$1"; }
has_members() { [ "$(wc -l <"$dir/members")" = "$1" ]; }
is_state() { [ "$(cat "$dir/state")" = "$1" ]; }
says() { grep -q "$1" "$work/said" 2>/dev/null; }
says_not() { ! says "$1"; }

# ---- the checker itself ----
good_json() { ./helper_json <<<"$1" >/dev/null; }
bad_json() { ! good_json "$1"; }
check "the checker takes JSON" good_json '{"a":[1,-2.5,"x\n\u0041",{}],"b":null}'
check "and no raw newline in a string" bad_json $'["a\nb"]'
check "and no missing bracket" bad_json '{"a":[1,2}'
check "and nothing behind it" bad_json '[] []'

# ---- help, and what is not understood ----
check "--help" gives 0 extsockctl --help
for verb in add remove run freeze thaw checkpoint status list groups; do
	check "--help has $verb" printed "^ +$verb "
done
check "--version" gives 0 extsockctl --version
check "it says both versions" printed '^module [0-9]'
check "no verb" misused extsockctl
check "an unknown verb" misused extsockctl defrost
check "an unknown option" misused extsockctl --frobnicate list
check "it is named" explained '^extsockctl: there is no option "--frobnicate"'
check "an unknown letter among others" misused extsockctl -hx
check "it is named" explained '^extsockctl: there is no option "-x"'
check "the letter of a name that has none" misused extsockctl -j list
check "it is named" explained '^extsockctl: there is no option "-j"'
check "an option without its argument" misused extsockctl list -g
check "it is named" explained '^extsockctl: option "-g" needs an argument'
check "a long one" misused extsockctl freeze --policy
check "it is named" explained '^extsockctl: option "--policy" needs an argument'
check "an argument too many" misused extsockctl list --json=1
check "it is named" explained '^extsockctl: option "--json=1" takes no argument'
check "another one" misused extsockctl --help=1
check "it is named" explained '^extsockctl: option "--help=1" takes no argument'
check "an abbreviated option" misused extsockctl --gro "$group" list
check "it is named" explained '^extsockctl: there is no option "--gro"'
check "an abbreviated option behind the verb" misused extsockctl list --js
check "an option of another verb" misused extsockctl list --keep
check "a group where none is chosen" misused extsockctl -g "$group" groups
check "JSON of nothing" misused extsockctl groups create x --json
check "what a terminal would obey" misused extsockctl $'\e[31m'
check "is harmless" explained '"\\033\[31m"'
check "in an option" misused extsockctl $'--\e[31mx'
check "is harmless" explained '"--\\033\[31mx"'
check "as a letter" misused extsockctl $'-\e'
check "is harmless" explained '"-\\033"'
check "no PID" misused extsockctl add
check "what is no PID" misused extsockctl add 12x
check "a negative PID" misused extsockctl remove -- -1
check "a superfluous operand" misused extsockctl thaw now
check "an unknown policy" misused extsockctl freeze --policy=never
check "a bad name" misused extsockctl -g Bad status
check "run without a command" misused extsockctl run
check "checkpoint without a command" misused extsockctl checkpoint --

# ---- groups ----
check "groups create" gives 0 extsockctl groups create "$group"
check "the group is there" [ -d "$dir" ]
check "a second time it is refused" gives 1 extsockctl groups create "$group"
check "so is the name of a file" gives 1 extsockctl groups create version
check "which is said" explained 'the name is reserved'
check "a name the kernel does not take" misused extsockctl groups create Bad
check "groups" gives 0 extsockctl groups
check "it lists the group" printed "^$group +running +0$"
check "groups --json, behind" gives 0 extsockctl groups --json
check "it is JSON" is_json
check "with the group" json_has name "$group"
check "a group that is not there" gives 3 extsockctl -g nobody-made-this status
check "deleting it" gives 3 extsockctl groups delete nobody-made-this
check "default stays" gives 1 extsockctl groups delete default

# ---- members ----
sh -c 'sleep 1000 & sleep 1000 & wait' >/dev/null 2>&1 &
tree=$!
strangers="$strangers $tree"
sleep 1000 >/dev/null 2>&1 &
lone=$!
strangers="$strangers $lone"
has_children() { [ "$(wc -w <"/proc/$tree/task/$tree/children")" = 2 ]; }
check "a tree of three" eventually has_children
check "add" gives 0 ctl add "$lone"
check "it is a member" is_member "$lone"
check "adding it again is busy" gives 6 ctl add "$lone"
check "adding it elsewhere as well" gives 6 extsockctl add "$lone"
check "it says where it is" \
	explained "it is in group \"$group\"; .*-g $group remove $lone"
check "add --tree" gives 0 ctl add --tree "$tree"
check "all of it are members" has_members 4
check "remove" gives 0 ctl remove "$lone"
check "it is none" is_no_member "$lone"
check "removing it again" gives 3 ctl remove "$lone"
check "adding who does not exist" gives 3 ctl add 4194303
check "adding PID 1" gives 1 ctl add 1
check "the group cannot be deleted" gives 1 extsockctl groups delete "$group"
kill_members
check "who is killed leaves" eventually has_members 0

sh -c 'sh -c "echo \$\$ >$1; sleep 1000 & sleep 1000 & wait" & sleep 1000 & wait' \
	- "$work/child" >/dev/null 2>&1 &
tree=$!
strangers="$strangers $tree"
check "a tree" eventually [ -s "$work/child" ]
child=$(cat "$work/child")
strangers="$strangers $child"
grown() { [ "$(pgrep -cP "$tree")" = 2 ] && [ "$(pgrep -cP "$child")" = 2 ]; }
check "of three generations" eventually grown
check "a child of it" gives 0 extsockctl groups create "$other"
check "in another group" gives 0 extsockctl -g "$other" add "$child"
check "is refused" gives 6 ctl add --tree "$tree"
refusals() { [ "$(grep -c 'cannot add' "$work/err")" = "$1" ]; }
check "it alone, and once" refusals 1
check "it is named" explained "cannot add process $child .*in group \"$other\""
check "the others are members, its children too" has_members 4
check "it is none" is_no_member "$child"
check "no longer elsewhere" gives 0 extsockctl -g "$other" remove "$child"
check "it is added" gives 0 ctl add --tree "$tree"
check "all are members" has_members 5
kill_members
check "who is killed leaves" eventually has_members 0
check "add goes on after a failure" gives 3 ctl add 4194303 1 "$lone"
check "with the next one" is_member "$lone"
check "remove does so as well" gives 3 ctl remove 4194303 "$lone"
check "with the next one" is_no_member "$lone"

check "run is transparent" status_of 9 ctl run -- sh -c 'exit 9'
check "what it runs is a member" gives 0 ctl run -- \
	sh -c "grep -qx \$\$ $dir/members"
# shellcheck disable=SC2016 # for the other shell
check "options behind the command are the command's" gives 0 ctl run -- \
	sh -c '[ "$1" = --help ]' - --help
check "run what does not exist" gives 127 ctl run -- /nobody/made/this
check "it says what to do" explained 'cannot run /nobody/made/this: .*; .*path'
check "run what is not executable" gives 126 ctl run -- /etc/passwd
check "it says what to do" explained 'cannot run /etc/passwd: .*executed$'
check "run by a member" gives 6 ctl run -- extsockctl -g "$group" run -- true
check "it says what to do" \
	explained "is a member of group \"$group\".*; start the command directly"
check "by a member of another group" gives 6 ctl run -- extsockctl run -- true
check "it says what to do" \
	explained "is a member of group \"$group\".*; start it from outside"
check "and not what cannot be done" not_explained 'remove'

# ---- a member outside of whose connection there is somebody ----
./helper_listen >"$work/port" 2>/dev/null &
strangers="$strangers $!"
check "a server outside" eventually [ -s "$work/port" ]
port=$(cat "$work/port")
# No newline: the shell would write the name in two pieces.
hostile=$'a "b\t\\c,\eä\xff'
# shellcheck disable=SC2016 # for the other shell
client='printf %s "$1" >/proc/$$/comm
	exec 3<>"/dev/tcp/127.0.0.1/$2"
	echo connected
	while IFS= read -r -u 3 line; do echo "$line"; done
	echo reset
	exec sleep 1000'
extsockctl -g "$group" run -- bash -c "$client" - "$hostile" "$port" >"$work/said" 2>&1 &
member=$!
check "a client inside" eventually says connected

check "list, running" gives 0 ctl list
check "it has a heading" printed '^CLASS +ACTION +PROTO +STATE +LOCAL +REMOTE'
check "and the connection" printed "127\.0\.0\.1:$port +connect "
check "the hostile name is harmless" printed ' a\\040\\042b\\011\\134c,\\033\\303\\244\\377$'
check "the last line sums up" last_line "1 process, 1 socket opened while members"
check "list --json, running" gives 0 ctl list --json
check "it is JSON" is_json
check "without a class" json_has class -
check "status --json, running" gives 0 ctl status --json
check "it is JSON" is_json
check "with the state" json_has state running
check "without classes" printed '"sockets":1,"classes":null}'
check "freeze" gives 0 ctl freeze
check "it sums up" printed '^frozen: 1 process, 1 socket: 1 external$'
check "list, frozen" gives 0 ctl list
check "it has the verdict" \
	printed "^external +reset +tcp +established .*:$port +connect +$member "
check "the last line sums up the classes" \
	last_line "1 process, 1 socket: 1 external"
check "list --json" gives 0 ctl list --json
check "it is JSON" is_json
check "with the class" json_has class external
check "with the remote end" json_has remote "127.0.0.1:$port"
# helper_json has a question mark for what is not ASCII in an escape.
check "with the name as it is, but for what is not UTF-8" \
	json_has command "${hostile%?}?"
check "status" gives 0 ctl status
check "it has the state" printed '^state +frozen$'
check "and the member" printed "^members +$member$"
check "status --json" gives 0 ctl status --json
check "it is JSON" is_json
check "with the state" json_has state frozen
check "with the classes" \
	printed '"sockets":1,"classes":\{"internal":0,"external":1,'
check "a second freeze is busy" gives 6 ctl freeze
check "and says why" explained 'already frozen.*thaw'
check "nobody is added" gives 6 ctl add "$lone"
check "a frozen group is not deleted" gives 6 extsockctl groups delete "$group"
check "thaw --keep" gives 0 ctl thaw --keep
check "it resets nothing" printed '^thawed: 0 sockets reset$'
check "a second thaw is busy" gives 6 ctl thaw --keep

# ---- what is shown is of one moment ----
check "status before it asks for the state" \
	hold read "$dir/state" extsockctl -g "$group" status --json
check "freeze" gives_aside 0 ctl freeze
check "status ends" goes_on 0
check "it has the state" json_has state frozen
check "and what belongs to it" printed '"sockets":1,"classes":\{'
check "status between table and members" \
	hold read "$dir/members" extsockctl -g "$group" status --json
check "thaw" gives_aside 0 ctl thaw --keep
check "status ends" goes_on 0
check "it has the state" json_has state running
check "and what belongs to it" printed '"sockets":1,"classes":null'
check "a list that others read all the time" \
	gives 6 fails_with EAGAIN read "$dir/members" extsockctl -g "$group" list
check "it says what to do" explained '; try again$'
check "one that is read thrice" \
	gives 0 fails_with EAGAIN:when=1..3 read "$dir/members" \
	extsockctl -g "$group" list

# ---- checkpoint: a freeze that ends with its command ----
check "checkpoint" gives 0 ctl checkpoint -- cat "$dir/state"
check "the group was frozen meanwhile" printed '^frozen$'
check "it runs" is_state running
check "its status is the command's" status_of 7 ctl checkpoint -- sh -c 'exit 7'
check "it runs" is_state running
check "a command that dies" status_of 137 ctl checkpoint -- sh -c 'kill -9 $$'
check "it runs" is_state running
check "a command that does not exist" gives 127 ctl checkpoint -- /nobody/made/this
check "it runs" is_state running
# shellcheck disable=SC2016 # for the other shell
extsockctl -g "$group" checkpoint -- sh -c 'echo $$ >"$1"; exec sleep 1000' - "$work/pid" \
	>/dev/null 2>&1 &
controller=$!
check "a long one freezes" eventually is_state frozen
check "and starts its command" eventually [ -s "$work/pid" ]
kill -KILL $controller
wait $controller 2>/dev/null
check "when it is killed the group runs" eventually is_state running
[ ! -s "$work/pid" ] || kill -KILL "$(cat "$work/pid")"
# shellcheck disable=SC2016 # for the other shell
at_term='trap "exit 5" TERM; echo $$ >"$1"; while :; do sleep 0.1; done'
rm -f "$work/pid"
extsockctl -g "$group" checkpoint -- sh -c "$at_term" - "$work/pid" &
controller=$!
check "a command that has a use for SIGTERM" eventually [ -s "$work/pid" ]
kill -TERM $controller
check "gets it, and decides" ended_with $controller 5
check "the group runs" is_state running
rm -f "$work/pid"
extsockctl -g "$group" checkpoint -- sh -c "echo \$\$ >$work/pid; exec sleep 1000" &
controller=$!
check "one that has none" eventually [ -s "$work/pid" ]
kill -TERM $controller
check "is ended by it" ended_with $controller 143
check "the group runs" is_state running
# interrupted COMMAND...: at a terminal, as soon as it has written its PID
interrupted()
{
	rm -f "$work/pid"
	{ eventually [ -s "$work/pid" ]; printf '\003'; } |
		script -qec "exec extsockctl -g $group checkpoint -- $*" \
			/dev/null >/dev/null 2>&1
}
long="sh -c 'echo \$\$ >$work/pid; exec sleep 20'"
check "Ctrl-C ends a command" status_of 130 interrupted "$long"
check "the group runs" is_state running
check "also one in its own session" status_of 130 interrupted "setsid $long"
check "the group runs" is_state running

check "a command that is about to start" hold execve /nobody/made/this \
	extsockctl -g "$group" checkpoint -- /nobody/made/this
check "the group is frozen" is_state frozen
late=$(pgrep -P "$held")
kill -KILL "$held"
wait "$held" 2>/dev/null
check "extsockctl is killed, the group runs" eventually is_state running
check "the command is still about to start" kill -0 "$late"
kill -KILL "$late" "$tracer"

# killed_after MS: does the group run soon after?
killed_after()
{
	local victim

	extsockctl -g "$group" checkpoint -- sleep 1 >/dev/null 2>&1 &
	victim=$!
	sleep "$(printf '0.%03d' "$1")"
	kill -KILL "$victim" 2>/dev/null
	wait "$victim" 2>/dev/null
	eventually is_state running
}
for ((ms = 0; ms < 200; ms += 10)); do
	check "killed after $ms ms" killed_after $ms
done

check "somebody else thaws it meanwhile" \
	gives 6 ctl checkpoint -- extsockctl -g "$group" thaw --keep
check "which is said" explained 'cannot thaw .*somebody else thawed it'
check "it runs" is_state running
again="extsockctl -g $group thaw --keep && extsockctl -g $group freeze"
check "and freezes it again" gives 6 ctl checkpoint -- sh -c "$again"
check "which is said" explained 'somebody else thawed .*froze it again'
check "that freeze persists" is_state frozen
check "it can be thawed" gives 0 ctl thaw --keep
check "a command that fails has its own status" \
	status_of 7 ctl checkpoint -- sh -c "$again; exit 7"
check "that freeze persists" is_state frozen
check "it can be thawed" gives 0 ctl thaw --keep
check "the connection has survived all that" says_not reset
check "freeze --policy=keep" gives 0 ctl freeze --policy=keep
check "thaw" gives 0 ctl thaw
check "it resets nothing" printed '^thawed: 0 sockets reset$'
check "freeze" gives 0 ctl freeze
check "thaw" gives 0 ctl thaw
check "it resets the connection" printed '^thawed: 1 socket reset$'
check "the client is told" eventually says reset

# ---- output that gets lost: it was done all the same ----
to_full() { ctl "$@" >/dev/full 2>"$work/err"; }
to_nobody() { ctl "$@" >&- 2>"$work/err"; }
# The reader has gone before.
to_pipe()
{
	{
		sleep 1
		ctl "$@" 2>"$work/err"
		echo $? >"$work/status"
	} | true
	[ "$(cat "$work/status")" = 0 ]
}
for where in to_full to_nobody to_pipe; do
	check "freeze $where" "$where" freeze
	check "says that output was lost" explained '^extsockctl: cannot write the output: '
	check "the group is frozen" is_state frozen
	check "thaw $where" "$where" thaw --keep
	check "says that output was lost" explained '^extsockctl: cannot write the output: '
	check "the group runs" is_state running
done

# ---- the other refusals ----
check "a member cannot freeze its group" \
	gives 1 ctl run -- extsockctl -g "$group" freeze
kill_members
eventually has_members 0
check "an empty group cannot be frozen" gives 3 ctl freeze

# ---- a socket that no probe has seen ----
: >"$work/said"
# shellcheck disable=SC2016 # for the other shell
bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1"; echo connected; exec sleep 1000' \
	- "$port" >"$work/said" 2>&1 &
member=$!
strangers="$strangers $member"
check "a client, not yet inside" eventually says connected
check "add" gives 0 ctl add "$member"
check "list, running" gives 0 ctl list
check "does not know its socket" \
	last_line "1 process, 0 sockets opened while members"
check "list before it asks for the state" \
	hold read "$dir/state" extsockctl -g "$group" list
check "freeze" gives_aside 0 ctl freeze
check "list ends" goes_on 0
check "it has the socket" last_line "1 process, 1 socket: 1 external"
check "thaw" gives 0 ctl thaw --keep
kill_members
eventually has_members 0

# ---- who waits for a file system that is frozen cannot be stopped ----
stuck_fs()
{
	mkdir "$work/fs" && truncate -s 8M "$work/image" &&
		mke2fs -q -t ext4 "$work/image" 2>/dev/null &&
		mount -o loop "$work/image" "$work/fs" && fsfreeze -f "$work/fs"
}
modprobe -qa loop ext4
check "a file system is frozen" stuck_fs
extsockctl -g "$group" run -- sh -c ": >$work/fs/file" >/dev/null 2>&1 &
member=$!
is_stuck() { [ "$(awk '{ print $3 }' "/proc/$member/stat")" = D ]; }
check "a member waits for it" eventually is_stuck
echo 300 >"$dir/freeze_ms"
check "freeze" gives 6 ctl freeze
check "says what to do" \
	explained "the deadline has passed; .*raise $dir/freeze_ms$"
check "and who is in the way" explained "^in the way: PID $member "
check "it runs" is_state running
check "checkpoint" gives 6 ctl checkpoint -- touch "$work/done"
check "runs no command" [ ! -e "$work/done" ]
echo 10000 >"$dir/freeze_ms"
fsfreeze -u "$work/fs"
check "the member ends" eventually has_members 0
check "the file system is unmounted" eventually umount "$work/fs"

# ---- groups that are deleted meanwhile ----
# vanishes CALL FILE COMMAND...: before COMMAND has made its CALL on FILE
vanishes()
{
	[ -d "/sys/kernel/extsock/$other" ] ||
		extsockctl groups create "$other"
	hold "$@" && extsockctl groups delete "$other"
}
check "status of a group" vanishes read "/sys/kernel/extsock/$other/members" \
	extsockctl -g "$other" status
check "it is deleted" goes_on 3
check "which is said" explained 'there is no such group; see extsockctl groups$'
check "list of a group" vanishes read "/proc/extsock/$other/sockets" \
	extsockctl -g "$other" list
check "it is deleted" goes_on 3
check "freeze of a group" vanishes write "/proc/extsock/$other/control" \
	extsockctl -g "$other" freeze
check "it is deleted" goes_on 3
check "which is said" explained 'there is no such group; see extsockctl groups$'
check "add to a group" vanishes write "/sys/kernel/extsock/$other/members" \
	extsockctl -g "$other" add "$lone"
check "it is deleted" goes_on 3
check "a list of groups" vanishes read "/sys/kernel/extsock/$other/state" \
	extsockctl groups
check "one is deleted" goes_on 0
check "the others are listed" printed "^$group +running +0$"
check "it is not" not_printed "^$other "

# ---- permissions ----
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
check "nobody may freeze" gives 4 nobody extsockctl -g "$group" freeze
check "nobody may add" gives 4 nobody extsockctl -g "$group" add "$lone"
check "nobody may list" gives 4 nobody extsockctl -g "$group" list
check "nobody may make groups" gives 4 nobody extsockctl groups create "x$$"
fills_disk() { ctl list >/dev/full 2>"$work/err"; [ $? = 1 ]; }
check "output that gets lost is a failure" fills_disk
check "groups delete" gives 0 extsockctl groups delete "$group"
check "the group is gone" [ ! -d "$dir" ]

check "status" hold read /sys/kernel/extsock/default/members extsockctl status
check "the module is unloaded" eventually rmmod extsock
check "status ends" goes_on 5
check "it says what to do" explained 'not loaded.*(modprobe|insmod)'
check "the module is loaded again" insmod "$ko"
check "freeze" hold write /proc/extsock/default/control extsockctl freeze
check "the module is unloaded" eventually rmmod extsock
check "freeze ends" goes_on 5
check "status without it" gives 5 extsockctl status
check "freeze without it" gives 5 extsockctl freeze
check "it says what to do" explained 'not loaded.*(modprobe|insmod)'
check "--help without it" gives 0 extsockctl --help
check "--version without it" gives 0 extsockctl --version
check "usage comes first" misused extsockctl defrost
check "the module is loaded again" insmod "$ko"
finish
