"""Settings of `python -m ssl_voc.inspect`."""

import dataclasses
from pathlib import Path

from ssl_voc.cli.options import option
from ssl_voc.runs.paths import default_folder


@dataclasses.dataclass(frozen=True, kw_only=True)
class InspectConfig:
    """Settings of an inspection; see `--help` for each."""

    data: tuple[str, ...] = option(
        help="Photos, as the other commands' --data takes them.", positional=True
    )
    split: tuple[str, ...] = option(
        (), "Splits to look at, of all data; by default every one."
    )
    out: Path | None = option(
        None, "Folder to write; by default one under runs/, named after the data."
    )
    overwrite: bool = option(False, "Replace the report that --out holds.")

    def resolved(self):
        """The same settings with `out` filled in."""
        if self.out is not None:
            return self
        return dataclasses.replace(self, out=default_folder("inspect", self.data[0]))
