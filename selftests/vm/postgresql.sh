#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# postgresql.sh ROOT: a hook of mmdebstrap. Put PostgreSQL's server, pgbench and
# psql into ROOT, and a cluster that has pgbench's tables: a guest would take
# minutes to make one. Installed as a package it would bring LLVM, perl and
# locales, five times its own size.
set -eu

root=$1
at=usr/lib/postgresql/15
share=usr/share/postgresql
keep="$at/bin/postgres $at/bin/pgbench $at/bin/psql $share/15/timezonesets"

work=$(mktemp -d)
trap 'rm -rf "$work" "$root/tmp/cluster"' EXIT

cd "$work"
APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -o APT::Sandbox::User=root \
	download postgresql-15 postgresql-client-15
for deb in *.deb; do
	dpkg-deb --fsys-tarfile "$deb" |
		tar x -C "$root" --wildcards "./$at/*" "./$share/*"
done

# A guest has no time zones; GMT needs none.
# shellcheck disable=SC2016 # for the other shell
chroot "$root" setpriv --reuid=nobody --regid=nogroup --clear-groups \
	env "PATH=/$at/bin:/usr/bin:/bin" TZ=GMT bash -euc '
	initdb --username=postgres --auth=trust --no-locale --no-sync \
		--no-instructions --wal-segsize=1 /tmp/cluster
	# Tables that are filled where they are made need no log.
	pg_ctl start --wait --pgdata=/tmp/cluster --options="-k /tmp \
		-c listen_addresses= -c fsync=off -c wal_level=minimal \
		-c max_wal_senders=0 -c max_wal_size=2MB"
	pgbench --initialize --host=/tmp --username=postgres postgres
	pg_ctl stop --wait --pgdata=/tmp/cluster
'
tar czf "$root/$share/cluster.tar.gz" -C "$root/tmp" cluster

cd "$root"
# shellcheck disable=SC2086 # a list of words
tar cf "$work/keep.tar" $keep "$share/cluster.tar.gz"
rm -rf "${root:?}/$at" "${root:?}/$share"
tar xf "$work/keep.tar"
# The server wants to see it.
mkdir "$at/lib"
