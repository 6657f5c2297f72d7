{{- /* Rights of a service account: a Role in each namespace, or with `namespaces` empty a ClusterRole.
Takes root, component, name, rules (YAML), namespaces, subject: {name, namespace}. */}}
{{- define "crossover.rights" -}}
{{- $given := . }}
{{- range $namespace := default (list "") .namespaces }}
{{- $local := ne $namespace "" }}
{{- $kind := $local | ternary "Role" "ClusterRole" }}
{{- $name := $local | ternary $given.name (printf "%s-%s" $given.root.Release.Namespace $given.name) }}
{{- $meta := dict "root" $given.root "component" $given.component "name" $name "namespace" $namespace }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
{{ include "crossover.metadata" $meta }}
rules:
  {{- $given.rules | trim | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
{{ include "crossover.metadata" $meta }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ $name }}
subjects:
  {{- range $given.subjects }}
  - kind: ServiceAccount
    name: {{ .name }}
    namespace: {{ .namespace }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* Where a component's rights are: [] means everywhere. As JSON. */}}
{{- define "crossover.rightsIn" -}}
{{- if .Values.clusterWide }}[]{{ else }}{{ include "crossover.argoNamespaces" . }}{{ end }}
{{- end }}

{{- /* Where only workers' pods are read: namespaces of workers that are none of Argo's. As JSON. */}}
{{- define "crossover.workerNamespaces" -}}
{{- $argo := fromJsonArray (include "crossover.argoNamespaces" .) }}
{{- $found := list }}
{{- range .Values.tenants }}
{{- range .worker_namespaces }}
{{- if not (has . $argo) }}
{{- $found = append $found . }}
{{- end }}
{{- end }}
{{- end }}
{{- $found | uniq | sortAlpha | toJson }}
{{- end }}

{{- /* Why the bridge needs a token of its own for the Kubernetes API; "" where it does not. */}}
{{- define "crossover.bridgeToken" -}}
{{- if include "crossover.auth" (dict "root" . "way" "kubernetes") }}reviews {{ end }}
{{- if eq .Values.argo.access "kubernetes" }}workflows {{ end }}
{{- if and (eq .Values.argo.access "server") (not .Values.argo.token.secretName) }}server{{ end }}
{{- end }}
