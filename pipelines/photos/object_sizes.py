"""Small, medium and large objects, whatever the resolution of the photos."""

SIZES = ("small", "medium", "large")
# COCO's 32 x 32 and 96 x 96 pixels, as shares of its photos of 640 x 480. Pixels
# themselves would call the objects of a reduced copy of a data set small.
MEDIUM_FROM = 32 * 32 / (640 * 480)  # 0.33 %
LARGE_FROM = 96 * 96 / (640 * 480)  # 3 %
SHARES = "share of the photo's area, small below 0.33 %, large from 3 %"
PROTOCOL = f"{SHARES} (COCO's 32 and 96 pixels squared at 640 x 480)"


def object_size(area: float, photo_area: float) -> str:
    """`"small"`, `"medium"` or `"large"`.

    Args:
        area: Area of the object's box.
        photo_area: Area of the photo, in the same unit.
    """
    share = area / photo_area
    if share < MEDIUM_FROM:
        return "small"
    return "medium" if share < LARGE_FROM else "large"
