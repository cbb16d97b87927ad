#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# extsockctl: each verb does what it says, each exit status is what it says,
# results go to standard output and reasons to standard error.
set -u
. ./lib.sh

command -v extsockctl >/dev/null || skip_all "there is no extsockctl"

group=cli-$$
dir=/sys/kernel/extsock/$group
ko=${EXTSOCK_KO:-/extsock.ko}
work=$(mktemp -d)
strangers=

ctl() { extsockctl -g "$group" "$@"; }

cleanup()
{
	# shellcheck disable=SC2086 # a list of PIDs
	[ -z "$strangers" ] || kill -KILL $strangers 2>/dev/null
	if [ -d "$dir" ]; then
		echo "thaw keep" >/proc/extsock/"$group"/control 2>/dev/null
		eventually kill_members
		echo "-$group" >/sys/kernel/extsock/groups
	fi
	rm -rf "$work"
}
trap cleanup EXIT

kill_members()
{
	local pid none=0

	while read -r pid; do
		kill -KILL "$pid" 2>/dev/null
		none=1
	done <"$dir/members"
	return $none
}

# gives STATUS COMMAND...: and explains itself if, and only if, that is not 0
gives()
{
	local want=$1 status

	shift
	"$@" >"$work/out" 2>"$work/err"
	status=$?
	if [ $status != "$want" ]; then
		printf '# %s: %s instead of %s\n' "$*" $status "$want"
		sed 's/^/# /' "$work/out" "$work/err"
		return 1
	fi
	if [ "$want" = 0 ]; then
		[ ! -s "$work/err" ]
	else
		grep -q '^extsockctl: .' "$work/err"
	fi
}
# The same of a usage error, where getopt says what is wrong.
misused() { "$@" >"$work/out" 2>"$work/err"; [ $? = 2 ] && [ -s "$work/err" ] && [ ! -s "$work/out" ]; }
printed() { grep -qE -- "$1" "$work/out"; }
explained() { grep -qE -- "$1" "$work/err"; }
last_line() { [ "$(tail -n 1 "$work/out")" = "$1" ]; }
is_member() { grep -qx "$1" "$dir/members"; }
is_no_member() { ! is_member "$1"; }
has_members() { [ "$(wc -l <"$dir/members")" = "$1" ]; }
is_state() { [ "$(cat "$dir/state")" = "$1" ]; }
status_of()
{
	local want=$1

	shift
	"$@" >"$work/out" 2>"$work/err"
	[ $? = "$want" ]
}
is_json() { ./helper_json <"$work/out" >/dev/null; }
json_has() { ./helper_json "$1" <"$work/out" | grep -qxF -- "$2"; }
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
check "an abbreviated option" misused extsockctl --gro "$group" list
check "it is named" explained '^extsockctl: there is no option "--gro"'
check "an abbreviated option behind the verb" misused extsockctl list --js
check "an option of another verb" misused extsockctl list --keep
check "a group where none is chosen" misused extsockctl -g "$group" groups
check "JSON of nothing" misused extsockctl groups create x --json
check "what a terminal would obey" misused extsockctl $'\e[31m'
check "is harmless" explained '"\\033\[31m"'
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
check "run is transparent" status_of 9 ctl run -- sh -c 'exit 9'
check "what it runs is a member" gives 0 ctl run -- \
	sh -c "grep -qx \$\$ $dir/members"
# shellcheck disable=SC2016 # for the other shell
check "options behind the command are the command's" gives 0 ctl run -- \
	sh -c '[ "$1" = --help ]' - --help
check "run what does not exist" gives 127 ctl run -- /nobody/made/this
check "it says what to do" explained 'cannot run /nobody/made/this: .*; .*path'
check "run what is not executable" gives 126 ctl run -- /etc/passwd

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
check "a second freeze is busy" gives 6 ctl freeze
check "and says why" explained 'already frozen.*thaw'
check "nobody is added" gives 6 ctl add "$lone"
check "a frozen group is not deleted" gives 6 extsockctl groups delete "$group"
check "thaw --keep" gives 0 ctl thaw --keep
check "it resets nothing" printed '^thawed: 0 sockets reset$'
check "a second thaw is busy" gives 6 ctl thaw --keep

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
check "the connection has survived all that" says_not reset
check "freeze --policy=keep" gives 0 ctl freeze --policy=keep
check "thaw" gives 0 ctl thaw
check "it resets nothing" printed '^thawed: 0 sockets reset$'
check "freeze" gives 0 ctl freeze
check "thaw" gives 0 ctl thaw
check "it resets the connection" printed '^thawed: 1 socket reset$'
check "the client is told" eventually says reset

# ---- the other refusals ----
check "a member cannot freeze its group" \
	gives 1 ctl run -- extsockctl -g "$group" freeze
kill_members
eventually has_members 0
check "an empty group cannot be frozen" gives 3 ctl freeze
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
check "nobody may freeze" gives 4 nobody extsockctl -g "$group" freeze
check "nobody may add" gives 4 nobody extsockctl -g "$group" add "$lone"
check "nobody may list" gives 4 nobody extsockctl -g "$group" list
check "nobody may make groups" gives 4 nobody extsockctl groups create "x$$"
fills_disk() { ctl list >/dev/full 2>"$work/err"; [ $? = 1 ]; }
check "output that gets lost is a failure" fills_disk
check "groups delete" gives 0 extsockctl groups delete "$group"
check "the group is gone" [ ! -d "$dir" ]

check "the module is unloaded" eventually rmmod extsock
check "status without it" gives 5 extsockctl status
check "freeze without it" gives 5 extsockctl freeze
check "it says what to do" explained 'not loaded.*(modprobe|insmod)'
check "--help without it" gives 0 extsockctl --help
check "--version without it" gives 0 extsockctl --version
check "usage comes first" misused extsockctl defrost
check "the module is loaded again" insmod "$ko"
finish
