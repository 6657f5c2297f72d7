{{- /* What every container of the chart may: nothing beyond its own memory and its volumes. */}}
{{- define "crossover.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  capabilities: {drop: [ALL]}
  privileged: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "crossover.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- /* Variables of a dict, sorted; empty ones are left out. Takes prefix, env. */}}
{{- define "crossover.env" -}}
{{- range $name, $value := .env }}
{{- if not (eq (toString $value) "") }}
- {name: {{ $.prefix }}{{ $name }}, value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}}
{{- end }}
{{- end }}
{{- end }}

{{- /* A file of a Secret or ConfigMap, at /etc/crossover/NAME/FILE. A file is
{name, secret or configMap, items: {key: file}}. */}}
{{- define "crossover.fileVolumes" -}}
{{- range . }}
- name: {{ .name }}
  {{- if .secret }}
  secret:
    secretName: {{ .secret }}
  {{- else }}
  configMap:
    name: {{ .configMap }}
  {{- end }}
    defaultMode: 0440
    {{- with .items }}
    items:
      {{- range $key, $path := . }}
      - {key: {{ $key }}, path: {{ $path }}}
      {{- end }}
    {{- end }}
{{- end }}
{{- end }}

{{- define "crossover.fileMounts" -}}
{{- range . }}
- {name: {{ .name }}, mountPath: /etc/crossover/{{ .name }}, readOnly: true}
{{- end }}
{{- end }}

{{- /* Where a pod runs, and what of people's own is in it. Takes root, component, values. */}}
{{- define "crossover.placement" -}}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
affinity:
{{- if .values.affinity }}
  {{- toYaml .values.affinity | nindent 2 }}
{{- else }}
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "crossover.selector" . | nindent 14 }}
{{- end }}
{{- with .values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- /* A pod is asked every second until it has started, for `attempts` seconds; the paths are for then and later. */}}
{{- define "crossover.probes" -}}
startupProbe:
  httpGet: {path: {{ .startup }}, port: http}
  periodSeconds: 1
  timeoutSeconds: 5
  failureThreshold: {{ .attempts }}
readinessProbe:
  httpGet: {path: {{ .readiness }}, port: http}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 3
livenessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end }}

{{- /* The Deployment of a component. Takes root, component, key (in the values), and
- name: where it is not the fullname and the component; serviceAccount: likewise
- args: of the command `crossover`; port
- prefix, env: its settings, without the prefix
- files: what is mounted below /etc/crossover; checksum: of what rolls the pods when it changes
- probes: YAML; grace: seconds between the end's beginning and SIGKILL
- serves: whether callers come through a Service
- token: whether it talks to Kubernetes; state: whether it has a directory of its own
- share: of the agent's; "" where it has but one */}}
{{- define "crossover.deployment" -}}
{{- $root := .root }}
{{- $values := index .root.Values .key }}
{{- $name := default (printf "%s-%s" (include "crossover.fullname" $root) .component) .name }}
{{- $account := default $name .serviceAccount }}
apiVersion: apps/v1
kind: Deployment
{{ include "crossover.metadata" (dict "root" $root "component" .component "name" $name) }}
spec:
  {{- if not (default (dict) $values.autoscaling).enabled }}
  replicas: {{ default 1 $values.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  # A new pod is ready before an old one goes.
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  selector:
    matchLabels:
      {{- include "crossover.selector" . | nindent 6 }}
      {{- with .share }}
      crossover/share: {{ . | quote }}
      {{- end }}
  template:
    metadata:
      labels:
        {{- include "crossover.labels" . | nindent 8 }}
        {{- with .share }}
        crossover/share: {{ . | quote }}
        {{- end }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        checksum/config: {{ .checksum | sha256sum }}
        {{- with $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ $account }}
      automountServiceAccountToken: {{ .token }}
      # The variables of every Service nearby would only be noise beside the settings.
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ .grace }}
      {{- include "crossover.podSecurity" . | nindent 6 }}
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- include "crossover.placement" (dict "root" $root "component" .component "values" $values) | nindent 6 }}
      containers:
        - name: {{ .component }}
          image: {{ include "crossover.image" $root }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: {{ toJson .args }}
          env:
            {{- include "crossover.env" . | nindent 12 }}
            {{- with $values.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          ports:
            - {name: http, containerPort: {{ .port }}, protocol: TCP}
          {{- .probes | nindent 10 }}
          {{- if and .serves (semverCompare ">=1.30-0" $root.Capabilities.KubeVersion.Version) }}
          # Callers are sent here for a moment longer, until every node has heard that this pod goes away.
          lifecycle:
            preStop:
              sleep: {seconds: 3}
          {{- end }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          {{- include "crossover.containerSecurity" . | nindent 10 }}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
            {{- if .state }}
            - {name: state, mountPath: /var/lib/crossover}
            {{- end }}
            {{- if and .cluster (not .token) }}
            - {name: cluster, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
            {{- end }}
            {{- include "crossover.fileMounts" .files | nindent 12 }}
            {{- with $values.extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
      volumes:
        - name: tmp
          emptyDir: {sizeLimit: 64Mi}
        {{- if .state }}
        - name: state
          emptyDir: {sizeLimit: 256Mi}
        {{- end }}
        {{- if and .cluster (not .token) }}
        # By the cluster's CA, runs are marked as this cluster's: bridge and agent have to agree, and only the
        # agent has a token.
        - name: cluster
          configMap: {name: kube-root-ca.crt}
        {{- end }}
        {{- include "crossover.fileVolumes" .files | nindent 8 }}
        {{- with $values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- end }}
