#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# check-docs.sh [EXTSOCKCTL]: do the table of verbs, --help and the man page
# name the same verbs and options, and is there a file and a help for each?
set -eu
cd "$(dirname "$0")"
ctl=${1:-./extsockctl}
man=../../Documentation/man/extsockctl.8
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

complain()
{
	echo "check-docs: $*" >&2
	status=1
}

# same WHAT: compare the lists WHAT.table, WHAT.help and WHAT.man
same()
{
	[ -s "$work/$1.table" ] || complain "no $1 found in main.c"
	for where in help man; do
		diff "$work/$1.table" "$work/$1.$where" >&2 ||
			complain "$1: main.c (<) and $where (>) differ"
	done
}

"$ctl" --help >"$work/help"
sed -n 's/^	{ "\([a-z]*\)", verb_.*/\1/p' main.c | sort >"$work/verbs.table"
# The verbs are the lines up to the next empty one, indented by two blanks.
sed -n '/^usage/,/^  -/s/^  \([a-z][a-z]*\) .*/\1/p' "$work/help" |
	sort >"$work/verbs.help"
sed -n '/^\.Sh VERBS/,/^\.Sh OPTIONS/s/^\.It Cm \([a-z]*\).*/\1/p' "$man" |
	sort -u >"$work/verbs.man"
same verbs

# Every verb has a file and a help, which tells of the same operands.
while read -r verb; do
	[ -f "$verb.c" ] || complain "there is no $verb.c"
	"$ctl" "$verb" --help >"$work/$verb" ||
		complain "extsockctl $verb --help fails"
	cat "$work/$verb" >>"$work/help"
	grep -q "^usage: .* $verb" "$work/$verb" ||
		complain "extsockctl $verb --help does not tell of it"
done <"$work/verbs.table"

sed -n 's/^		{ "\([a-z]*\)", [a-z]*_argument.*/\1/p' main.c | sort \
	>"$work/options.table"
grep -o -e '--[a-z][a-z]*' "$work/help" | sed 's/^--//' | sort -u \
	>"$work/options.help"
# Fl -name, and -name further on in a line such as ".It Fl h , -help".
grep -E '^\.(It|Fl|Op)' "$man" | grep -o -e ' -[a-z][a-z]*' |
	sed 's/^ -//' | sort -u >"$work/options.man"
same options

exit $status
