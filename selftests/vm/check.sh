#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# check.sh KERNEL [NAME]: build, run the tests in a guest, judge. NAME: only this
# program of them, or only this test, as its "ok" line calls it.
# CONNECTIONS in the environment: how many test_probe opens and closes.
set -eu
. "$(dirname "$0")/lib.sh"

kernel=$1
only=${2-}
connections=${CONNECTIONS:-10000}
memory=4096 deadline=1200
case $kernel in
*-debug) memory=6144 deadline=2400 ;;
esac

# The C program that has this test.
program_of()
{
	local file

	for file in "$top"/selftests/test_*.c; do
		grep -qE "^TEST(_F(_TIMEOUT)?)?\((\w+, )?$1\>" "$file" || continue
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
		name=$(program_of "$test") ||
			die "there is no test \"$only\"; the programs are" \
				"$programs"
	fi
	deadline=$((deadline / 4 + connections / 500))
fi
cat >"$build/script" <<EOF
echo timeout=$deadline >extsock/settings
./run_kselftest.sh ${name+-t extsock:$name}
EOF
"$vm_dir/run.sh" -k "$kernel" -t "$deadline" -m "$memory" "$build/script" \
	"EXTSOCK_CONNECTIONS=$connections" ${test+"EXTSOCK_ONLY=$test"} |
	grep -vE '^#  ?#  (RUN|      OK)|^GUEST|^# TAP version' || true
verdict=0
"$vm_dir/judge.sh" "$build/run" "$kernel" >"$build/verdict" || verdict=1
[ $verdict = 0 ] || tail -n 60 "$build/run/console"
passed=$(sed -n '$s/ passed.*//p' "$build/verdict")
failed=$(sed -n '$s/.* \([0-9]*\) failed/\1/p' "$build/verdict")
sed '$d' "$build/verdict"

# Judge and runner themselves, on this side.
if [ -z "$only" ]; then
	for test in judge_test run_test; do
		"$vm_dir/$test.sh" "$kernel" >"$build/$test.tap" || true
		good=$(grep -c '^ok' "$build/$test.tap" || true)
		plan=$(sed -n 's/^1\.\.//p' "$build/$test.tap")
		passed=$((passed + good))
		failed=$((failed + ${plan:-1} - good))
		grep '^not ok' "$build/$test.tap" || true
	done
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
