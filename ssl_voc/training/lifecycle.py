"""End of a training: finished, stopped early, or failed."""

from ssl_voc.cli.errors import StoppedEarly, as_bad_input


def stop_reason(error, failure=None):
    """Why training stopped, where neither the person nor the program is to blame.

    Args:
        error: What `fit` raised.
        failure: What the photos raised, if they did: under tf.data `fit` raises
            another error for it.

    Returns:
        One line, or None where the error is a defect.
    """
    if failure is not None:
        return str(failure)
    if isinstance(error, OSError):
        return f"the system refused: {error}"
    # Each backend has its own class for a device whose memory is full.
    names = {parent.__name__ for parent in type(error).__mro__}
    full = names & {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}
    if full or "RESOURCE_EXHAUSTED" in str(error):
        return "the memory is full. Try a smaller --batch-size, in a new --out"
    return None


def run_training(begin):
    """Runs a training, telling of what ends it early as commands do.

    Args:
        begin: Function that prepares the training and returns it, a `TrainingRun`.

    Returns:
        What `finish` returned.

    Raises:
        BadInput: when data, weights or run folder cannot be worked with.
        StoppedEarly: when `stop_reason` has a reason; what was done is saved.
    """
    with as_bad_input():
        run = begin()
    try:
        run.fit()
        summary = run.finish()
    except StoppedEarly:
        raise
    except (Exception, KeyboardInterrupt) as error:
        reason = run.stop_reason(error)
        if reason is None:
            raise
        raise StoppedEarly(reason) from error
    print(run.format_summary(summary), flush=True)
    return summary
