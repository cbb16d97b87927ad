# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# TAP for the scripts of this folder. Sourced, never run.

tests=0
failures=0

# check WHAT COMMAND...: one test
check()
{
	local what=$1

	shift
	tests=$((tests + 1))
	if "$@"; then
		echo "ok $tests $what"
	else
		echo "not ok $tests $what"
		failures=$((failures + 1))
	fi
}

skip_all()
{
	echo "1..0 # SKIP $*"
	exit 4
}

finish()
{
	echo "1..$tests"
	[ $failures = 0 ]
}

# eventually COMMAND...: true as soon as it is
eventually()
{
	local i

	for ((i = 0; i < 200; i++)); do
		"$@" && return 0
		sleep 0.1
	done
	return 1
}
