#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kselftest.sh: provide the kernel's kselftest, from Debian's linux-source-6.1,
# in the cache, and print the path of its tools/testing/selftests.
set -eu
. "$(dirname "$0")/lib.sh"

unpack()
{
	local out=$1

	cd "$out"
	apt-get -o APT::Sandbox::User=root download linux-source-6.1
	dpkg-deb --fsys-tarfile linux-source-6.1_*.deb | tar xf - ./usr/src
	tar xf usr/src/linux-source-6.1.tar.xz --strip-components=1 \
		--wildcards \
		'linux-source-6.1/tools/testing/selftests/*.h' \
		'linux-source-6.1/tools/testing/selftests/*.mk' \
		'linux-source-6.1/tools/testing/selftests/*.sh' \
		'linux-source-6.1/tools/testing/selftests/kselftest' \
		'linux-source-6.1/tools/scripts' \
		'linux-source-6.1/scripts/checkpatch.pl' \
		'linux-source-6.1/scripts/spelling.txt' \
		'linux-source-6.1/scripts/const_structs.checkpatch' \
		'linux-source-6.1/scripts/subarch.include'
	rm -rf usr ./*.deb
	# Only the runner's own files: no tests of others.
	find tools/testing/selftests -mindepth 1 -maxdepth 1 -type d \
		! -name kselftest -exec rm -rf {} +
}

path=$cache/kselftest-$(key "$0")
make_once "$path" unpack
echo "$path/tools/testing/selftests"
