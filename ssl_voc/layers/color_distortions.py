"""Color distortions of SimCLR: jitter and grayscale."""

from ssl_voc.layers.random_color_jitter import RandomColorJitter
from ssl_voc.layers.random_grayscale import RandomGrayscale
from ssl_voc.layers.random_layer import check_rate


def build_color_distortions(color_strength, color_rate, grayscale_rate, seed):
    """Builds the color jitter and the grayscale of an augmenter.

    Args:
        color_strength: Strength of the jitter: 0.8 of it for brightness, contrast and
            saturation, 0.2 for hue (at most 0.5).
        color_rate: Probability of color jitter.
        grayscale_rate: Probability of a gray image.
        seed: Optional integer or `keras.random.SeedGenerator`.

    Returns:
        List of layers, without those that would change nothing.

    Raises:
        ValueError: when a rate is no probability or the strength is negative.

    Reference:
        - [Chen et al., 2020](https://arxiv.org/abs/2002.05709), appendix A
    """
    check_rate("color_rate", color_rate)
    check_rate("grayscale_rate", grayscale_rate)
    if color_strength < 0:
        raise ValueError(
            "`color_strength` must not be negative. "
            f"Received: color_strength={color_strength}"
        )
    distortions = []
    if color_strength > 0 and color_rate > 0:
        jitter = 0.8 * color_strength
        hue = min(0.2 * color_strength, 0.5)
        distortions.append(
            RandomColorJitter(jitter, jitter, jitter, hue, color_rate, seed)
        )
    if grayscale_rate > 0:
        distortions.append(RandomGrayscale(grayscale_rate, seed))
    return distortions
