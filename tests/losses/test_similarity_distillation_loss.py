"""SEED's loss against its sums, one candidate at a time."""

import math

import numpy as np
import pytest
from keras import ops

from ssl_voc.losses import SimilarityDistillationLoss, similarity_distillation
from tests.gradients import gradient_of


def draw_cosines(batch_size=5, candidates=9, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (2, batch_size, candidates))


def softmax(cosines, temperature):
    exponentials = [math.exp(cosine / temperature) for cosine in cosines]
    return [value / sum(exponentials) for value in exponentials]


@pytest.mark.parametrize("temperatures", [(0.07, 0.2), (0.01, 1.0)])
def test_loss_is_the_cross_entropy_of_the_loops(temperatures):
    teacher, student = draw_cosines()
    expected = []
    for teacher_row, student_row in zip(teacher, student, strict=True):
        targets = softmax(teacher_row, temperatures[0])
        found = softmax(student_row, temperatures[1])
        pairs = zip(targets, found, strict=True)
        expected.append(-sum(p * math.log(q) for p, q in pairs))
    found = similarity_distillation(teacher, student, *temperatures)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    loss = SimilarityDistillationLoss(*temperatures)(teacher, student)
    np.testing.assert_allclose(loss, np.mean(expected), rtol=1e-4)


def test_a_student_that_finds_all_alike_is_at_chance_whatever_the_teacher_finds():
    teacher, _ = draw_cosines()
    loss = SimilarityDistillationLoss()
    assert float(loss.chance_level(9)) == pytest.approx(math.log(9), rel=1e-6)
    found = similarity_distillation(teacher, np.full((5, 9), 0.3), 0.07, 0.2)
    np.testing.assert_allclose(found, math.log(9), rtol=1e-5)


def test_gradient_at_the_ends_of_the_range_is_finite():
    teacher = np.float32([[1.0, -1.0, 0.0], [1.0, 1.0, 1.0]])
    slope = gradient_of(
        lambda z: ops.mean(similarity_distillation(teacher, z, 0.01, 0.01)), -teacher
    )
    assert np.isfinite(slope).all() and np.abs(slope).max() > 0


def test_temperatures_and_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="`student_temperature`.*=0"):
        SimilarityDistillationLoss(student_temperature=0)
    with pytest.raises(ValueError, match="candidates.*3, 4.*3, 5"):
        similarity_distillation(np.ones((3, 4)), np.ones((3, 5)), 0.1, 0.1)
