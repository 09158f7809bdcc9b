"""Loss of a student whose similarities shall be those of a teacher."""

import keras
from keras import ops


def similarity_distillation(
    teacher_cosines, student_cosines, teacher_temperature, student_temperature
):
    """Cross-entropy of two distributions over the same candidates, of each image.

    The softmax of the teacher's cosines is the target of that of the student's.
    Computed in float32 under every policy.

    Args:
        teacher_cosines: Float tensor `(batch, candidates)`, how close the teacher finds
            each image and each candidate, in `[-1, 1]`.
        student_cosines: Float tensor of the same shape: how close it finds the
            student's embedding of the image.
        teacher_temperature: Positive number; a small one asks for the nearest
            candidates alone.
        student_temperature: Positive number.

    Returns:
        Float32 tensor `(batch,)`.

    Raises:
        ValueError: when the two are not matrices of one shape.

    Reference:
        - [Fang et al., 2021](https://arxiv.org/abs/2101.04731), SEED, equation 5
    """
    shapes = tuple(teacher_cosines.shape), tuple(student_cosines.shape)
    if len(shapes[0]) != 2 or shapes[0] != shapes[1]:
        raise ValueError(
            "`teacher_cosines` and `student_cosines` must both have shape (batch, "
            f"candidates). Received: {shapes[0]} and {shapes[1]}"
        )
    teacher = ops.cast(teacher_cosines, "float32") / teacher_temperature
    student = ops.cast(student_cosines, "float32") / student_temperature
    targets = ops.softmax(teacher, axis=1)
    return -ops.sum(targets * ops.log_softmax(student, axis=1), axis=1)


@keras.saving.register_keras_serializable(package="ssl_voc")
class SimilarityDistillationLoss(keras.losses.Loss):
    """SEED: the student finds close to an image what the teacher finds close to it.

    The teacher's cosines are `y_true`, the student's `y_pred`. See
    `similarity_distillation` for the definition.

    Args:
        teacher_temperature: Positive number that divides the teacher's cosines.
        student_temperature: Positive number that divides the student's.
        name: Optional name.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Reference:
        - [Fang et al., 2021](https://arxiv.org/abs/2101.04731)
    """

    def __init__(
        self,
        teacher_temperature=0.07,
        student_temperature=0.2,
        name="similarity_distillation",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.teacher_temperature = teacher_temperature
        self.student_temperature = student_temperature
        for key, temperature in self._temperatures().items():
            if not temperature > 0:
                raise ValueError(
                    f"`{key}` must be a positive number. Received: {key}={temperature}"
                )

    def call(self, y_true, y_pred):
        return similarity_distillation(y_true, y_pred, **self._temperatures())

    def chance_level(self, num_candidates):
        """Loss of a student that finds all candidates equally close: their logarithm.

        Args:
            num_candidates: Number of candidates; integer or tensor.

        Returns:
            Float32 scalar tensor.
        """
        return ops.log(ops.cast(num_candidates, "float32"))

    def get_config(self):
        return {**super().get_config(), **self._temperatures()}

    def _temperatures(self):
        return {
            "teacher_temperature": self.teacher_temperature,
            "student_temperature": self.student_temperature,
        }
