#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# qemu.sh: provide an emulator and print its path.
#
# While probes come and go the kernel rewrites instructions that are being run.
# QEMU 7.2, which Debian 12 has, can miss the end of that when it emulates two
# CPUs, and they trap at the same instruction for ever. QEMU 10.0, of Debian 12's
# backports, does not; it needs no library that Debian 12's own does not need.
set -eu
. "$(dirname "$0")/lib.sh"

good=10

own=$(qemu-system-x86_64 --version | sed -nE '1s/.* version ([0-9]+)\..*/\1/p')
if [ "${own:-0}" -ge $good ]; then
	command -v qemu-system-x86_64
	exit
fi

provide()
{
	local out=$1 deb

	cd "$out"
	apt-get download qemu-system-x86 qemu-system-common qemu-system-data
	for deb in *.deb; do
		dpkg-deb -x "$deb" .
		rm "$deb"
	done
	cat >qemu-system-x86_64 <<-EOF
	#!/bin/sh
	exec "$final/usr/bin/qemu-system-x86_64" -L "$final/usr/share/qemu" \
		-L /usr/share/seabios "\$@"
	EOF
	chmod +x qemu-system-x86_64
}

final=$cache/qemu-$(key "$0")
if [ ! -e "$final" ]; then
	backports bookworm
	apt_update
	make_once "$final" provide
fi
echo "$final/qemu-system-x86_64"
