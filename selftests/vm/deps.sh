#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# deps.sh [PACKAGE...]: install what building and running the guests needs, and these
# packages, if it is missing.
set -eu

packages="gcc make libc6-dev qemu-system-x86 mmdebstrap flex bison libelf-dev
	libssl-dev liburing-dev bc cpio kmod rsync zstd xz-utils dwarves python3 file
	debian-archive-keyring shellcheck procps $*"
missing=
for package in $packages; do
	dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
		grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
	echo "these packages are missing; install them as root:$missing" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
echo "# installing$missing" >&2
apt-get update -qq >&2
# shellcheck disable=SC2086 # a list of words
apt-get install -qq -y --no-install-recommends $missing >/dev/null
