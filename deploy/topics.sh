#!/bin/sh
# Creates the topics that are missing, with retention; existing ones are left as they are.
# Settings: BOOTSTRAP_SERVERS, KAFKA_TOPICS (the tool), PARTITIONS, REPLICATION, PREFIX of the
# consumer groups, and COMMAND_CONFIG, a client properties file with the security settings.
set -eu
tool=${KAFKA_TOPICS:-kafka-topics.sh}
partitions=${PARTITIONS:-6}
replication=${REPLICATION:-1}
prefix=${PREFIX:-transformer-}
day=86400000
record=8388608          # kafka.max_record_bytes
letter=9437184          # a dead letter is its record and a header

create() {
	name=$1
	shift
	"$tool" --bootstrap-server "$BOOTSTRAP_SERVERS" ${COMMAND_CONFIG:+--command-config "$COMMAND_CONFIG"} \
		--create --if-not-exists --topic "$name" --partitions "$partitions" \
		--replication-factor "$replication" "$@"
}

for source in ${SOURCE_TOPICS:-events}; do
	create "$source" --config "retention.ms=$((7 * day))" --config "max.message.bytes=$record"
done
create "${METRICS_TOPIC:-transformer.metrics}" \
	--config "retention.ms=$((7 * day))" --config "max.message.bytes=$record"
create "${DEAD_LETTER_TOPIC:-transformer.dead-letters}" \
	--config "retention.ms=$((30 * day))" --config "max.message.bytes=$letter"
create "${prefix}ledger-accounts-changelog" \
	--config cleanup.policy=compact --config "max.message.bytes=$record"
