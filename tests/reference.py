"""What the code should compute, in plain loops over NumPy numbers of float64."""

import math

import numpy as np

# FCC's 1953 color space of NTSC: luma and two chroma coordinates from RGB.
YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]]
)


def cosine(vector_a, vector_b):
    """Cosine of the angle between two vectors."""
    vector_a, vector_b = np.float64(vector_a), np.float64(vector_b)
    lengths = math.sqrt((vector_a**2).sum()) * math.sqrt((vector_b**2).sum())
    return float((vector_a * vector_b).sum() / lengths)


def nt_xent(projections_a, projections_b, temperature):
    """Equation 1 and algorithm 1 of SimCLR, one view and one candidate at a time."""
    views = [*projections_a, *projections_b]
    batch_size = len(projections_a)
    total = 0.0
    for i, view in enumerate(views):
        partner = (i + batch_size) % (2 * batch_size)
        denominator = 0.0
        for k, other in enumerate(views):
            if k != i:
                denominator += math.exp(cosine(view, other) / temperature)
        numerator = math.exp(cosine(view, views[partner]) / temperature)
        total -= math.log(numerator / denominator)
    return total / (2 * batch_size)


def dcl(projections_a, projections_b, temperature, smoothing):
    """Equation 6 of DCL, one view and one negative at a time; the target smoothed."""
    views = [*projections_a, *projections_b]
    batch_size = len(projections_a)
    total = 0.0
    for i, view in enumerate(views):
        partner = (i + batch_size) % (2 * batch_size)
        negatives = [
            cosine(view, other) / temperature
            for k, other in enumerate(views)
            if k not in (i, partner)
        ]
        target = (1 - smoothing) * cosine(view, views[partner]) / temperature
        target += smoothing * sum(negatives) / len(negatives)
        total += math.log(sum(map(math.exp, negatives))) - target
    return total / (2 * batch_size)


def dense_contrast(cells_a, cells_b, matches, temperature):
    """Mean over the matched cells of each photo, a photo after the other.

    Each cell is compared with the cells of its place in the other view, and with the
    cells of its index in both views of all other photos.
    """
    views = (np.float64(cells_a), np.float64(cells_b))
    losses = []
    for photo in range(len(cells_a)):
        of_others = [
            view[other]
            for view in views
            for other in range(len(cells_a))
            if other != photo
        ]
        of_cells = []
        for own, others, pairs in (
            (views[0][photo], views[1][photo], matches[photo]),
            (views[1][photo], views[0][photo], matches[photo].T),
        ):
            for index, cell in enumerate(own):
                positives = [
                    cosine(cell, others[match])
                    for match in np.flatnonzero(pairs[index])
                ]
                if positives:
                    negatives = sum(
                        math.exp(cosine(cell, other[index]) / temperature)
                        for other in of_others
                    )
                    positive = np.mean(positives) / temperature
                    of_cells.append(math.log(negatives) - positive)
        losses.append(np.mean(of_cells) if of_cells else 0.0)
    return losses


def vicreg(projections_a, projections_b):
    """Invariance, variance and covariance of VICReg, one number at a time."""
    num_images, num_dimensions = np.shape(projections_a)
    invariance = variance = covariance = 0.0
    for i in range(num_images):
        for j in range(num_dimensions):
            difference = float(projections_a[i][j]) - float(projections_b[i][j])
            invariance += difference**2 / (num_images * num_dimensions)
    for side in (projections_a, projections_b):
        columns = [[float(row[j]) for row in side] for j in range(num_dimensions)]
        means = [sum(column) / num_images for column in columns]
        for j in range(num_dimensions):
            for k in range(num_dimensions):
                pairs = zip(columns[j], columns[k], strict=True)
                products = [(x - means[j]) * (y - means[k]) for x, y in pairs]
                moment = sum(products) / (num_images - 1)
                if j == k:
                    deviation = math.sqrt(moment + 1e-4)
                    variance += max(0.0, 1.0 - deviation) / num_dimensions / 2
                else:
                    covariance += moment**2 / num_dimensions
    return invariance, variance, covariance


def contrastive_accuracy(projections_a, projections_b):
    """Share of views to which no other view is as near as their partner."""
    views = [*projections_a, *projections_b]
    batch_size = len(projections_a)
    found = 0
    for i, view in enumerate(views):
        partner = (i + batch_size) % (2 * batch_size)
        rivals = [cosine(view, v) for k, v in enumerate(views) if k not in (i, partner)]
        found += all(cosine(view, views[partner]) > rival for rival in rivals)
    return found / len(views)


def attention_loss(box, logits):
    """Negative log of the attention in the cells that overlap with a box in [0, 1]."""
    rows, columns = logits.shape
    shares = np.exp(logits.astype("float64"))
    shares /= shares.sum()
    inside = 0.0
    for row, column in np.ndindex(rows, columns):
        width = min(box[2], (column + 1) / columns) - max(box[0], column / columns)
        height = min(box[3], (row + 1) / rows) - max(box[1], row / rows)
        if width > 0 and height > 0:
            inside += shares[row, column]
    return -np.log(inside)


def alignment(projections_a, projections_b):
    """Mean of |u - v|^2 = 2 - 2 cos over the pairs."""
    pairs = list(zip(projections_a, projections_b, strict=True))
    return sum(2 - 2 * cosine(a, b) for a, b in pairs) / len(pairs)


def uniformity(*sides):
    """Logarithm of the mean of exp(-2 d^2) over pairs of different rows of a side."""
    potentials = []
    for side in sides:
        for i in range(len(side)):
            for j in range(len(side)):
                if i != j:
                    squared_distance = 2 - 2 * cosine(side[i], side[j])
                    potentials.append(math.exp(-2 * squared_distance))
    return math.log(sum(potentials) / len(potentials))


def knn_accuracy(
    bank, bank_labels, queries, query_labels, num_neighbors=20, temperature=0.07
):
    """Each query's neighbours vote with exp(cosine / temperature)."""
    correct = 0
    for query, label in zip(queries, query_labels, strict=True):
        cosines = [cosine(query, row) for row in bank]
        nearest = sorted(range(len(bank)), key=lambda i: -cosines[i])[:num_neighbors]
        votes = {}
        for i in nearest:
            vote = math.exp(cosines[i] / temperature)
            votes[bank_labels[i]] = votes.get(bank_labels[i], 0.0) + vote
        correct += max(votes, key=votes.get) == label
    return correct / len(queries)


def crop_and_resize(image, box_rel_xyxy, size):
    """Triangle-filter resampling of one box, one result pixel at a time."""
    height, width, channels = image.shape
    left, top, right, bottom = np.float64(box_rel_xyxy)
    result = np.zeros((*size, channels))
    for row in range(size[0]):
        weights_y = _triangle(top * height, bottom * height, size[0], row, height)
        for column in range(size[1]):
            weights_x = _triangle(left * width, right * width, size[1], column, width)
            for y, weight_y in enumerate(weights_y):
                for x, weight_x in enumerate(weights_x):
                    result[row, column] += weight_y * weight_x * image[y, x]
    return result


def _triangle(start, end, out_length, index, length):
    scale = (end - start) / out_length
    center = start + (index + 0.5) * scale
    radius = max(scale, 1.0)
    weights = [max(0.0, 1 - abs(i + 0.5 - center) / radius) for i in range(length)]
    return [weight / sum(weights) for weight in weights]


def luma(pixel):
    """Rec. 601 luma of one RGB pixel."""
    return 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]


def color_jitter(image, brightness, contrast, saturation, hue):
    """Brightness, saturation, hue (a turn in radians) and contrast, one after another.

    The turn of the hue is written out for each of the two chroma coordinates.
    """
    image = np.float64(image) * brightness
    jittered = np.zeros_like(image)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            red, green, blue = image[y, x]
            gray = luma(image[y, x])
            red, green, blue = (
                gray + saturation * (value - gray) for value in (red, green, blue)
            )
            _, chroma_i, chroma_q = YIQ @ (red, green, blue)
            turned_i = math.cos(hue) * chroma_i - math.sin(hue) * chroma_q
            turned_q = math.sin(hue) * chroma_i + math.cos(hue) * chroma_q
            jittered[y, x] = np.linalg.solve(YIQ, (gray, turned_i, turned_q))
    lumas = [luma(pixel) for row in jittered for pixel in row]
    mean = sum(lumas) / len(lumas)
    return np.clip(mean + contrast * (jittered - mean), 0, 255)


def gaussian_blur(image, sigma):
    """Blur of one image; weights outside of it are left out and the rest scaled up."""
    if sigma == 0:
        return np.float64(image)
    height, width, channels = image.shape
    reach = 3 * max(sigma, 1.0)
    blurred = np.zeros((height, width, channels))
    for y in range(height):
        for x in range(width):
            total = 0.0
            for row in range(height):
                for column in range(width):
                    if abs(row - y) <= reach and abs(column - x) <= reach:
                        squared = (row - y) ** 2 + (column - x) ** 2
                        weight = math.exp(-squared / (2 * sigma**2))
                        total += weight
                        blurred[y, x] += weight * image[row, column]
            blurred[y, x] /= total
    return blurred


def lars_step(weights, velocity, gradient, rate, momentum, weight_decay, trust):
    """One step of LARS on one variable: new weights and new velocity."""
    weights, gradient = np.float64(weights), np.float64(gradient)
    if weights.ndim > 1:
        gradient = gradient + weight_decay * weights
        weight_norm = math.sqrt(sum(value**2 for value in weights.ravel()))
        gradient_norm = math.sqrt(sum(value**2 for value in gradient.ravel()))
        if weight_norm > 0 and gradient_norm > 0:
            gradient = gradient * trust * weight_norm / gradient_norm
    velocity = momentum * np.float64(velocity) - rate * gradient
    return weights + velocity, velocity
