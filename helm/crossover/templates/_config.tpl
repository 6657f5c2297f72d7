{{- /* The files that the components read. */}}

{{- /* The bridge's registry: apps, and of each tenant what the bridge knows. */}}
{{- define "crossover.registry" -}}
{{- $tenants := dict }}
{{- range $name, $tenant := .Values.tenants }}
{{- $_ := set $tenants $name (omit $tenant "worker_namespaces" "worker_selector" "streams") }}
{{- end }}
{{- toYaml (dict "apps" .Values.registry.apps "tenants" $tenants) }}
{{- end }}

{{- /* The log streamer's tenants: of each what it knows. */}}
{{- define "crossover.tenants" -}}
{{- $tenants := dict }}
{{- range $name, $tenant := .Values.tenants }}
{{- $_ := set $tenants $name (pick $tenant "argo_namespaces" "worker_namespaces" "worker_selector" "streams") }}
{{- end }}
{{- toYaml (dict "tenants" $tenants) }}
{{- end }}

{{- /* Whose service accounts count: those of the values, and that of `helm test`. As JSON. */}}
{{- define "crossover.serviceAccounts" -}}
{{- $accounts := .Values.identity.kubernetes.service_accounts }}
{{- if and .Values.tests.enabled .Values.tests.tenant }}
{{- $accounts = append $accounts (dict "namespace" .Release.Namespace "name" (printf "%s-test" (include "crossover.fullname" .)) "tenant" .Values.tests.tenant "role" "operator") }}
{{- end }}
{{- toJson $accounts }}
{{- end }}

{{- define "crossover.identityFile" -}}
{{- $identity := .Values.identity }}
{{- $file := dict }}
{{- if include "crossover.auth" (dict "root" . "way" "kubernetes") }}
{{- $_ := set $file "kubernetes" (dict "audience" $identity.audience "service_accounts" (fromJsonArray (include "crossover.serviceAccounts" .))) }}
{{- end }}
{{- if include "crossover.auth" (dict "root" . "way" "oidc") }}
{{- $_ := set $file "oidc" $identity.oidc }}
{{- end }}
{{- if $file }}{{ toYaml $file }}{{ end }}
{{- end }}
