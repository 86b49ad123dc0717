#!/usr/bin/env bash
# Plans for many students and replicas: rewrites the tables of docs/scale.md between its markers, and its pictures in docs/scale/
# (docs/pictures.sh, which needs Chromium).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
document=docs/scale.md
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p docs/scale

# A replica that is assumed, not measured: 50,000 tokens a second in batches of 16,384, 10 ms a batch. What a row takes is measured.
replica=(--tokens-per-second 50000 --batch-overhead-ms 10 --batch-tokens 16384 --bytes-per-position 92 --send-us-per-row 0.9)
# Students that compute 2 s on 16 sequences of 1,024 tokens and keep four steps asked for or ready.
students=(--step-seconds 2 --sequences-per-step 16 --in-flight 64 --tokens 1024)

plan() { # name, options of its own…
  local name=$1 begin
  shift
  echo "== $name: $*" >&2
  {
    printf '`./lyne plan $REPLICA $STUDENTS %s`\n\n' "$*"
    ./lyne plan "${replica[@]}" "${students[@]}" "$@" --report "$scratch/$name.html"
    printf '\n![%s](scale/%s.png)\n' "$name" "$name"
  } >"$scratch/$name"
  docs/pictures.sh "$scratch/$name.html" "$scratch" plan
  mv "$scratch/plan.png" "docs/scale/$name.png"
  begin="<!-- plan $name -->"
  grep -qxF "$begin" "$document" || { echo "scale.sh: $document has no line $begin" >&2; exit 1; }
  awk -v begin="$begin" -v end="<!-- end of plan $name -->" -v table="$scratch/$name" '
    $0 == end { skip = 0 }
    !skip { print }
    $0 == begin { skip = 1; while ((getline line < table) > 0) print line }
  ' "$document" >"$scratch/document"
  cp "$scratch/document" "$document"
}

plan fresh --vary students=8,32,128,512,1024
plan shared --students 1024 --corpus-sequences 1000000 --same-order --shared-cache --vary replicas=2,4,6,8,10,12,16
plan students --corpus-sequences 1000000 --same-order --shared-cache --vary students=64,256,1024,4096
plan alone --students 1024 --corpus-sequences 1000000 --same-order --vary replicas=4,16,64,256
plan cache --students 1024 --replicas 64 --corpus-sequences 1000000 --long-run --vary cache-mib=0,16384,32768,65536,90112
plan network --students 64 --replicas 2 --corpus-sequences 100000 --long-run --shared-cache --vary student-mbit=2,4,6,8,16,32
plan delay --students 64 --replicas 2 --corpus-sequences 100000 --long-run --shared-cache --vary delay-ms=1,100,500,1000,2000,4000
