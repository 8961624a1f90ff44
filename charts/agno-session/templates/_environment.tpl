{{- /* DSNs reach the container as files, keys as secretKeyRef, neither as text. */ -}}
{{- define "agno-session.environment" -}}
- {name: AGNO_SERVICE_HOST, value: 0.0.0.0}
- {name: AGNO_SERVICE_PORT, value: "8080"}
{{- if .Values.databases.existingSecret.name }}
- {name: AGNO_SESSION_DSN_MAP_FILE, value: /etc/session-service/dsn-map.json}
{{- else }}
- {name: AGNO_PG_DSN_FILE, value: /etc/session-service/dsn}
{{- end }}
{{- with .Values.auth.securityKey.existingSecret }}{{ if .name }}
{{ include "agno-session.secret" (list "OS_SECURITY_KEY" .) }}
{{- end }}{{ end }}
{{- with .Values.auth.jwt.verificationKey.existingSecret }}{{ if .name }}
{{ include "agno-session.secret" (list "JWT_VERIFICATION_KEY" .) }}
{{- end }}{{ end }}
{{- with .Values.log.key.existingSecret }}{{ if .name }}
{{ include "agno-session.secret" (list "AGNO_LOG_KEY" .) }}
{{- end }}{{ end }}
{{- if .Values.auth.jwt.jwks.existingSecret.name }}
- {name: JWT_JWKS_FILE, value: /etc/session-service-jwks/jwks.json}
{{- end }}
{{- $plain := dict
  "AGNO_DEFAULT_DB_ID" .Values.defaultDatabase
  "AGNO_SESSION_SCHEMA" .Values.schema
  "AGNO_REQUIRE_DB_ID" .Values.requireDatabase
  "AGNO_REQUEST_TIMEOUT_SECONDS" .Values.requestTimeoutSeconds
  "AGNO_MAX_BODY_BYTES" (int64 .Values.maxBodyBytes)
  "AGNO_MAX_CONNECTIONS" (int64 .Values.maxConnections)
  "AGNO_MAX_HEADER_BYTES" (int64 .Values.maxHeaderBytes)
  "AGNO_MAX_ANSWER_BYTES" (int64 .Values.maxAnswerBytes)
  "AGNO_COMPRESS_FROM_BYTES" (ternary .Values.compressFromBytes (int64 .Values.compressFromBytes) (kindIs "string" .Values.compressFromBytes))
  "AGNO_TRUSTED_PROXIES" (join "," .Values.trustedProxies)
  "AGNO_LOG_FORMAT" .Values.log.format
  "AGNO_LOG_LEVEL" .Values.log.level
  "OTEL_EXPORTER_OTLP_ENDPOINT" .Values.traces.endpoint
  "AGNO_STARTUP_GRACE_SECONDS" .Values.startupGraceSeconds
  "AGNO_DRAIN_SECONDS" .Values.drainSeconds
  "AGNO_SHUTDOWN_SECONDS" .Values.shutdownSeconds
  "AGNO_CORS_ORIGINS" (join "," .Values.cors.origins)
  "AGNO_OS_ID" .Values.auth.osId
  "AGNO_REQUIRE_AUTHENTICATION" (ternary "true" "" (or (ne .Values.auth.securityKey.existingSecret.name "") (eq (include "agno-session.tokens" .) "yes")))
}}
{{- with .Values.auth.serviceAccounts }}{{ if .database }}
{{- $plain = merge $plain (dict
  "AGNO_SERVICE_ACCOUNTS_DB_ID" .database
  "AGNO_SERVICE_ACCOUNTS_TABLE" .table
  "AGNO_SERVICE_ACCOUNTS_CACHE_SECONDS" (int64 .cacheSeconds)
) }}
{{- end }}{{ end }}
{{- if include "agno-session.tokens" . }}
{{- $plain = merge $plain (dict
  "AGNO_AUTHORIZATION" (toJson .Values.auth.authorization | replace "null" "")
  "AGNO_USER_ISOLATION" (toJson .Values.auth.userIsolation | replace "null" "")
  "AGNO_JWT_JWKS_URL" .Values.auth.jwt.jwksUrl
  "AGNO_JWT_ALGORITHM" .Values.auth.jwt.algorithm
  "AGNO_JWT_ISSUER" .Values.auth.jwt.issuer
  "AGNO_JWT_VERIFY_AUDIENCE" (toJson .Values.auth.jwt.verifyAudience | replace "null" "")
  "AGNO_JWT_AUDIENCE" (join "," .Values.auth.jwt.audience)
  "AGNO_JWT_ADMIN_SCOPE" .Values.auth.jwt.adminScope
  "AGNO_JWT_DATABASES_CLAIM" .Values.auth.jwt.databasesClaim
) }}
{{- end }}
{{- range $name, $value := $plain }}
{{- if ne (toString $value) "" }}
- {name: {{ $name }}, value: {{ toString $value | quote }}}
{{- end }}
{{- end }}
{{- end }}

{{- /* Whether there is a key for tokens */ -}}
{{- define "agno-session.tokens" -}}
{{- with .Values.auth.jwt }}{{ if or .verificationKey.existingSecret.name .jwks.existingSecret.name .jwksUrl }}yes{{ end }}{{ end -}}
{{- end }}

{{- define "agno-session.secret" -}}
- {name: {{ first . }}, valueFrom: {secretKeyRef: {name: {{ (last .).name }}, key: {{ (last .).key | quote }}}}}
{{- end }}

{{- define "agno-session.volumes" -}}
{{- with .Values.databases.existingSecret }}{{ if .name }}
- name: dsn-map
  secret: {secretName: {{ .name }}, defaultMode: 0440, items: [{key: {{ .key | quote }}, path: dsn-map.json}]}
{{- end }}{{ end }}
{{- with .Values.dsn.existingSecret }}{{ if .name }}
- name: dsn
  secret: {secretName: {{ .name }}, defaultMode: 0440, items: [{key: {{ .key | quote }}, path: dsn}]}
{{- end }}{{ end }}
{{- with .Values.auth.jwt.jwks.existingSecret }}{{ if .name }}
- name: jwks
  secret: {secretName: {{ .name }}, defaultMode: 0440, items: [{key: {{ .key | quote }}, path: jwks.json}]}
{{- end }}{{ end }}
{{- end }}

{{- define "agno-session.volumeMounts" -}}
{{- if .Values.databases.existingSecret.name }}
- {name: dsn-map, mountPath: /etc/session-service, readOnly: true}
{{- end }}
{{- if .Values.dsn.existingSecret.name }}
- {name: dsn, mountPath: /etc/session-service, readOnly: true}
{{- end }}
{{- if .Values.auth.jwt.jwks.existingSecret.name }}
- {name: jwks, mountPath: /etc/session-service-jwks, readOnly: true}
{{- end }}
{{- end }}
