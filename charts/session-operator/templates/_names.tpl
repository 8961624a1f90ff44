{{- define "session-operator.fullname" -}}
{{- $name := printf "%s-%s" .Release.Name .Chart.Name -}}
{{- if contains .Chart.Name .Release.Name }}{{ $name = .Release.Name }}{{ end -}}
{{- .Values.fullnameOverride | default $name | trunc 52 | trimSuffix "-" -}}
{{- end }}

{{- define "session-operator.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "session-operator.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end }}

{{- define "session-operator.image" -}}
{{- .Values.image.repository -}}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end -}}
{{- end }}

{{- define "session-operator.selector" -}}
app.kubernetes.io/name: session-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "session-operator.labels" -}}
{{ include "session-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* Of the Service by which Prometheus finds the pods */ -}}
{{- define "session-operator.metricsLabels" -}}
{{ include "session-operator.labels" . }}
app.kubernetes.io/component: metrics
{{- end }}

{{- define "session-operator.podSecurityContext" -}}
runAsNonRoot: true
{{- with .Values.runAsUser }}
runAsUser: {{ . | int64 }}
runAsGroup: {{ . | int64 }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "session-operator.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
