#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# rootfs.sh: provide the guests' base system, a cpio archive in the cache, and
# print its path.
set -eu
. "$(dirname "$0")/lib.sh"

packages=bash,coreutils,util-linux,procps,iproute2,kmod,nftables,strace
packages=$packages,redis-server,redis-tools,iperf3,criu,mptcpize
packages=$packages,curl,lighttpd,lsb-base
# What PostgreSQL is linked with; itself: see postgresql.sh.
packages=$packages,libpq5,libicu72,libxml2,libreadline8

# A guest runs programs and installs none: unpacking takes most of its boot.
superfluous="usr/share/perl usr/share/perl5 usr/lib/*/perl usr/lib/*/perl-base
	usr/bin/*perl* usr/lib/*/libperl* usr/lib/python3* usr/bin/python3*
	usr/lib/*/gconv usr/lib/apt usr/bin/apt* usr/lib/*/libapt*
	usr/bin/redis-benchmark usr/bin/gpgv
	usr/share/zoneinfo usr/share/info usr/share/bash-completion
	usr/share/lintian usr/share/common-licenses var/lib/dpkg var/lib/apt
	var/cache usr/share/keyrings etc/apt boot"

base()
{
	local out=$1

	apt_sources | mmdebstrap --variant=minbase --include="$packages" \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--customize-hook="$vm_dir/postgresql.sh" \
		bookworm "$out/base.tar" -
	mkdir "$out/root"
	tar xf "$out/base.tar" -C "$out/root" --exclude='./dev/*'
	# shellcheck disable=SC2086 # patterns
	(cd "$out/root" && rm -rf $superfluous)
	(cd "$out/root" && find . | cpio -o -H newc --quiet) >"$out/base.cpio"
	rm -rf "$out/root" "$out/base.tar"
}

path=$cache/rootfs-$(key "$packages" "$0" \
	"$vm_dir/postgresql.sh")
make_once "$path" base
echo "$path/base.cpio"
