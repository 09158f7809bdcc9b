from pipelines import Object, Photo, Photos, choose_varied


def photo(number, source, name=None, label=None):
    objects = (Object(name, (0, 0, 5, 5)),) if name else ()
    return Photo(str(number), source, None, objects, label)


def test_every_source_and_class_has_its_turn():
    photos = [photo(n, "a", "dog") for n in range(50)]
    photos += [
        photo(50, "a", "cat"),
        photo(51, "b", "dog"),
        photo(52, "b", None, "owl"),
    ]
    photos += [photo(53, "b")]
    photos = Photos(photos, "all")
    chosen = choose_varied(photos, 8)
    assert len(set(chosen)) == 8 and {50, 51, 52, 53} < set(chosen[:5])
    assert choose_varied(photos, 8).tolist() == chosen.tolist()
    assert choose_varied(photos, 8, seed=1).tolist() != chosen.tolist()
    assert sorted(choose_varied(photos, 99)) == list(range(54))
