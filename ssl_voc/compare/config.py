"""Settings of `python -m ssl_voc.compare`."""

import dataclasses
from pathlib import Path

from ssl_voc.cli.errors import BadInput
from ssl_voc.cli.options import option
from ssl_voc.runs.json_files import read_json_dict


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompareConfig:
    """Settings of a comparison; see `--help` for each."""

    evaluations: tuple[Path, ...] = option(
        help="Folders that evaluate wrote, one a seed; or runs with one such folder.",
        positional=True,
    )
    baseline: tuple[Path, ...] = option(
        help="The same of what they are compared with, as many."
    )
    out: Path | None = option(None, "Json file to write.")

    def resolved(self):
        """The same settings, runs replaced by their evaluations.

        Raises:
            BadInput: when a folder holds none, or several, or sides differ in number.
        """
        if len(self.evaluations) != len(self.baseline):
            raise BadInput(
                f"--baseline: seeds are compared in pairs: {len(self.evaluations)} "
                f"evaluations against {len(self.baseline)}. Name as many of both."
            )
        return dataclasses.replace(
            self,
            evaluations=tuple(map(_evaluation_in, self.evaluations)),
            baseline=tuple(map(_evaluation_in, self.baseline)),
        )


def _evaluation_in(folder):
    """The evaluation that a folder is, or the only one that a run holds."""
    if (folder / "metrics.json").is_file():
        return folder
    found = sorted(
        path.parent
        for path in folder.glob("*/metrics.json")
        if "task" in read_json_dict(path)  # else it is an explanation
    )
    if len(found) == 1:
        return found[0]
    what = "several evaluations" if found else "no evaluation"
    names = f": {', '.join(path.name for path in found)}. Name one" * bool(found)
    hint = names or ": run evaluate first"
    raise BadInput(f"{folder} holds {what}{hint}.")
