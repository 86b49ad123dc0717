#!/usr/bin/env bash
# Runs the project's benchmarks one after the other (benchmarks.list), and writes their figures into a document between its markers.
#   loadtest/benchmarks.sh [--only NAME[,NAME…]] [--into FILE] [--keep DIR]
# --into defaults to docs/measurements.md; --keep leaves each benchmark's JSON in DIR. All of them take about an hour on two cores;
# run nothing else meanwhile.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
  echo "benchmarks.sh: $*" >&2
  exit 1
}

only=""
into=docs/measurements.md
results=""
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || fail "$1: no value (expected: --only NAME, --into FILE or --keep DIR)"
  case $1 in
    --only) only=$2 ;;
    --into) into=$2 ;;
    --keep) results=$2 ;;
    *) fail "$1 (expected: --only NAME, --into FILE or --keep DIR)" ;;
  esac
  shift 2
done
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
results=${results:-$scratch}
mkdir -p "$results"

names=$(sed -n 's/^\([a-z]*\) |.*/\1/p' loadtest/benchmarks.list)
for name in ${only//,/ }; do
  grep -qx "$name" <<<"$names" || fail "--only $name (expected: one of" $names")"
done

commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
while IFS='|' read -r name command figures <&3; do
  name=${name// /}
  case $name in "" | \#*) continue ;; esac
  [ -z "$only" ] || [[ ",$only," == *",$name,"* ]] || continue
  shown=$(sed -e 's/ *$//; s/^ *//; s/\$JSON/-/' <<<"$command")
  echo "== $shown ($(date -u +%T))" >&2
  export JSON="$results/$name.json"
  bash -c "$command" </dev/null >&2
  ./lyne bench write --name "$name" --figures "$JSON" --only "${figures// /}" --into "$into" \
    --heading "\`$shown\`, $(date -u +%F), commit $commit:"
done 3<loadtest/benchmarks.list
