#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# curl and a web server outside. Whoever fetches with a connection for each file
# is drained, frozen and thawed in the middle of its work, and every file is
# complete; a long download is in the way, named, and left alone.
set -u
. ./lib.sh
. ./members.sh

[ "${EXTSOCK_VARIANTS-}" != few ] || skip_all "it takes too long here"

command -v lighttpd >/dev/null || skip_all "there is no lighttpd"
command -v curl >/dev/null || skip_all "there is no curl"

port=8044
url=http://127.0.0.1:$port/file
server=

cleanup()
{
	[ -z "$server" ] || kill -KILL "$server"
	end_group
}

start_server()
{
	mkdir "$work/www"
	head -c 100000 /dev/urandom >"$work/www/file"
	cat >"$work/conf" <<-EOF
	server.document-root = "$work/www"
	server.bind = "127.0.0.1"
	server.port = $port
	server.modules = ()
	\$SERVER["socket"] == "$work/socket" { }
	EOF
	lighttpd -D -f "$work/conf" >"$work/server" 2>&1 &
	server=$!
	eventually curl -sf -o "$work/probe" "$url" &&
		cmp "$work/probe" "$work/www/file"
}

# As a member: fetch a file again and again until told to stop, each time with a
# curl of its own; a line for each.
cat >"$work/fetch" <<'EOF'
while [ ! -e "$1/stop" ]; do
	if curl -sS -o "$1/body" "${@:2}" && cmp "$1/body" "$1/www/file"; then
		echo complete
	else
		echo broken
	fi
	rm -f "$1/body"
done
EOF
fetched() { grep -c complete "$work/$name"; }

# Ten freezes, two files or more between them.
freeze_ten_times()
{
	local status=0

	freezes=0
	while [ $freezes -lt 10 ]; do
		goes_on fetched 2 || return
		freeze_and_thaw || status=1
		has_members || return 1
	done
	goes_on fetched 2 || return
	return $status
}

again_and_again()
{
	name=$1
	shift
	rm -f "$work/stop"
	inside "$name" bash "$work/fetch" "$work" "$@"
	check "$name: frozen and thawed ten times" freeze_ten_times
	touch "$work/stop"
	check "$name: the shell ends well" ends_well "$name" "$pid"
	check "$name: it has fetched twenty files at least" \
		[ "$(fetched)" -ge 20 ]
	check "$name: every file was complete" \
		[ "$(sort -u "$work/$name")" = complete ]
}

trap cleanup EXIT
start_group
check "a server starts outside" start_server

again_and_again a_curl_for_each_file "$url"
again_and_again the_same_over_a_unix_socket --unix-socket "$work/socket" "$url"

# One curl that closes its connection after each file.
mkdir "$work/many"
stored() { find "$work/many" -type f | wc -l; }
different()
{
	local file

	for file in "$work/many"/*; do
		cmp -s "$file" "$work/www/file" || echo "${file##*/}"
	done
}
# On a fast machine it would be over before it is frozen.
inside one_curl curl -sS --rate 50/s --no-keepalive -H 'Connection: close' --fail-early \
	-o "$work/many/#1" "$url?[1-200]"
check "one curl: frozen and thawed until it has done its work" \
	freeze_all_along stored 1
check "one curl: that was at least three times" [ "$freezes" -ge 3 ]
check "one curl: it ends well" ends_well one_curl "$pid"
check "one curl: it has fetched every file" [ "$(stored)" = 200 ]
check "one curl: every file is complete" [ "$(different)" = "" ]
finish
