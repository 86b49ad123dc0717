#!/usr/bin/env bash
# Faults against real processes: replicas that stand still, crawl, hang or die, a suspended student, messages that are none, short memory.
#   loadtest/faults.sh [--short] [--only CASE[,CASE…]] [--keep DIR] [--json FILE]
# Exit 1 where a case costs more than time. About eight minutes on two cores with nothing beside it; the short form, which CI runs and
# which judges no times, under two.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/../lyne" bench faults "$@"
