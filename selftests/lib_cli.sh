# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# For the scripts that test extsockctl. Sourced, never run. What a command says is
# in $work, to be removed; it acts on $group.
. ./lib.sh

command -v extsockctl >/dev/null || skip_all "there is no extsockctl"

work=$(mktemp -d)
strangers=

# shellcheck disable=SC2154 # who sources this has a group
ctl() { extsockctl -g "$group" "$@"; }

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
# The same, and leaves alone what is looked at.
gives_aside() { local work=$work/aside; mkdir -p "$work"; gives "$@"; }
misused() { gives 2 "$@" && [ ! -s "$work/out" ]; }
printed() { grep -qE -- "$1" "$work/out"; }
not_printed() { ! printed "$1"; }
explained() { grep -qE -- "$1" "$work/err"; }
not_explained() { ! explained "$1"; }
last_line() { [ "$(tail -n 1 "$work/out")" = "$1" ]; }
status_of()
{
	local want=$1

	shift
	"$@" >"$work/out" 2>"$work/err"
	[ $? = "$want" ]
}
# Bash waits for what it started, even if it has ended since.
ended_with()
{
	wait "$1" 2>/dev/null
	[ $? = "$2" ]
}

# hold CALL FILE COMMAND...: start it, until it is to CALL something on FILE
hold()
{
	local call=$1 file=$2

	shift 2
	rm -f "$work/trace"
	strace -D -f -qq -o "$work/trace" -P "$file" -e "trace=$call" \
		-e "inject=$call:delay_enter=600000000:when=1" "$@" \
		>"$work/out" 2>"$work/err" &
	held=$!
	eventually [ -s "$work/trace" ]
	tracer=$(awk '/^TracerPid/ { print $2 }' "/proc/$held/status")
	strangers="$strangers $held $tracer"
	[ "${tracer:-0}" != 0 ]
}
# goes_on STATUS: what was held goes on, and ends so
goes_on() { kill -KILL "$tracer"; ended_with "$held" "$1"; }
# fails_with ERRNO CALL FILE COMMAND...: each CALL on FILE does, or those of
# ERRNO:when=WHICH
fails_with() { strace -qq -o /dev/null -P "$3" -e "trace=$2" -e "inject=$2:error=$1" "${@:4}"; }
is_json() { ./helper_json <"$work/out" >/dev/null; }
json_has() { ./helper_json "$1" <"$work/out" | grep -qxF -- "$2"; }
