"""Lines that say what a model has beyond answers that do not see the photo."""

from ssl_voc.evaluate.difference_sign import difference_sign

LABELS = {
    "frequent_boxes": "frequent boxes",
    "frequent_box": "frequent box",
    "gray_photos": "gray photos",
}


def is_clear_of_blind(rows):
    """Whether the model is shown to look: every gain's interval lies above 0."""
    return all(difference_sign(*row["gain_ci"]) > 0 for row in rows.values())


def blind_lines(rows, measure, label):
    """The rows as lines for people, and a warning where there is cause.

    Args:
        rows: What `metrics.json` holds as `blind`.
        measure: Name of the measure in the rows.
        label: Its name for people.
    """
    if not rows:
        return []
    lines = [f"without seeing the photo ({label}), and the model's gain over it:"]
    for name, row in rows.items():
        low, high = row[f"{measure}_ci"]
        gain, (gain_low, gain_high) = row["gain"], row["gain_ci"]
        lines.append(
            f"{LABELS[name]:14}{row[measure]:6.3f}  [{low:.3f}, {high:.3f}]  "
            f"{gain:+.3f} [{gain_low:+.3f}, {gain_high:+.3f}]"
        )
    if not is_clear_of_blind(rows):
        lines.append(
            "NOT SHOWN TO LOOK AT THE PHOTO: what finds as much does not see it. Train "
            "longer (--epochs), start from weights (--weights), or label more photos."
        )
    return lines
