"""Report of a study: one page for people, the same as markdown and numbers."""

import dataclasses

from ssl_voc.cli.config_file import config_to_dict, format_value
from ssl_voc.evaluate.table_format import format_cell
from ssl_voc.runs.atomic_files import write_text
from ssl_voc.runs.json_files import write_json
from ssl_voc.study import cautions
from ssl_voc.study import findings as facts
from ssl_voc.study.arms import compared
from ssl_voc.study.blind import blind_parts, measure_blind
from ssl_voc.study.cells import format_command
from ssl_voc.study.exposure import find_exposure
from ssl_voc.study.pictures import charts_of, heat_maps_of, training_charts_of
from ssl_voc.study.verdict import Difference, give_verdict
from ssl_voc.visualization.page import format_page

_PROTOCOL = (
    "Figures are means over the seeds and the {} reported photos of which no "
    "training saw a near-duplicate with its labels. Intervals are 95 % bootstraps "
    "that draw photos, with Student's t of several seeds added in squares; differences "
    "are paired, photo by photo and seed by seed, and bold where they are clear of "
    "zero: of the others it is not shown that there is one. Within a seed all arms "
    "learn from the same labels, and fewer labels are a part of more."
)
_EXPOSURE = (
    "What was seen, and how many of the reported photos are in it, in this or nearly "
    "this form:"
)
_OWN_PHOTOS = (
    "Of all photos that a run was evaluated on; near-duplicates of what it or another "
    "run learned from are not left out here. Means over the seeds."
)
_SAVED = (
    "By {}, between numbers of labels interpolated; in brackets by the ends of the "
    "paired interval at the first number, as if the other arm's curve were exact:"
)
_PRETRAINED_ONCE = (
    "A pretraining is run once and shared by all seeds: the intervals do not cover "
    "that another one of the same settings would come out otherwise."
)


def write_report(config, plan, outcome_of):
    """Writes `report.html`, `report.md` and `report.json` of what is done.

    Args:
        config: A `StudyConfig`, resolved.
        plan: A `Plan`.
        outcome_of: See `ssl_voc.study.plan.cells_of`.

    Returns:
        The dictionary that `report.json` holds.
    """
    folder = config.cells_folder
    found = facts.read_findings(plan, folder, outcome_of)
    numbers = _numbers(config, found, folder)
    write_json(config.out / "report.json", numbers)
    sections = _sections(numbers, found)
    write_text(config.out / "report.md", format_markdown(numbers["title"], sections))
    sections = _with_pictures(sections, numbers, found, folder)
    write_text(config.out / "report.html", format_page(numbers["title"], sections, 3))
    print(
        "\n".join(["", *numbers["verdict"], "", f"page  {config.out / 'report.html'}"])
    )
    return numbers


def _numbers(config, found, folder):
    plan = found.plan
    differences = facts.differences(found)
    main, pairs = found.main_measure, compared(plan.arms)
    judged = [d for d in differences if (d.arm, d.baseline) in pairs]
    judged = [d for d in judged if d.measure == main]
    rows = facts.figures(found)
    exposure, blind = find_exposure(plan, found.done, folder), measure_blind(found)
    verdict = give_verdict(judged, found.labels[main])
    return {
        "title": f"Was pretraining worth it? {plan.task} on {' '.join(config.data)}",
        "verdict": [
            *verdict,
            *cautions.not_told(plan.arms),
            *cautions.hardly_learned(found.done, folder),
            *cautions.different_versions(found.done, folder),
            *cautions.not_random(plan),
            *cautions.few_steps(plan),
            *cautions.labels_of_pretrainings(plan),
            *cautions.labels_of_starts(exposure),
            *cautions.not_shown_to_look(blind),
            *cautions.seen_before(exposure),
        ],
        "task": plan.task,
        "measures": found.labels,
        "runs": {"done": len(found.done), "all": found.num_cells},
        "left_out": list(plan.left_out),
        "failures": [
            {"title": cell.title, **outcome} for cell, outcome in found.failures
        ],
        "figures": rows,
        "differences": [{**dataclasses.asdict(d), "sign": d.sign} for d in differences],
        "labels_saved": facts.savings(found, rows, differences),
        "learning_rates": facts.rates(found),
        "coco_ap": facts.coco_precision(found),
        "per_class": facts.groups(found, "per_class"),
        "per_size": facts.groups(found, "per_size"),
        "blind": blind,
        "exposure": exposure,
        "costs": facts.costs(found),
        "settings": config_to_dict(config),
        "grid": dataclasses.asdict(plan.grid),
        "commands": {
            cell.key: [format_command(words) for words in cell.commands(folder)]
            for cell in found.done
        },
    }


def _sections(numbers, found):
    """Headings and parts of the report without pictures."""
    answer = [
        ("answer" if i == 0 else "text", t) for i, t in enumerate(numbers["verdict"])
    ]
    runs = numbers["runs"]
    if runs["done"] < runs["all"]:
        answer.append(("alarm", f"{runs['done']} of {runs['all']} runs are done."))
    answer += [
        (
            "alarm",
            f"failed: {each['title']}: {each['failed']} {each.get('command', '')}",
        )
        for each in numbers["failures"]
    ]
    # Beside the answer: a pretraining cut short answers another question.
    answer += [("text", f"Left out: {line}.") for line in numbers["left_out"]]
    sections = [("Verdict", answer), ("Figures", _figure_parts(numbers, found))]
    saved = [("text", row["text"] + ".") for row in numbers["labels_saved"]]
    if saved:
        name = found.labels[found.main_measure]
        saved.insert(0, ("text", _SAVED.format(name)))
        sections.append(("Labels saved", saved))
    if numbers["blind"]:
        parts = blind_parts(numbers["blind"], numbers["measures"])
        sections.append(("Without seeing the photo", parts))
    if numbers["coco_ap"]:
        rows = [
            [str(row["num_labels"]), row["arm"], format_cell(row["mean"])]
            for row in sorted(numbers["coco_ap"], key=lambda row: row["num_labels"])
        ]
        text = ("text", f"{_OWN_PHOTOS} Without intervals.")
        table = ("cells", (["labels", "arm", "COCO AP"], rows))
        sections.append(("COCO AP", [text, table]))
    for heading, key in (("By class", "per_class"), ("By size", "per_size")):
        if numbers[key]:
            table = _group_table(numbers[key], found)
            sections.append((heading, [("text", _OWN_PHOTOS), ("cells", table)]))
    sections += [
        ("Fairness", _fairness_parts(numbers)),
        ("Learning rates", [("cells", _rate_table(numbers))]),
        ("Settings", _setting_parts(numbers)),
    ]
    return sections


def _figure_parts(numbers, found):
    if not numbers["figures"]:
        return [("text", "No run was measured yet.")]
    labels = numbers["measures"]
    heads = ["labels", "arm", "seeds", *labels.values()]
    by_place = {
        (row["num_labels"], row["arm"], row["measure"]): row
        for row in numbers["figures"]
    }
    places = dict.fromkeys(key[:2] for key in by_place)
    rows = [
        [
            str(number),
            arm,
            str(len(by_place[number, arm, found.main_measure]["seeds"])),
            *(_interval(by_place[number, arm, name]) for name in labels),
        ]
        for number, arm in sorted(places, key=lambda place: place[0])
    ]
    gaps = {}
    for row in numbers["differences"]:
        key = row["num_labels"], row["arm"], row["baseline"]
        gaps.setdefault(key, {})[row["measure"]] = row
    others = [
        [
            str(number),
            f"{arm} less {baseline}",
            str(gap[found.main_measure]["num_seeds"]),
            *(_difference(gap[name]) for name in labels),
        ]
        for (number, arm, baseline), gap in sorted(gaps.items(), key=lambda i: i[0][0])
    ]
    return [
        ("cells", (heads, rows)),
        ("cells", (["labels", "difference", *heads[2:]], others)),
        ("text", _PROTOCOL.format(numbers["figures"][0]["num_images"])),
    ]


def _interval(row):
    low, high = row["ci"]
    return f"{row['mean']:.3f} [{low:.3f}, {high:.3f}]"


def _difference(row):
    values = {name: value for name, value in row.items() if name != "sign"}
    return Difference(**values).marked_text()


def _group_table(rows, found):
    """Heads and rows: an arm at a number of labels in each row, a group a column."""
    groups = {row["group"]: row["number"] for row in rows}
    heads = [f"{found.labels[found.main_measure]}, labels", "arm"]
    heads += [f"{name} ({number})" for name, number in groups.items()]
    values = {(r["num_labels"], r["arm"], r["group"]): r["mean"] for r in rows}
    places = sorted(dict.fromkeys(key[:2] for key in values), key=lambda p: p[0])
    return heads, [
        [str(n), arm, *(format_cell(values.get((n, arm, name))) for name in groups)]
        for n, arm in places
    ]


def _fairness_parts(numbers):
    seen = [
        [
            row["photos"],
            "with labels" if row["labelled"] else "without labels",
            str(row["num_photos"]),
            "not known"
            if row["num_reported"] is None
            else f"{row['num_reported']} of {row['of_reported']}",
        ]
        for row in numbers["exposure"]
    ]
    spent = [
        [
            row["arm"],
            row["what"],
            str(row["runs"]),
            f"{row['steps']:,}",
            f"{row['photos_seen']:,}",
            f"{row['minutes']:.1f}",
        ]
        for row in numbers["costs"]
    ]
    heads = (
        ["photos", "seen", "number", "reported ones"],
        [*("arm", "what", "runs", "steps", "photos seen", "minutes")],
    )
    return [
        ("text", _EXPOSURE),
        ("cells", (heads[0], seen)),
        ("text", "What each arm received; of several runs, the mean:"),
        ("cells", (heads[1], spent)),
        ("text", _PRETRAINED_ONCE),
    ]


def _rate_table(numbers):
    rows = []
    for row in numbers["learning_rates"]:
        scores = ", ".join(
            f"{rate}: {format_cell(score)}"
            for rate, score in row["validation_scores"].items()
        )
        rate, at = row["learning_rate"], row["tried_at_labels"]
        rows.append(
            [
                row["arm"],
                str(row["num_labels"]),
                "not chosen yet" if rate is None else f"{rate:g}",
                "the default, not chosen" if at is None else f"at {at} labels",
                scores,
            ]
        )
    return [
        "arm",
        "labels",
        "learning rate",
        "chosen",
        "validation score of each",
    ], rows


def _setting_parts(numbers):
    settings = [[name, format_value(v)] for name, v in numbers["settings"].items()]
    grid = [[name, format_value(value)] for name, value in numbers["grid"].items()]
    commands = "\n".join(
        line for lines in numbers["commands"].values() for line in lines
    )
    return [
        ("cells", (["setting", "value"], settings)),
        ("cells", (["grid", "value"], grid)),
        ("table", commands),
    ]


def _with_pictures(sections, numbers, found, folder):
    """The sections with charts and heat maps at their places."""
    parts = dict(sections)
    if numbers["figures"]:
        charts = charts_of(numbers, found)
        parts["Verdict"] = [*parts["Verdict"], ("drawings", charts[:2])]
        parts["Figures"] = [*parts["Figures"], ("drawings", charts[2:])]
    ordered = [*parts.items()]
    training = training_charts_of(found, folder)
    if training:
        ordered.insert(-2, ("Training", [("drawings", training)]))
    maps = heat_maps_of(found, folder)
    if maps:
        ordered.insert(-2, ("Where the models look", maps))
    return ordered


def format_markdown(title, sections):
    """The texts and tables of a report as markdown.

    Args:
        title: Heading of all.
        sections: See `ssl_voc.visualization.page.format_page`; parts that are no text
            or table are left out.
    """
    lines = [f"# {title}", ""]
    for heading, parts in sections:
        lines += [f"## {heading}", ""]
        for kind, content in parts:
            if kind in ("text", "alarm", "answer"):
                lines += [content, ""]
            elif kind == "cells":
                heads, rows = content
                lines += [_row(heads), _row(["---"] * len(heads))]
                lines += [_row(map(_bold, row)) for row in rows]
                lines.append("")
            elif kind == "table":
                lines += [*(f"    {line}" for line in content.splitlines()), ""]
    return "\n".join(lines)


def _row(cells):
    return "| " + " | ".join(text.replace("|", "\\|") for text in cells) + " |"


def _bold(text):
    return f"**{text[1:]}**" if text.startswith("*") else text
