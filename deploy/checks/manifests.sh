# shellcheck shell=bash disable=SC2154
# The checks of deploy/check.sh that need no server. Uses check, not_checked, need, work and root of it.

copied_paths_exist() { # what COPY --from=build and install.sh take must be there
  local file
  for file in deploy/install.sh lyne examples/state-of-the-union pom.xml; do
    [ -e "$file" ] || { echo "$file: not there"; return 1; }
  done
  # What an image is built from must not be ignored.
  ! grep -qxE '(lyne|examples|pom.xml)/?' .dockerignore && grep -qx '!deploy/install.sh' .dockerignore
}

compose_is_valid() {
  compose-spec -format json deploy/compose.yaml && compose-spec -format json deploy/compose.yaml deploy/compose.tls.yaml &&
    sed -E 's#\$\{(MODEL|STUDENT):\?[^}]*\}#/models/\1#' deploy/compose.engine.yaml >"$work/compose.engine.yaml" && # the parser reads no environment
    compose-spec -format json deploy/compose.yaml "$work/compose.engine.yaml"
}

mounted_files_exist() {
  local path
  while read -r path; do
    [ -e "deploy/$path" ] || { echo "deploy/$path: not there"; return 1; }
  done < <(sed -n 's/^ *- \(\.\/[^:]*\):.*/\1/p' deploy/compose.yaml)
}

# The launcher's count of cores under quotas of each kind, of the group itself and of one above it; where there is none, all cores.
quotas_bound_cores() {
  local root=$work/cgroup all found kind
  eval "$(sed -n '/^cores() {/,/^}/p' lyne)"
  # shellcheck disable=SC2317 # cores calls it
  nproc() { echo 64; }
  mkdir -p "$root/proc/self" "$root/sys/fs/cgroup/system.slice/lyne.service" "$root/sys/fs/cgroup/cpu,cpuacct/docker/a"
  for kind in 'none 64' 'own 3' 'above 2' 'v1 5' 'whole 1'; do
    all=${kind#* }
    rm -f "$root"/sys/fs/cgroup/cpu.max "$root"/sys/fs/cgroup/system.slice/cpu.max "$root"/sys/fs/cgroup/system.slice/lyne.service/cpu.max
    echo '0::/system.slice/lyne.service' >"$root/proc/self/cgroup"
    echo 'max 100000' >"$root/sys/fs/cgroup/cpu.max"
    case ${kind% *} in
      own) echo '250000 100000' >"$root/sys/fs/cgroup/system.slice/lyne.service/cpu.max" ;;
      above) echo '200000 100000' >"$root/sys/fs/cgroup/system.slice/cpu.max" ;;
      v1)
        printf '4:memory:/x\n3:cpu,cpuacct:/docker/a\n0::/\n' >"$root/proc/self/cgroup"
        echo 450000 >"$root/sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_quota_us"
        echo 100000 >"$root/sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_period_us"
        ;;
      whole) echo '5000 100000' >"$root/sys/fs/cgroup/cpu.max" ;;
    esac
    found=$(cores "$root")
    [ "$found" = "$all" ] || { echo "${kind% *}: $found cores (expected: $all)"; return 1; }
  done
}

# The launcher's memory under limits of each kind, of the group itself and of one above it, and what heap and buffers are of it.
limits_bound_memory() {
  local root=$work/cgroup-memory groups=$work/cgroup-memory/sys/fs/cgroup mib found kind
  eval "$(sed -n '/^memory_mib() {/,/^}/p; /^usual_heap() {/,/^}/p; /^usual_direct() {/,/^}/p' lyne)"
  for kind in 'none 15625' 'own 2048' 'above 1024' 'top 512' 'namespace 768' 'v1 3072' 'v1-above 640' 'v1-unlimited 15625' 'hybrid 4096' 'outside 256'; do
    mib=${kind#* }
    rm -rf "$root"
    mkdir -p "$root/proc/self" "$groups/kubepods.slice/pod1/a" "$groups/memory/docker/a" "$groups/unified/x"
    echo 'MemTotal:       16000000 kB' >"$root/proc/meminfo"
    echo '0::/kubepods.slice/pod1/a' >"$root/proc/self/cgroup"
    echo max >"$groups/kubepods.slice/pod1/a/memory.max"
    case ${kind% *} in
      own) echo $((2048 << 20)) >"$groups/kubepods.slice/pod1/a/memory.max" ;;
      above)
        echo $((2048 << 20)) >"$groups/kubepods.slice/pod1/a/memory.max"
        echo $((1024 << 20)) >"$groups/kubepods.slice/pod1/memory.max"
        ;;
      top) echo $((512 << 20)) >"$groups/kubepods.slice/memory.max" ;;
      namespace) # a container that sees its own group as the top
        echo '0::/' >"$root/proc/self/cgroup"
        echo $((768 << 20)) >"$groups/memory.max"
        ;;
      v1*)
        printf '5:cpu,cpuacct:/docker/a\n4:memory:/docker/a\n0::/\n' >"$root/proc/self/cgroup"
        echo $((3072 << 20)) >"$groups/memory/docker/a/memory.limit_in_bytes"
        echo 9223372036854771712 >"$groups/memory/memory.limit_in_bytes"
        case ${kind% *} in
          v1-above) echo $((640 << 20)) >"$groups/memory/docker/memory.limit_in_bytes" ;;
          v1-unlimited) echo 9223372036854771712 >"$groups/memory/docker/a/memory.limit_in_bytes" ;;
        esac
        ;;
      hybrid)
        printf '1:name=systemd:/x\n0::/x\n' >"$root/proc/self/cgroup"
        echo $((4096 << 20)) >"$groups/unified/x/memory.max"
        ;;
      outside)
        echo '0::/../../elsewhere' >"$root/proc/self/cgroup"
        echo $((256 << 20)) >"$groups/memory.max"
        ;;
    esac
    found=$(memory_mib "$root")
    [ "$found" = "$mib" ] || { echo "${kind% *}: $found MiB (expected: $mib)"; return 1; }
  done
  rm -rf "$root"
  found=$(memory_mib "$root")
  [ "$found" = 1048576 ] || { echo "nothing said: $found MiB (expected: 1048576)"; return 1; }
  found="$(usual_heap 2048) $(usual_heap 16384) $(usual_direct 512m 2048) $(usual_direct 3g 4096) $(usual_direct 1073741824 2048) $(usual_direct 2g 2048) $(usual_direct nonsense 9)"
  [ "$found" = '512m 2048m 512m 512m 512m 64m nonsense' ] || { echo "heap and buffers: $found"; return 1; }
}

# A heap that an image or the chart named would not fit a small container: the launcher derives it.
heap_is_derived() {
  local file
  for file in deploy/Dockerfile.cpu deploy/Dockerfile.cuda; do
    ! grep -E '^(ENV| +)[^#]*LYNE_(HEAP|DIRECT_MEMORY)=' "$file" | grep -v LYNE_HEAP=64m || { echo "$file names the heap (expected: none)"; return 1; }
  done
  ! grep -nE '^ *heap: *"?[0-9]' deploy/helm/lyne/values.yaml || { echo 'values.yaml names a heap (expected: "")'; return 1; }
}

# engine.sbatch as Slurm runs it on two nodes, with stand-ins for Slurm, Ray, vLLM and Lyne that say what they are asked: what is started in
# which order, and that on SIGTERM Lyne ends before the engine does.
engine_script_runs() {
  local bin=$work/engine/bin log=$work/engine/log runs=$work/engine/runs batch waited
  mkdir -p "$bin"
  : >"$log"
  local name
  for name in srun ray vllm lyne; do
    printf '#!/usr/bin/env bash\necho "%s $*" >>"%s"\n' "$name" "$log" >"$bin/$name"
  done
  cat >>"$bin/srun" <<'STUB'
while [[ $1 == --* ]]; do shift; done
exec "$@"
STUB
  cat >>"$bin/ray" <<'STUB'
[ "$1" != status ] || { printf '%s\n' 'Active:' ' 1 node_a' ' 1 node_b'; exit 0; }
trap 'exit 0' TERM; while :; do sleep 0.1; done
STUB
  cat >>"$bin/vllm" <<STUB
trap 'echo "vllm ended" >>"$log"; exit 0' TERM; while :; do sleep 0.1; done
STUB
  cat >>"$bin/lyne" <<STUB
trap 'echo "lyne drained" >>"$log"; exit 143' TERM; echo '{"listening":"127.0.0.1:7"}'; while :; do sleep 0.1; done
STUB
  printf '#!/usr/bin/env bash\nprintf "a\\nb\\n"\n' >"$bin/scontrol"
  chmod +x "$bin"/*
  env -u LYNE_SERVE PATH="$bin:$PATH" LYNE_HOME="$bin" LYNE_RUNS="$runs" LYNE_HOST=127.0.0.1 LYNE_SCRIPTS="$root/deploy/slurm" LYNE_TEACHER_DIR=/models/big \
    SLURM_JOB_NUM_NODES=2 SLURM_GPUS_ON_NODE=8 SLURM_JOB_NODELIST='n[1-2]' LYNE_ENGINE=--max-model-len=4096 bash deploy/slurm/engine.sbatch &
  batch=$!
  for ((waited = 0; waited < 300; waited++)); do
    [ -s "$runs/teacher.address" ] && grep -q '^vllm serve' "$log" && break
    sleep 0.1
  done
  kill -TERM "$batch"
  wait "$batch" || { echo "exit code $? (expected: 0)"; return 1; }
  local line
  for line in 'srun .*--nodelist=a ray start --head --port=6379 --num-gpus=8 --block' 'srun .*--nodes=1 .*--exclude=a ray start --address=a:6379 --num-gpus=8' \
    'vllm serve /models/big .*--tensor-parallel-size 8 --pipeline-parallel-size 2 --distributed-executor-backend ray --max-model-len=4096' \
    'lyne serve --teacher vllm:http://127.0.0.1:8000 .*--model /models/big --identity .*/engine.json --precision bfloat16'; do
    grep -qE -- "^$line" "$log" || { echo "no '$line' in:"; cat "$log"; return 1; }
  done
  [ "$(grep -E 'drained|vllm ended' "$log" | tr '\n' ';')" = 'lyne drained;vllm ended;' ] || { echo "ended in another order:"; cat "$log"; return 1; }
  [ ! -e "$runs/teacher.address" ] || { echo "the address file is still there"; return 1; }
}

# capture.sbatch with a stand-in for Lyne: what each part and the merge are asked, and what is refused.
capture_script_runs() {
  local home=$work/capture runs=$work/capture/runs
  mkdir -p "$runs"
  printf '#!/usr/bin/env bash\necho "$*"; env | grep ^LYNE_PART && exit 1; exit 0\n' >"$home/lyne"
  chmod +x "$home/lyne"
  echo 127.0.0.1:7 >"$runs/teacher.address"
  local script=(env LYNE_HOME="$home" LYNE_RUNS="$runs" LYNE_PARTS=16 SLURM_ARRAY_TASK_ID=3 bash deploy/slurm/capture.sbatch)
  "${script[@]}" | grep -qE -- "^capture .*--teacher 127.0.0.1:7 --out $runs/captured --part 3/16$" || { "${script[@]}"; return 1; }
  [ "$("${script[@]}" merge)" = "capture --merge --out $runs/captured" ] || { "${script[@]}" merge; return 1; }
  ! env -u LYNE_PARTS LYNE_HOME="$home" LYNE_RUNS="$runs" SLURM_ARRAY_TASK_ID=3 bash deploy/slurm/capture.sbatch 2>"$work/refusal" &&
    grep -q 'LYNE_PARTS: not set' "$work/refusal"
}

# The unit with paths that exist here, since verify looks for the executable.
unit_is_valid() {
  mkdir -p "$work/unit/lyne-teacher.service.d"
  cp deploy/systemd/tls.conf "$work/unit/lyne-teacher.service.d/"
  sed "s#/opt/lyne/lyne#$root/lyne#" deploy/systemd/lyne-teacher.service >"$work/unit/lyne-teacher.service"
  systemd-analyze verify --man=no --recursive-errors=no "$work/unit/lyne-teacher.service" >"$work/verify" 2>&1 || { cat "$work/verify"; return 1; }
  ! grep lyne-teacher "$work/verify"
}
unit_is_confined() { # 0 is best, 10 worst; a service without any confinement has 9.6
  systemd-analyze security --offline=true --threshold=20 "$work/unit/lyne-teacher.service" >"$work/security" 2>&1 || { tail -3 "$work/security"; return 1; }
}

# name, values…: what the chart renders for them, against the schemas of the oldest Kubernetes that it admits and of a newer one, and
# whether its pods have what they name (checks/mounts.py)
renders() {
  local name=$1 version
  shift
  for version in 1.29.0 1.33.0; do
    helm template check deploy/helm/lyne --namespace ml --kube-version "$version" "$@" >"$work/$name.yaml" 2>"$work/helm.err" ||
      { cat "$work/helm.err"; return 1; }
    kubernetes-validate --strict -k "$version" "$work/$name.yaml" >"$work/validate" 2>&1 || { grep -v INFO "$work/validate"; return 1; }
    # No schema must be missing but the operator's, which operator_resources_are_valid checks.
    ! grep WARN "$work/validate" | grep -v monitoring.coreos.com || return 1
  done
  [ ! -x "$tools/python/bin/python" ] || "$tools/python/bin/python" -B deploy/checks/mounts.py "$work/$name.yaml"
}
# What the check of mounts is worth: a pod without the mount of its tokens, or without a volume, is found out.
mount_check_refuses() {
  renders before --set insecure=true,tokens.existingSecret=bearers || return 1
  grep -v 'mountPath: /etc/lyne-tokens' "$work/before.yaml" >"$work/other.yaml"
  ! "$tools/python/bin/python" -B deploy/checks/mounts.py "$work/other.yaml" 2>"$work/refusal" && grep -q 'volume tokens' "$work/refusal" &&
    grep -q 'is told /etc/lyne-tokens/tokens' "$work/refusal" || return 1
  sed 's/- name: tokens$/- name: others/' "$work/before.yaml" >"$work/other.yaml"
  ! "$tools/python/bin/python" -B deploy/checks/mounts.py "$work/other.yaml" 2>"$work/refusal" && grep -q 'mount tokens' "$work/refusal"
}
refuses() { # what the message must say, values…
  local words=$1
  shift
  if helm template check deploy/helm/lyne --kube-version 1.31.0 "$@" >/dev/null 2>"$work/refusal"; then
    echo "rendered (expected: a refusal that says $words)"
    return 1
  fi
  grep -q -- "$words" "$work/refusal" || { cat "$work/refusal"; return 1; }
}
operator_resources_are_valid() {
  "$tools/python/bin/python" - "$work/all.yaml" >"$work/operator.json" <<'PYTHON' || return 1
import json, sys, yaml
found = [d for d in yaml.safe_load_all(open(sys.argv[1])) if d and d["apiVersion"].startswith("monitoring.coreos.com")]
assert sorted(d["kind"] for d in found) == ["PrometheusRule", "ServiceMonitor"], [d["kind"] for d in found]
print(json.dumps(found))
PYTHON
  node -e '
    const models = require(process.argv[2] + "/node_modules/@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1");
    for (const d of JSON.parse(require("fs").readFileSync(process.argv[1]))) new models[d.kind](d).validate();
  ' "$work/operator.json" "$tools/node"
}
rules_in_the_chart_are_valid() {
  "$tools/python/bin/python" -c 'import sys, yaml
print(yaml.safe_dump([d for d in yaml.safe_load_all(open(sys.argv[1])) if d and d["kind"] == "PrometheusRule"][0]["spec"]))' "$work/all.yaml" >"$work/rules.yaml" &&
    promtool check rules "$work/rules.yaml"
}

# two sets of values, and kinds of which there must be another: whether Kubernetes takes the second after the first
upgrades() { # before, after, kinds…
  local before=$1 after=$2
  shift 2
  read -r -a before <<<"$before"
  read -r -a after <<<"$after"
  renders before --set insecure=true "${before[@]}" && mv "$work/before.yaml" "$work/revision-1.yaml" &&
    renders after --set insecure=true "${after[@]}" && "$tools/python/bin/python" -B deploy/checks/upgrades.py "$work/revision-1.yaml" "$work/after.yaml" "$@"
}
# A list of teachers is followed by the servers that run; any other option of theirs rolls them.
list_of_teachers_rolls_nothing() {
  local values=(--set 'insecure=true,teachers[0].name=a,teachers[0].teacher=demo') one two other
  checksum() {
    helm template check deploy/helm/lyne --kube-version 1.31.0 "${values[@]}" "$@" | grep checksum/config
  }
  one=$(checksum)
  two=$(checksum --set 'teachers[1].name=b,teachers[1].teacher=demo')
  other=$(checksum --set serve.cache_mib=7)
  if [ -z "$one" ] || [ "$one" != "$two" ] || [ "$one" = "$other" ]; then
    echo "$one, $two, $other (expected: two equal, and another)"
    return 1
  fi
}
# What the check of upgrades is worth: a Job whose template changed under its name is refused.
upgrade_check_refuses() {
  renders before --set insecure=true,students.count=2 || return 1
  sed 's/--resume --from-start/--resume/' "$work/before.yaml" >"$work/other.yaml"
  ! "$tools/python/bin/python" -B deploy/checks/upgrades.py "$work/before.yaml" "$work/other.yaml" 2>"$work/refusal" && grep -q '^Job .*spec.template differs' "$work/refusal"
}
# Every image that is not built here is named by its digest, so that what runs is what was looked at.
images_are_pinned() {
  local found
  found=$(sed -nE 's/^ *image: *"?([^" ]+)"?.*/\1/p; s/^FROM ([^ ]+).*/\1/p' deploy/compose*.yaml deploy/Dockerfile.* deploy/helm/lyne/values.yaml | grep -vx 'lyne:cpu')
  [ "$(wc -l <<<"$found")" -ge 6 ] || { echo "images: $found (expected: at least 6)"; return 1; }
  ! grep -vE '^[a-z0-9./-]+:[A-Za-z0-9._-]+@sha256:[0-9a-f]{64}$' <<<"$found" || { echo "(expected: name:tag@sha256:…)"; return 1; }
}
# Nothing that a build fetched is fetched again because a line of source changed, and what does not change is a layer of its own.
libraries_are_cached() {
  local file
  for file in deploy/Dockerfile.cpu deploy/Dockerfile.cuda; do
    if ! grep -q '^# syntax=docker/dockerfile:1' "$file" || ! grep -q -- '--mount=type=cache,target=/root/.m2' "$file"; then
      echo "$file: a build fetches its libraries each time (expected: --mount=type=cache,target=/root/.m2)"
      return 1
    fi
    if [ "$(sed -n 's#^COPY --from=build \(/[a-z]*\) /opt/lyne$#\1#p' "$file" | tr '\n' ' ')" != '/libraries /lyne ' ]; then
      echo "$file: libraries and code in one layer (expected: COPY of /libraries, then of /lyne)"
      return 1
    fi
  done
}

# The queries of dashboard and autoscaler, as rules, which promtool parses without a server; and what that is worth.
queries_are_promql() {
  python3 -B deploy/checks/queries.py "$work/queries.yaml" && promtool check rules "$work/queries.yaml" || return 1
  sed '1,/\[20s\]/s/\[20s\]/[20]/' "$work/queries.yaml" >"$work/broken.yaml"
  ! promtool check rules "$work/broken.yaml" >"$work/refusal" 2>&1 && grep -q 'could not parse expression' "$work/refusal"
}

runbooks_exist() { # every alert names the heading of its own name
  local alert
  while read -r alert; do
    grep -q "runbook_url: docs/operations.md#${alert,,}\$" deploy/prometheus/lyne-alerts.yaml || { echo "$alert: no runbook_url of its own"; return 1; }
    grep -q "^### $alert\$" docs/operations.md || { echo "$alert: no heading '### $alert' in docs/operations.md"; return 1; }
    grep -q "alertname: $alert\$" deploy/prometheus/lyne-alerts.test.yaml || { echo "$alert: no test"; return 1; }
  done < <(sed -n 's/^ *- alert: //p' deploy/prometheus/lyne-alerts.yaml)
}

manifests() {
  local script
  local scripts=(lyne deploy/*.sh deploy/checks/*.sh deploy/slurm/*.sbatch)
  for script in "${scripts[@]}"; do
    check "scripts: bash reads $script" bash -n "$script"
  done
  need "scripts: shellcheck" shellcheck && check "scripts: shellcheck" shellcheck -x "${scripts[@]}"

  check "scripts: CPU quotas bound the launcher's threads" quotas_bound_cores
  check "scripts: memory limits bound the launcher's heap" limits_bound_memory
  check "images: heap and buffers are derived from the container's limit" heap_is_derived
  check "slurm: an engine over two nodes starts, and ends after Lyne" engine_script_runs
  check "slurm: a capture in parts, and its merge" capture_script_runs

  check "images: what they copy is there" copied_paths_exist
  check "images: each is named by its digest" images_are_pinned
  check "images: a build keeps the libraries that it fetched" libraries_are_cached
  need "images: hadolint" hadolint && check "images: hadolint" hadolint deploy/Dockerfile.cpu deploy/Dockerfile.cuda

  check "compose: what it mounts is there" mounted_files_exist
  need "compose: the reference parser" compose-spec &&
    check "compose: the reference parser" compose_is_valid

  if need "systemd: the unit" systemd-analyze; then
    check "systemd: the unit is valid" unit_is_valid
    check "systemd: the unit is confined" unit_is_confined
  fi

  need "helm: lint" helm && check "helm: lint" helm lint --strict --kube-version 1.31.0 deploy/helm/lyne
  need "helm: lint of several teachers" helm && check "helm: lint of several teachers" helm lint --strict --kube-version 1.31.0 deploy/helm/lyne -f deploy/helm/examples/teachers.yaml
  need "helm: template tests" helm-unittest && check "helm: template tests" helm-unittest --strict deploy/helm/lyne
  if need "helm: renders what Kubernetes takes" helm kubernetes-validate; then
    check "helm: the defaults are what Kubernetes takes" renders defaults --set insecure=true
    check "helm: all of it is what Kubernetes takes" renders all --set prometheusRule.enabled=true,serviceMonitor.enabled=true \
      --set autoscaling.enabled=true,students.count=64,students.parallelism=8,diskCache.enabled=true,sharedCache.url=redis://redis:6379 \
      --set tls.existingSecret=cert,tokens.existingSecret=bearers,tokens.studentSecret=bearer,students.runs.existingClaim=runs
    check "helm: a GPU is what Kubernetes takes" renders gpu --set insecure=true,gpu.count=1,serve.device=cuda:0,serve.precision=bfloat16 \
      --set serve.teacher=/models/big,model.existingClaim=models,image.tag=cuda,gpu.runtimeClassName=nvidia
    check "helm: an engine over two nodes is what Kubernetes takes" renders engine --set insecure=true,engine.enabled=true,engine.nodes=2 \
      --set engine.model=/models/big,engine.tensorParallel=8,model.existingClaim=models,gpu.runtimeClassName=nvidia
    check "helm: several teachers are what Kubernetes takes" renders teachers -f deploy/helm/examples/teachers.yaml
    check "helm: a capture in parts is what Kubernetes takes" renders parts --set insecure=true,capture.parts=16,capture.captures.existingClaim=c
    check "helm: a merge is what Kubernetes takes" renders merge --set insecure=true,capture.merge=true,capture.captures.existingClaim=c
    check "helm: students that are a release of their own are what Kubernetes takes" renders students --set insecure=true,teacher.enabled=false \
      --set students.count=8,students.teacher=dns:///shared-lyne-teacher.ml.svc:50051,tracing.endpoint=http://collector:4318
    check "helm: a disk cache on claims is what Kubernetes takes" renders claims --set insecure=true,diskCache.enabled=true,diskCache.claim.enabled=true
    check "helm: tenants, quotas and tokens as values are what Kubernetes takes" renders tenants --set insecure=true,tokens.studentSecret=mine \
      --set "tokens.lines={token team-b sha256:$(printf '%064d' 7)},tokens.tenants[0].name=team-b,tokens.tenants[0].positionsPerSecond=50000"
    check "helm: no replica is what Kubernetes takes" renders zero --set insecure=true,replicas=0
    if [ -x "$tools/python/bin/python" ]; then
      check "helm: students' Jobs do not block an upgrade" upgrades "--set students.count=2" "--set students.count=2,students.settings.steps=800,image.tag=next" Job
      check "helm: a Job whose students are as they were is kept" upgrades "--set students.count=4,students.parallelism=1" "--set students.count=4,students.parallelism=4,replicas=5,serve.cache_mib=64"
      check "helm: a capture's Jobs do not block an upgrade" upgrades "--set capture.parts=4,capture.captures.existingClaim=c" "--set capture.parts=8,capture.captures.existingClaim=c" Job
      check "helm: a merge takes the place of a capture" upgrades "--set capture.parts=4,capture.captures.existingClaim=c" "--set capture.parts=4,capture.merge=true,capture.captures.existingClaim=c" Job
      check "helm: a larger disk cache on claims does not block an upgrade" upgrades "--set diskCache.enabled=true,diskCache.claim.enabled=true" \
        "--set diskCache.enabled=true,diskCache.claim.enabled=true,diskCache.size=40Gi" StatefulSet
      check "helm: to no replica and back is no change but of their number" upgrades "--set replicas=0" "--set replicas=2"
      check "helm: what Kubernetes lets nobody change is found out" upgrade_check_refuses
      check "helm: a mount without a volume, and a volume without a mount, are found out" mount_check_refuses
    else
      not_checked "helm: upgrades, volumes and mounts" "no python with its libraries (deploy/tools.sh fetches it)"
    fi
    check "helm: a list of teachers that changes rolls nothing" list_of_teachers_rolls_nothing
    check "helm: unknown values are refused" refuses replica --set replica=3
    check "helm: plain text that nobody asked for is refused" refuses "tls.existingSecret: empty (expected: a secret"
    check "helm: one teacher beside several is refused" refuses "serve.teacher: /models/big (expected: none beside teachers" \
      -f deploy/helm/examples/teachers.yaml --set serve.teacher=/models/big
    check "helm: a GPU without a device is refused" refuses "serve.device: cpu (expected: cuda:0" --set gpu.count=1
    if [ -d "$tools/node/node_modules/@kubernetes-models" ] && [ -x "$tools/python/bin/python" ] && need "helm: the operator's resources" node; then
      check "helm: the Prometheus operator's resources" operator_resources_are_valid
    else
      not_checked "helm: the Prometheus operator's resources" "no schemas (deploy/tools.sh fetches them)"
    fi
  fi

  check "prometheus: each alert has a runbook and a test" runbooks_exist
  if need "prometheus: promtool" promtool; then
    check "prometheus: configuration" promtool check config deploy/prometheus/prometheus.yaml
    check "prometheus: rules" promtool check rules deploy/prometheus/lyne-alerts.yaml
    check "prometheus: each alert fires where it should" promtool test rules deploy/prometheus/lyne-alerts.test.yaml
    need "prometheus: queries of the dashboard and the autoscaler" python3 && check "prometheus: queries of the dashboard and the autoscaler" queries_are_promql
    [ ! -s "$work/all.yaml" ] || [ ! -x "$tools/python/bin/python" ] || check "prometheus: rules as the chart renders them" rules_in_the_chart_are_valid
  fi
}
