#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# check.sh KERNEL [NAME]: build, run the tests in a guest, judge. NAME: only this
# program of them, or only this test, as its "ok" line calls it.
# In the environment, CONNECTIONS: how many test_probe opens and closes;
# PROCESSES: how many, of 100 sockets each, test_scale freezes; CYCLES: how often
# test_storm freezes how many THREADS; DURATION: for how many seconds test_chaos goes on,
# and SEED: what everybody in it decides; RELOADS: how often test_unload loads and
# unloads the module; VARIANTS: all: run all tests for all kinds of sockets; some: of
# the programs about the gate all for the first and some for the others; few: of these
# just a few, and of all programs some for the others.
set -eu
. "$(dirname "$0")/lib.sh"

kernel=$1
only=${2-}
connections=${CONNECTIONS:-10000}
processes=${PROCESSES:-1000}
cycles=${CYCLES:-200}
threads=${THREADS:-500}
variants=${VARIANTS:-some}
duration=${DURATION:-20}
reloads=${RELOADS:-60}
memory=4096 deadline=3000
case $kernel in
*-debug)
	memory=6144 deadline=4200
	processes=${PROCESSES:-50}
	connections=${CONNECTIONS:-1000}
	cycles=${CYCLES:-3}
	threads=${THREADS:-200}
	reloads=${RELOADS:-4}
	variants=${VARIANTS:-few}
	;;
esac

# The C program that has this test, NAME or FIXTURE.NAME, of any variant.
program_of()
{
	local file fixture='(\w+, )?'

	[[ $1 != *.* ]] || fixture="${1%%.*}, "
	for file in "$top"/selftests/test_*.c; do
		grep -qE "^TEST(_F(_TIMEOUT)?)?\($fixture${1##*.}\>" "$file" ||
			continue
		basename "$file" .c
		return
	done
	return 1
}

"$vm_dir/deps.sh"
"$vm_dir/build.sh" "$kernel"
build=$top/build/$kernel
if [ -n "$only" ]; then
	programs=$(cut -d: -f2 "$build/selftests/kselftest-list.txt")
	if ! name=$(grep -xE "(test_)?${only%.sh}(\.sh)?" <<<"$programs"); then
		# Of FIXTURE.VARIANT.TEST the last.
		test=${only##*.}
		name=$(program_of "$only") ||
			die "there is no test \"$only\"; the programs are" \
				"$programs"
	fi
	deadline=$((deadline / 4))
fi
deadline=$((deadline + connections / 500 + cycles * 4 + duration * 2 + reloads))
cat >"$build/script" <<EOF
echo timeout=$deadline >extsock/settings
./run_kselftest.sh ${name+-t extsock:$name}
EOF
"$vm_dir/run.sh" -k "$kernel" -t "$deadline" -m "$memory" "$build/script" \
	"EXTSOCK_CONNECTIONS=$connections" "EXTSOCK_PROCESSES=$processes" \
	"EXTSOCK_CYCLES=$cycles" "EXTSOCK_THREADS=$threads" "EXTSOCK_VARIANTS=$variants" \
	"EXTSOCK_DURATION=$duration" "EXTSOCK_SEED=${SEED:-0}" \
	"EXTSOCK_RELOADS=$reloads" \
	${test+"EXTSOCK_ONLY=$test"} |
	grep -vE '^#  ?#  (RUN|      OK)|^GUEST|^# TAP version' || true
passed=0 failed=0

# judge SCRIPT ARGUMENT...: what a script that ends in a verdict says
judge()
{
	local status=0 said=$build/${1%.sh}

	"$vm_dir/$1" "${@:2}" >"$said" || status=1
	grep -E '^(FAILED|skipped|not ok)' "$said" || true
	add_verdict $status "$said"
}

judge judge.sh "$build/run" "$kernel"
[ "$failed" = 0 ] || tail -n 60 "$build/run/console"
# Judge and runner themselves, on this side.
if [ -z "$only" ]; then
	judge judge_test.sh
	judge run_test.sh "$kernel"
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
