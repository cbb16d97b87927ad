# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# A group of real programs, and freezes that wait for their sockets to go. Sourced
# after lib.sh, never run.

command -v extsockctl >/dev/null || skip_all "there is no extsockctl"

group=${0##*/}
group=${group%.sh}-$$
dir=/sys/kernel/extsock/$group
work=$(mktemp -d)
started=
said=
freezes=0

ctl() { extsockctl -g "$group" "$@"; }

end_group()
{
	ctl thaw --keep >/dev/null 2>&1
	# shellcheck disable=SC2086 # a list of PIDs
	kill -KILL $started 2>/dev/null
	eventually kill_members
	extsockctl groups delete "$group"
	rm -rf "$work"
}

# True when there are none left.
kill_members()
{
	local pid none=0

	while read -r pid; do
		kill -KILL "$pid" 2>/dev/null
		none=1
	done <"$dir/members"
	return $none
}

start_group()
{
	extsockctl groups create "$group" || exit 1
	# Its server is nobody's.
	chmod 755 "$work"
}

has_members() { [ -n "$(cat "$dir/members")" ]; }
is_state() { [ "$(cat "$dir/state")" = "$1" ]; }

is_in() { grep -qx "$1" "$dir/members" || ! kill -0 "$1" 2>/dev/null; }

# inside NAME COMMAND...: run it as a member in the background; it is $pid, and
# what it says is in the file NAME
inside()
{
	local name=$1

	shift
	extsockctl -g "$group" run -- "$@" >"$work/$name" 2>&1 </dev/null &
	pid=$!
	started="$started $pid"
	eventually is_in "$pid"
}

# ends_well NAME PID: with status 0; else what it said
ends_well()
{
	wait "$2" && return
	sed 's/^/# /' "$work/$1"
	return 1
}

# tries VERB...: $said is what that says, and why it failed
tries() { said=$(ctl "$@" 2>&1); }

show_said() { printf '# %s\n' "${said//$'\n'/$'\n# '}"; }
has_said() { grep -qF -- "$1" <<<"$said"; }

# rows CLASS ACTION: how many sockets are so
rows()
{
	awk -v class="$1" -v action="$2" '$2 == class && $3 == action { n++ }
		END { print n + 0 }' "/proc/extsock/$group/sockets"
}

complain()
{
	printf '# freeze %s: %s\n' "$freezes" "${*//$'\n'/$'\n# '}"
	return 1
}

# goes_on COUNTER N: wait until the number that COUNTER prints is N more, or the
# members have ended; false if that does not come
goes_on()
{
	local before tick

	before=$("$1")
	for ((tick = 0; tick < 1200; tick++)); do
		[ "$("$1")" -lt $((before + $2)) ] && has_members || return 0
		sleep 0.05
	done
	complain "$before after a minute, and no more"
}

# One freeze that waits, a look, and the thaw.
freeze_and_thaw()
{
	local since=${EPOCHREALTIME/./} status=0

	if ! tries freeze --wait=30; then
		# They had no more to do.
		has_said "it has no members" || complain "$said"
		return
	fi
	echo $(((${EPOCHREALTIME/./} - since) / 1000)) >>"$work/took"
	freezes=$((freezes + 1))
	is_state frozen || complain "the state is $(cat "$dir/state")" || status=1
	[ "$(awk '$2 == "external"' "/proc/extsock/$group/sockets")" = "" ] ||
		complain "external sockets are left" || status=1
	tries thaw || complain "$said" || status=1
	has_said "0 sockets reset" || complain "$said" || status=1
	return $status
}

# freeze_all_along COUNTER N: until all members have ended, freeze and thaw them
# whenever COUNTER is N more; $freezes says how often
freeze_all_along()
{
	local status=0

	freezes=0
	: >"$work/took"
	goes_on "$1" "$2" || return
	while has_members; do
		freeze_and_thaw || status=1
		goes_on "$1" "$2" || return
	done
	sort -n "$work/took" | awk '{ ms[NR] = $1 } END {
		print "# " NR " freezes, milliseconds until frozen: least " ms[1] \
			", median " ms[int((NR + 1) / 2)] ", most " ms[NR] }'
	return $status
}
