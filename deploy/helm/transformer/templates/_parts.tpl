{{- define "transformer.labels" -}}
app.kubernetes.io/name: transformer
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "transformer.selector" -}}
app.kubernetes.io/name: transformer
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* The configuration file: .root and .connections, their entries. */ -}}
{{- define "transformer.config" -}}
{{- dict "kafka" .root.Values.kafka "connections" .connections "http" (dict "host" "0.0.0.0" "port" 9400) "log" .root.Values.log | toYaml -}}
{{- end -}}

{{- /* The pod of one process: .root, .name, .component, .arguments, .env, .resources, .config. */ -}}
{{- define "transformer.pod" -}}
metadata:
  labels:
    {{- include "transformer.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
    transformer/process: {{ .name }}
  annotations:
    checksum/config: {{ .config | sha256sum }}
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: {{ .root.Values.terminationGracePeriodSeconds }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    seccompProfile: {type: RuntimeDefault}
  {{- with .root.Values.image.pullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .root.Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .root.Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ $key }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "transformer.selector" $.root | nindent 10 }}
          transformer/process: {{ $.name }}
    {{- end }}
  containers:
    - name: transformer
      image: "{{ .root.Values.image.repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}"
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args: {{- toYaml .arguments | nindent 8 }}
      {{- with concat .root.Values.env .env }}
      env:
        {{- range . }}
        - name: {{ .name }}
          valueFrom:
            secretKeyRef: {name: {{ .secret }}, key: {{ .key }}}
        {{- end }}
      {{- end }}
      ports:
        - {name: http, containerPort: 9400, protocol: TCP}
      startupProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 2
        failureThreshold: 60
      livenessProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 10
        timeoutSeconds: 5
      readinessProbe:
        httpGet: {path: /readyz, port: http}
        periodSeconds: 5
        timeoutSeconds: 5
      resources: {{- toYaml .resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: config, mountPath: /etc/transformer, readOnly: true}
        - {name: tmp, mountPath: /tmp}
        {{- range .root.Values.secretFiles }}
        - {name: secret-{{ . }}, mountPath: /etc/secrets/{{ . }}, readOnly: true}
        {{- end }}
  volumes:
    - name: config
      configMap: {name: {{ .root.Release.Name }}-{{ .name }}}
    - name: tmp
      emptyDir: {medium: Memory, sizeLimit: 16Mi}
    {{- range .root.Values.secretFiles }}
    - name: secret-{{ . }}
      secret: {secretName: {{ . }}, defaultMode: 288}
    {{- end }}
{{- end -}}
