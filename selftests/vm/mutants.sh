#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# mutants.sh KERNEL [NAME]: does each mutant fail the test that its patch names?
# They are in selftests/mutants: what is promised there, a line "Test: NAME", or
# "Fuzz: TARGET" if fuzzing must find it, perhaps "Kernel: KERNEL" if others do not run
# the test, perhaps "Log: PATTERN" if not the test says it but the kernel, or judge.sh of
# what it said, and the patch that breaks the promise. Works on a copy; prints TAP.
set -eu
. "$(dirname "$0")/lib.sh"

kernel=$1
mutants=$top/selftests/mutants
# shellcheck disable=SC2206 # a pattern
patches=("$mutants"/${2-*}.patch)
[ -e "${patches[0]}" ] || die "there is no mutant \"${2-}\""
copy=$top/build/mutants
n=0 failed=0

mkdir -p "$copy/build"
rsync -a --delete --exclude=/build --exclude=/.git "$top/" "$copy/"
# Newer than what was made of them, as what a patch touches will be.
find "$copy/module" "$copy/uapi" -type f -exec touch {} +

apply()
{
	patch -p1 -s -d "$copy" "$@" && sleep 1
}

# is_caught TEST: it is seen to fail, any of a script's, or the kernel to complain, or
# the judge of its log. Then there is nothing more to wait for.
is_caught()
{
	local failing="^# not ok [0-9]+ (.*\\.)?${1##*.}([[:space:]]|\$)"
	local pid build=$copy/build/$on
	local places=("$build/run/output")

	[ ! -e "$copy/selftests/$1.sh" ] || failing="^# not ok "
	[ -z "$log" ] || places=("$build/run/console" "$build/judge") failing=$log
	rm -rf "$build/run" "$build/judge"
	WARNINGS=allowed setsid make -s -C "$copy" check KERNEL="$on" ONLY="$1" \
		>"$copy/build/mutant.log" 2>&1 &
	pid=$!
	while kill -0 "$pid" 2>/dev/null &&
		! grep -qsE "$failing" "${places[@]}"; do
		sleep 1
	done
	kill -- "-$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	grep -qsE "$failing" "${places[@]}"
}

# is_found TARGET: by libFuzzer, in the time that it has for all of them
is_found()
{
	! make -s -C "$copy" fuzz ONLY="$1" >"$copy/build/mutant.log" 2>&1 &&
		grep -q '^not ok' "$copy/build/mutant.log"
}

echo "1..${#patches[@]}"
for patch in "${patches[@]}"; do
	name=$(basename "$patch" .patch)
	test=$(sed -n 's/^Test: //p' "$patch")
	target=$(sed -n 's/^Fuzz: //p' "$patch")
	on=$(sed -n 's/^Kernel: //p' "$patch")
	on=${on:-$kernel}
	log=$(sed -n 's/^Log: //p' "$patch")
	[ -n "$test$target" ] || die "$name names no test"
	n=$((n + 1))
	apply <"$patch" || die "$name does not apply any more"
	if "is_${target:+found}${test:+caught}" "$target$test"; then
		echo "ok $n - $name fails $target$test"
	else
		echo "not ok $n - $name does not fail $target$test"
		failed=$((failed + 1))
	fi
	apply -R <"$patch"
done
[ $failed = 0 ]
