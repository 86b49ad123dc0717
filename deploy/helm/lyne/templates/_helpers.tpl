{{- define "lyne.name" -}}
{{- if contains "lyne" .Release.Name -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{- else -}}{{ printf "%s-lyne" .Release.Name | trunc 40 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "lyne.teacher" -}}{{ include "lyne.name" . }}-teacher{{- end -}}

{{- define "lyne.engine" -}}{{ include "lyne.name" . }}-engine{{- end -}}

{{- define "lyne.labels" -}}
app.kubernetes.io/name: lyne
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "lyne.teacherSelector" -}}
app.kubernetes.io/name: lyne
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: teacher
{{- end -}}

{{- define "lyne.engineSelector" -}}
app.kubernetes.io/name: lyne
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: engine
{{- end -}}

{{- define "lyne.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}{{ with .Values.image.digest }}@{{ . }}{{ end }}
{{- end -}}

{{/* Labels of a Job's pods: nothing that changes with the chart's version, since what stands in a Job cannot be changed. */}}
{{- define "lyne.jobLabels" -}}
app.kubernetes.io/name: lyne
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* A map of settings as lines of a YAML file; numbers as they were written. */}}
{{- define "lyne.settings" -}}
{{- range $key, $value := . }}
{{ $key }}: {{ if kindIs "float64" $value }}{{ if eq (float64 (int64 $value)) $value }}{{ int64 $value }}{{ else }}{{ $value }}{{ end }}{{ else }}{{ $value | toJson }}{{ end }}
{{- end }}
{{- end -}}

{{/* What kind the replicas are of: each with a claim of its own, or not. */}}
{{- define "lyne.replicasKind" -}}
{{- if and .Values.diskCache.enabled .Values.diskCache.claim.enabled }}StatefulSet{{ else }}Deployment{{ end -}}
{{- end -}}

{{/* A StatefulSet's claims cannot be changed: others are another StatefulSet's. */}}
{{- define "lyne.replicas" -}}
{{- if eq (include "lyne.replicasKind" .) "StatefulSet" -}}
{{- printf "%s-%s" (include "lyne.teacher" .) (printf "%s %s" .Values.diskCache.size .Values.diskCache.claim.storageClass | sha256sum | trunc 7) -}}
{{- else -}}
{{- include "lyne.teacher" . -}}
{{- end -}}
{{- end -}}

{{/* The secret with the file of tokens, where calls must carry one. */}}
{{- define "lyne.tokensSecret" -}}
{{- if .Values.tokens.lines -}}{{ include "lyne.teacher" . }}-tokens{{- else -}}{{ .Values.tokens.existingSecret }}{{- end -}}
{{- end -}}

{{- define "lyne.tokensFile" -}}
lyne-access 1
{{- range .Values.tokens.tenants }}
tenant {{ .name }}{{ with .weight }} weight={{ . }}{{ end }}{{ with .positionsPerSecond }} positions-per-second={{ int64 . }}{{ end }}{{ with .burst }} burst={{ int64 . }}{{ end }}{{ with .quota }} quota={{ . }}{{ end }}
{{- end }}
{{- range .Values.tokens.lines }}
{{ . }}
{{- end }}
{{ end -}}

{{/* Addresses that students use: the headless Service's name stands for every ready replica, and the client holds a stream to each. */}}
{{- define "lyne.address" -}}
{{- .Values.students.teacher | default (printf "dns:///%s.%s.svc:%d" (include "lyne.teacher" .) .Release.Namespace (int .Values.grpcPort)) -}}
{{- end -}}

{{- define "lyne.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "lyne.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* The inference engines elsewhere that are asked, as teachers name them; empty where none is. */}}
{{- define "lyne.engines" -}}
{{- $named := list -}}
{{- if .Values.teachers -}}
{{- range .Values.teachers -}}{{- $named = append $named (.teacher | default "") -}}{{- end -}}
{{- else -}}
{{- $named = list .Values.serve.teacher -}}
{{- end -}}
{{- range $named -}}{{- if regexMatch "^(vllm|sglang):" . -}}{{ . }} {{ end -}}{{- end -}}
{{- end -}}

{{/* Whether a teacher is an inference engine, here or elsewhere. */}}
{{- define "lyne.asksEngine" -}}
{{- if and .Values.teacher.enabled (or .Values.engine.enabled (include "lyne.engines" .)) }}true{{ end -}}
{{- end -}}

{{/* The devices that models are computed on, those of all teachers. */}}
{{- define "lyne.devices" -}}
{{- $default := .Values.serve.device | default "cpu" -}}
{{- if .Values.teachers -}}
{{- $devices := list -}}
{{- range .Values.teachers -}}
{{- if not (or .replay (regexMatch "^(vllm|sglang):" (.teacher | default ""))) -}}{{- $devices = append $devices (.device | default $default) -}}{{- end -}}
{{- end -}}
{{- join "," $devices -}}
{{- else -}}
{{- $default -}}
{{- end -}}
{{- end -}}

{{/* The server's configuration file. */}}
{{- define "lyne.serve" -}}
{{ include "lyne.server" . }}
{{- with .Values.teachers }}
teachers:
{{- range . }}
{{- $entry := omit . "claim" }}
{{- if and (regexMatch "^(vllm|sglang):" (.teacher | default "")) (not .identity) }}{{ $_ := set $entry "identity" (printf "/identity/%s.json" .name) }}{{ end }}
  - {{ $entry | toJson }}
{{- end }}
{{- end }}
{{- end -}}

{{/* All of it but the list of teachers, which the server follows while it runs. */}}
{{- define "lyne.server" -}}
{{- $serve := deepCopy .Values.serve -}}
{{- if .Values.teachers -}}{{- $_ := unset $serve "teacher" -}}{{- end -}}
{{- $_ := set $serve "listen" (printf "0.0.0.0:%d" (int .Values.grpcPort)) -}}
{{- $_ := set $serve "metrics" (printf "0.0.0.0:%d" (int .Values.metricsPort)) -}}
{{- if .Values.diskCache.enabled -}}
{{- $_ := set $serve "disk_cache" "/cache/rows" -}}
{{- $_ := set $serve "disk_cache_mib" (include "lyne.diskMib" . | int) -}}
{{- end -}}
{{- if .Values.engine.enabled -}}
{{- $_ := set $serve "teacher" (printf "vllm:http://%s:8000" (include "lyne.engine" .)) -}}
{{- $_ := set $serve "model" .Values.engine.model -}}
{{- $_ := set $serve "precision" .Values.engine.precision -}}
{{- $_ := set $serve "engine_wait_seconds" (int .Values.engine.startupSeconds) -}}
{{- $_ := unset $serve "device" -}}
{{- end -}}
{{- if and (include "lyne.asksEngine" .) (not .Values.teachers) -}}{{- $_ := set $serve "identity" "/identity/engine.json" -}}{{- end -}}
{{- with .Values.sharedCache.url }}{{- $_ := set $serve "shared_cache" . -}}{{- end -}}
{{- if .Values.tls.existingSecret -}}
{{- $_ := set $serve "tls_cert" "/etc/lyne-tls/tls.crt" -}}
{{- $_ := set $serve "tls_key" "/etc/lyne-tls/tls.key" -}}
{{- end -}}
{{- if .Values.insecure }}{{- $_ := set $serve "insecure" true -}}{{- end -}}
{{- with .Values.tracing.endpoint -}}
{{- $_ := set $serve "trace_endpoint" . -}}
{{- $_ := set $serve "trace_sample" $.Values.tracing.sample -}}
{{- end -}}
{{- if include "lyne.tokensSecret" . -}}{{- $_ := set $serve "token_file" "/etc/lyne-tokens/tokens" -}}{{- end -}}
{{ include "lyne.settings" $serve }}
{{- end -}}

{{/* How clients of the teacher speak: variables, mounts and volumes of a pod. */}}
{{- define "lyne.clientEnvironment" -}}
{{- if .Values.insecure }}
- {name: LYNE_INSECURE, value: "true"}
{{- end }}
{{- if .Values.tls.existingSecret }}
{{- if .Values.tls.caKey }}
- {name: LYNE_TLS_CA, value: /etc/lyne-tls/ca.pem}
{{- else }}
- {name: LYNE_TLS, value: "true"}
{{- end }}
{{- with .Values.tls.serverName }}
- {name: LYNE_TLS_SERVER_NAME, value: {{ . | quote }}}
{{- end }}
{{- end }}
{{- if .Values.tokens.studentSecret }}
- {name: LYNE_TOKEN_FILE, value: /etc/lyne-token/token}
{{- end }}
{{- end -}}

{{/* Where a Job's spans go. */}}
{{- define "lyne.traceEnvironment" -}}
{{- with .Values.tracing.endpoint }}
- {name: LYNE_TRACE_ENDPOINT, value: {{ . | quote }}}
- {name: LYNE_TRACE_SAMPLE, value: {{ $.Values.tracing.sample | quote }}}
{{- end }}
{{- end -}}

{{- define "lyne.clientMounts" -}}
{{- if and .Values.tls.existingSecret .Values.tls.caKey }}
- {name: authority, mountPath: /etc/lyne-tls, readOnly: true}
{{- end }}
{{- if .Values.tokens.studentSecret }}
- {name: token, mountPath: /etc/lyne-token, readOnly: true}
{{- end }}
{{- end -}}

{{- define "lyne.clientVolumes" -}}
{{- if and .Values.tls.existingSecret .Values.tls.caKey }}
- name: authority # of the secret the authority alone, not the key
  secret: {secretName: {{ .Values.tls.existingSecret }}, defaultMode: 0440, items: [{key: {{ .Values.tls.caKey }}, path: ca.pem}]}
{{- end }}
{{- with .Values.tokens.studentSecret }}
- name: token
  secret: {secretName: {{ . }}, defaultMode: 0440, items: [{key: token, path: token}]}
{{- end }}
{{- end -}}

{{/* Most that the disk cache takes, MiB: nine tenths of its volume, whose size is in Gi. */}}
{{- define "lyne.diskMib" -}}
{{- div (mul (trimSuffix "Gi" .Values.diskCache.size | int) 1024 9) 10 -}}
{{- end -}}

{{/* Of several teachers. */}}
{{- define "lyne.checkTeachers" -}}
{{- if or (not .Values.teacher.enabled) .Values.engine.enabled -}}
{{- fail "teachers: given (expected: with teacher.enabled: true, and engine.enabled: false; an engine elsewhere is an entry's teacher)" -}}
{{- end -}}
{{- if ne .Values.serve.teacher "demo" -}}
{{- fail (printf "serve.teacher: %s (expected: none beside teachers, whose entry it may be)" .Values.serve.teacher) -}}
{{- end -}}
{{- range list "replay" "name" "model" "tokenizer" "identity" "engine_tls_ca" "engine_token_file" "engine_batch_invariant" -}}
{{- if hasKey $.Values.serve . -}}
{{- fail (printf "serve.%s: given (expected: in an entry of teachers)" .) -}}
{{- end -}}
{{- end -}}
{{- $names := list -}}
{{- $mounts := list "/opt/lyne/" -}}
{{- if .Values.model.existingClaim -}}{{- $mounts = append $mounts "/models/" -}}{{- end -}}
{{- $shares := 0 -}}
{{- range .Values.teachers -}}
{{- if has .name $names -}}{{- fail (printf "teachers: %s twice (expected: distinct names)" .name) -}}{{- end -}}
{{- $names = append $names .name -}}
{{- if .claim -}}{{- $mounts = append $mounts (printf "/teachers/%s/" .name) -}}{{- end -}}
{{- $shares = add $shares (int64 (.cache_mib | default 0)) -}}
{{- end -}}
{{- if and (hasKey .Values.serve "cache_mib") (gt $shares (int64 .Values.serve.cache_mib)) -}}
{{- fail (printf "teachers: cache_mib of %d in all (expected: at most serve.cache_mib, %d)" $shares (int64 .Values.serve.cache_mib)) -}}
{{- end -}}
{{- range $each := .Values.teachers -}}
{{- range $key := list "teacher" "replay" "model" "tokenizer" -}}
{{- $path := get $each $key -}}
{{- if hasPrefix "/" $path -}}
{{- $there := false -}}
{{- range $mounts -}}{{- if hasPrefix . (printf "%s/" $path) -}}{{- $there = true -}}{{- end -}}{{- end -}}
{{- if not $there -}}
{{- fail (printf "teachers: %s: %s: %s (expected: within one of %s; claim mounts one at /teachers/NAME, model.existingClaim at /models)" $each.name $key $path (join ", " $mounts)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (gt (len $names) 1) (not .Values.students.teacher) (gt (int .Values.students.count) 0) (not (hasKey .Values.students.settings "teacher_name")) -}}
{{- fail (printf "students.settings.teacher_name: none (expected: one of %s)" (join ", " $names)) -}}
{{- end -}}
{{- if and (gt (len $names) 1) (not .Values.students.teacher) (gt (int .Values.capture.parts) 0) (not (hasKey .Values.capture.settings "teacher_name")) -}}
{{- fail (printf "capture.settings.teacher_name: none (expected: one of %s)" (join ", " $names)) -}}
{{- end -}}
{{- end -}}

{{/* What cannot work is refused when it is rendered. */}}
{{- define "lyne.check" -}}
{{- if not .Values.teacher.enabled -}}
{{- if not (or (gt (int .Values.students.count) 0) (gt (int .Values.capture.parts) 0) .Values.capture.merge) -}}
{{- fail "teacher.enabled: false (expected: with students.count, capture.parts or capture.merge, as nothing would be there)" -}}
{{- end -}}
{{- if and (not .Values.students.teacher) (or (gt (int .Values.students.count) 0) (gt (int .Values.capture.parts) 0)) -}}
{{- fail "students.teacher: empty (expected: a teacher's addresses, as teacher.enabled is false)" -}}
{{- end -}}
{{- if or .Values.engine.enabled .Values.autoscaling.enabled .Values.serviceMonitor.enabled .Values.prometheusRule.enabled -}}
{{- fail "teacher.enabled: false (expected: true for an engine, autoscaling, serviceMonitor and prometheusRule)" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.tokens.existingSecret .Values.tokens.lines -}}
{{- fail (printf "tokens.existingSecret: %s (expected: none where tokens.lines are given)" .Values.tokens.existingSecret) -}}
{{- end -}}
{{- if and .Values.tokens.tenants (not .Values.tokens.lines) -}}
{{- fail "tokens.tenants: given (expected: with tokens.lines; of tokens.existingSecret, quotas stand in its own file)" -}}
{{- end -}}
{{- if and .Values.diskCache.claim.enabled (not .Values.diskCache.enabled) -}}
{{- fail "diskCache.claim.enabled: true (expected: with diskCache.enabled: true)" -}}
{{- end -}}
{{- $device := include "lyne.devices" . -}}
{{- $whose := .Values.teachers | empty | ternary "serve.device" "the device of teachers" -}}
{{- $gpus := len (regexFindAll "cuda:[0-9]+" $device -1 | uniq) -}}
{{- if and (gt (int .Values.gpu.count) 0) (not (contains "cuda" $device)) -}}
{{- fail (printf "%s: %s (expected: cuda:0, as gpu.count is %d)" $whose $device (int .Values.gpu.count)) -}}
{{- end -}}
{{- if ne (int .Values.gpu.count) $gpus -}}
{{- fail (printf "gpu.count: %d (expected: %d, as %s is %s)" (int .Values.gpu.count) $gpus $whose $device) -}}
{{- end -}}
{{- if .Values.teachers }}{{ include "lyne.checkTeachers" . }}{{ end -}}
{{- if and .Values.teacher.enabled (hasPrefix "/models" .Values.serve.teacher) (not .Values.model.existingClaim) -}}
{{- fail (printf "model.existingClaim: empty (expected: a claim that holds serve.teacher, %s)" .Values.serve.teacher) -}}
{{- end -}}
{{- if .Values.engine.enabled -}}
{{- if not (and .Values.engine.model .Values.model.existingClaim) -}}
{{- fail (printf "engine.model: '%s', model.existingClaim: '%s' (expected: a directory below /models, and the claim that holds it)" .Values.engine.model .Values.model.existingClaim) -}}
{{- end -}}
{{- if gt (int .Values.gpu.count) 0 -}}
{{- fail (printf "gpu.count: %d (expected: 0, as the engine has the GPUs: engine.tensorParallel)" (int .Values.gpu.count)) -}}
{{- end -}}
{{- if ne .Values.serve.teacher "demo" -}}
{{- fail (printf "serve.teacher: %s (expected: none, as engine.enabled is true)" .Values.serve.teacher) -}}
{{- end -}}
{{- end -}}
{{- if and (or (gt (int .Values.capture.parts) 0) .Values.capture.merge) (not .Values.capture.captures.existingClaim) -}}
{{- fail "capture.captures.existingClaim: empty (expected: a claim that all parts write to, ReadWriteMany)" -}}
{{- end -}}
{{- if and .Values.insecure .Values.tls.existingSecret -}}
{{- fail "insecure: true (expected: false where tls.existingSecret is named)" -}}
{{- end -}}
{{- if not (or .Values.insecure .Values.tls.existingSecret) -}}
{{- fail "tls.existingSecret: empty (expected: a secret of type kubernetes.io/tls, or insecure: true where the network is trusted)" -}}
{{- end -}}
{{- if and .Values.teacher.enabled (include "lyne.tokensSecret" .) (gt (int .Values.students.count) 0) (not .Values.tokens.studentSecret) -}}
{{- fail "tokens.studentSecret: empty (expected: a secret with the token of this release's students)" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (lt (int .Values.autoscaling.maxReplicas) (int .Values.autoscaling.minReplicas)) -}}
{{- fail (printf "autoscaling.maxReplicas: %d (expected: at least minReplicas, %d)" (int .Values.autoscaling.maxReplicas) (int .Values.autoscaling.minReplicas)) -}}
{{- end -}}
{{- end -}}
