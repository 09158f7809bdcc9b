"""One explanation: runs, photos, heat maps, their measures and sanity check."""

import itertools

import numpy as np

from ssl_voc.cli.errors import BadInput
from ssl_voc.explain.gallery import choose_photos, make_tiles
from ssl_voc.explain.measures import (
    PROTOCOLS,
    compare,
    compare_with_chance,
    measure_center,
    measure_photos,
    summarize,
)
from ssl_voc.explain.shortcuts.report import format_shortcuts, page_section
from ssl_voc.explain.shortcuts.scan import choose_layer
from ssl_voc.explain.shortcuts.search import find_shortcuts
from ssl_voc.explain.subject import Subject
from ssl_voc.explain.table import SUBSETS, format_explanation, verdicts
from ssl_voc.heat_maps import randomization_stages, randomized_correlations
from ssl_voc.heat_maps.explained_layer import find_in_copy, find_layer
from ssl_voc.metrics import bootstrap_interval
from ssl_voc.runs.json_files import to_json
from ssl_voc.runs.progress_bar import progress_bar
from ssl_voc.runs.run_folder import RunFolder
from ssl_voc.visualization.contact_sheet import draw_contact_sheet
from ssl_voc.visualization.page import format_page

NUM_SANITY_PHOTOS, NUM_SANITY_DRAWS = 32, 2
# Of ranks, between learned and lost weights: more than this is no different map.
SANITY_BOUND = 0.5
SANITY_PROTOCOL = (
    "cascading randomization: from the output down, weights are replaced by those of a "
    f"model that never learned; mean of {NUM_SANITY_DRAWS} draws on up "
    f"to {NUM_SANITY_PHOTOS} photos, cells of the layer that show the photo ranked, "
    "empty maps left out; lost if the 95 % interval, over photos for these draws, ends "
    f"below {SANITY_BOUND:g}"
)


class ExplanationRun:
    """One run, or two side by side, on the same photos with the same targets.

    Args:
        config: An `ExplainConfig`, resolved.
        finished: List of `FinishedRun`: the run and, perhaps, its baseline.
        folder: The `RunFolder` to write to.

    Raises:
        BadInput: when photos were seen in training, or the runs see different ones.
        ValueError, OSError: when photos, models or the layer cannot be used.
    """

    def __init__(self, config, finished, folder):
        self.config, self.folder = config, folder
        self.subjects = [Subject(config, finished[0], folder, "run")]
        first = self.subjects[0]
        for other in finished[1:]:
            path = folder.path / "baseline"
            path.mkdir(exist_ok=True)
            # Part of a run, which holds the lock and the manifest.
            part = RunFolder(path, lock=None, resuming=False, manifest={})
            self.subjects.append(Subject(config, other, part, "baseline"))
            keys = self.subjects[1].keys
            if keys != first.keys:
                raise BadInput(
                    f"--baseline: of {other.path} {len(keys)} photos can be used, of "
                    f"RUN {len(first.keys)}, and they differ. Where each run held out "
                    "its own, train both with one --split-seed, or name photos that "
                    "neither saw by --data and --split."
                )
        self.layers = [
            find_layer(subject.model, config.explained_layer).name
            for subject in self.subjects
        ]
        self._layer_names = " and ".join(dict.fromkeys(self.layers))
        if isinstance(config.explained_layer, int):
            self._layer_names += f" of stride {config.explained_layer}"
        drawn = np.random.default_rng(config.seed).permutation(len(first.pool))
        # In the order of the draw: the first ones are a sample, too.
        self.indices = drawn[: config.num_images]
        if config.find_shortcuts:
            choose_layer(first.model, config.explained_layer)
            classes = np.unique(first.pool.targets["classes"][self.indices, 0])
            if len(classes) < 2:
                raise BadInput(
                    "--find-shortcuts: compares classes, and these photos show one: "
                    f"{first.pool.class_names[int(classes[0])]}."
                )
        for subject in self.subjects:
            # Whether the layer gives a map shows at work, better now than in an hour.
            views = subject.view(self.indices[:1])
            subject.maps(views.images, views.classes)

    def finish(self):
        """Measures, checks, draws and writes everything; returns the metrics."""
        measures = [
            measure_photos(
                subject, self.indices, self.config.num_perturbed, self.config.seed
            )
            for subject in self.subjects
        ]
        metrics = self._summarize(measures)
        # What follows is long, too, and must not lose them.
        self._write_rows(measures)
        self.folder.write_json("metrics.json", metrics)
        self.folder.discard_replaced()
        metrics["sanity"] = {
            subject.name: self._check_sanity(subject) for subject in self.subjects
        }
        if self.config.find_shortcuts:
            metrics["shortcuts"] = find_shortcuts(
                self.subjects[0], self.indices, self.config, self.folder.path
            )
        self.folder.write_json("metrics.json", metrics)
        print("drawing", flush=True)
        self._draw(metrics, measures)
        self.folder.finish(
            {key: item for key, item in metrics.items() if not isinstance(item, dict)}
        )
        return metrics

    def format_summary(self, metrics):
        """What a person wants to know at the end, as text."""
        path = self.folder.path
        lines = ["", f"{metrics['num_images']} photos of {metrics['photos']}", ""]
        if "shortcuts" in metrics:
            lines += [format_shortcuts(metrics["shortcuts"]), ""]
        lines += [
            format_explanation(metrics),
            "",
            f"page       {path / 'index.html'}",
            f"gallery    {path / 'gallery.png'}",
            f"figures    {path / 'metrics.json'}, images.jsonl",
            *(f"verdict    {line}" for line in verdicts(metrics)),
        ]
        return "\n".join(lines)

    def _summarize(self, measures):
        first, seed = self.subjects[0], self.config.seed
        names = [subject.name for subject in self.subjects]
        center = measure_center(first, self.indices, seed)
        parts = {}
        for part in SUBSETS:
            chosen = [
                found["correct"] == 1 if part == "correct" else None
                for found in measures
            ]
            parts[part] = {
                name: summarize(found, which, seed=seed)
                for name, found, which in zip(names, measures, chosen, strict=True)
            }
            parts[part]["center"] = summarize(center, chosen[0], seed=seed)
            if len(measures) > 1:
                both = None if part == "all" else chosen[0] & chosen[1]
                parts[part]["difference"] = compare(*measures, both, seed=seed)
        for name, found in zip(names, measures, strict=True):
            parts["all"][name] |= compare_with_chance(found, center, seed)
        protocol = {
            key: text.format(method=self.config.method, layer=self._layer_names)
            for key, text in PROTOCOLS.items()
            if self.config.num_perturbed
            or key not in ("deletion", "insertion", "shuffled")
        }
        return {
            "num_images": len(self.indices),
            "photos": f"{first.pool.photos.name}"
            + f" ({self.config.split})" * bool(self.config.split),
            **parts,
            "runs": {
                subject.name: {**subject.facts(), "layer": layer}
                for subject, layer in zip(self.subjects, self.layers, strict=True)
            },
            "class_names": list(first.pool.class_names),
            "protocol": {**protocol, "lost weights": SANITY_PROTOCOL},
        }

    def _check_sanity(self, subject):
        """Whether the maps are lost with the weights, see `SANITY_PROTOCOL`."""
        views = subject.view(self.indices[:NUM_SANITY_PHOTOS])
        progress = progress_bar(f"checking maps of {subject.name}", "map")
        # Of each draw those of the learned weights, too.
        num_stages = 1 + len(randomization_stages(subject.model))
        num_made, num_maps = 0, NUM_SANITY_DRAWS * num_stages * len(views)
        progress(0, num_maps)

        def make_maps(model):
            nonlocal num_made
            layer = find_in_copy(subject.model, self.config.explained_layer, model)
            maps = subject.maps(
                views.images, views.classes, model, layer, upsample=False
            )
            num_made += len(maps)
            progress(num_made, num_maps)
            return maps

        found = []
        for draw in range(NUM_SANITY_DRAWS):
            names, correlations, others = randomized_correlations(
                subject.model,
                make_maps,
                seed=(self.config.seed + draw) % 2**32,
                shares=views.sizes / subject.pool.image_size,
            )
            found.append(correlations)
        found = np.mean(found, axis=0)  # (num_stages, num_photos)
        left = [bootstrap_interval(stage, seed=self.config.seed) for stage in found]
        final = left[-1]
        return {
            "stages": names,
            "correlations": [stage.mean for stage in left],
            "final": final.mean,
            "final_ci": [final.low, final.high],
            "other_photo": bootstrap_interval(others, seed=self.config.seed).mean,
            "passed": bool(final.high < SANITY_BOUND),
        }

    def _write_rows(self, measures):
        text = ""
        for place, index in enumerate(self.indices):
            photo = self.subjects[0].pool.photos[int(index)]
            row = {"image_id": photo.image_id, "source": photo.source}
            for subject, found in zip(self.subjects, measures, strict=True):
                row[subject.name] = {key: found[key][place] for key in found}
            text += to_json(row) + "\n"
        self.folder.write_text("images.jsonl", text)

    def _draw(self, metrics, measures):
        chosen = choose_photos(measures, self.config.num_shown, self.config.seed)
        groups = [
            (title, make_tiles(self.subjects, self.indices, measures, places))
            for title, places in chosen
        ]
        num_tiles = 1 + len(self.subjects)
        title = f"{self.config.method} at {self._layer_names}, of the true class, "
        title += "whose box is white; yellow is the maximum of each map, gray is 0"
        sheet = [(heading, [*itertools.chain(*rows)]) for heading, rows in groups]
        path = self.folder.path / "gallery.png"
        draw_contact_sheet(path, sheet, 2 * num_tiles, title, tiles_per_group=num_tiles)
        told = [("text", line) for line in verdicts(metrics)]
        sections = [("Figures", [*told, ("table", format_explanation(metrics))])]
        sections.append(("Maps", [("text", f"{title}.")]))
        sections += [(name, [("rows", part)]) for name, part in groups]
        if "shortcuts" in metrics:
            sections.insert(0, page_section(metrics["shortcuts"], self.folder.path))
        page = format_page(f"Where {self.config.run} looks", sections, num_tiles)
        self.folder.write_text("index.html", page)
