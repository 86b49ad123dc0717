#!/usr/bin/env bash
# Makes the pictures of docs/ from the charts of report pages, with Chromium: what stands here is what a page shows.
#   docs/pictures.sh report.html DIR ID…     writes DIR/ID.png for each of these charts; `"id"` in report.json names them
set -euo pipefail
[ $# -ge 3 ] || { echo "pictures.sh: $# arguments (expected: PAGE DIR ID…)" >&2; exit 2; }
page=$(realpath "$1")
directory=$2
shift 2
for chromium in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
  command -v "$chromium" >/dev/null && break
done
command -v "$chromium" >/dev/null || { echo "pictures.sh: no chromium (expected: chromium, or CHROMIUM=PROGRAM)" >&2; exit 1; }
mkdir -p "$directory"
for id in "$@"; do
  grep -qF "\"id\":\"$id\"" "$page" || { echo "pictures.sh: $page has no chart $id" >&2; exit 1; }
  "$chromium" --headless --no-sandbox --disable-gpu --hide-scrollbars --blink-settings=preferredColorScheme=1 \
    --force-device-scale-factor=2 --window-size=600,400 --virtual-time-budget=3000 \
    --screenshot="$directory/$id.png" "file://$page#chart=$id" 2>/dev/null
  test -s "$directory/$id.png" || { echo "pictures.sh: chromium wrote no $directory/$id.png" >&2; exit 1; }
done
