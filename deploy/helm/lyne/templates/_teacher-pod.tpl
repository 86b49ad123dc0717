{{/* A replica of the teacher. */}}
{{- define "lyne.teacherPod" -}}
{{- $probes := .Values.probes -}}
metadata:
  labels:
    {{- include "lyne.labels" . | nindent 4 }}
    app.kubernetes.io/component: teacher
    {{- with .Values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations: # a change of configuration rolls the replicas; one of the list of teachers is followed by those that run
    checksum/config: {{ include "lyne.server" . | sha256sum }}
    {{- with .Values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "lyne.teacher" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false # variables such as LYNE_TEACHER_PORT would be refused as unknown
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.gpu.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  # Until everyone knows that the replica leaves, the drain, and what closing takes.
  terminationGracePeriodSeconds: {{ add .Values.preStopSeconds (.Values.serve.drain_seconds | default 30) 15 }}
  securityContext:
    {{- include "lyne.podSecurity" . | nindent 4 }}
  containers:
    - name: teacher
      image: {{ include "lyne.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve, --config, /etc/lyne/teacher.yaml]
      env:
        {{- with .Values.heap }}
        - {name: LYNE_HEAP, value: {{ . | quote }}}
        {{- end }}
        - {name: LYNE_HEALTH, value: "0.0.0.0:{{ .Values.healthPort }}"} # in place of the image's, which is for itself
      ports:
        - {name: grpc, containerPort: {{ .Values.grpcPort }}}
        - {name: health, containerPort: {{ .Values.healthPort }}}
        - {name: metrics, containerPort: {{ .Values.metricsPort }}}
      # The server answers NOT_SERVING until the model is warm, and from SIGTERM on.
      startupProbe: {grpc: {port: {{ .Values.healthPort }}}, periodSeconds: {{ $probes.startup.periodSeconds }}, timeoutSeconds: {{ $probes.startup.timeoutSeconds }}, failureThreshold: {{ div (add .Values.startupSeconds (.Values.engine.enabled | ternary .Values.engine.startupSeconds 0) (sub $probes.startup.periodSeconds 1)) $probes.startup.periodSeconds }}}
      readinessProbe: {grpc: {port: {{ .Values.healthPort }}}, periodSeconds: {{ $probes.readiness.periodSeconds }}, timeoutSeconds: {{ $probes.readiness.timeoutSeconds }}, failureThreshold: {{ $probes.readiness.failureThreshold }}}
      {{- if .Values.engine.enabled }}
      # Health follows the engine's; Lyne itself lives while it listens, and waits for an engine that starts again.
      livenessProbe: {tcpSocket: {port: {{ .Values.healthPort }}}, periodSeconds: {{ $probes.liveness.periodSeconds }}, timeoutSeconds: {{ $probes.liveness.timeoutSeconds }}, failureThreshold: {{ $probes.liveness.failureThreshold }}}
      {{- else }}
      livenessProbe: {grpc: {port: {{ .Values.healthPort }}}, periodSeconds: {{ $probes.liveness.periodSeconds }}, timeoutSeconds: {{ $probes.liveness.timeoutSeconds }}, failureThreshold: {{ $probes.liveness.failureThreshold }}}
      {{- end }}
      lifecycle: # new students go elsewhere first; SIGTERM then drains
        preStop: {exec: {command: [sleep, {{ .Values.preStopSeconds | quote }}]}}
      securityContext:
        {{- include "lyne.containerSecurity" . | nindent 8 }}
      resources:
        {{- $resources := deepCopy .Values.resources }}
        {{- if gt (int .Values.gpu.count) 0 }}
        {{- $_ := set $resources "limits" (merge (dict .Values.gpu.resource (int .Values.gpu.count)) ($resources.limits | default dict)) }}
        {{- end }}
        {{- toYaml $resources | nindent 8 }}
      volumeMounts:
        - {name: config, mountPath: /etc/lyne, readOnly: true}
        - {name: tmp, mountPath: /tmp}
        {{- if .Values.model.existingClaim }}
        - {name: models, mountPath: /models, readOnly: true}
        {{- end }}
        {{- range $index, $each := .Values.teachers }}
        {{- if $each.claim }}
        - {name: teacher-{{ $index }}, mountPath: {{ printf "/teachers/%s" $each.name | quote }}, readOnly: true}
        {{- end }}
        {{- end }}
        {{- if include "lyne.asksEngine" . }}
        - {name: identity, mountPath: /identity}
        {{- end }}
        {{- if .Values.diskCache.enabled }}
        - {name: cache, mountPath: /cache}
        {{- end }}
        {{- if .Values.tls.existingSecret }}
        - {name: tls, mountPath: /etc/lyne-tls, readOnly: true}
        {{- end }}
        {{- if include "lyne.tokensSecret" . }}
        - {name: tokens, mountPath: /etc/lyne-tokens, readOnly: true}
        {{- end }}
  volumes:
    - name: config
      configMap: {name: {{ include "lyne.teacher" . }}}
    - name: tmp # libraries unpack themselves there
      emptyDir: {sizeLimit: 1Gi}
    {{- with .Values.model.existingClaim }}
    - name: models
      persistentVolumeClaim: {claimName: {{ . }}, readOnly: true}
    {{- end }}
    {{- range $index, $each := .Values.teachers }}
    {{- if $each.claim }}
    - name: teacher-{{ $index }}
      persistentVolumeClaim: {claimName: {{ $each.claim }}, readOnly: true}
    {{- end }}
    {{- end }}
    {{- if include "lyne.asksEngine" . }}
    - name: identity # one of all replicas, and of all that keep rows by it
      persistentVolumeClaim: {claimName: {{ .Values.engine.identity.existingClaim | default (printf "%s-identity" (include "lyne.teacher" .)) }}}
    {{- end }}
    {{- if and .Values.diskCache.enabled (not .Values.diskCache.claim.enabled) }}
    - name: cache
      emptyDir: {sizeLimit: {{ .Values.diskCache.size }}}
    {{- end }}
    {{- with .Values.tls.existingSecret }}
    - name: tls
      secret: {secretName: {{ . }}, defaultMode: 0440}
    {{- end }}
    {{- with include "lyne.tokensSecret" . }}
    - name: tokens
      secret: {secretName: {{ . }}, defaultMode: 0440}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- range . }}
    - {{ merge (dict "labelSelector" (dict "matchLabels" (include "lyne.teacherSelector" $ | fromYaml))) . | toJson }}
    {{- end }}
  {{- end }}
{{- end -}}
