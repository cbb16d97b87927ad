#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernel.sh 6.1|6.12|7.3|6.1-debug|7.3-debug|7.3-kcsan: provide a kernel, in the cache,
# and print where it is: kimage (to boot), kdir (to build modules against), kmodules
# (a cpio archive with its own modules).
set -eu
. "$(dirname "$0")/lib.sh"

# What guests may need of a stock kernel's modules.
wanted="drivers/net/veth.ko drivers/net/dummy.ko drivers/net/tun.ko
	drivers/block/loop.ko fs/ext4 fs/jbd2 fs/mbcache.ko lib/crc16.ko
	crypto/crc32c_generic.ko net/ipv4 net/ipv6 net/netfilter net/unix
	net/netlink net/packet net/sched net/tls net/sctp net/core net/llc
	net/802 net/bridge net/mptcp net/vmw_vsock lib/libcrc32c.ko
	crypto/af_alg.ko crypto/algif_hash.ko
	crypto/gcm.ko crypto/ctr.ko crypto/ghash-generic.ko crypto/gf128mul.ko
	crypto/crypto_null.ko lib/crypto/gf128mul.ko
	arch/x86/crypto/crc32c-intel.ko"

pack_modules()
{
	local root=$1 version=$2 out=$3 path file
	local from=$root/lib/modules/$version to=$out/tree/lib/modules/$version

	mkdir -p "$to/kernel"
	cp "$from"/modules.builtin "$from"/modules.order "$to/"
	cp "$from"/modules.builtin.modinfo "$to/" 2>/dev/null || true
	for path in $wanted; do
		mkdir -p "$(dirname "$to/kernel/$path")"
		# They may be compressed.
		for file in "$from/kernel/$path"*; do
			[ ! -e "$file" ] ||
				cp -r "$file" "$to${file#"$from"}"
		done
	done
	depmod -b "$out/tree" "$version"
	# In the guest /lib is a link to /usr/lib, which must stay.
	mkdir "$out/tree/usr"
	mv "$out/tree/lib" "$out/tree/usr/lib"
	(cd "$out/tree" && find . | cpio -o -H newc -R 0:0 --quiet) \
		>"$out/modules.cpio"
}

# Nothing of it is installed on this machine.
unpack_stock()
{
	local version=$1 common=$2 kbuild=$3 out=$4 deb

	cd "$out"
	apt-get -o APT::Sandbox::User=root download \
		"linux-image-$version" "linux-headers-$version" "$common" \
		"$kbuild"
	for deb in *.deb; do
		dpkg-deb -x "$deb" root
		rm "$deb"
	done
	# Its makefiles name each other by the paths they have when installed.
	grep -rlI /usr/src/linux-headers "root/usr/src/linux-headers-$version" |
		xargs -r sed -i "s,/usr/src/linux-headers,$final/root&,g"
	find root/usr/src root/usr/lib -type l | while read -r link; do
		target=$(readlink "$link")
		case $target in
		/*) ln -sfn "$final/root$target" "$link" ;;
		esac
	done
	pack_modules root "$version" "$PWD"
	rm -rf tree "root/lib/modules/$version/kernel"
}

# A kernel of Debian 12 (6.1), or of its backports.
stock()
{
	local series=$1 version common kbuild

	apt-cache show linux-headers-amd64 >/dev/null 2>&1 ||
		apt_update
	version=$(apt-cache depends linux-headers-amd64 | sed -n \
		"s/.*Depends: linux-headers-\\(${series/./\\.}\\..*-amd64\\).*/\\1/p" |
		head -n 1)
	[ -n "$version" ] || die "apt knows no linux-headers-amd64 of $series"
	common=linux-headers-${version%-amd64}-common
	kbuild=linux-kbuild-${version%-amd64}
	[ "$series" != 6.1 ] || kbuild=linux-kbuild-6.1
	final=$cache/kernel-$version-$(key "$wanted" "$0")
	make_once "$final" unpack_stock "$version" "$common" "$kbuild"
	echo "kimage=$final/root/boot/vmlinuz-$version"
	echo "kdir=$final/root/usr/src/linux-headers-$version"
	echo "kmodules=$final/modules.cpio"
}

unpack_source()
{
	local package=$1 out=$2

	# The kernel has a folder usr of its own.
	mkdir "$out/deb"
	cd "$out/deb"
	apt-get download "$package"
	dpkg-deb -x "$package"_*.deb .
	tar xf usr/src/"$package".tar.xz -C "$out" --strip-components=1
	rm -rf "$out/deb"
}

# KCSAN watches what the module does, not what the kernel itself does.
build()
{
	local source=$1 config out

	shift
	for out; do :; done
	make -C "$source" O="$out" x86_64_defconfig
	cd "$out"
	"$source"/scripts/kconfig/merge_config.sh -m -O . .config "${@:1:$#-1}"
	make olddefconfig
	cat "${@:1:$#-1}" | grep ^CONFIG | while read -r config; do
		grep -qx "$config" .config ||
			die "the kernel cannot have $config"
	done
	make -j"$(nproc)" KCSAN_SANITIZE=n bzImage modules
	find . -name '*.o' ! -path './scripts/*' ! -path './tools/*' -delete
	: | cpio -o -H newc --quiet >modules.cpio
	# It will be renamed to $final.
	sed -i "s,$out,$final,g" Makefile
}

# built SERIES [FLAVOUR]: from Debian's sources, with what kconfig/FLAVOUR and
# kconfig/FLAVOUR-SERIES say
built()
{
	local series=$1 flavour=${2-} version source fragments fragment

	apt_update
	version=$(apt-cache policy "linux-source-$series" |
		sed -n 's/.*Candidate: //p')
	[ -n "$version" ] || die "apt knows no linux-source-$series"
	source=$cache/linux-source-$series-$(key "$version" \
		"$(declare -f unpack_source)")
	make_once "$source" unpack_source "linux-source-$series"
	fragments=("$vm_dir/kconfig/guest")
	for fragment in "$vm_dir/kconfig/$flavour"{,-"$series"}; do
		[ ! -f "$fragment" ] || fragments+=("$fragment")
	done
	final=$cache/kernel-$series${flavour:+-$flavour}-$(key "$source" \
		"${fragments[@]}" "$(declare -f build)")
	make_once "$final" build "$source" "${fragments[@]}"
	echo "kimage=$final/arch/x86/boot/bzImage"
	echo "kdir=$final"
	echo "kmodules=$final/modules.cpio"
}

case ${1-} in
6.1) stock 6.1 ;;
6.12)
	backports bookworm
	stock 6.12
	;;
6.1-debug) built 6.1 debug ;;
7.3 | 7.3-debug | 7.3-kcsan)
	backports trixie
	# shellcheck disable=SC2046 # a series, and a flavour or none
	built $(tr - ' ' <<<"$1")
	;;
*) die "usage: kernel.sh 6.1|6.12|7.3|6.1-debug|7.3-debug|7.3-kcsan" ;;
esac
