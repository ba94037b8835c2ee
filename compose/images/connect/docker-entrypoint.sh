#!/usr/bin/env bash
# From variables to a running Connect worker. Like debezium/connect it passes on only variables that begin with CONNECT_,
# and a few that it knows by their short names.
set -euo pipefail
[[ ${1:-} == start ]] || exec "$@"

fail() { echo "docker-entrypoint.sh: $*" >&2; exit 1; }

configuration=/kafka/config
[[ -w $configuration ]] || configuration=/tmp

[[ -n ${CONFIG_STORAGE_TOPIC:-} ]] || fail "CONFIG_STORAGE_TOPIC must name the topic for connector configurations"
[[ -n ${OFFSET_STORAGE_TOPIC:-} ]] || fail "OFFSET_STORAGE_TOPIC must name the topic for connector offsets"
address=${HOST_NAME:-$(hostname -i)}
address=${address%% *}
export CONNECT_BOOTSTRAP_SERVERS=${BOOTSTRAP_SERVERS:-0.0.0.0:9092}
export CONNECT_GROUP_ID=${GROUP_ID:-1}
export CONNECT_CONFIG_STORAGE_TOPIC=$CONFIG_STORAGE_TOPIC
export CONNECT_OFFSET_STORAGE_TOPIC=$OFFSET_STORAGE_TOPIC
[[ -z ${STATUS_STORAGE_TOPIC:-} ]] || export CONNECT_STATUS_STORAGE_TOPIC=$STATUS_STORAGE_TOPIC
export CONNECT_KEY_CONVERTER=${KEY_CONVERTER:-org.apache.kafka.connect.json.JsonConverter}
export CONNECT_VALUE_CONVERTER=${VALUE_CONVERTER:-org.apache.kafka.connect.json.JsonConverter}
export CONNECT_TASK_SHUTDOWN_GRACEFUL_TIMEOUT_MS=${SHUTDOWN_TIMEOUT:-10000}
export CONNECT_OFFSET_FLUSH_INTERVAL_MS=${OFFSET_FLUSH_INTERVAL_MS:-60000}
export CONNECT_OFFSET_FLUSH_TIMEOUT_MS=${OFFSET_FLUSH_TIMEOUT_MS:-5000}
export CONNECT_REST_ADVERTISED_HOST_NAME=${ADVERTISED_HOST_NAME:-$address}
export CONNECT_REST_ADVERTISED_PORT=${ADVERTISED_PORT:-8083}
export CONNECT_LISTENERS=${CONNECT_LISTENERS:-http://0.0.0.0:${REST_PORT:-8083}}
export CONNECT_PLUGIN_PATH=${CONNECT_PLUGIN_PATH:-$KAFKA_CONNECT_PLUGINS_DIR}
[[ -z ${HEAP_OPTS:-} ]] || export KAFKA_HEAP_OPTS=$HEAP_OPTS
export KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS:--Xms256M -Xmx2G}
if [[ ${ENABLE_JMX_EXPORTER:-} == true ]]; then
  agents=(/kafka/libs/jmx_prometheus_javaagent*.jar)
  export KAFKA_OPTS="${KAFKA_OPTS:-} -javaagent:${agents[0]}=9404:/kafka/config/metrics.yaml"
fi

# The sample file's settings, each replaced by the variable of its name; then the variables that the sample does not know.
connect_properties() {
  local -A settings=()
  local setting name
  while IFS= read -r setting; do
    case $setting in '' | '#'*) continue ;; esac
    settings[${setting%%=*}]=${setting#*=}
  done </kafka/config.orig/connect-distributed.properties
  while IFS= read -r -d '' setting; do
    name=${setting%%=*}
    case $name in CONNECT_LOG4J_*) continue ;; CONNECT_?*) ;; *) continue ;; esac
    name=${name#CONNECT_}
    name=${name//_/.}
    settings[${name,,}]=${setting#*=}
  done < <(env -0)
  for name in "${!settings[@]}"; do
    printf '%s=%s\n' "$name" "${settings[$name]}"
  done | sort
}

log4j_properties() {
  local level=${LOG_LEVEL:-INFO} setting name
  sed -e "s|^log4j.rootLogger=.*|log4j.rootLogger=${CONNECT_LOG4J_LOGGERS:-$level, stdout}|" -e "s|\(threshold\)=.*|\1=$level|" /kafka/config.orig/log4j.properties
  while IFS= read -r -d '' setting; do
    name=${setting%%=*}
    case $name in CONNECT_LOG4J_LOGGERS) continue ;; CONNECT_LOG4J_*) ;; *) continue ;; esac
    name=${name#CONNECT_}
    name=${name//_/.}
    printf '%s=%s\n' "${name,,}" "${setting#*=}"
  done < <(env -0)
}

connect_properties >"$configuration/connect-distributed.properties"
log4j_properties >"$configuration/log4j.properties"
export KAFKA_LOG4J_OPTS=${KAFKA_LOG4J_OPTS:--Dlog4j.configuration=file:$configuration/log4j.properties}
exec kafka-java org.apache.kafka.connect.cli.ConnectDistributed "$configuration/connect-distributed.properties"
