#!/usr/bin/env bash
# A student on a file system that really is full, at many places of its run.
#
# Mounts a small tmpfs in a mount namespace of its own (root, or unprivileged user namespaces) and lets students of `./lyne serve`
# run out of space on it: with a checkpoint every other step, and with a last one only, so that what follows it finds no room.
# Each has to end with exit code 1 and one line that names the file and what to do; then the file system grows, the student resumes,
# and has to end with the weights of a run that nobody disturbed.
#
#   cli/src/test/scripts/full-disk.sh
set -euo pipefail

if [ "${1:-}" != --inside ]; then
  [ "$(id -u)" = 0 ] && flags=-m || flags=-rm
  exec unshare "$flags" "$0" --inside
fi

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../../.." && pwd)
example=$root/examples/state-of-the-union
work=$(mktemp -d)
disk=$work/disk
server=
finish() {
  [ -n "$server" ] && kill "$server" && wait "$server" || true
  mountpoint -q "$disk" && umount "$disk"
  rm -rf "$work"
}
trap finish EXIT
die() {
  echo "FAILED: $*" >&2
  exit 1
}

export LYNE_THREADS=1 LYNE_HEAP=256m
mkdir "$disk" "$work/student"
sed -e 's/"hidden_size": [0-9]*/"hidden_size": 32/' -e 's/"intermediate_size": [0-9]*/"intermediate_size": 64/' \
  -e 's/"num_hidden_layers": [0-9]*/"num_hidden_layers": 2/' -e 's/"head_dim": [0-9]*/"head_dim": 16/' \
  "$example/student.config.json" >"$work/student/config.json"
{ gzip -dc "$example/held-out.jsonl.gz" || true; } 2>/dev/null | head -c 40000 | tr -cd '\11\12\40-\176' >"$work/text.txt"
"$root/lyne" serve --deterministic --threads 1 --teacher demo --listen 127.0.0.1:0 >"$work/ready" 2>"$work/server.log" &
server=$!
until grep -q listening "$work/ready"; do
  kill -0 "$server" || die "the server: $(cat "$work/server.log")"
  sleep 0.2
done
address=$(sed -n 's/.*"listening":"\([^"]*\)".*/\1/p' "$work/ready")

train() { # OUT CHECKPOINT_EVERY: leaves $work/out and $work/err
  "$root/lyne" train --resume --from-start --name run --out "$1" --student "$work/student/config.json" --tokenizer "$example/teacher" \
    --corpus "$work/text.txt" --held-out "$work/text.txt" --held-out-windows 4 --teacher "$address" --alpha 0.7 --top-k 16 \
    --context 32 --batch 4 --steps 8 --checkpoint-every "$2" --samples 1 --threads 1 --seed 5 >"$work/out" 2>"$work/err"
}

train "$work/undisturbed" 0 || die "the undisturbed run: $(cat "$work/err")"
all=$(du -sk "$work/undisturbed" | cut -f1)
state=$(du -k "$work"/undisturbed/checkpoints/step-*/state.safetensors | cut -f1)
echo "undisturbed: $all KiB, of which a checkpoint takes $state KiB"
# KiB of disk and steps between checkpoints: too little for the tokens, for the first checkpoint, the second, the third; then for the
# exported weights, for the tokenizer beside them, for the report.
cases=("8 2" "$((state / 2)) 2" "$((state * 3 / 2)) 2" "$((state * 5 / 2)) 2" "$((all - 400)) 0" "$((all - 100)) 0" "$((all - 40)) 0")
for case in "${cases[@]}"; do
  read -r size every <<<"$case"
  mount -t tmpfs -o "size=${size}k" tmpfs "$disk"
  code=0
  train "$disk/run" "$every" || code=$?
  said=$(grep '^lyne: ' "$work/err" || true)
  echo "$size KiB: exit $code: ${said//$work\//}"
  [ "$code" = 1 ] || die "exit code $code (expected: 1)"
  [ "$(wc -l <<<"$said")" = 1 ] || die "more than one line of error"
  [[ $said == *"$disk/run/"*"No space left on device"*"--resume --from-start" ]] || die "does not name file, reason and remedy"
  mount -o remount,size=64m "$disk"
  train "$disk/run" "$every" || die "the resumed run: $(cat "$work/err")"
  cmp "$work/undisturbed/model/model.safetensors" "$disk/run/model/model.safetensors" || die "other weights"
  cmp <(cut -d, -f1 "$work/undisturbed/metrics.jsonl") <(cut -d, -f1 "$disk/run/metrics.jsonl") || die "other metrics"
  [ -z "$(find "$disk/run" -name '.*.partial' -o -name '.*.writing')" ] || die "left-overs"
  umount "$disk"
done
echo "all ${#cases[@]} disks: stopped with one line, resumed, ended with the same weights"
