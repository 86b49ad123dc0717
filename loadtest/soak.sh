#!/usr/bin/env bash
# Mixed load on a server for half an hour: whether its resident memory grows by 3 % after the first five minutes, and whether threads,
# descriptors, streams or tensors are left over. Exit code 1 where a bound is passed. Linux with a JDK.
# usage: loadtest/soak.sh [--minutes M] [--json FILE]
set -euo pipefail
cd "$(dirname "$0")/.."
exec ./lyne bench soak "$@"
