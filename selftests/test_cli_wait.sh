#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# extsockctl freeze --wait: says what it waits for, each time that changes, or in one
# line of a terminal; and however that ends, it is said how. Servers and clients are
# redis', and those of bash.
set -u
. ./lib_cli.sh

[ "${EXTSOCK_VARIANTS-}" != few ] || skip_all "it takes too long here"

group=wait-$$
dir=/sys/kernel/extsock/$group
control=/proc/extsock/$group/control
sockets=/proc/extsock/$group/sockets
port=6511
export TERM=xterm
# What waits, or does not, and where it says so.
freeze=
told=$work/told

is_empty() { [ -z "$(cat "$dir/members")" ]; }
has_members() { ! is_empty; }
kill_members()
{
	local pid

	while read -r pid; do kill -KILL "$pid" 2>/dev/null; done <"$dir/members"
	eventually is_empty
}
cleanup()
{
	echo "thaw keep" >"$control" 2>/dev/null
	# shellcheck disable=SC2086 # a list of PIDs
	kill -KILL $strangers $freeze 2>/dev/null
	kill_members
	extsockctl groups delete "$group"
	rm -rf "$work"
}
is_state() { [ "$(cat "$dir/state")" = "$1" ]; }

# ---- servers outside, clients inside ----
answers() { [ "$(redis-cli "$@" ping 2>/dev/null)" = PONG ]; }
server()
{
	redis-server "$@" --save '' --logfile /dev/null >/dev/null &
	strangers="$strangers $!"
}
said() { grep -q "$2" "$work/$1.out" 2>/dev/null; }
# tell CLIENT WORDS: opened both ways, it waits for no reader
tell() { echo "$2" 1<>"$work/$1"; }
# client NAME OPTIONS...: redis-cli as a member, connected; its PID is in $member
client()
{
	local name=$1

	shift
	mkfifo "$work/$name"
	# Here, so that it is open when it is written to.
	exec 3<>"$work/$name"
	extsockctl -g "$group" run -- redis-cli "$@" <&3 3>&- >"$work/$name.out" 2>&1 &
	member=$!
	exec 3>&-
	tell "$name" "set $name here"
	eventually said "$name" OK
}
works() { tell "$1" "get $1"; eventually said "$1" here; }

# ---- a freeze, and what it says ----
# begin OPTIONS...: freeze so, in the background
begin()
{
	extsockctl -g "$group" freeze "$@" >"$work/out" 2>"$told" &
	freeze=$!
}
ends() { ended_with "$freeze" "$1"; }
goes_on_waiting() { sleep "$1"; is_state draining && kill -0 "$freeze"; }
tells() { grep -qE -- "$1" "$told"; }
lines_told() { [ "$(grep -c '^waiting for [0-9]' "$told")" = "$1" ]; }
# Of a command that was run meanwhile, by gives_aside.
listed() { grep -qE -- "$1" "$work/aside/out"; }
listed_json() { ./helper_json <"$work/aside/out" >/dev/null; }
not_told() { ! grep -q waiting "$work/aside/err"; }
thaws() { gives_aside 0 ctl thaw --keep; }
# writes COMMAND VERB...: that is what it writes to control
writes()
{
	strace -qq -s 128 -o "$work/trace" -P "$control" -e trace=write -e inject=write:error=EIO \
		extsockctl -g "$group" "${@:2}" >/dev/null 2>&1
	grep -qF "\"$1\"" "$work/trace"
}

trap cleanup EXIT
extsockctl groups create "$group" || exit 1
hostile=$work/$'r \e[31m'
check "a server outside" server --port $port --unixsocket "$work/redis"
check "another one" server --port $((port + 1)) --unixsocket "$hostile"
check "answers" eventually answers -p $port
check "so does the other" eventually answers -p $((port + 1))
extsockctl -g "$group" run -- sleep 1000 &
check "a member without sockets" eventually has_members

# ---- what is not understood ----
for seconds in '' x 0 0.0001 -1 +1 1e3 inf 0x10 1.2.3 . ' 1' 86401; do
	check "--wait=$seconds" misused ctl freeze "--wait=$seconds"
	check "is no time" explained '^extsockctl: --wait takes 0.001 to 86400 seconds, not '
done
check "a time that is an operand" misused ctl freeze --wait 5
check "is named" explained '^extsockctl: say --wait=5, not --wait 5; '
check "of checkpoint" misused ctl checkpoint --wait 5 -- true
check "is named" explained '^extsockctl: say --wait=5, not --wait 5; '
check "without a time, another policy" misused ctl freeze --wait --policy=reset
check "is said" explained '^extsockctl: --wait without SECONDS is --policy=wait, and not --policy=reset'
check "thaw --wait" misused ctl thaw --wait
check "what it is" writes 'freeze policy=wait' freeze --wait
check "with a time" writes 'freeze policy=wait wait_ms=1500' freeze --wait=1.5
check "the longest" writes 'freeze policy=wait wait_ms=86400000' freeze --wait=86400
check "the shortest" writes 'freeze policy=wait wait_ms=1' freeze --wait=.001
check "with its own policy" writes 'freeze policy=wait' freeze --policy=wait --wait
check "with another one and a time" \
	writes 'freeze policy=reset wait_ms=2000' freeze --wait=2 --policy=reset
check "of checkpoint" writes 'freeze policy=wait wait_ms=2000 lease' \
	checkpoint --wait=2 -- true
check "before a command that is a number" writes 'freeze policy=wait lease' \
	checkpoint --wait -- 5
check "behind the command" writes 'freeze lease' checkpoint -- true --wait=2

# ---- nothing to wait for ----
check "freeze --wait without sockets" gives 0 ctl freeze --wait
check "says that it is frozen" printed '^frozen: 1 process, 0 sockets$'
check "thaw" thaws

# ---- one socket, two, many ----
check "a client" client one -p $port
one=$member
check "freeze --wait" begin --wait=30
check "it waits" eventually is_state draining
check "and says for what" eventually tells \
	"^waiting for 1 socket: 127\.0\.0\.1:$port of redis-cli\[$one\], ([12]?[0-9]|30) s left$"
check "list" gives_aside 0 ctl list
check "has what is waited for" \
	listed "^external +wait +tcp +established .*:$port +connect +$one "
check "and says so" listed '^2 processes, 1 socket waited for$'
check "list --json" gives_aside 0 ctl list --json
check "is JSON" listed_json
check "status" gives_aside 0 ctl status
check "has the state" listed '^state +draining$'
check "status --json" gives_aside 0 ctl status --json
check "has no classes" listed ',"sockets":1,"classes":null}$'
check "another freeze is busy" gives_aside 6 ctl freeze --wait
check "and says nothing of it" not_told
check "it goes on waiting" goes_on_waiting 2.5
check "and says so once" lines_told 1
check "the client works" works one
tell one quit
check "when it has closed its socket, the group freezes" ends 0
check "it is frozen" is_state frozen
check "standard output has that alone" last_line 'frozen: 1 process, 0 sockets'
check "thaw" thaws

clients=
for ((i = 1; i <= 6; i++)); do
	check "a client" client "c$i" -p $port
	clients="$clients c$i"
done
check "freeze --wait" begin --wait
check "six are waited for, for as long as the group says" eventually tells \
	'^waiting for 6 sockets: .*, ([1-5]?[0-9]|60) s left$'
of="127\.0\.0\.1:$port of redis-cli\[[0-9]+\]"
check "four have names" tells "^waiting for 6 sockets: $of, $of, $of, $of, \.\.\., "
tell c1 quit
check "one less" eventually tells "^waiting for 5 sockets: $of, $of, $of, $of, \.\.\., "
tell c2 quit
check "one less" eventually tells "^waiting for 4 sockets: $of, $of, $of, $of, [0-9]+ s left"
for name in $clients; do tell "$name" quit; done
check "none" ends 0
check "thaw" thaws

# ---- other words for it ----
check "a client" client policy -p $port
echo wait >"$dir/policy"
echo 20000 >"$dir/wait_ms"
check "freeze with the group's policy" begin
check "waits" eventually tells '^waiting for 1 socket: .*, (1?[0-9]|20) s left$'
tell policy quit
check "until there is none" ends 0
check "thaw" thaws
echo reset >"$dir/policy"
check "a client" client by_path -s "$hostile"
check "one that no rule is about" client other -s "$work/redis"
check "a rule, with a question mark for a blank" \
	gives_aside 0 ctl rules add --first wait unix path "$work/r??[[]31m"
check "freeze with a rule" begin --policy=keep --wait=20
check "waits, and the path is harmless" eventually tells \
	'^waiting for 1 socket: .*/r\\040\\033\[31m of redis-cli\[[0-9]+\], (1?[0-9]|20) s left$'
tell by_path quit
check "until there is none" ends 0
check "list" gives_aside 0 ctl list
check "the other one is external" listed '^external +keep '
check "thaw" thaws
check "it works" works other
check "rules" gives_aside 0 ctl rules add --first wait tcp
kill_members
extsockctl -g "$group" run -- sleep 1000 &
check "a member without sockets" eventually has_members

name=$'a "b\t\\,\e\xff'
# shellcheck disable=SC2016 # for the other shell
bash_client='printf %s "$1" >/proc/$$/comm
	exec 3<>"/dev/tcp/127.0.0.1/$2"
	read -r <&3'
extsockctl -g "$group" run -- bash -c "$bash_client" - "$name" $port >/dev/null 2>&1 &
hostile_pid=$!
has_socket() { [ "$(grep -c " established " "$sockets")" = 1 ]; }
check "a client with a hostile name" eventually has_socket
check "freeze" begin --wait=3
check "ends at its deadline" ends 6
check "the name is harmless" tells \
	"^waiting for 1 socket: .* of a\\\\040\\\\042b\\\\011\\\\134,\\\\033\\\\377\[$hostile_pid\]"
kill -KILL "$hostile_pid"
# shellcheck disable=SC2016 # for the other shell
extsockctl -g "$group" run -- \
	bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1"; exec sleep 1000' - $port >/dev/null 2>&1 &
other=$!
is_sleep() { has_socket && [ "$(cat "/proc/$other/comm")" = sleep ]; }
check "a client that has another name now" eventually is_sleep
check "freeze" begin --wait=3
check "ends at its deadline" ends 6
check "that one is told" tells "^waiting for 1 socket: .* of sleep\[$other\], "
kill -KILL "$other"

# ---- not in time ----
check "a client" client late -p $port
late=$member
check "freeze --wait" begin --wait=2.5
check "ends at the deadline" ends 6
check "says so" tells '^extsockctl: cannot freeze group .*: the deadline has passed; .*--wait'
check "and what was left" tells "^waiting for: 127\.0\.0\.1:$port of redis-cli\\[$late\\]$"
check "before, it was told" tells '^waiting for 1 socket: .*, [123] s left$'
check "the group runs" is_state running
check "the client works" works late
check "checkpoint" status_of 6 ctl checkpoint --wait=1 -- touch "$work/done"
check "runs no command" [ ! -e "$work/done" ]
check "the group runs" is_state running

# ---- given up ----
check "freeze" begin --wait
check "waits" eventually tells '^waiting for [0-9]'
check "somebody else thaws" gives_aside 0 ctl thaw
check "it ends" ends 6
check "and says why" tells '^extsockctl: cannot freeze group .*: somebody thawed it'
check "the group runs" is_state running
check "freeze" begin --wait
check "waits" eventually tells '^waiting for [0-9]'
# Bash has what it starts in the background ignore this one.
kill -QUIT "$freeze"
check "a signal that is ignored does nothing" goes_on_waiting 2
kill -TERM "$freeze"
check "a signal ends it" ends 143
interrupted='^extsockctl: cannot freeze group .*: interrupted by a signal; nothing was changed$'
check "it says so" tells "$interrupted"
check "the group runs" is_state running
check "freeze" begin --wait
check "waits" eventually tells '^waiting for [0-9]'
kill -HUP "$freeze"
check "the terminal's end ends it" ends 129
check "it says so" tells "$interrupted"
check "the group runs" is_state running
check "freeze" begin --wait
check "waits" eventually tells '^waiting for [0-9]'
kill -TSTP "$freeze"
check "the suspend character ends the drain" eventually is_state running
kill -CONT "$freeze" 2>/dev/null
check "and the freeze" ends 6
check "it says so" tells "$interrupted"
extsockctl -g "$group" checkpoint --wait -- touch "$work/done" >/dev/null 2>"$told" &
freeze=$!
check "checkpoint" eventually tells '^waiting for 1 socket: '
kill -KILL "$freeze"
check "is killed" ends 137
check "the group runs" eventually is_state running
check "no command was run" [ ! -e "$work/done" ]
check "the client works" works late

# ---- a signal that comes too late ----
# too_late OPTIONS...: when the group is frozen
too_late()
{
	strace -qq -o /dev/null -P "$control" -P "$dir/state" -e trace=write,close \
		-e inject=close:signal=TERM:when=1 "$@" extsockctl -g "$group" freeze
}
check "rules by which nothing is waited for" gives_aside 0 ctl rules flush
check "a signal behind the freeze" status_of 143 too_late
check "ends it" explained "$interrupted"
check "the group runs" is_state running
check "the client works" works late
check "if that cannot be" status_of 143 too_late -e inject=write:error=EIO:when=2
check "it is said" explained "^extsockctl: cannot freeze .*, but the thaw failed; it is frozen: thaw it \\(extsockctl -g $group thaw --keep\\)$"
check "the group is frozen" is_state frozen
check "thaw" thaws

# ---- who reads what is told ----
extsockctl -g "$group" freeze --wait >"$work/out" 2>&- &
freeze=$!
check "without standard error" eventually is_state draining
check "it waits" goes_on_waiting 2
tell late quit
check "until there is none" ends 0
check "nothing went where it should not" last_line 'frozen: 1 process, 0 sockets'
check "thaw" thaws
check "a client" client last -p $port
extsockctl -g "$group" freeze --wait=30 2>&1 >"$work/out" | true &
check "a reader that does not listen" eventually is_state draining
sleep 2
check "does not end the freeze" is_state draining
check "somebody does" thaws
without_table()
{
	strace -f -qq -o /dev/null -P "$sockets" -e trace=openat \
		-e inject=openat:error=EACCES extsockctl -g "$group" freeze --wait=2
}
check "a table that cannot be read" status_of 6 without_table
check "is not told of" not_explained '^waiting for [0-9]'
check "the deadline is" explained 'the deadline has passed'

# ---- at a terminal ----
# at_terminal COLUMNS COMMAND...
at_terminal()
{
	script -qec "stty cols $1 2>/dev/null; exec extsockctl -g $group ${*:2}" /dev/null \
		</dev/null >"$told" 2>&1
}
# What is between two carriage returns, without what erases.
pieces() { tr '\r' '\n' <"$told" | sed 's/\x1b\[K//g'; }
erases() { grep -qF $'\e[K' "$told"; }
erases_not() { ! erases; }
says_time() { pieces | grep -q '^waiting for 1 socket: .*\.\.\., . s left$'; }
all_fit() { [ "$(pieces | grep '^waiting for [0-9]' | awk '{ print length }' | sort -n | tail -n 1)" -lt "$1" ]; }
# At least three times, each less than the one before.
counts_down()
{
	local left

	left=$(pieces | sed -n 's/^waiting.*, \([0-9]*\) s left$/\1/p')
	[ "$(sort -rnu <<<"$left")" = "$left" ] && [ "$(wc -l <<<"$left")" -ge 3 ]
}
one_line() { [ "$(grep -c 'waiting for [0-9]' "$told")" = 1 ]; }
own_line() { grep -qF $'\r\e[Kextsockctl: cannot freeze' "$told"; }
at_terminal 200 freeze --wait=6
check "at a terminal" [ $? = 6 ]
check "time is counted down" counts_down
check "in one line" one_line
check "which is erased" erases
check "before anything else is said" own_line
at_terminal 50 freeze --wait=3
check "a narrow one" all_fit 50
check "has the time that is left" says_time
at_terminal 20 freeze --wait=3
check "a very narrow one" all_fit 20
TERM=dumb at_terminal 80 freeze --wait=4
check "one that knows nothing" erases_not
check "gets a line" one_line
# typed CHARACTER VERB...: when it has been told what is waited for
typed()
{
	: >"$told"
	{ eventually tells 'waiting for [0-9]'; printf '%s' "$1"; } |
		script -qec "exec extsockctl -g $group ${*:2}" /dev/null >"$told" 2>&1
}
line=$'\e\\[Kextsockctl: cannot freeze group .*: interrupted by a signal'
check "Ctrl-C" status_of 130 typed $'\003' freeze --wait
check "is said in a line of its own" tells "$line"
check "the group runs" is_state running
check "Ctrl-\\" status_of 131 typed $'\034' freeze --wait
check "is said in a line of its own" tells "$line"
check "the group runs" is_state running
check "Ctrl-C" status_of 130 typed $'\003' checkpoint --wait -- touch "$work/done"
check "no command was run" [ ! -e "$work/done" ]
check "the group runs" is_state running
check "the client works" works last
tell last quit

# ---- a path that is longer than the line, and a terminal that stands still ----
long=$work/$(printf '\001%.0s' {1..80})
./helper_listen "$long" >"$work/listens" &
strangers="$strangers $!"
check "a server with a long path" eventually [ -s "$work/listens" ]
extsockctl -g "$group" run -- ./helper_dial "$long" <<<'' >"$work/dialled" &
dialler=$!
check "its client" eventually [ -s "$work/dialled" ]
at_terminal 100 freeze --policy=wait --wait=3
gives_way() { pieces | grep -qE "^waiting for .*: .*\.\.\..* of helper_dial\[$dialler\], . s left$"; }
check "a path that is too long gives way" gives_way
timeout -k 1 60 ./helper_stall extsockctl -g "$group" freeze --wait=50 >"$work/out" 2>"$told" &
freeze=$!
check "at a terminal that stands still" eventually is_state draining
check "it waits" goes_on_waiting 3
kill -KILL "$dialler"
check "until there is none" ends 0
check "it is frozen" is_state frozen
check "thaw" thaws
finish
