"""Chaos: a hostile, seeded run on real Apache Kafka, judged by an oracle."""
