#!/usr/bin/env bash
# Three times as much is asked of a server as it can: what it still answers, how long that waits, and what the refused are told.
# Exit code 1 where goodput falls below 0.9 of its peak, or an answer takes longer than --max-queue-millis and a forward.
# usage: loadtest/overload.sh [--json FILE] [options of ./lyne bench overload]
set -euo pipefail
cd "$(dirname "$0")/.."
exec ./lyne bench overload "$@"
