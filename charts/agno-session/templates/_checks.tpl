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
{{- if and .Values.auth.jwt.verifyAudience (not .Values.auth.jwt.audience) (not .Values.auth.osId) -}}
  {{- fail "auth.jwt.verifyAudience needs an audience: set auth.jwt.audience or auth.osId" -}}
{{- end -}}
{{- $jwt := .Values.auth.jwt -}}
{{- $aboutTokens := dict
  "auth.authorization" .Values.auth.authorization
  "auth.userIsolation" .Values.auth.userIsolation
  "auth.jwt.algorithm" (ne $jwt.algorithm "RS256")
  "auth.jwt.issuer" $jwt.issuer
  "auth.jwt.verifyAudience" $jwt.verifyAudience
  "auth.jwt.audience" $jwt.audience
  "auth.jwt.adminScope" (ne $jwt.adminScope "agent_os:admin")
  "auth.jwt.databasesClaim" $jwt.databasesClaim
-}}
{{- if and $jwt.jwksUrl $jwt.jwks.existingSecret.name -}}
  {{- fail "auth.jwt.jwks and auth.jwt.jwksUrl both say which keys verify tokens: keep one of them" -}}
{{- end -}}
{{- if and $jwt.jwksUrl (hasPrefix "HS" $jwt.algorithm) -}}
  {{- fail (printf "auth.jwt.jwksUrl gives public keys, and %s wants a secret: name it by auth.jwt.verificationKey.existingSecret.name" $jwt.algorithm) -}}
{{- end -}}
{{- range $name, $set := $aboutTokens -}}
  {{- if and $set (not (include "agno-session.tokens" $)) -}}
    {{- fail (printf "%s is about tokens: name the Secret of the key that verifies them, auth.jwt.verificationKey.existingSecret.name or auth.jwt.jwks.existingSecret.name, or their URL, auth.jwt.jwksUrl" $name) -}}
  {{- end -}}
{{- end -}}
{{- $accounts := .Values.auth.serviceAccounts.database -}}
{{- if and $accounts (not (include "agno-session.tokens" .)) (not .Values.auth.securityKey.existingSecret.name) -}}
  {{- fail "auth.serviceAccounts keeps nobody out who shows no token: name the Secret of auth.securityKey or auth.jwt as well" -}}
{{- end -}}
{{- if and $dsn (not (has $accounts (list "" "default"))) -}}
  {{- fail (printf "auth.serviceAccounts.database is %s, but the one database of dsn.existingSecret has the id default" $accounts) -}}
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
