#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# extsockctl rules: shows and changes a list as a whole, or says which line of which
# file is wrong and changes nothing.
set -u

# The machine's own lists are hidden from us, and not touched.
if [ "${1-}" != hidden ]; then
	mkdir -p /etc/extsock && exec unshare -m bash "$0" hidden
	exit 1
fi
mount -t tmpfs none /etc/extsock || exit 1

. ./lib_cli.sh

[ "${EXTSOCK_VARIANTS-}" != few ] || skip_all "it takes too long here"

group=rules-$$
other=$group-2
rules=/proc/extsock/$group/rules
usual=/etc/extsock/rules.d

delete_group() { [ ! -d "/proc/extsock/$1" ] || extsockctl groups delete "$1"; }
cleanup()
{
	# shellcheck disable=SC2086 # a list of PIDs
	[ -z "$strangers" ] || kill -KILL $strangers 2>/dev/null
	eventually delete_group "$group"
	eventually delete_group "$other"
	rm -rf "$work"
}
trap cleanup EXIT

# are_in FILE: these are the rules, and no others
are_in()
{
	# cmp would go by the size of a file of proc, which is 0.
	cmp -s "$1" <(cat "$rules") && return
	sed 's/^/# there is: /' "$rules"
	return 1
}
are() { printf '%s\n' "$@" >"$work/wanted"; are_in "$work/wanted"; }
are_none() { [ -z "$(cat "$rules")" ]; }
silent() { [ ! -s "$work/out" ]; }
# file NAME LINE...: make a file
file() { printf '%s\n' "${@:2}" >"$work/$1"; }
from_stdin() { printf '%s' "$1" | ctl rules set -; }
# refuses STATUS COMMAND...: that, with nothing changed
refuses()
{
	cat "$rules" >"$work/before"
	gives "$@" && silent && are_in "$work/before"
}
# says_line FILE LINE WHAT: which is wrong
says_line()
{
	explained "^extsockctl: $1, line $2: $3; the rules are unchanged$"
}

extsockctl groups create "$group" || exit 1
mkdir -p "$work/d" "$work/empty"

# ---- what is not understood ----
check "an unknown verb of rules" misused ctl rules replace
check "it is named" explained 'rules cannot "replace"'
check "list has no operands" misused ctl rules list keep
check "flush neither" misused ctl rules flush all
check "add without a rule" misused ctl rules add
check "add of blanks" misused ctl rules add ' ' ''
check "add of a comment" misused ctl rules add '# nothing'
check "add of two lines" misused ctl rules add $'keep tcp\nkeep udp'
check "--first without add" misused ctl rules set --first -
check "--json without list" misused ctl rules flush --json
check "--first with another verb" misused ctl list --first
check "rules --help" gives 0 extsockctl rules --help
check "it has the folder" printed "$usual"

# ---- list, set ----
check "rules" gives 0 ctl rules
check "are the kernel's" are_in "$work/out"
check "rules list, the same" gives 0 ctl rules list
check "are the kernel's" are_in "$work/out"
check "a group starts with some" printed '^reset tcp port 389$'
cp "$work/out" "$work/defaults"
file a '# mine' '' '  keep   tcp to 10.0.0.0/8 port 5432 # but not that' \
	'wait port 80-90' 'keep path /run/*'
check "set" gives 0 ctl rules set "$work/a"
check "is silent" silent
check "these are the rules" are 'keep tcp to 10.0.0.0/8 port 5432' \
	'wait any port 80-90' 'keep any path /run/*'
check "set from standard input" gives 0 from_stdin 'reset udp'
check "without a newline" are 'reset udp'
check "what was listed" gives 0 ctl rules set "$work/defaults"
check "can be set" are_in "$work/defaults"
check "a file without a newline" gives 0 from_stdin 'keep udp'
printf 'keep tcp' >"$work/b"
: >"$work/nothing"
file c 'keep unix'
check "does not run into the next one" \
	gives 0 ctl rules set "$work/b" "$work/nothing" "$work/c" - </dev/null
check "each has its rule" are 'keep tcp' 'keep unix'
check "an option behind the files" gives 0 extsockctl rules set "$work/c" -g "$group"
check "is an option" are 'keep unix'
check "a file without rules" gives 0 ctl rules set "$work/nothing"
check "makes a list without rules" are_none
check "list of none" gives 0 ctl rules list
check "is nothing" silent

mkfifo "$work/fifo"
echo 'keep udp' >"$work/fifo" &
check "a FIFO that is named" gives 0 ctl rules set "$work/fifo"
check "is a list" are 'keep udp'
# from_slow: standard input that does not block, and has a list a second later
from_slow()
{
	{ sleep 1; echo 'keep tcp'; } >"$work/fifo" &
	# dd leaves it so for others.
	{ dd iflag=nonblock count=0 2>/dev/null; ctl rules set -; } <"$work/fifo"
}
check "standard input that does not block" gives 0 from_slow
check "is waited for" are 'keep tcp'

# ---- folders ----
file d/20-b.rules 'keep tcp port 2'
file d/10-a.rules 'keep tcp port 1'
file d/100.rules 'keep tcp port 3'
file d/B.rules 'keep tcp port 4'
file d/.hidden.rules 'keep tcp port 9'
file d/30.rules~ 'keep tcp port 9'
file d/README 'This is no rule.'
file d/.rules 'keep tcp port 9'
check "a folder" gives 0 ctl rules set "$work/d"
check "its files *.rules, by name" are 'keep tcp port 1' 'keep tcp port 3' \
	'keep tcp port 2' 'keep tcp port 4'
check "among files" gives 0 ctl rules set "$work/c" "$work/d" "$work/b"
check "in its place" are 'keep unix' 'keep tcp port 1' 'keep tcp port 3' \
	'keep tcp port 2' 'keep tcp port 4' 'keep tcp'
check "an empty folder" refuses 3 ctl rules set "$work/empty"
check "is named" explained "rules of $work/empty: there is no file \*.rules in it"
check "one that is not there" refuses 3 ctl rules set "$work/gone"
check "is named" explained "cannot read $work/gone: No such file"
mkdir "$work/empty/sub.rules"
check "a folder in a folder" refuses 1 ctl rules set "$work/empty"
check "is named" explained "cannot read $work/empty/sub.rules: it is no regular file"
rmdir "$work/empty/sub.rules"
mkfifo "$work/empty/fifo.rules"
check "a FIFO in a folder" \
	refuses 1 timeout 20 extsockctl -g "$group" rules set "$work/empty"
check "is named" explained "cannot read $work/empty/fifo.rules: it is no regular file"
rm "$work/empty/fifo.rules"
ln -s ../c "$work/empty/link.rules"
check "a link to a file in a folder" gives 0 ctl rules set "$work/empty"
check "is that file" are 'keep unix'
rm "$work/empty/link.rules"

check "without the usual folder" refuses 3 ctl rules set
check "it is named" explained "cannot read $usual: No such file.*; name a file"
mkdir -p "$usual"
check "without a list in it" refuses 3 ctl rules set
check "it is named" explained "$usual: there is no file"
echo 'keep udp' >"$usual/10.rules"
check "with one" gives 0 ctl rules set
check "that is the list" are 'keep udp'
echo 'keep upd' >"$usual/20.rules"
check "with a bad one" refuses 1 ctl rules set
check "it is named" says_line "$usual/20.rules" 1 'not understood: "upd"; expected .*'

# ---- a bad line changes nothing, and is named ----
file bad '# one' 'keep tcp' '' 'keep sctp' 'nonsense'
check "a bad line" refuses 1 ctl rules set "$work/bad"
check "is the line of its file" says_line "$work/bad" 4 'not understood: "sctp"; expected .*'
check "in the second file" refuses 1 ctl rules set "$work/a" "$work/bad" "$work/b"
check "is that file's" says_line "$work/bad" 4 'not understood: "sctp"; expected .*'
check "behind files without lines" \
	refuses 1 ctl rules set "$work/nothing" "$work/b" "$work/nothing" "$work/bad"
check "is that file's" says_line "$work/bad" 4 'not understood: "sctp"; expected .*'
check "the last line of the first file" \
	refuses 1 ctl rules set "$work/bad" "$work/nothing" "$work/a"
printf 'keep tcp\nbad' >"$work/last"
check "the last line" refuses 1 ctl rules set "$work/last" "$work/nothing" "$work/a"
check "without a newline" says_line "$work/last" 2 'not understood: "bad"; expected .*'
check "from standard input" refuses 1 from_stdin $'keep tcp\nbad\n'
check "that is named" says_line 'standard input' 2 'not understood: "bad"; expected .*'
check "in a folder" refuses 1 ctl rules set "$work/d" "$work/bad"
check "hostile words" refuses 1 from_stdin $'keep \e[31m\n'
check "are harmless" says_line 'standard input' 1 'not understood: "\\033\[31m"; .*'
hostile=$work/$'\e[31m'
echo 'bad' >"$hostile"
check "a hostile name" refuses 1 ctl rules set "$hostile"
check "is harmless" explained '^extsockctl: .*/\\033\[31m, line 1: '
check "one that is not there" refuses 3 ctl rules set "$hostile.gone"
check "is harmless" explained '/\\033\[31m.gone: No such file'
many() { yes 'keep tcp' | head -n "$1"; }
many 1000 >"$work/thousand"
many 25 >"$work/more"
check "too many rules" refuses 1 ctl rules set "$work/thousand" "$work/more"
check "the first too many is named" says_line "$work/more" 25 'more than 1024 rules'
printf 'keep tcp\n\nke\0ep' >"$work/nul"
check "a NUL" refuses 1 ctl rules set "$work/a" "$work/nul"
check "is named" explained "^extsockctl: $work/nul, line 3: a NUL is no text; "
head -c 262144 /dev/zero | tr '\0' '\n' >"$work/full"
check "as many bytes as there may be" gives 0 ctl rules set "$work/full"
check "is no rule" are_none
check "set" gives 0 ctl rules set "$work/a"
check "one byte more" refuses 1 ctl rules set "$work/full" "$work/b"
check "is said" explained "^extsockctl: $work/b: more than 262144 bytes together"
check "a file without an end" refuses 1 ctl rules set /dev/zero
check "is too long" explained '^extsockctl: /dev/zero: more than 262144 bytes; '
check "a file that cannot be read" refuses 1 ctl rules set /proc/self/mem
check "is named" explained 'cannot read /proc/self/mem: '
check "closed standard input" refuses 1 ctl rules set - <&-
check "is named" explained 'cannot read standard input: '

# ---- add, flush ----
check "flush" gives 0 ctl rules flush
check "is silent" silent
check "there are none" are_none
check "add to none" gives 0 ctl rules add keep tcp
check "is silent" silent
check "one in one word" gives 0 ctl rules add 'reset udp port 53 # the end'
check "one at the beginning" gives 0 ctl rules add --first wait unix
check "the option behind" gives 0 ctl rules add keep path '/a*' --first
check "they are in order" are 'keep any path /a*' 'wait unix' 'keep tcp' \
	'reset udp port 53'
check "a bad one" refuses 1 ctl rules add keep sctp
check "is repeated" explained \
	'^extsockctl: cannot add "keep sctp" to .*: not understood: "sctp"; expected .*; the rules are unchanged$'
check "a bad one at the beginning" refuses 1 ctl rules add --first 'keep to'
check "is repeated" explained '"keep to" .*: expected an IPv4 or IPv6 address'
many 1024 >"$work/full"
check "as many as there may be" gives 0 ctl rules set "$work/full"
check "one more" refuses 1 ctl rules add keep udp
check "is too many" explained ': more than 1024 rules; the rules are unchanged$'

# ---- who comes second waits, and nothing is lost ----
check "flush" gives 0 ctl rules flush
check "one that is about to write" \
	hold write "$rules" extsockctl -g "$group" rules add keep tcp
second=
waits() { [ -e "/proc/$second" ] && grep -q "^[0-9]*: -> FLOCK .* $second " /proc/locks; }
extsockctl -g "$group" rules add keep udp &
second=$!
check "another one waits" eventually waits
check "the first ends" goes_on 0
check "and the second" ended_with "$second" 0
check "there are both" are 'keep tcp' 'keep udp'
check "one that is about to write" \
	hold write "$rules" extsockctl -g "$group" rules add keep unix
extsockctl -g "$group" rules flush &
second=$!
check "flush waits as well" eventually waits
check "the first ends" goes_on 0
check "and the second" ended_with "$second" 0
check "there are none" are_none
adders=
for ((i = 1; i <= 20; i++)); do
	extsockctl -g "$group" rules add keep tcp port "$i" &
	adders="$adders $!"
done
all_ended()
{
	local pid

	for pid in $adders; do
		ended_with "$pid" 0 || return
	done
}
check "twenty at once" all_ended
check "have twenty rules" \
	[ "$(sort "$rules" | uniq | grep -c '^keep tcp port')" = 20 ]

# ---- for programs, and for terminals ----
hostile=$'/run/"b\\,\e[31m\xc3\xa4\xff'
check "flush" gives 0 ctl rules flush
check "list --json of none" gives 0 ctl rules --json
check "is an empty array" last_line '[]'
check "add" gives 0 ctl rules add keep tcp to 10.0.0.0/8 port 5432-5433
check "add" gives 0 ctl rules add wait
check "a hostile path" gives 0 ctl rules add reset unix path "$hostile"
check "list --json" gives 0 ctl rules list --json
check "is JSON" is_json
check "with what a rule has" printed \
	'^\[\{"action":"keep","protocol":"tcp","to":"10\.0\.0\.0/8","port":"5432-5433","path":null\},'
check "with null for what it has not" printed \
	'\{"action":"wait","protocol":"any","to":null,"port":null,"path":null\},'
# helper_json has a question mark for what is not ASCII in an escape.
check "with the path as it is, but for what is not UTF-8" \
	json_has path "${hostile%?}?"
at_terminal() { script -qec "exec extsockctl -g $group rules list" /dev/null </dev/null; }
check "list at a terminal" gives 0 at_terminal
check "has the rules" printed '^keep tcp to 10\.0\.0\.0/8 port 5432-5433.$'
check "the path is harmless" printed '^reset unix path /run/"b.,\\033\[31m\\303\\244\\377.$'
no_escape() { ! grep -q $'\e' "$work/out"; }
check "no byte of it commands the terminal" no_escape
check "list elsewhere" gives 0 ctl rules list
check "is as the kernel has it" are_in "$work/out"
fills_disk() { ctl rules >/dev/full 2>"$work/err"; [ $? = 1 ]; }
check "output that gets lost is a failure" fills_disk

# ---- permissions, groups that are gone, and other failures ----
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
check "nobody may list" refuses 4 nobody extsockctl -g "$group" rules
check "nobody may add" refuses 4 nobody extsockctl -g "$group" rules add keep
check "a group that is not there" gives 3 extsockctl -g "$group-none" rules
check "another group" gives 0 extsockctl groups create "$other"
check "one that is about to write" \
	hold write "/proc/extsock/$other/rules" extsockctl -g "$other" rules flush
check "its group is deleted" gives_aside 0 extsockctl groups delete "$other"
check "it ends" goes_on 3
check "which is said" explained 'there is no such group; see extsockctl groups$'
check "no memory in the kernel" refuses 1 \
	fails_with ENOMEM write "$rules" extsockctl -g "$group" rules add keep udp
check "is no fault of the rule" explained 'cannot add .*: Cannot allocate memory; '
check "no locks" refuses 1 \
	fails_with ENOLCK flock "$rules" extsockctl -g "$group" rules flush
check "is a failure" explained 'cannot set the rules of group .*: No locks'
finish
