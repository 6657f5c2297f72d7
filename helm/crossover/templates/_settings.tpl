{{- /* Settings and mounted files that components share. Each is {env: {NAME: value}, files: [...]}, as JSON. */}}

{{- define "crossover.settings.temporal" -}}
{{- $temporal := .Values.temporal }}
{{- $env := dict "TEMPORAL_ADDRESS" (include "crossover.temporalAddress" .) "TEMPORAL_NAMESPACE" $temporal.namespace "TEMPORAL_UI_URL" $temporal.uiUrl }}
{{- $files := list }}
{{- with $temporal.apiKey.secretName }}
{{- $_ := set $env "TEMPORAL_API_KEY_FILE" "/etc/crossover/temporal-api-key/api-key" }}
{{- $files = append $files (dict "name" "temporal-api-key" "secret" . "items" (dict $temporal.apiKey.key "api-key")) }}
{{- end }}
{{- if $temporal.tls.enabled }}
{{- $_ := set $env "TEMPORAL_TLS" true }}
{{- $_ := set $env "TEMPORAL_TLS_SERVER_NAME" $temporal.tls.serverName }}
{{- with $temporal.tls.ca.secretName }}
{{- $_ := set $env "TEMPORAL_TLS_SERVER_CA" "/etc/crossover/temporal-ca/ca.crt" }}
{{- $files = append $files (dict "name" "temporal-ca" "secret" . "items" (dict $temporal.tls.ca.key "ca.crt")) }}
{{- end }}
{{- with $temporal.tls.client.secretName }}
{{- $_ := set $env "TEMPORAL_TLS_CLIENT_CERT" "/etc/crossover/temporal-client/tls.crt" }}
{{- $_ := set $env "TEMPORAL_TLS_CLIENT_KEY" "/etc/crossover/temporal-client/tls.key" }}
{{- $files = append $files (dict "name" "temporal-client" "secret" . "items" (dict $temporal.tls.client.certKey "tls.crt" $temporal.tls.client.keyKey "tls.key")) }}
{{- end }}
{{- end }}
{{- toJson (dict "env" $env "files" (default (list) $files)) }}
{{- end }}

{{- define "crossover.settings.redis" -}}
{{- $redis := .Values.redis }}
{{- $env := dict "REDIS_URL" (include "crossover.redisUrl" .) }}
{{- $files := list }}
{{- with $redis.password.secretName }}
{{- $_ := set $env "REDIS_PASSWORD_FILE" "/etc/crossover/redis-password/password" }}
{{- $files = append $files (dict "name" "redis-password" "secret" . "items" (dict $redis.password.key "password")) }}
{{- end }}
{{- with $redis.ca.secretName }}
{{- $_ := set $env "REDIS_CA_FILE" "/etc/crossover/redis-ca/ca.crt" }}
{{- $files = append $files (dict "name" "redis-ca" "secret" . "items" (dict $redis.ca.key "ca.crt")) }}
{{- end }}
{{- toJson (dict "env" $env "files" (default (list) $files)) }}
{{- end }}

{{- /* Who may call. Takes root, and sessionUrl: where browsers reach this component. */}}
{{- define "crossover.settings.identity" -}}
{{- $identity := .root.Values.identity }}
{{- $env := dict "LISTEN_HOST" "0.0.0.0" "AUTH" $identity.auth }}
{{- $files := list }}
{{- if include "crossover.auth" (dict "root" .root "way" "tokens") }}
{{- $_ := set $env "TOKENS_FILE" "/etc/crossover/tokens/tokens.json" }}
{{- $files = append $files (dict "name" "tokens" "secret" $identity.tokens.secretName "items" (dict $identity.tokens.key "tokens.json")) }}
{{- end }}
{{- if include "crossover.identityFile" .root }}
{{- $_ := set $env "IDENTITY_FILE" "/etc/crossover/identity/identity.yaml" }}
{{- $files = append $files (dict "name" "identity" "configMap" (printf "%s-identity" (include "crossover.fullname" .root))) }}
{{- end }}
{{- with $identity.oidcClient.secretName }}
{{- $files = append $files (dict "name" "oidc-client" "secret" . "items" (dict $identity.oidcClient.key "client-secret")) }}
{{- end }}
{{- with $identity.session.key.secretName }}
{{- $_ := set $env "SESSION_KEY_FILE" "/etc/crossover/session/keys" }}
{{- $_ := set $env "SESSION_HOURS" $identity.session.hours }}
{{- $_ := set $env "SESSION_URL" $.sessionUrl }}
{{- $files = append $files (dict "name" "session" "secret" . "items" (dict $identity.session.key.key "keys")) }}
{{- end }}
{{- toJson (dict "env" $env "files" (default (list) $files)) }}
{{- end }}

{{- /* Argo, for the bridge. */}}
{{- define "crossover.settings.argo" -}}
{{- $argo := .Values.argo }}
{{- $own := "/var/run/secrets/kubernetes.io/serviceaccount" }}
{{- $env := dict "ARGO_UI_URL" $argo.uiUrl }}
{{- $files := list }}
{{- if eq $argo.access "kubernetes" }}
{{- $env = merge $env (dict "ARGO_KUBERNETES_URL" "https://kubernetes.default.svc" "ARGO_TOKEN_FILE" (printf "%s/token" $own) "ARGO_CA_FILE" (printf "%s/ca.crt" $own)) }}
{{- else if eq $argo.access "server" }}
{{- $env = merge $env (dict "ARGO_SERVER_URL" $argo.serverUrl "ARGO_TOKEN_FILE" (printf "%s/token" $own)) }}
{{- with $argo.token.secretName }}
{{- $_ := set $env "ARGO_TOKEN_FILE" "/etc/crossover/argo-token/token" }}
{{- $files = append $files (dict "name" "argo-token" "secret" . "items" (dict $argo.token.key "token")) }}
{{- end }}
{{- with $argo.ca.secretName }}
{{- $_ := set $env "ARGO_CA_FILE" "/etc/crossover/argo-ca/ca.crt" }}
{{- $files = append $files (dict "name" "argo-ca" "secret" . "items" (dict $argo.ca.key "ca.crt")) }}
{{- end }}
{{- end }}
{{- toJson (dict "env" $env "files" (default (list) $files)) }}
{{- end }}

{{- /* Flags, which bridge and agent must know alike. */}}
{{- define "crossover.settings.flags" -}}
{{- $flags := .Values.flags }}
{{- $env := dict "STATE_DIR" "/var/lib/crossover" }}
{{- $files := list }}
{{- if $flags.kill }}
{{- $_ := set $env "KILL" true }}
{{- end }}
{{- if or $flags.document $flags.configMap }}
{{- $_ := set $env "FLAGS_FILE" "/etc/crossover/flags/flags.yaml" }}
{{- $name := default (printf "%s-flags" (include "crossover.fullname" .)) $flags.configMap }}
{{- $files = append $files (dict "name" "flags" "configMap" $name "items" (dict $flags.key "flags.yaml")) }}
{{- end }}
{{- toJson (dict "env" $env "files" (default (list) $files)) }}
{{- end }}

{{- /* Several of these and a component's own settings in one. Takes parts (JSON texts), own, values. */}}
{{- define "crossover.settings.all" -}}
{{- $env := deepCopy .own }}
{{- $files := list }}
{{- range .parts }}
{{- $part := fromJson . }}
{{- $env = merge $env $part.env }}
{{- $files = concat $files $part.files }}
{{- end }}
{{- range $name, $value := .values.settings }}
{{- $_ := set $env (upper $name) $value }}
{{- end }}
{{- toJson (dict "env" $env "files" (default (list) $files)) }}
{{- end }}
