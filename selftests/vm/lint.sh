#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# lint.sh: static checks of scripts, module, CLI and documentation. Prints TAP.
set -eu
. "$(dirname "$0")/lib.sh"

"$vm_dir/deps.sh" sparse coccinelle clang-tools codespell g++ patch
cd "$top"
build=$top/build/lint
ksft=$("$vm_dir/kselftest.sh")
scripts=${ksft%/tools/testing/selftests}/scripts
mapfile -t shims < <(find module/compat -name '*.h')
n=0 failed=0

# What was built with warnings would be up to date.
rm -rf "$build"
mkdir -p "$build"

# try NAME COMMAND...: a line of TAP; what the command says only if it fails
try()
{
	local name=$1

	shift
	n=$((n + 1))
	if "$@" >"$build/log" 2>&1; then
		echo "ok $n - $name"
		return
	fi
	sed 's/^/# /' "$build/log"
	echo "not ok $n - $name"
	failed=$((failed + 1))
}

# nothing_but PATTERN: standard input has only lines that match, and shows others
nothing_but()
{
	! grep -vE "$1"
}

# The locks are described in the kernel-doc of their structs, version tests are
# what compat/ is for, and the CLI has no kernel macros.
checkpatch()
(
	set -o pipefail
	"$scripts/checkpatch.pl" --no-tree --strict --terse --show-types --file \
		--ignore LINUX_VERSION_CODE,FILE_PATH_CHANGES,UNCOMMENTED_DEFINITION,CONSTANT_COMPARISON,PREFER_DEFINED_ATTRIBUTE_MACRO \
		module/*.[ch] "${shims[@]}" tools/extsockctl/*.[ch] \
		uapi/linux/*.h |
		nothing_but '^total: 0 errors, 0 warnings, 0 checks'
	status=$?
	# What it knows of names, if it has found one that it does not like.
	rm -f .checkpatch-camelcase.*
	exit $status
)

# make_module KERNEL ARGUMENT...: make it in a copy, without a warning of ours
make_module()
{
	local copy=$build/$1 kdir

	kdir=$("$vm_dir/kernel.sh" "$1" | sed -n 's/^kdir=//p')
	[ -n "$kdir" ] || return
	shift
	mkdir -p "$copy"
	cp -rpu module uapi Kbuild "$copy/"
	make -j"$(nproc)" -C "$kdir" M="$copy" CONFIG_DEBUG_INFO_BTF_MODULES= \
		"$@" modules >"$copy/log" 2>&1 || {
		cat "$copy/log"
		return 1
	}
	# What is wrong at the end of a function may be found in a header.
	grep -iE 'warning|error' "$copy/log" |
		grep -F -e "$copy/" -e 'context imbalance' |
		nothing_but "'(un)?lock_sighand'"
}

# It does not know __has_include(), and the kernels checked here have the one header
# that is asked for. Nor does it know locks that are taken only if what is returned is
# not NULL, as by lock_sighand(). With W=1 what was just made is not made again.
sparse()
{
	make_module "$1" W=1 C=2 CF="'-D__has_include(x)=1'"
}

# semantic_patch FILE: what it finds
semantic_patch()
{
	local found=$build/cocci-${1##*/} options

	options=$(sed -nE 's,^//+ *Options:,,p' "$1" | tr '\n' ' ')
	# shellcheck disable=SC2086 # a list of words
	spatch -D report --very-quiet --no-show-diff $options -I uapi \
		--cocci-file "$1" module/*.[ch] tools/extsockctl/*.[ch] \
		>"$found" 2>"$found.err" || {
		cat "$found.err"
		echo "spatch fails with $1"
	}
	cat "$found"
}
export -f semantic_patch
export build

# Two of them want an OCaml compiler; one is for a driver, sparse finds what the
# other does. Both branches of init_lock() are the same, but their lock classes; the
# CLI has no min().
coccicheck()
(
	folders=("$scripts"/coccinelle/{api,free,iterators,locks,misc,null})
	set -o pipefail
	# shellcheck disable=SC2016 # for bash -c
	find "${folders[@]}" -name '*.cocci' ! -name check_bq27xxx_data.cocci \
		! -name badzero.cocci -print0 |
		xargs -0 -n 1 -P "$(nproc)" \
			bash -c 'semantic_patch "$1"' semantic_patch |
		nothing_but '^module/backlog.c:.* \(if == else\)|^tools/.* for min\(\)'
)

kernel_doc()
{
	"$scripts/kernel-doc" -none -Werror module/*.[ch] "${shims[@]}" \
		tools/extsockctl/*.[ch] selftests/fuzz/*.[ch]
}

cli()
{
	local out=$build/$1

	shift
	"$@" make -s -C tools/extsockctl O="$out" CFLAGS="-O2 -Werror ${flags-}"
}

# header_alone LANGUAGE STANDARD
header_alone()
{
	printf '#include <linux/extsock.h>\nint unused;\n' |
		gcc -x "$1" -std="$2" -pedantic -Wall -Wextra -Werror \
			-fsyntax-only -Iuapi -
}

# Words of roff and of the kernel, and "to and fro".
spelling()
{
	codespell --check-hidden --ignore-words-list=nd,unx,fro \
		--skip='*/corpus,*.o,*.d' .ci/run Kbuild MAINTAINERS Makefile \
		README.md Documentation module selftests tools uapi
}

# As mutants.sh does; lines may have moved, but what is around them is the same.
mutants_apply()
{
	local patch status=0

	for patch in selftests/mutants/*.patch; do
		patch -p1 -s -f -F0 --dry-run <"$patch" || {
			echo "$patch does not apply"
			status=1
		}
	done
	return $status
}

try shellcheck shellcheck -x .ci/run selftests/*.sh selftests/fuzz/*.sh \
	selftests/vm/*.sh selftests/vm/init tools/extsockctl/*.sh
try codespell spelling
try "mutants apply" mutants_apply
try checkpatch checkpatch
try kernel-doc kernel_doc
for standard in c90 c11; do
	try "uapi alone as $standard" header_alone c $standard
done
for standard in c++98 c++20; do
	try "uapi alone as $standard" header_alone c++ $standard
done
flags=-fanalyzer try "CLI: gcc -fanalyzer" cli fanalyzer
try "CLI: scan-build" cli scan-build scan-build --status-bugs \
	-o "$build/scan-build-reports"
for kernel in 6.1 6.12; do
	try "module: W=1 for $kernel" make_module $kernel W=1
	try "module: sparse for $kernel" sparse $kernel
done
try "module, CLI: coccicheck" coccicheck
echo "1..$n"
[ $failed = 0 ]
