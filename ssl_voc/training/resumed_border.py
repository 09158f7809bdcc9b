"""Border of a part of a run that may have another number of epochs now."""


def resumed_border(planned, recorded, done):
    """Epoch after which a part of a run ends, where the run may have other epochs now.

    Args:
        planned: The epoch by the number of epochs of now.
        recorded: The epoch that was planned before; None at the first start.
        done: Number of epochs done.

    Returns:
        What was planned before if that part is over, else what is planned now, but none
        of the epochs that are done.
    """
    if done and recorded is not None and recorded <= done:
        return recorded
    return max(planned, done)
