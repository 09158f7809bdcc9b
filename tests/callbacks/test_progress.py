"""Progress of a training: bars in a terminal, lines in a log."""

import io
import re
import types

from ssl_voc.callbacks.progress import Progress
from tests.terminal import Terminal


def train(stream, epochs=range(2), stop_after=None, **arguments):
    """Calls the hooks as `fit` does; returns the logs of each epoch."""
    progress = Progress(2, 4, 8, stream=stream, **arguments)
    optimizer = types.SimpleNamespace(learning_rate=0.25)
    progress.set_model(types.SimpleNamespace(optimizer=optimizer))
    progress.on_train_begin()
    collected = []
    for epoch in epochs:
        progress.on_epoch_begin(epoch)
        for step in range(4):
            if stop_after == (epoch, step):
                progress.close()
                return collected
            progress.on_train_batch_end(step, {"loss": 4.0})
        logs = {"loss": 2.0, "loss_over_chance": 0.5, "contrastive_top1": 0.25}
        progress.on_epoch_end(epoch, logs)
        collected.append(logs)
    return collected


def test_log_gets_one_line_an_epoch_and_logs_what_other_callbacks_read():
    stream, timer = io.StringIO(), types.SimpleNamespace(seconds=0.0)
    logs = train(stream, timer=timer)
    first, second = stream.getvalue().splitlines()
    pattern = (
        r"epoch 1/2: loss 2\.000, loss/chance 0\.500, lr 0\.25, \d+ img/s, "
        r"data wait 0%, took \d+s, \d+s left"
    )
    assert re.fullmatch(pattern, first)
    # Nothing is left after the last epoch.
    assert re.fullmatch(r"epoch 2/2: .*, took \d+s", second)
    assert logs[0]["learning_rate"] == 0.25
    assert logs[1]["seconds"] >= 0
    assert logs[1]["images_per_second"] > 0
    assert logs[1]["data_wait_share"] == 0.0


def test_log_that_nobody_reads_costs_no_epoch():
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    assert len(train(Closed())) == 2


def test_log_gets_a_line_now_and_then_in_a_long_epoch(monkeypatch):
    seconds = iter(range(0, 1000, 12))
    clock = types.SimpleNamespace(monotonic=lambda: next(seconds))
    monkeypatch.setattr("ssl_voc.callbacks.progress.time", clock)
    stream = io.StringIO()
    train(stream, epochs=[0])
    told, _ = stream.getvalue().splitlines()
    assert re.match(r"epoch 1/2, step 3/4: loss 4\.000, .* left", told)


def test_resumed_run_goes_on_counting_and_shows_the_logs_that_it_is_told_to():
    stream = io.StringIO()
    train(stream, epochs=[1], shown=("contrastive_top1", "not_logged"))
    assert stream.getvalue().startswith("epoch 2/2: contrastive_top1 0.250, lr 0.25")


def test_terminal_shows_a_bar_and_keeps_the_same_line():
    stream = Terminal()
    train(stream)
    shown = stream.getvalue()
    assert re.search(r"epoch 1/2 \|.*\| 0/4", shown)
    assert len(re.findall(r"epoch \d/2: loss 2\.000", shown)) == 2
    # The bar is wiped before its line is printed: only lines end in a newline.
    assert shown.count("\n") == 2
    train(stream, stop_after=(0, 3))
    assert stream.getvalue().rstrip(" ").endswith("\r")
