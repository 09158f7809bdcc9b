"""What goes wrong between a client and a model server, and what is worth a retry."""

import random
import time
from collections.abc import Callable
from typing import Any

FIRST_WAIT = 0.5
LONGEST_WAIT = 8.0
# A server may ask for more patience than a person has.
LONGEST_WAIT_ASKED = 60.0


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
    """Whether an HTTP status tells of a passing trouble: 429, and from 500."""
    return status == 429 or (status >= 500 and status != 501)  # 501: cannot do it


def with_retries(
    attempt: Callable[[], Any],
    retries: int,
    sleep: Callable[[float], None] = time.sleep,
) -> Any:
    """Calls `attempt()` until it succeeds, with growing, jittered pauses between.

    Args:
        attempt: Raises a `ServingError` where it fails.
        retries: How often to try again where the error is retryable.
        sleep: Waits so many seconds.

    Returns:
        What `attempt` returned.

    Raises:
        ServingError: The last one, which says how often was tried.
    """
    for number in range(retries + 1):
        try:
            return attempt()
        except ServingError as error:
            if not error.retryable:
                raise
            if number == retries:
                tried = f" (tried {number + 1} times)" if number else ""
                raise ServingError(f"{error}{tried}", error.status) from error
            pause = min(FIRST_WAIT * 2**number, LONGEST_WAIT)
            # Jitter: clients that failed together shall not come back together.
            pause *= random.uniform(0.5, 1.0)
            if error.wait is not None:
                pause = max(pause, min(error.wait, LONGEST_WAIT_ASKED))
            sleep(pause)
    raise ValueError(f"`retries` must be at least 0. Received: {retries}")
