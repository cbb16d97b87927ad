# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the scripts of this folder share. Sourced, never run.

vm_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$vm_dir/../.." && pwd)
cache=${EXTSOCK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/extsock}
export vm_dir top cache
mkdir -p "$cache"

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

say()
{
	printf '# %s\n' "$*" >&2
}

# add_verdict STATUS FILE: add to $passed and $failed what the last line of FILE
# says, which a command has printed that ended with STATUS. Without such a line,
# or if it does not explain the status, something failed.
add_verdict()
{
	local line good bad

	line=$(tail -n 1 "$2" | grep -xE '[0-9]+ passed, [0-9]+ failed') || true
	good=${line%% *}
	bad=${line#*, }
	bad=${bad% failed}
	if [ -z "$line" ] || { [ "$1" != 0 ] && [ "$bad" = 0 ]; }; then
		echo "FAILED: ${2##*/} came to no result"
		bad=1
	fi
	passed=$((passed + ${good:-0}))
	failed=$((failed + bad))
}

# key FILE-OR-TEXT...: a name for what is made from these
key()
{
	local arg

	for arg in "$@"; do
		if [ -f "$arg" ]; then
			cat "$arg"
		else
			printf '%s\n' "$arg"
		fi
	done | sha256sum | cut -c1-16
}

# make_once PATH COMMAND...: unless PATH exists, run COMMAND with the name of an
# empty folder as its last argument, and rename that to PATH if it succeeded.
make_once()
{
	local path=$1 work status

	shift
	[ ! -e "$path" ] || return 0
	(
		flock 9
		[ -e "$path" ] && exit 0
		work=$path.new
		rm -rf "$work"
		mkdir -p "$work"
		say "making $path"
		# Not as part of a condition: there -e would not count.
		set +e
		(
			set -eu
			"$@" "$work"
		) >"$path.log" 2>&1
		status=$?
		set -e
		if [ $status != 0 ]; then
			tail -n 30 "$path.log" >&2
			die "cannot make $path; its log is $path.log"
		fi
		mv "$work" "$path"
	) 9>"$path.lock"
}

# kernel_source FILE...: unpack these files of Debian's linux-source-6.1, or those that
# match these patterns, into the current folder
kernel_source()
{
	apt-get -o APT::Sandbox::User=root download linux-source-6.1
	dpkg-deb --fsys-tarfile linux-source-6.1_*.deb | tar xf - ./usr/src
	tar xf usr/src/linux-source-6.1.tar.xz --strip-components=1 \
		--wildcards "${@/#/linux-source-6.1/}"
	rm -rf usr ./*.deb
}

# apt_update: of those who do this at the same time apt lets one, and fails the others
apt_update()
{
	flock "$cache" apt-get update -qq >&2
}

# apt_sources: what this machine's apt knows, as lines of a sources.list
apt_sources()
{
	local sources

	# shellcheck disable=SC2016 # for apt
	sources=$(apt-get indextargets 'Created-By: Packages' \
		--format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' | sort -u)
	[ -n "$sources" ] || die "apt knows no packages; run apt-get update"
	echo "$sources"
}

# backports SUITE: let apt see the backports of this release of Debian and nothing
# else, with a state of its own. The mirror is that of this machine's sources.
backports()
{
	local dir=$cache/apt-$1 mirror

	mirror=$(apt_sources | grep -v -- -security | awk 'NR == 1 { print $2 }')
	mkdir -p "$dir"/{lists,archives}/partial
	printf 'deb [signed-by=%s] %s %s-backports main\n' \
		/usr/share/keyrings/debian-archive-keyring.gpg "$mirror" "$1" \
		>"$dir/sources.list"
	cat >"$dir/apt.conf" <<-EOF
	Dir::State::Lists "$dir/lists";
	Dir::Cache "$dir";
	Dir::Etc::SourceList "$dir/sources.list";
	Dir::Etc::SourceParts "/dev/null";
	Dir::State::status "/dev/null";
	APT::Sandbox::User "root";
	EOF
	export APT_CONFIG=$dir/apt.conf
}
