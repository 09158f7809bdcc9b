"""An epoch as a watch sees it."""


def run_epoch(watch, num_steps, epoch=0, **logs):
    """What `fit` tells the callback in one epoch."""
    watch.on_epoch_begin(epoch)
    for batch in range(num_steps):
        watch.on_train_batch_end(batch, {"loss": 1.0})
    watch.on_epoch_end(epoch, {"loss": 1.0, **logs})
