"""The settings of the Kafka adapter, and the arguments aiokafka's clients share."""

import ssl
from dataclasses import dataclass

from transformer.errors import ConfigurationError
from transformer.security import Security


@dataclass(frozen=True, slots=True)
class Options:
    """Timeouts in seconds and sizes in bytes; the defaults suit a worker.

    `session_timeout_seconds`: how long after its last heartbeat a worker counts as dead.
    `rebalance_timeout_seconds`: how long `revoked` may take before the group goes on without us.
    `produce_timeout_seconds`: how long a produce is repeated before it counts as failed.
    `transaction_timeout_seconds`: after how long the broker undoes what a dead process left open;
    until then consumers of those partitions wait.
    `commit_timeout_seconds`: how long one commit is repeated before the caller hears of it.
    """

    connect_timeout_seconds: float = 10.0
    session_timeout_seconds: float = 20.0
    heartbeat_seconds: float = 3.0
    rebalance_timeout_seconds: float = 30.0
    commit_timeout_seconds: float = 10.0
    produce_timeout_seconds: float = 120.0
    transaction_timeout_seconds: float = 15.0
    fetch_partition_bytes: int = 1_048_576
    fetch_bytes: int = 16_777_216
    batch_bytes: int = 262_144
    max_request_bytes: int = 16_777_216


def tls_context(security: Security) -> ssl.SSLContext | None:
    """The TLS settings of `security`, or None when the connection is plain.

    Raises ConfigurationError for files that are missing or are not what they should be.
    """
    if not security.encrypted:
        return None
    try:
        context = ssl.create_default_context(cafile=security.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            [
                (
                    f"kafka.security.ca_file: cannot load {security.ca_file!r} ({_why(error)}), "
                    "expected a PEM file of certificates. Check the path and its contents."
                )
            ]
        ) from error
    context.check_hostname = security.check_hostname
    if security.certificate_file is not None:
        _load_certificate(context, security)
    return context


def _load_certificate(context: ssl.SSLContext, security: Security) -> None:
    def no_password() -> str:
        raise ssl.SSLError("the key is encrypted and kafka.security.key_password is not set")

    try:
        context.load_cert_chain(
            str(security.certificate_file), security.key_file, security.key_password or no_password
        )
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            [
                (
                    f"kafka.security.certificate_file: cannot load {security.certificate_file!r} "
                    f"with key {security.key_file!r} ({_why(error)}), expected a PEM certificate "
                    "and its key. Check both paths, that they belong together, and key_password."
                )
            ]
        ) from error


def _why(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
