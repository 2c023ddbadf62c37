"""The one place where aiokafka's errors become ours, and where its logging is tamed."""

import asyncio
import logging
import ssl

from aiokafka import errors as kafka

from transformer.errors import EnvironmentFault

_log = logging.getLogger("transformer.kafka")

_GRANT = "Grant it to this user, or use another one"
_Kinds = type[BaseException] | tuple[type[BaseException], ...]
_TABLE: tuple[tuple[_Kinds, str], ...] = (
    (kafka.TopicAuthorizationFailedError, f"not allowed on this topic. {_GRANT}."),
    (kafka.GroupAuthorizationFailedError, f"not allowed to use this consumer group. {_GRANT}."),
    (kafka.ClusterAuthorizationFailedError, f"not allowed on this cluster. {_GRANT}."),
    (
        (kafka.AuthenticationFailedError, kafka.SaslAuthenticationFailed),
        "the broker refused our credentials. Check kafka.security: mechanism, username, password.",
    ),
    (
        kafka.UnsupportedSaslMechanismError,
        "the broker does not offer this SASL mechanism. Set kafka.security.mechanism to one it has",
    ),
    (
        kafka.UnknownTopicOrPartitionError,
        "there is no such topic. Create it, or allow the worker to (kafka.create_topics).",
    ),
    (
        kafka.MessageSizeTooLargeError,
        "a record is larger than the topic takes. Raise its max.message.bytes.",
    ),
    (
        kafka.RecordListTooLargeError,
        "a batch is larger than the topic takes. Raise its max.message.bytes.",
    ),
    (
        kafka.InvalidReplicationFactorError,
        "the cluster has fewer brokers than copies asked for. Lower kafka.replication.",
    ),
    (
        kafka.NotEnoughReplicasError,
        "too few replicas are in sync. Bring brokers back, or lower min.insync.replicas.",
    ),
    (
        kafka.ProducerFenced,
        (
            "another process took over, or the broker gave this one up. Run it again: what is done "
            "already is not done twice."
        ),
    ),
    (
        kafka.TransactionalIdAuthorizationFailed,
        f"not allowed to use this transactional id. {_GRANT}.",
    ),
    (
        kafka.InvalidSessionTimeoutError,
        (
            "the broker does not take this session timeout. Keep it between its "
            "group.min.session.timeout.ms and group.max.session.timeout.ms."
        ),
    ),
    (
        kafka.InconsistentGroupProtocolError,
        "other members of this group use another assignment. Use a group of its own.",
    ),
    (
        ssl.SSLCertVerificationError,
        (
            "the broker's certificate is not trusted. Set kafka.security.ca_file to the authority "
            "that signed it, and use the host name it was made for."
        ),
    ),
    (
        ssl.SSLError,
        (
            "TLS failed. Check that the listener speaks TLS (kafka.security.protocol) and whether "
            "it wants a client certificate (kafka.security.certificate_file, key_file)."
        ),
    ),
    (
        (kafka.KafkaConnectionError, ConnectionResetError, BrokenPipeError),
        (
            "the broker closed the connection. Check that kafka.security.protocol is the "
            "listener's, and whether it wants a client certificate."
        ),
    ),
    (
        ConnectionRefusedError,
        "nothing listens there. Start the broker, or correct kafka.bootstrap_servers.",
    ),
    (
        TimeoutError,
        (
            "no answer in time. Check kafka.bootstrap_servers, firewalls, and that kafka.security."
            "protocol is the listener's."
        ),
    ),
    (OSError, "cannot be reached. Check the name and port in kafka.bootstrap_servers."),
)


def advice(error: BaseException) -> str:
    """What is wrong and what to do, for an error of aiokafka or of the connection."""
    for kinds, text in _TABLE:
        if isinstance(error, kinds):
            return text
    return f"{type(error).__name__}. See the broker's log."


def translate(where: str, error: BaseException) -> EnvironmentFault:
    """The EnvironmentFault that stands for `error`."""
    return EnvironmentFault(f"{where}: {advice(error)}")


def is_passing(error: BaseException) -> bool:
    """Whether aiokafka gave up on something that a fresh join of the group mends.

    It reports unexpected answers (a coordinator that still loads, say) as a bare KafkaError.
    """
    return type(error) is kafka.KafkaError or bool(getattr(error, "retriable", False))


def quiet_client_log() -> None:
    """Send aiokafka's own log through ours: one line, no traceback, one level milder.

    What it calls an error is retried (a warning), what it calls a warning is an ordinary rebalance.
    """
    client = logging.getLogger("aiokafka")
    if not any(isinstance(handler, _Router) for handler in client.handlers):
        client.addHandler(_Router())
    client.propagate = False


class _Router(logging.Handler):
    """Repeats of one message within ten seconds are dropped: a dead broker logs by the dozen."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._last: dict[object, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        last = self._last.get(record.msg)
        if last is None or record.created - last > 10.0:  # noqa: PLR2004 - see the docstring
            self._last[record.msg] = record.created
            cause = record.exc_info[1] if record.exc_info else None
            text = record.getMessage() + (f" ({cause!r})" if cause else "")
            level = logging.WARNING if record.levelno > logging.WARNING else logging.INFO
            _log.log(level, "kafka client: %s", text.replace("\n", " "))


CONNECTION_ERRORS = (OSError, asyncio.TimeoutError, kafka.KafkaError)
