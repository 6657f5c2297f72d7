{{- /* Values that contradict each other. Each sentence says what to do; tests/helm/test_refusals.py has them all. */}}
{{- define "crossover.validate" -}}
{{- include "crossover.validate.identity" . }}
{{- include "crossover.validate.stores" . }}
{{- include "crossover.validate.temporal" . }}
{{- include "crossover.validate.argo" . }}
{{- include "crossover.validate.tenants" . }}
{{- include "crossover.validate.templates" . }}
{{- include "crossover.validate.trials" . }}
{{- range fromJsonArray (include "crossover.components" .) }}
{{- include "crossover.validate.replicas" (dict "root" $ "key" .key "values" (index $.Values .key)) }}
{{- end }}
{{- end }}

{{- define "crossover.validate.identity" -}}
{{- $identity := .Values.identity }}
{{- $tokens := include "crossover.auth" (dict "root" . "way" "tokens") }}
{{- $kubernetes := include "crossover.auth" (dict "root" . "way" "kubernetes") }}
{{- $oidc := include "crossover.auth" (dict "root" . "way" "oidc") }}
{{- if include "crossover.auth" (dict "root" . "way" "none") }}
{{- fail "identity.auth=none makes everyone an administrator and therefore listens on loopback only, where neither a Service nor a probe reaches it: set tokens, kubernetes or oidc." }}
{{- end }}
{{- if and $tokens (not $identity.tokens.secretName) }}
{{- fail "identity.auth has tokens, but identity.tokens.secretName names no Secret: make one of what `crossover token new` prints." }}
{{- end }}
{{- if and $kubernetes (not (fromJsonArray (include "crossover.serviceAccounts" .))) }}
{{- fail "identity.auth has kubernetes, but identity.kubernetes.service_accounts lists none: name those that may call." }}
{{- end }}
{{- if and $identity.kubernetes.service_accounts (not $kubernetes) }}
{{- fail "identity.kubernetes.service_accounts is set, but identity.auth has no kubernetes: add it, or take the list out." }}
{{- end }}
{{- if and $oidc (not $identity.oidc) }}
{{- fail "identity.auth has oidc, but identity.oidc lists no issuer." }}
{{- end }}
{{- if and $identity.oidc (not $oidc) }}
{{- fail "identity.oidc is set, but identity.auth has no oidc: add it, or take the list out." }}
{{- end }}
{{- if and (or $identity.session.bridgeUrl $identity.session.logStreamerUrl) (not $identity.session.key.secretName) }}
{{- fail "identity.session has URLs, but without identity.session.key.secretName there are no sessions." }}
{{- end }}
{{- end }}

{{- define "crossover.validate.stores" -}}
{{- $redis := .Values.redis }}
{{- if and $redis.url $redis.server.enabled }}
{{- fail "redis.url and redis.server.enabled contradict each other: name your Redis, or have one made for a trial." }}
{{- end }}
{{- if regexMatch "^[a-z+]+://[^/@]*:[^/@]+@" $redis.url }}
{{- fail "redis.url holds a password: put it into a Secret, and name that in redis.password.secretName." }}
{{- end }}
{{- if and $redis.server.enabled (or $redis.password.secretName $redis.ca.secretName) }}
{{- fail "redis.server has neither a password nor TLS: take redis.password and redis.ca out." }}
{{- end }}
{{- if and (or $redis.password.secretName $redis.ca.secretName) (not $redis.url) (not $redis.server.enabled) }}
{{- fail "redis.password or redis.ca is set, but redis.url names no Redis." }}
{{- end }}
{{- if and $redis.ca.secretName (not (hasPrefix "rediss://" $redis.url)) (not (contains "+" $redis.url)) }}
{{- fail "redis.ca is set, but redis.url does not speak TLS: begin it with rediss://." }}
{{- end }}
{{- if and .Values.flags.document .Values.flags.configMap }}
{{- fail "flags.document and flags.configMap contradict each other: give the document, or name the ConfigMap that has it." }}
{{- end }}
{{- end }}

{{- define "crossover.validate.temporal" -}}
{{- $temporal := .Values.temporal }}
{{- $tls := $temporal.tls }}
{{- if and $temporal.address $temporal.devServer.enabled }}
{{- fail "temporal.address and temporal.devServer.enabled contradict each other: name your Temporal, or have one made for a trial." }}
{{- end }}
{{- if and $temporal.devServer.enabled (or $tls.enabled $temporal.apiKey.secretName) }}
{{- fail "temporal.devServer has neither TLS nor API keys: take temporal.tls and temporal.apiKey out." }}
{{- end }}
{{- if and (or $tls.serverName $tls.ca.secretName $tls.client.secretName) (not $tls.enabled) }}
{{- fail "temporal.tls has settings, but temporal.tls.enabled is false: set it, or take them out." }}
{{- end }}
{{- if and $tls.client.secretName (or (not $tls.client.certKey) (not $tls.client.keyKey)) }}
{{- fail "temporal.tls.client needs both certKey and keyKey: a certificate without its key proves nothing." }}
{{- end }}
{{- end }}

{{- define "crossover.validate.argo" -}}
{{- $argo := .Values.argo }}
{{- if and (eq $argo.access "server") (not $argo.serverUrl) }}
{{- fail "argo.access=server needs argo.serverUrl." }}
{{- end }}
{{- if and $argo.serverUrl (ne $argo.access "server") (not .Values.logStreamer.argoToken.secretName) }}
{{- fail "argo.serverUrl is set, but nobody uses it: set argo.access=server, or logStreamer.argoToken." }}
{{- end }}
{{- if and .Values.logStreamer.argoToken.secretName (not $argo.serverUrl) }}
{{- fail "logStreamer.argoToken is set, but argo.serverUrl names no Argo Server." }}
{{- end }}
{{- if and $argo.token.secretName (ne $argo.access "server") }}
{{- fail "argo.token is for argo.access=server: with any other the bridge does not use it." }}
{{- end }}
{{- if and .Values.agent.enabled (not $argo.namespaces) (not .Values.clusterWide) }}
{{- fail "agent.enabled needs argo.namespaces, whose workflows it serves, or clusterWide=true for all." }}
{{- end }}
{{- if and .Values.plugin.enabled (not $argo.namespaces) }}
{{- fail "plugin.enabled needs argo.namespaces: the plugin's ConfigMap goes where workflows are." }}
{{- end }}
{{- if and .Values.agent.enabled .Values.plugin.enabled }}
{{- fail "agent.enabled and plugin.enabled contradict each other: where the agent works there are no agent pods that the plugin could run in." }}
{{- end }}
{{- if and .Values.agent.enabled .Values.agent.admissionPolicy (semverCompare "<1.30-0" .Capabilities.KubeVersion.Version) }}
{{- fail "agent.admissionPolicy needs Kubernetes 1.30 or newer: set it to false on an older one." }}
{{- end }}
{{- if and .Values.plugin.enabled (not (include "crossover.auth" (dict "root" . "way" "tokens"))) }}
{{- fail "plugin.enabled needs tokens in identity.auth: the plugin has a static token, and no other can reach its container." }}
{{- end }}
{{- if and (not .Values.bridge.enabled) (not .Values.bridge.url) (or .Values.plugin.enabled .Values.workflowTemplates.enabled .Values.tests.enabled) }}
{{- fail "Without bridge.enabled, templates, plugin and tests need bridge.url: where the bridge is." }}
{{- end }}
{{- if and .Values.bridge.enabled .Values.bridge.url }}
{{- fail "bridge.url is for a bridge elsewhere: take it out, or set bridge.enabled=false." }}
{{- end }}
{{- end }}

{{- define "crossover.validate.tenants" -}}
{{- $known := fromJsonArray (include "crossover.argoNamespaces" .) }}
{{- $served := false }}
{{- range $name, $tenant := .Values.tenants }}
{{- if and $.Values.logStreamer.enabled (not $tenant.argo_namespaces) }}
{{- fail (printf "tenants.%s needs argo_namespaces: the log streamer reads nothing outside of them." $name) }}
{{- end }}
{{- range $tenant.argo_namespaces }}
{{- $served = true }}
{{- if and $.Values.logStreamer.enabled (regexMatch "[*?\\[]" .) }}
{{- fail (printf "tenants.%s.argo_namespaces has the pattern %s, and the log streamer reads named namespaces only: name them, or set logStreamer.enabled=false." $name .) }}
{{- end }}
{{- if and (not $.Values.clusterWide) (not (regexMatch "[*?\\[]" .)) (not (has . $known)) }}
{{- fail (printf "tenants.%s.argo_namespaces names %s, where nothing here has rights: add it to argo.namespaces." $name .) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and .Values.agent.enabled (not $served) }}
{{- fail "agent.enabled needs a tenant with argo_namespaces: tasks of namespaces that no tenant names become errors." }}
{{- end }}
{{- end }}

{{- define "crossover.validate.templates" -}}
{{- $templates := .Values.workflowTemplates }}
{{- $modes := $templates.modes }}
{{- if $templates.enabled }}
{{- if and (has "crossover-or-legacy" $modes) (not (has "step" $modes)) }}
{{- fail "workflowTemplates.modes has crossover-or-legacy, which calls the template of step: add step." }}
{{- end }}
{{- if and (has "step" $modes) (not $templates.stepToken.secretName) (not (include "crossover.auth" (dict "root" . "way" "kubernetes"))) }}
{{- fail "workflowTemplates.modes has step, whose pods have tokens of their service accounts, and identity.auth has no kubernetes: add it, or name a Secret with a static token in workflowTemplates.stepToken.secretName." }}
{{- end }}
{{- if and (or (has "callback" $modes) (has "approval" $modes)) .Values.bridge.enabled (ne .Values.argo.access "server") }}
{{- fail "workflowTemplates.modes has callback or approval, whose nodes only an Argo Server can complete: set argo.access=server and argo.serverUrl." }}
{{- end }}
{{- if and (has "agent" $modes) (not .Values.agent.enabled) }}
{{- fail "workflowTemplates.modes has agent, but agent.enabled is false: nobody would execute its tasks." }}
{{- end }}
{{- if and (has "plugin" $modes) (not .Values.plugin.enabled) }}
{{- fail "workflowTemplates.modes has plugin, but plugin.enabled is false: nobody would execute its tasks." }}
{{- end }}
{{- end }}
{{- end }}

{{- define "crossover.validate.trials" -}}
{{- $tests := .Values.tests }}
{{- if and .Values.trial.worker.enabled (or .Values.temporal.tls.enabled .Values.temporal.apiKey.secretName) }}
{{- fail "trial.worker speaks to Temporal without TLS: it is for temporal.devServer." }}
{{- end }}
{{- if and $tests.enabled (not $tests.tenant) (not $tests.token.secretName) }}
{{- fail "tests.enabled needs tests.tenant, or tests.token.secretName: the test calls the bridge with a token." }}
{{- end }}
{{- if and $tests.tenant $tests.token.secretName }}
{{- fail "tests.tenant and tests.token contradict each other: the test has one identity." }}
{{- end }}
{{- if and $tests.enabled $tests.tenant (not (include "crossover.auth" (dict "root" . "way" "kubernetes"))) }}
{{- fail "tests.tenant is for identity.auth=kubernetes: with any other, name a Secret with a token in tests.token.secretName." }}
{{- end }}
{{- end }}

{{- define "crossover.validate.replicas" -}}
{{- $auto := default (dict) .values.autoscaling }}
{{- $least := int (include "crossover.replicas" .values) }}
{{- $most := default false $auto.enabled | ternary (int $auto.maxReplicas) $least }}
{{- if and $auto.enabled .values.replicas }}
{{- fail (printf "%s.replicas and %s.autoscaling contradict each other: take one of them out." .key .key) }}
{{- end }}
{{- if and $auto.enabled (gt $least $most) }}
{{- fail (printf "%s.autoscaling.minReplicas is above maxReplicas." .key) }}
{{- end }}
{{- if and (gt $most 1) (ne .key "agent") (not (include "crossover.redisUrl" .root)) }}
{{- fail (printf "%s with more than one replica needs Redis (redis.url): without it each replica counts, decides and forgets for itself." .key) }}
{{- end }}
{{- if and .values.pdb.enabled (lt $least 2) }}
{{- fail (printf "%s.pdb on a single replica protects nothing or blocks every drain: have two, or leave it out." .key) }}
{{- end }}
{{- end }}
