"""The delivery policy of one connection: small frozen numbers with names, from its config."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """How one connection gathers, retries and drains. Seconds and counts.

    `linger_seconds` is how long a write may wait for others to share its request;
    `max_attempts` how often one write is tried before its events go to the dead-letter topic
    (waits that are not its fault do not count); `in_flight_records` how far reading may run ahead
    of what has settled, over all partitions, before it pauses (invariant 8's bound on repeats);
    a destination that writes backlogs another way gets the room that they need (`headroom`).
    `membership_seconds` is how long the consumer group may have been silent before writes are held
    back, because another worker may own the partitions by then. The fuse opens, and nothing is
    read for `fuse_pause_seconds`, when `fuse_share` of `fuse_records` or more events that settled
    within `fuse_window_seconds` were rejected; a share above 1 turns it off.
    """

    linger_seconds: float = 1.0
    batch_records: int | None = None
    max_attempts: int = 8
    backoff_seconds: float = 0.5
    backoff_limit_seconds: float = 60.0
    in_flight_records: int = 5_000
    commit_seconds: float = 1.0
    drain_seconds: float = 25.0
    read_records: int = 1_000
    membership_seconds: float = 14.0
    coalesce: bool = True
    fuse_share: float = 0.5
    fuse_records: int = 500
    fuse_window_seconds: float = 60.0
    fuse_pause_seconds: float = 60.0
