{{- define "rollcall.name" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride }}
{{- else if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{/* What finds the pods of a release again: it must never change. With "component" only those of one. */}}
{{- define "rollcall.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{- define "rollcall.labels" -}}
{{ include "rollcall.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "rollcall.image" -}}
{{- $repository := required "image.repository is required: where is the image that you have built?" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{ $repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ $repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* The files that Rollcall reads, by the variables that name them. */}}
{{- define "rollcall.files" -}}
{{- $files := dict -}}
{{- with .Values.files.fcmCredentials -}}
{{- if .secretName }}{{ $_ := set $files "FCM_CREDENTIALS" (dict "name" "fcm" "key" .key "source" (dict "secret" (dict "secretName" .secretName "defaultMode" 0440))) }}{{ end -}}
{{- end -}}
{{- with .Values.files.oidcProviders -}}
{{- if .secretName }}{{ $_ := set $files "OIDC_PROVIDERS" (dict "name" "oidc" "key" .key "source" (dict "secret" (dict "secretName" .secretName "defaultMode" 0440))) }}{{ end -}}
{{- end -}}
{{- with .Values.files.persistedDocuments -}}
{{- if .configMapName }}{{ $_ := set $files "PERSISTED_DOCUMENTS" (dict "name" "documents" "key" .key "source" (dict "configMap" (dict "name" .configMapName "defaultMode" 0444))) }}{{ end -}}
{{- end -}}
{{- with .Values.files.redisAuthorities -}}
{{- if .configMapName }}{{ $_ := set $files "REDIS_CA_FILE" (dict "name" "redis-ca" "key" .key "source" (dict "configMap" (dict "name" .configMapName "defaultMode" 0444))) }}{{ end -}}
{{- end -}}
{{- with .Values.files.databaseAuthorities -}}
{{- /* No variable has its name: DATABASE_URL has, in the Secret. */ -}}
{{- if .configMapName }}{{ $_ := set $files "sslrootcert" (dict "name" "database-ca" "key" "" "source" (dict "configMap" (dict "name" .configMapName "defaultMode" 0444))) }}{{ end -}}
{{- end -}}
{{ toYaml $files }}
{{- end }}

{{/* The variables that are no secrets. Helm reads numbers as floats, which it would write as 1e+07. */}}
{{- define "rollcall.environment" -}}
{{- $hosts := join "," (ternary .Values.ingress.hosts list .Values.ingress.enabled) -}}
{{- $environment := dict "LISTEN_ADDR" "0.0.0.0:8000" "ADMIN_ADDR" "0.0.0.0:9000" "WORKER" (ternary "false" "true" .Values.worker.enabled) "SHUTDOWN_DELAY_SECONDS" (toString .Values.server.shutdownDelaySeconds) -}}
{{- $_ := set $environment "ALLOWED_HOSTS" (required "config.ALLOWED_HOSTS is required where there is no ingress: the names that clients use" (.Values.config.ALLOWED_HOSTS | default $hosts)) -}}
{{- range $variable, $file := omit (include "rollcall.files" . | fromYaml) "sslrootcert" -}}
{{- $_ := set $environment $variable (printf "/etc/rollcall/%s/%s" $file.name $file.key) -}}
{{- end -}}
{{- range $variable, $value := omit .Values.config "ALLOWED_HOSTS" -}}
{{- $_ := set $environment $variable (ternary (toJson $value) (toString $value) (kindIs "float64" $value)) -}}
{{- end -}}
{{ toYaml $environment }}
{{- end }}

{{/* What all pods have in common; "component", and "values" of it. */}}
{{- define "rollcall.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.serviceAccountName }}
serviceAccountName: {{ . }}
{{- end }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
volumes:
  - name: tmp
    emptyDir:
      sizeLimit: 64Mi
  {{- range $file := include "rollcall.files" .root | fromYaml }}
  - name: {{ $file.name }}
    {{- toYaml $file.source | nindent 4 }}
  {{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Over machines and over zones, as far as there are any. */}}
{{- define "rollcall.spread" -}}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "rollcall.selector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}

{{/* The container, but for its arguments, its environment and its probes. */}}
{{- define "rollcall.container" -}}
name: rollcall
image: {{ include "rollcall.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities:
    drop: [ALL]
  seccompProfile:
    type: RuntimeDefault
resources:
  {{- toYaml .values.resources | nindent 2 }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
  {{- range $file := include "rollcall.files" .root | fromYaml }}
  - name: {{ $file.name }}
    mountPath: /etc/rollcall/{{ $file.name }}
    readOnly: true
  {{- end }}
{{- end }}

{{- define "rollcall.secret" -}}
{{ required "secretName is required: the Secret with DATABASE_URL and SECRET_KEY" .Values.secretName }}
{{- end }}

{{/* The variables, as the container of a deployment gets them. */}}
{{- define "rollcall.envFrom" -}}
envFrom:
  - configMapRef:
      name: {{ include "rollcall.name" . }}
  - secretRef:
      name: {{ include "rollcall.secret" . }}
{{- end }}
