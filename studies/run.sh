#!/usr/bin/env bash
# Runs the shipped studies one after the other and keeps their tables and pictures in docs/study/; two to three hours on two cores.
# The pictures are the charts of the studies' pages (docs/pictures.sh, which needs Chromium).
#   studies/run.sh DIR [STUDY…]
# The same command goes on where it was interrupted.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ $# -ge 1 ] || { echo "run.sh: no directory (expected: studies/run.sh DIR [STUDY…])" >&2; exit 1; }
out=$1
shift
[ $# -gt 0 ] || set -- pretraining-distillation slim random-sampling online

for study in "$@"; do
  ./lyne study --config "studies/$study.yaml" --out "$out/$study"
  kept=docs/study/$study
  rm -rf "$kept"
  mkdir -p "$kept"
  cp "$out/$study/table.md" "$kept/"
  mapfile -t charts < <(grep -o '"id":"[^"]*"' "$out/$study/report.json" | cut -d'"' -f4)
  docs/pictures.sh "$out/$study/report.html" "$kept/plots" "${charts[@]}"
done
