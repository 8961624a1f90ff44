{{- /* What a schema can't say, or not in words that help. */ -}}
{{- define "agno-session.check" -}}
{{- $map := .Values.databases.existingSecret.name -}}
{{- $dsn := .Values.dsn.existingSecret.name -}}
{{- if not (or $map $dsn) -}}
  {{- fail "no database: name the Secret that holds its DSN, --set dsn.existingSecret.name=…, or the DSN map of several, --set databases.existingSecret.name=…" -}}
{{- end -}}
{{- if and $map $dsn -}}
  {{- fail "databases.existingSecret and dsn.existingSecret are both set: keep one of them" -}}
{{- end -}}
{{- if and $dsn (not (has .Values.defaultDatabase (list "" "default"))) -}}
  {{- fail (printf "defaultDatabase is %s, but the one database of dsn.existingSecret has the id default: leave defaultDatabase empty" .Values.defaultDatabase) -}}
{{- end -}}
{{- $tokens := or .Values.auth.jwt.verificationKey.existingSecret.name .Values.auth.jwt.jwks.existingSecret.name -}}
{{- if and (or .Values.auth.authorization .Values.auth.userIsolation) (not $tokens) -}}
  {{- fail "auth.authorization and auth.userIsolation are about tokens: name the Secret of the key that verifies them, auth.jwt.verificationKey.existingSecret.name or auth.jwt.jwks.existingSecret.name" -}}
{{- end -}}
{{- if and .Values.auth.jwt.databasesClaim (not $tokens) -}}
  {{- fail "auth.jwt.databasesClaim is about tokens: name the Secret of the key that verifies them, auth.jwt.verificationKey.existingSecret.name or auth.jwt.jwks.existingSecret.name" -}}
{{- end -}}
{{- if and .Values.auth.jwt.verifyAudience (not .Values.auth.jwt.audience) (not .Values.auth.osId) -}}
  {{- fail "auth.jwt.verifyAudience needs an audience: set auth.jwt.audience or auth.osId" -}}
{{- end -}}
{{- with .Values.autoscaling -}}
  {{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) -}}
    {{- fail (printf "autoscaling.minReplicas is %v, more than autoscaling.maxReplicas, %v" .minReplicas .maxReplicas) -}}
  {{- end -}}
  {{- if and .enabled (not (dig "requests" "cpu" "" $.Values.resources)) -}}
    {{- fail "autoscaling measures CPU against resources.requests.cpu: set it" -}}
  {{- end -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}
  {{- fail "ingress.hosts names no host" -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}
  {{- fail "httpRoute.parentRefs names no Gateway" -}}
{{- end -}}
{{- if and .Values.service.nodePort (eq .Values.service.type "ClusterIP") -}}
  {{- fail "service.nodePort needs service.type NodePort or LoadBalancer" -}}
{{- end -}}
{{- $patience := mul .Values.startupProbe.periodSeconds .Values.startupProbe.failureThreshold -}}
{{- if ge (int .Values.startupGraceSeconds) (int $patience) -}}
  {{- fail (printf "startupGraceSeconds is %v, but startupProbe gives up after %v s: raise startupProbe.failureThreshold" .Values.startupGraceSeconds $patience) -}}
{{- end -}}
{{- end }}
