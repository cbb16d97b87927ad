#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# fuzz.sh [SECONDS [TARGET]]: build the module's and the CLI's parsers for user space,
# give them what is in selftests/fuzz/corpus, then for so many seconds in total what
# libFuzzer makes of that; only this target. Prints lines of TAP, and "N passed, N
# failed" last.
set -eu
. "$(dirname "$0")/lib.sh"

seconds=${1:-120}
[[ $seconds =~ ^[0-9]+$ ]] || die "\"$seconds\" is no number of seconds"
fuzz=$top/selftests/fuzz
build=$top/build/fuzz
# Those that extract.sh reads.
sources=(lib/{ctype,hexdump,kstrtox,string_helpers,vsprintf}.c net/core/utils.c
	include/linux/{ctype,string}.h include/net/{addrconf,ipv6}.h)

"$vm_dir/deps.sh" clang libclang-rt-dev

unpack()
{
	cd "$1"
	kernel_source "${sources[@]}"
}

source=$cache/fuzz-source-$(key "${sources[*]}")
make_once "$source" unpack
mkdir -p "$build"
make -s -C "$fuzz" O="$build" KERNEL="$source" >"$build/build.log" 2>&1 || {
	cat "$build/build.log" >&2
	die "cannot build the targets"
}
names=$(make -s -C "$fuzz" list)
read -ra targets <<<"$names"
if [ -n "${2-}" ]; then
	[[ " $names " == *" $2 "* ]] || die "there is no target \"$2\""
	targets=("$2")
fi

n=0
passed=0
failed=0

# try NAME COMMAND...: a line of TAP; what the command says only if it fails
try()
{
	local name=$1 log=$build/log

	shift
	n=$((n + 1))
	if "$@" >"$log" 2>&1; then
		echo "ok $n $name"
		passed=$((passed + 1))
		return
	fi
	grep -aE '^(DEFECT|SUMMARY|Running)|runtime error|Test unit written' \
		"$log" | sed 's/^/# /'
	cp "$log" "$build/${name//[: ]/-}.log"
	echo "# all of it is in $build/${name//[: ]/-}.log"
	echo "not ok $n $name"
	failed=$((failed + 1))
}

# An input has words that are no longer than the buffers of who looks at what is printed.
fuzz_target()
{
	local target=$1 found=$build/corpus/$1

	mkdir -p "$found"
	"$build/$target" -max_total_time=$((seconds / ${#targets[@]})) \
		-max_len=2048 -timeout=10 -rss_limit_mb=1024 \
		-artifact_prefix="$build/$target-" "$found" \
		"$fuzz/corpus/$target"
}

echo "TAP version 13"
for target in "${targets[@]}"; do
	try "$target: corpus" "$build/$target" -timeout=10 \
		-artifact_prefix="$build/$target-" "$fuzz/corpus/$target"/*
done
# 0 would be for ever.
if [ "$seconds" -ge ${#targets[@]} ]; then
	for target in "${targets[@]}"; do
		try "$target: $((seconds / ${#targets[@]})) s" \
			fuzz_target "$target"
	done
fi
echo "1..$n"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
