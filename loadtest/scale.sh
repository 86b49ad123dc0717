#!/usr/bin/env bash
# Plans for many students and replicas: the tables and plots of docs/scale.md.
#   loadtest/scale.sh [DIR]      default: docs/scale
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=${1:-docs/scale}
mkdir -p "$out"

# A replica that is assumed, not measured: 50,000 tokens a second, 10 ms a batch; what sending a row takes is of docs/load-testing.md.
replica=(--tokens-per-second 50000 --batch-overhead-ms 10 --batch-tokens 16384 --bytes-per-position 92 --send-us-per-row 0.9)
# Students that compute 2 s on 16 sequences of 1,024 tokens and keep four steps asked for or ready.
students=(--step-seconds 2 --sequences-per-step 16 --window 64 --tokens 1024)

plan() { # name, options of its own…
  local name=$1
  shift
  echo "== $name: ./lyne plan $*" >&2
  ./lyne plan "${replica[@]}" "${students[@]}" "$@" --svg "$out/$name.svg" >"$out/$name.md"
}

plan fresh --vary students=8,32,128,512,1024
plan shared --students 1024 --corpus-sequences 1000000 --same-order --shared-cache --vary replicas=2,4,6,8,10,12,16
plan students --corpus-sequences 1000000 --same-order --shared-cache --vary students=64,256,1024,4096
plan orders --students 1024 --corpus-sequences 1000000 --same-order --vary replicas=4,8,16,32,64,128,256
plan cache --students 1024 --replicas 64 --corpus-sequences 1000000 --long-run --vary cache-mib=0,8192,16384,32768,65536,90112
plan network --students 64 --replicas 2 --corpus-sequences 100000 --long-run --shared-cache --vary student-mbit=2,4,6,8,16,32
plan delay --students 64 --replicas 2 --corpus-sequences 100000 --long-run --shared-cache --vary delay-ms=1,100,500,1000,2000,4000
