{{- define "hospital-rt.name" -}}
{{- if contains .Chart.Name .Release.Name -}}{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else -}}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{- end -}}
{{- end }}

{{- define "hospital-rt.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end }}

{{- define "hospital-rt.labels" -}}
{{ include "hospital-rt.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "hospital-rt.image" -}}
{{- if .Values.image.digest -}}{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{- end -}}
{{- end }}

{{- define "hospital-rt.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "hospital-rt.name" .) }}
{{- end }}

{{/* What every pod of every role and job has in common: who it runs as, and where it may run. */}}
{{- define "hospital-rt.pod" -}}
serviceAccountName: {{ include "hospital-rt.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "hospital-rt.container" -}}
image: {{ include "hospital-rt.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  privileged: false
  capabilities: {drop: [ALL]}
envFrom:
  - configMapRef: {name: {{ include "hospital-rt.name" . }}}
{{- end }}

{{- define "hospital-rt.volumeMounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: secrets, mountPath: /run/secrets/hospital_rt, readOnly: true}
{{- if .Values.caBundle.configMap }}
- {name: ca-bundle, mountPath: /etc/hospital_rt/ca, readOnly: true}
{{- end }}
{{- if .Values.dataCa.configMap }}
- {name: data-ca, mountPath: /etc/hospital_rt/data-ca, readOnly: true}
{{- end }}
{{- end }}

{{- define "hospital-rt.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
- name: secrets
  secret:
    secretName: {{ .Values.secrets.name }}
    defaultMode: 0440
    items:
      {{- range $setting, $key := .Values.secrets.settings }}
      - {key: {{ $key | quote }}, path: {{ $setting | quote }}}
      {{- end }}
{{- if .Values.caBundle.configMap }}
- name: ca-bundle
  configMap:
    name: {{ .Values.caBundle.configMap }}
    items: [{key: {{ .Values.caBundle.key | quote }}, path: ca.pem}]
{{- end }}
{{- if .Values.dataCa.configMap }}
- name: data-ca
  configMap:
    name: {{ .Values.dataCa.configMap }}
    items: [{key: {{ .Values.dataCa.key | quote }}, path: ca.pem}]
{{- end }}
{{- end }}
