{{- define "crossover.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* The longest suffix, `-log-streamer`, has to fit behind it. */}}
{{- define "crossover.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "crossover.name" .) .Release.Name -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name (include "crossover.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* Of objects that belong to no namespace: two releases of one name do not meet. */}}
{{- define "crossover.clusterName" -}}
{{ .Release.Namespace }}-{{ include "crossover.fullname" . }}
{{- end }}

{{- /* Takes root and component. */}}
{{- define "crossover.selector" -}}
app.kubernetes.io/name: {{ include "crossover.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "crossover.labels" -}}
{{ include "crossover.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Takes root, component, name; namespace and annotations where they differ. `namespace: ""` is none. */}}
{{- define "crossover.metadata" -}}
metadata:
  name: {{ .name }}
  {{- $namespace := hasKey . "namespace" | ternary .namespace .root.Release.Namespace }}
  {{- with $namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "crossover.labels" . | nindent 4 }}
  {{- with merge (dict) (default (dict) .annotations) .root.Values.commonAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "crossover.image" -}}
{{- with .Values.image -}}
{{- with .registry }}{{ . }}/{{ end }}{{ .repository }}
{{- if .tag }}:{{ .tag }}{{ else if not .digest }}:{{ $.Chart.AppVersion }}{{ end }}
{{- with .digest }}@{{ . }}{{ end }}
{{- end -}}
{{- end }}

{{- /* What runs, for the objects that each has alike: name, its key in the values, port. */}}
{{- define "crossover.components" -}}
{{- $all := list
  (dict "component" "bridge" "key" "bridge" "port" 8787)
  (dict "component" "log-streamer" "key" "logStreamer" "port" 8788)
  (dict "component" "agent" "key" "agent" "port" 8789) }}
{{- $enabled := list }}
{{- range $all }}
{{- if (index $.Values .key).enabled }}
{{- $enabled = append $enabled . }}
{{- end }}
{{- end }}
{{- toJson $enabled }}
{{- end }}

{{- define "crossover.bridgeUrl" -}}
{{- if .Values.bridge.enabled -}}
http://{{ include "crossover.fullname" . }}-bridge.{{ .Release.Namespace }}:8787
{{- else -}}
{{ .Values.bridge.url }}
{{- end }}
{{- end }}

{{- /* Where Argo's workflows are, as JSON. */}}
{{- define "crossover.argoNamespaces" -}}
{{ default (list .Release.Namespace) .Values.argo.namespaces | uniq | toJson }}
{{- end }}

{{- define "crossover.temporalAddress" -}}
{{- if .Values.temporal.devServer.enabled -}}
{{ include "crossover.fullname" . }}-temporal.{{ .Release.Namespace }}:7233
{{- else -}}
{{ default "temporal-frontend.temporal:7233" .Values.temporal.address }}
{{- end }}
{{- end }}

{{- define "crossover.redisUrl" -}}
{{- if .Values.redis.server.enabled -}}
redis://{{ include "crossover.fullname" . }}-redis.{{ .Release.Namespace }}:6379/0
{{- else -}}
{{ .Values.redis.url }}
{{- end }}
{{- end }}

{{- /* Whether a way in is on. Takes root and way; "" is no. */}}
{{- define "crossover.auth" -}}
{{- if has .way (splitList "," (nospace .root.Values.identity.auth)) }}true{{ end }}
{{- end }}

{{- /* How many of a component there are at least. Takes its values. */}}
{{- define "crossover.replicas" -}}
{{- if (default (dict) .autoscaling).enabled }}{{ .autoscaling.minReplicas }}{{ else }}{{ default 1 .replicas }}{{ end }}
{{- end }}

{{- /* The agent's Leases, whose names its code knows: one for each share. As JSON. */}}
{{- define "crossover.leases" -}}
{{- $shards := int .Values.agent.shards }}
{{- $names := list "crossover-agent" }}
{{- if gt $shards 1 }}
{{- $names = list }}
{{- range $share := until $shards }}
{{- $names = append $names (printf "crossover-agent-%d-of-%d" $share $shards) }}
{{- end }}
{{- end }}
{{- toJson $names }}
{{- end }}
