#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shell.sh KERNEL: a prompt in a guest with the module loaded. "exit" ends it.
set -eu
. "$(dirname "$0")/lib.sh"

"$vm_dir/deps.sh"
"$vm_dir/build.sh" "$1"
exec "$vm_dir/run.sh" -k "$1" -m 4096 -i
