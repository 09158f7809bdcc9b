"""The time a training waits for data, against waits of known length."""

import inspect
import time

import keras
import pytest

from ssl_voc.training.batch_timer import TimedDataset, TimedIterator


def test_iterator_adds_up_the_time_in_next_only():
    def batches():
        for number in range(3):
            time.sleep(0.05)
            yield number

    timed = TimedIterator(batches())
    assert inspect.isgenerator(iter(timed))  # `fit` takes no other iterator
    taken, start = [], time.perf_counter()
    for number in timed:
        taken.append(number)
        time.sleep(0.1)
    assert taken == [0, 1, 2]
    elapsed = time.perf_counter() - start
    assert 0.15 <= timed.seconds <= elapsed - 0.3


@pytest.fixture
def tf():
    return pytest.importorskip("tensorflow")


def slow_dataset(tf, seconds):
    def read(number):
        time.sleep(seconds)
        return number

    numbers = tf.data.Dataset.range(200)
    return numbers.map(lambda n: tf.numpy_function(read, [n], "int64")).prefetch(2)


def waits(tf, read_seconds, step_seconds, num_steps=20):
    """Shares of the time spent waiting: by the pipeline's clock, and seen outside."""
    timed = TimedDataset(slow_dataset(tf, read_seconds))
    batches = iter(timed.dataset)
    next(batches)
    before, start, seen = timed.seconds, time.perf_counter(), 0.0
    for _ in range(num_steps):
        asked = time.perf_counter()
        next(batches)
        seen += time.perf_counter() - asked
        time.sleep(step_seconds)
    elapsed = time.perf_counter() - start
    return (timed.seconds - before) / elapsed, seen / elapsed


def test_dataset_knows_the_wait_for_a_slow_reader(tf):
    share, seen = waits(tf, read_seconds=0.03, step_seconds=0.01)
    # On a busy machine Python sees delays of its own beside those of the data.
    assert seen / 3 < share < seen + 0.05


def test_dataset_knows_that_a_quick_reader_is_not_waited_for(tf):
    share, seen = waits(tf, read_seconds=0.01, step_seconds=0.04)
    assert 0 < share < seen + 0.05
    assert share < 0.25


def test_dataset_keeps_batches_and_their_order(tf):
    images = tf.reshape(tf.range(24), (6, 4))
    dataset = tf.data.Dataset.from_tensor_slices((images, {"labels": images[:, 0]}))
    plain, timed = dataset.batch(2), TimedDataset(dataset.batch(2)).dataset
    assert timed.element_spec == plain.element_spec
    for expected, got in zip(plain, timed, strict=True):
        tf.nest.map_structure(tf.debugging.assert_equal, expected, got)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a tf.data clock")
def test_wait_inside_a_compiled_step_is_seen(tf):
    model = keras.Sequential([keras.Input(()), keras.layers.Rescaling(0.5)])
    model.compile(loss=lambda y_true, y_pred: keras.ops.mean(y_pred))
    numbers = slow_dataset(tf, 0.05).map(lambda n: (tf.fill([4], float(n)), 0.0))
    timed = TimedDataset(
        numbers.map(lambda x, y: (tf.ensure_shape(x, [4]), tf.fill([4], y)))
    )
    start = time.perf_counter()
    model.evaluate(timed.dataset, steps=10, verbose=0)
    assert 0.1 < timed.seconds < time.perf_counter() - start
