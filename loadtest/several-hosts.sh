#!/usr/bin/env bash
# A teacher and two students on three hosts, played by network namespaces, with a slow network in between. Needs root and `ip`.
#   several-hosts.sh [DELAY_MS [MBIT]]     default: 20 ms each way, 50 Mbit/s a student
# Prints what a load test on both student hosts saw together (throughput, latency, refusals), on rows of a synthetic teacher that its
# cache holds, so that the network is what limits; then what two students that train saw, each on its host, of the shipped teacher.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
delay=${1:-20}
mbit=${2:-50}
scratch=$(mktemp -d)
pids=()
stop() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  pids=()
}
cleanup() {
  stop
  for host in teacher s1 s2; do ip netns del "lyne-$host" 2>/dev/null || true; done
  ip link del lyne-br 2>/dev/null || true
  rm -rf "$scratch"
}
trap cleanup EXIT

"$here/lyne" --version >/dev/null # builds it, where it is to be built, before there are networks without a way out

ip link add lyne-br type bridge
ip link set lyne-br up
number=1
for host in teacher s1 s2; do
  ip netns add "lyne-$host"
  ip link add "lyne-v$number" type veth peer name eth0 netns "lyne-$host"
  ip link set "lyne-v$number" master lyne-br up
  ip -n "lyne-$host" addr add "10.213.7.$number/24" dev eth0
  ip -n "lyne-$host" link set eth0 up
  ip -n "lyne-$host" link set lo up
  number=$((number + 1))
done

# Only ever in the background: it becomes the command, so that a signal to it reaches that.
on() { local host=$1; shift; exec ip netns exec "lyne-$host" "$here/lyne" "$@"; }
ready() { for _ in $(seq 600); do grep -q listening "$1" 2>/dev/null && return 0; sleep 0.1; done; echo "$1 never got ready" >&2; exit 1; }

serve() { # teacher: on its host, and a proxy on each student's host, which is that student's uplink
  on teacher serve --teacher "$1" --listen 10.213.7.1:50051 --insecure >"$scratch/serve" 2>"$scratch/serve.log" &
  pids+=($!)
  ready "$scratch/serve"
  for student in 1 2; do
    on s$student bench proxy --listen 127.0.0.1:50051 --target 10.213.7.1:50051 --delay-ms "$delay" --mbit "$mbit" >"$scratch/proxy$student" &
    pids+=($!)
    ready "$scratch/proxy$student"
  done
}

both() { # waits for what runs on both student hosts
  for run in "$@"; do wait "$run" || { tail -n 20 "$scratch"/*.log >&2; exit 1; }; done
}

echo "== load on two hosts, $delay ms each way, $mbit Mbit/s a host"
serve synthetic:vocabulary=4096,tokens_per_second=20000
start=$(date -u -d '+8 seconds' +%Y-%m-%dT%H:%M:%SZ)
runs=()
for student in 1 2; do
  on s$student load --teacher 127.0.0.1:50051 --students 2 --part $student/2 --in-flight 32 --tokens 256 --repeated 1 --pool 32 \
    --warm-up 4 --duration 10 --seed 1 --start-at "$start" --json "$scratch/$student.json" >/dev/null 2>"$scratch/load$student.log" &
  runs+=($!)
done
both "${runs[@]}"
"$here/lyne" load --merge "$scratch/1.json" "$scratch/2.json"
stop
rm -f "$scratch"/serve "$scratch"/proxy?

echo "== students that train on two hosts, same network"
serve demo
runs=()
for student in 1 2; do
  on s$student train --teacher 127.0.0.1:50051 --alpha 1 --student "$here/examples/state-of-the-union/student.config.json" \
    --tokenizer "$here/examples/state-of-the-union/teacher" --corpus "$here/examples/state-of-the-union/held-out.jsonl.gz" \
    --steps "${STEPS:-30}" --samples 0 --threads 1 --seed $student --name "host-$student" --out "$scratch/train$student" \
    >/dev/null 2>"$scratch/train$student.log" &
  runs+=($!)
done
both "${runs[@]}"
for student in 1 2; do
  grep -oE '"(positions_per_second|stall_fraction|coverage|bytes_per_position)" ?: ?[0-9.eE+-]+' "$scratch/train$student/summary.json" |
    awk -F '[": ]+' -v host="$student" 'BEGIN { printf "host %s:", host } { printf "  %s %.4g", $2, $3 } END { print "" }'
done
