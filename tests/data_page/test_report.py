"""The page of a data set, where annotations tell less than they should."""

import json

import pipelines
from ssl_voc.data_page.data_set import DataSet
from ssl_voc.data_page.report import report_data_sets
from tests import tiny


def test_photos_whose_annotation_states_no_size_are_reported(tmp_path):
    boxes = [("cat", (4, 4, 44, 28), False)]
    pixels = tiny.draw_photos(4, size=80)
    tiny.write_voc_tree(tmp_path, [(image, boxes) for image in pixels])
    annotations = tmp_path / "Annotations"
    (annotations / "001.xml").write_text(tiny.annotation(*boxes))
    zero = "<size><width>0</width><height>0</height></size>"
    text = tiny.annotation(*boxes).replace("<annotation>", f"<annotation>{zero}")
    (annotations / "002.xml").write_text(text)
    # As a pretraining prepares photos: their true sizes are not looked for.
    pool = pipelines.prepare(pipelines.read(tmp_path), 32, cache="memory")
    assert [photo.width for photo in pool.photos] == [80, None, None, 80]
    page = report_data_sets([DataSet("photos", pool.photos, pool)])
    shares = page.numbers["share_of_boxes_by_image_size"]["cat"]
    assert (shares[96], shares[640]) == (1.0, 1.0)
    assert "None" not in page.text and "None x None" not in page.html
    json.dumps(page.numbers)


def test_boxes_are_called_small_at_the_size_they_are_learned_at_alone(tmp_path):
    pixels = tiny.draw_photos(4, size=80)
    thin = [("cat", (4, 4, 10, 60), False)]  # 6 of 80 px
    tiny.write_voc_tree(tmp_path, [(image, thin) for image in pixels])
    pool = pipelines.prepare(pipelines.read(tmp_path), 32, cache="memory")
    sets = [DataSet("photos", pool.photos, pool)]
    small = report_data_sets(sets, 160)
    assert "cat: 100% of the boxes are narrower than 16 px at --image-size 160: " in (
        small.text
    )
    for image_size in (None, 288):  # 21.6 px there
        assert "narrower" not in report_data_sets(sets, image_size).text
    shares = report_data_sets(sets, 288).numbers["share_of_boxes_by_image_size"]["cat"]
    assert (shares[160], shares[288]) == (0.0, 1.0)


def test_sets_that_hold_no_photo_without_objects_are_told_where_boxes_are_learned(
    tmp_path,
):
    boxes = [("cat", (4, 4, 44, 28), False)]
    pixels = tiny.draw_photos(4, size=80)
    sets = {}
    for name, last in {"train": boxes, "val": []}.items():
        photos = [(image, boxes) for image in pixels[:3]] + [(pixels[3], last)]
        tiny.write_voc_tree(tmp_path / name, photos)
        pool = pipelines.prepare_labeled(tmp_path / name, 32, cache="memory")
        sets[name] = DataSet(name, pool.photos, pool)
    told = "every photo holds an object"
    assert f"\n{told}" in report_data_sets([sets["train"]], 160).text
    assert told not in report_data_sets([sets["train"]]).text, "no detector learns"
    assert told not in report_data_sets([sets["val"]], 160).text
    assert f"\ntrain: {told}" in report_data_sets([*sets.values()], 160).text
