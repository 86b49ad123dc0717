#!/usr/bin/env bash
# A million mutated messages and HTTP/2 frames, and a tenth as many mutated HTTP requests, on a server beside a client that behaves.
# Exit code 1 where the server crashes, a row is wrong, memory or the log is not bounded. Linux.
# usage: loadtest/hostile.sh [--count N] [--seed N] [--json FILE]
set -euo pipefail
cd "$(dirname "$0")/.."
exec ./lyne bench hostile "$@"
