{{- define "agno-session.fullname" -}}
{{- $name := printf "%s-%s" .Release.Name .Chart.Name -}}
{{- if contains .Chart.Name .Release.Name }}{{ $name = .Release.Name }}{{ end -}}
{{- .Values.fullnameOverride | default $name | trunc 52 | trimSuffix "-" -}}
{{- end }}

{{- define "agno-session.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "agno-session.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end }}

{{- define "agno-session.image" -}}
{{- .Values.image.repository -}}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end -}}
{{- end }}

{{- /* The name is not agno-session: the Service of a SessionStore with the name of the release would choose these pods. */ -}}
{{- define "agno-session.selector" -}}
app.kubernetes.io/name: session-service
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* The port of a URL */ -}}
{{- define "agno-session.port" -}}
{{- regexFind ":[0-9]+$" (urlParse .).host | trimPrefix ":" | default (ternary 443 80 (hasPrefix "https:" .)) -}}
{{- end }}

{{- define "agno-session.labels" -}}
{{ include "agno-session.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "agno-session.monitored" -}}
{{- if or .Values.monitoring.enabled .Values.monitoring.serviceMonitor.enabled }}yes{{ end -}}
{{- end }}

{{- /* Of the Service by which Prometheus finds the pods */ -}}
{{- define "agno-session.metricsLabels" -}}
{{ include "agno-session.labels" . }}
app.kubernetes.io/component: metrics
{{- end }}

{{- define "agno-session.podSecurityContext" -}}
runAsNonRoot: true
{{- with .Values.runAsUser }}
runAsUser: {{ . | int64 }}
runAsGroup: {{ . | int64 }}
fsGroup: {{ . | int64 }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "agno-session.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
