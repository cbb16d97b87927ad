#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# check.sh KERNEL [NAME]: build, run all tests or one of them in a guest, judge.
set -eu
. "$(dirname "$0")/lib.sh"

kernel=$1
only=${2-}
"$vm_dir/deps.sh"
"$vm_dir/build.sh" "$kernel"
build=$top/build/$kernel
memory=4096 deadline=1200
case $kernel in
*-debug) memory=6144 deadline=2400 ;;
esac
if [ -n "$only" ]; then
	name=$(cut -d: -f2 "$build/selftests/kselftest-list.txt" |
		grep -xE "(test_)?${only%.sh}(\.sh)?" | head -n 1) ||
		die "there is no test \"$only\"; there are: $(cut -d: -f2 \
			"$build/selftests/kselftest-list.txt" | tr '\n' ' ')"
	deadline=$((deadline / 4))
fi
cat >"$build/script" <<EOF
./run_kselftest.sh ${name+-t extsock:$name}
EOF
"$vm_dir/run.sh" -k "$kernel" -t "$deadline" -m "$memory" "$build/script" |
	grep -vE '^#  ?#  (RUN|      OK)|^GUEST|^# TAP version' || true
verdict=0
"$vm_dir/judge.sh" "$build/run" >"$build/verdict" || verdict=1
[ $verdict = 0 ] || tail -n 60 "$build/run/console"
passed=$(sed -n '$s/ passed.*//p' "$build/verdict")
failed=$(sed -n '$s/.* \([0-9]*\) failed/\1/p' "$build/verdict")
sed '$d' "$build/verdict"

# The judge itself, on this side.
if [ -z "$only" ]; then
	"$vm_dir/judge_test.sh" >"$build/judge.tap" || true
	good=$(grep -c '^ok' "$build/judge.tap" || true)
	plan=$(sed -n 's/^1\.\.//p' "$build/judge.tap")
	passed=$((passed + good))
	failed=$((failed + ${plan:-1} - good))
	grep '^not ok' "$build/judge.tap" || true
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
