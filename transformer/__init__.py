"""The engine: Kafka events in, CRM writes out, every outcome accounted for. It knows no CRM."""

__version__ = "0.1.0"
