#!/usr/bin/env bash
# A teacher and two students on three hosts, played by network namespaces, with a slow network in between. Needs root and `ip`.
#   several-hosts.sh [DELAY_MS [MBIT]]     default: 20 ms each way, 50 Mbit/s a student
# Prints what both students saw together: throughput, latency, refusals.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
delay=${1:-20}
mbit=${2:-50}
scratch=$(mktemp -d)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
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

on() { local host=$1; shift; ip netns exec "lyne-$host" "$@"; }
ready() { for _ in $(seq 600); do grep -q listening "$1" 2>/dev/null && return 0; sleep 0.1; done; echo "$1 never got ready" >&2; exit 1; }

on teacher "$here/lyne" serve --teacher "${TEACHER:-synthetic:tokens_per_second=20000}" --listen 10.213.7.1:50051 --insecure > "$scratch/serve" 2> "$scratch/serve.log" &
pids+=($!)
ready "$scratch/serve"
for student in 1 2; do # each student's uplink is a proxy on its own host
  on s$student "$here/lyne" bench proxy --listen 127.0.0.1:50051 --target 10.213.7.1:50051 --delay-ms "$delay" --mbit "$mbit" > "$scratch/proxy$student" &
  pids+=($!)
  ready "$scratch/proxy$student"
done
start=$(date -u -d '+8 seconds' +%Y-%m-%dT%H:%M:%SZ)
runs=()
for student in 1 2; do
  on s$student "$here/lyne" load --teacher 127.0.0.1:50051 --students 2 --part $student/2 --window "${WINDOW:-16}" --tokens 256 \
    --repeated "${REPEATED:-0}" --warm-up 3 --duration 10 --start-at "$start" --json "$scratch/$student.json" > "$scratch/load$student" 2> "$scratch/load$student.log" &
  runs+=($!)
done
for run in "${runs[@]}"; do wait "$run" || { cat "$scratch"/load*.log >&2; exit 1; }; done
"$here/lyne" load --merge "$scratch/1.json" "$scratch/2.json" --json "$scratch/all.json"
