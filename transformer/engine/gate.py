"""The gate of one connection: closed for a while after a request failed as a whole. Pure."""

import random

from transformer.engine.retry import backoff_seconds
from transformer.policy import Policy


class Gate:
    """Closes after a failure, longer with every one in a row; opens by itself.

    After a failure one request at a time goes through until one succeeds (`probing`).
    """

    def __init__(self, policy: Policy, rng: random.Random) -> None:
        self._policy = policy
        self._rng = rng
        self._until = 0.0
        self.failures = 0
        self.successes = 0
        self.why = ""

    @property
    def probing(self) -> bool:
        """Whether the last request failed: the next one goes alone."""
        return self.failures > 0

    def wait_seconds(self, now: float) -> float:
        """Seconds until it opens; 0.0 when it is open."""
        return max(0.0, self._until - now)

    def succeed(self) -> None:
        """A request got through. A pause the CRM asked for still holds."""
        self.failures = 0
        self.successes += 1

    def fail(self, now: float, why: str, after_seconds: float | None) -> float:
        """A request failed: close for what the CRM said, else for our own backoff; return it."""
        self.failures += 1
        wait = after_seconds
        if wait is None:
            wait = backoff_seconds(
                self.failures,
                base_seconds=self._policy.backoff_seconds,
                limit_seconds=self._policy.backoff_limit_seconds,
                rng=self._rng,
            )
        self._until = max(self._until, now + wait)
        self.why = why
        return wait
