import numpy as np
import pytest

from ssl_voc.metrics import bootstrap_interval, paired_bootstrap

NAN = np.nan


def test_interval_is_that_of_resampling_in_a_loop():
    random = np.random.default_rng(0)
    values = random.random(40)
    averages = [random.choice(values, 40).mean() for _ in range(20_000)]
    interval = bootstrap_interval(values, num_resamples=20_000)
    assert interval.mean == pytest.approx(values.mean())
    assert interval.low == pytest.approx(np.percentile(averages, 2.5), abs=0.004)
    assert interval.high == pytest.approx(np.percentile(averages, 97.5), abs=0.004)


def test_interval_of_95_percent_covers_the_truth_about_as_often():
    random = np.random.default_rng(1)
    covered = 0
    for seed in range(500):
        # Hits with a probability of 0.6, as LocAcc of 80 images.
        values = (random.random(80) < 0.6).astype(float)
        interval = bootstrap_interval(values, num_resamples=400, seed=seed)
        covered += interval.low <= 0.6 <= interval.high
    # Standard error of the share: sqrt(0.95 * 0.05 / 500) = 0.01.
    assert 0.915 <= covered / 500 <= 0.975


def test_lower_confidence_is_narrower():
    values = np.random.default_rng(2).normal(size=100)
    wide, narrow = (bootstrap_interval(values, confidence=c) for c in (0.95, 0.5))
    # Normal quantiles: 0.674 / 1.960 = 0.344.
    ratio = (narrow.high - narrow.low) / (wide.high - wide.low)
    assert ratio == pytest.approx(0.344, abs=0.03)


def test_paired_interval_is_tighter_than_two_apart():
    random = np.random.default_rng(3)
    difficulty = random.normal(size=200)
    a = difficulty + random.normal(0.1, 0.2, 200)
    b = difficulty + random.normal(0.0, 0.2, 200)
    paired = paired_bootstrap(a, b)
    averages = [
        random.choice(a, 200).mean() - random.choice(b, 200).mean() for _ in range(2000)
    ]
    unpaired_width = np.ptp(np.percentile(averages, [2.5, 97.5]))
    # Standard deviations: sqrt(2 * 0.04) = 0.28 against sqrt(2 * 1.04) = 1.44.
    ratio = (paired.high - paired.low) / unpaired_width
    assert ratio == pytest.approx(0.28 / 1.44, abs=0.05)
    assert paired.low > 0.0
    assert paired.mean == pytest.approx(a.mean() - b.mean())


@pytest.mark.parametrize("shift", [0.0, 0.25])
def test_the_same_difference_of_every_image_is_certain(shift):
    values = np.random.default_rng(4).integers(0, 64, (3, 70)) / 64
    difference = paired_bootstrap(values + shift, values)
    assert (difference.mean, difference.low, difference.high) == (shift,) * 3


def test_images_without_the_quantity_are_left_out_and_none_at_all_gives_nan():
    values = np.array([1.0, 0.0, 0.0, 1.0, 1.0])
    gaps = np.array([1.0, NAN, 0.0, 0.0, NAN, 1.0, 1.0])
    assert bootstrap_interval(gaps) == bootstrap_interval(values)
    assert bootstrap_interval(gaps).num_images == 5
    pair = paired_bootstrap([1, NAN, 0, 1.0], [0, 0, NAN, 1.0])
    assert (pair.mean, pair.num_images) == (0.5, 2)
    for values in ([], [NAN, NAN], [[NAN], [NAN]]):
        interval = bootstrap_interval(values)
        assert np.isnan([interval.mean, interval.low, interval.high]).all()
        assert interval.num_images == 0


def test_copies_of_a_run_are_no_new_images():
    values = np.random.default_rng(6).random(60)
    alone, thrice = bootstrap_interval(values), bootstrap_interval([values] * 3)
    # Drawn apart for every run, the interval would shrink by sqrt(3).
    assert thrice.low == pytest.approx(alone.low, abs=1e-9)
    assert thrice.high == pytest.approx(alone.high, abs=1e-9)
    assert thrice.num_images == 60


def test_noise_of_single_runs_averages_out():
    random = np.random.default_rng(7)
    runs = random.normal(size=(4, 300))
    pooled = bootstrap_interval(runs)
    alone = bootstrap_interval(runs[0])
    ratio = (pooled.high - pooled.low) / (alone.high - alone.low)
    assert ratio == pytest.approx(0.5, abs=0.08)  # 1 / sqrt(4)
    assert pooled.mean == pytest.approx(runs.mean())


def test_an_interval_of_other_runs_is_students_where_images_say_the_same():
    # Only the seeds differ.
    runs = np.repeat([[0.0], [1.0], [2.0]], 50, axis=1)
    fixed = bootstrap_interval(runs)
    assert (fixed.low, fixed.high) == pytest.approx((1.0, 1.0))
    wide = bootstrap_interval(runs, covers_runs=True)
    # The textbook's 4.303 standard errors of two degrees of freedom.
    half = 4.303 / np.sqrt(3)
    assert (wide.low, wide.high) == pytest.approx((1 - half, 1 + half), abs=1e-3)
    # One run tells nothing of others.
    alone = bootstrap_interval(runs[:1], covers_runs=True)
    assert (alone.low, alone.high) == (0.0, 0.0)


def test_intervals_of_other_runs_hold_the_truth_as_often_as_they_say():
    random, held = np.random.default_rng(5), 0
    for number in range(300):
        photos, seeds = random.normal(0, 1, 60), random.normal(0, 0.15, (3, 1))
        runs = photos + seeds + random.normal(0, 0.3, (3, 60))
        found = bootstrap_interval(
            runs, num_resamples=300, seed=number, covers_runs=True
        )
        held += found.low <= 0.0 <= found.high
    assert 0.92 <= held / 300 <= 1.0


def test_seed_decides_the_interval_and_parts_of_the_draws_do_not(monkeypatch):
    values = np.random.default_rng(9).random(50)
    whole = bootstrap_interval(values, num_resamples=3000, seed=3)
    assert bootstrap_interval(values, num_resamples=3000, seed=4) != whole
    monkeypatch.setattr("ssl_voc.metrics.bootstrap._CHUNK_NUMBERS", 1000)
    assert bootstrap_interval(values, num_resamples=3000, seed=3) == whole


def test_runs_on_other_images_are_refused():
    with pytest.raises(ValueError, match=r"same images.*\(5,\).*\(6,\)"):
        paired_bootstrap(np.ones(5), np.ones(6))
    for settings in ({"confidence": 95}, {"num_resamples": 0}):
        ((name, value),) = settings.items()
        with pytest.raises(ValueError, match=f"{name}={value}"):
            bootstrap_interval(np.ones(5), **settings)
