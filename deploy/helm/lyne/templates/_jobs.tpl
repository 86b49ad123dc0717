{{/* What of the students' Job cannot be changed once it is there; with the name of their configuration. */}}
{{- define "lyne.studentsSpec" -}}
{{- $config := .config -}}
{{- with .root -}}
{{- $students := .Values.students -}}
completionMode: Indexed
completions: {{ $students.count }}
backoffLimitPerIndex: {{ $students.retries }}
maxFailedIndexes: {{ $students.count }}
podFailurePolicy:
  rules:
    - {action: Ignore, onPodConditions: [{type: DisruptionTarget, status: "True"}]}
    # Exit code 2 is wrong usage: trying again would not help.
    - {action: FailIndex, onExitCodes: {containerName: student, operator: In, values: [2]}}
template:
  metadata:
    labels:
      {{- include "lyne.jobLabels" . | nindent 6 }}
      app.kubernetes.io/component: student
      {{- toYaml .Values.networkPolicy.students | nindent 6 }}
  spec:
    restartPolicy: Never
    automountServiceAccountToken: false
    enableServiceLinks: false
    terminationGracePeriodSeconds: 75 # 60 s to end the micro-batch in hand and write a checkpoint
    {{- with .Values.image.pullSecrets }}
    imagePullSecrets:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- if and (gt (int $students.gpu) 0) .Values.gpu.runtimeClassName }}
    runtimeClassName: {{ .Values.gpu.runtimeClassName }}
    {{- end }}
    securityContext:
      {{- include "lyne.podSecurity" . | nindent 6 }}
    containers:
      - name: student
        image: {{ include "lyne.image" . | quote }}
        imagePullPolicy: {{ .Values.image.pullPolicy }}
        command: [/bin/bash, -c]
        args:
          - >-
            exec /opt/lyne/lyne train --config /etc/lyne/student.yaml --teacher {{ include "lyne.address" . }}
            --seed $(({{ int64 $students.firstSeed }} + JOB_COMPLETION_INDEX)) --name {{ .Release.Name }}-$JOB_COMPLETION_INDEX
            --out /runs/{{ .Release.Name }}-$JOB_COMPLETION_INDEX --resume --from-start
        env:
          {{- with $students.heap }}
          - {name: LYNE_HEAP, value: {{ . | quote }}}
          {{- end }}
          {{- include "lyne.clientEnvironment" . | nindent 10 }}
          {{- include "lyne.traceEnvironment" . | nindent 10 }}
        securityContext:
          {{- include "lyne.containerSecurity" . | nindent 10 }}
        resources:
          {{- $resources := deepCopy $students.resources }}
          {{- if gt (int $students.gpu) 0 }}
          {{- $_ := set $resources "limits" (merge (dict .Values.gpu.resource (int $students.gpu)) ($resources.limits | default dict)) }}
          {{- end }}
          {{- toYaml $resources | nindent 10 }}
        volumeMounts:
          - {name: config, mountPath: /etc/lyne, readOnly: true}
          - {name: tmp, mountPath: /tmp}
          - {name: runs, mountPath: /runs}
          {{- include "lyne.clientMounts" . | nindent 10 }}
          {{- if $students.data.existingClaim }}
          - {name: data, mountPath: /data, readOnly: true}
          {{- end }}
    volumes:
      - name: config
        configMap: {name: {{ $config }}}
      - name: tmp
        emptyDir: {sizeLimit: 1Gi}
      {{- include "lyne.clientVolumes" . | nindent 6 }}
      - name: runs
        {{- if or $students.runs.existingClaim $students.runs.size }}
        persistentVolumeClaim: {claimName: {{ $students.runs.existingClaim | default (printf "%s-runs" (include "lyne.name" .)) }}}
        {{- else }}
        emptyDir: {}
        {{- end }}
      {{- with $students.data.existingClaim }}
      - name: data
        persistentVolumeClaim: {claimName: {{ . }}, readOnly: true}
      {{- end }}
    {{- with $students.nodeSelector }}
    nodeSelector:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $students.tolerations }}
    tolerations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
{{- end -}}
{{- end -}}

{{/* The same of a capture, or of its merge. */}}
{{- define "lyne.captureSpec" -}}
{{- $config := .config -}}
{{- with .root -}}
{{- $capture := .Values.capture -}}
{{- if $capture.merge }}
completions: 1
backoffLimit: {{ $capture.retries }}
{{- else }}
completionMode: Indexed
completions: {{ $capture.parts }}
backoffLimitPerIndex: {{ $capture.retries }}
maxFailedIndexes: {{ $capture.parts }}
{{- end }}
podFailurePolicy:
  rules:
    - {action: Ignore, onPodConditions: [{type: DisruptionTarget, status: "True"}]}
    # Exit code 2 is wrong usage, or what a merge refuses: trying again would not help.
    - {action: {{ $capture.merge | ternary "FailJob" "FailIndex" }}, onExitCodes: {containerName: capture, operator: In, values: [2]}}
template:
  metadata:
    labels:
      {{- include "lyne.jobLabels" . | nindent 6 }}
      app.kubernetes.io/component: capture
      {{- toYaml .Values.networkPolicy.students | nindent 6 }}
  spec:
    restartPolicy: Never
    automountServiceAccountToken: false
    enableServiceLinks: false
    {{- with .Values.image.pullSecrets }}
    imagePullSecrets:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    securityContext:
      {{- include "lyne.podSecurity" . | nindent 6 }}
    containers:
      - name: capture
        image: {{ include "lyne.image" . | quote }}
        imagePullPolicy: {{ .Values.image.pullPolicy }}
        {{- if $capture.merge }}
        args: [capture, --merge, --out, /captures/{{ .Release.Name }}]
        {{- else }}
        command: [/bin/bash, -c]
        args:
          - >-
            exec /opt/lyne/lyne capture --config /etc/lyne/capture.yaml --teacher {{ include "lyne.address" . }}
            --out /captures/{{ .Release.Name }} --part $JOB_COMPLETION_INDEX/{{ $capture.parts }}
        {{- end }}
        {{- if or $capture.heap (not $capture.merge) }}
        env:
          {{- with $capture.heap }}
          - {name: LYNE_HEAP, value: {{ . | quote }}}
          {{- end }}
          {{- end }}
          {{- if not $capture.merge }}
          {{- include "lyne.clientEnvironment" . | nindent 10 }}
          {{- include "lyne.traceEnvironment" . | nindent 10 }}
          {{- end }}
        securityContext:
          {{- include "lyne.containerSecurity" . | nindent 10 }}
        resources:
          {{- toYaml $capture.resources | nindent 10 }}
        volumeMounts:
          - {name: config, mountPath: /etc/lyne, readOnly: true}
          - {name: tmp, mountPath: /tmp}
          - {name: captures, mountPath: /captures}
          {{- include "lyne.clientMounts" . | nindent 10 }}
          {{- if .Values.model.existingClaim }}
          - {name: models, mountPath: /models, readOnly: true}
          {{- end }}
          {{- if .Values.students.data.existingClaim }}
          - {name: data, mountPath: /data, readOnly: true}
          {{- end }}
    volumes:
      - name: config
        configMap: {name: {{ $config }}}
      - name: tmp
        emptyDir: {sizeLimit: 1Gi}
      - name: captures
        persistentVolumeClaim: {claimName: {{ $capture.captures.existingClaim }}}
      {{- include "lyne.clientVolumes" . | nindent 6 }}
      {{- with .Values.model.existingClaim }}
      - name: models
        persistentVolumeClaim: {claimName: {{ . }}, readOnly: true}
      {{- end }}
      {{- with .Values.students.data.existingClaim }}
      - name: data
        persistentVolumeClaim: {claimName: {{ . }}, readOnly: true}
      {{- end }}
    {{- with $capture.nodeSelector }}
    nodeSelector:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $capture.tolerations }}
    tolerations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
{{- end -}}
{{- end -}}
