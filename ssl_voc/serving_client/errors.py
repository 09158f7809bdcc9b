"""Errors of the serving clients, and retries with exponential backoff."""

import time
from collections.abc import Callable
from typing import Any

import urllib3
from urllib3.exceptions import MaxRetryError

# Seconds: as urllib3 has it, the first retry is immediate.
BACKOFF_FACTOR, BACKOFF_JITTER, BACKOFF_MAX = 0.5, 0.5, 8.0
# A server may ask for more patience than a person has.
RETRY_AFTER_MAX = 60


class ServingError(Exception):
    """The server answered with an error, or not at all. The message is one line.

    Attributes:
        status: HTTP status of the answer, of gRPC its equal; None without an answer.
        retryable: Whether the same request may succeed later.
        wait: Seconds that the server asked to wait, or None.
    """

    def __init__(
        self,
        message: str,
        status: int | None = None,
        retryable: bool = False,
        wait: float | None = None,
    ):
        super().__init__(" ".join(message.split()))
        self.status = status
        self.retryable = retryable
        self.wait = wait

    @property
    def is_about_the_request(self) -> bool:
        """Whether another request, of other images, may fare better right now."""
        return self.status in (400, 411, 413, 422, 500)


def should_retry_status(status: int) -> bool:
    """Whether an HTTP status may pass: 429, and from 500 but 501, not implemented."""
    return status == 429 or (status >= 500 and status != 501)


def with_retries(attempt: Callable[[], Any], retries: int) -> Any:
    """Calls `attempt()` until it succeeds, with growing, jittered pauses between.

    Args:
        attempt: Raises a `ServingError` where it fails.
        retries: How often to try again where the error is retryable.

    Returns:
        What `attempt` returned.

    Raises:
        ServingError: The last one, which says how often was tried.
    """
    policy = urllib3.Retry(
        retries,
        backoff_factor=BACKOFF_FACTOR,
        backoff_jitter=BACKOFF_JITTER,
        backoff_max=BACKOFF_MAX,
    )
    while True:
        try:
            return attempt()
        except ServingError as error:
            if not error.retryable:
                raise
            try:
                policy = policy.increment(error=error)
            except MaxRetryError:
                tried = f" (tried {retries + 1} times)" if retries else ""
                raise ServingError(f"{error}{tried}", error.status) from error
            wait = min(error.wait or 0.0, RETRY_AFTER_MAX)
            time.sleep(max(wait, policy.get_backoff_time()))
