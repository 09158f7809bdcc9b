"""Arms of a study: what a fine-tuning starts from, and the flags that it owns."""

import argparse
import dataclasses
import itertools
import re
import shlex

from ssl_voc.cli.errors import BadInput, did_you_mean
from ssl_voc.pretrain.objectives.registry import OBJECTIVES

# Keras' own weights, or none.
NAMED_STARTS = ("random", "imagenet")
DEFAULT_OBJECTIVE = "simclr"
_LABEL = re.compile(r"([\w.-]+)=(.+)", re.DOTALL)
# A path may hold a plus: only what continues a chain divides it.
_CHAIN = re.compile(r"\+(?=ssl:|supervised:)")
# What the study itself says to each run.
_SAID_TO_ALL = {
    "data",
    "weights",
    "out",
    "overwrite",
    "resume",
    "config",
    "help",
    "finish",
    "epochs",
    "time",
    "seed",
}
_SAID = {
    "finetune": _SAID_TO_ALL
    | {"task", "train_split", "split_seed", "val_split", "val_share", "backbone"}
    | {"image_size", "batch_size", "label_fraction", "labels_per_class"}
    | {"learning_rate", "patience"},
    "pretrain": _SAID_TO_ALL | {"objective", "backbone", "val_share", "train_split"},
}
# What else would make it another task than the other arms have.
_SHARED = {"class_names", "allow_leakage"}


@dataclasses.dataclass(frozen=True)
class Link:
    """One step of how a backbone comes about.

    Attributes:
        objective: Of a pretraining; None for weights that are there already.
        source: `--data` of a pretraining, or `random`, `imagenet`, or a path.
        flags: Further words of its `pretrain` command.
    """

    objective: str | None
    source: tuple[str, ...]
    flags: tuple[str, ...] = ()

    @property
    def key(self):
        """Objective and sources as one tuple."""
        return self.objective, *self.source

    @property
    def uses_labels(self):
        """Whether it is a pretraining that learns labels."""
        return self.objective is not None and OBJECTIVES[self.objective].uses_labels


@dataclasses.dataclass(frozen=True)
class Arm:
    """One way to begin, compared with the others.

    Attributes:
        name: What tables call it.
        links: Where the weights come from, the first one first.
        flags: Further words of the `finetune` command.
    """

    name: str
    links: tuple[Link, ...]
    flags: tuple[str, ...] = ()

    @property
    def start(self):
        """The weights that the first pretraining, or fine-tuning, begins with."""
        first = self.links[0]
        is_random = first.objective or first.source == ("random",)
        return "none" if is_random else first.source[0]

    @property
    def starts_from_path(self):
        """Whether these are weights of a file or run that is there already."""
        first = self.links[0]
        return first.objective is None and first.source[0] not in NAMED_STARTS

    @property
    def pretrainings(self):
        """The links that are learned, in order."""
        return [link for link in self.links if link.objective]

    @property
    def chain(self):
        """The links without random weights, which add nothing."""
        return tuple(link for link in self.links if link.source != ("random",))

    def goes_on_from(self, other):
        """Whether it is another arm and one pretraining more."""
        begins = self.chain[:-1] == other.chain and self.flags == other.flags
        return begins and bool(self.chain) and self.chain[-1].objective is not None


def compared(arms):
    """What a verdict compares: each arm with the one that it goes on from, and others.

    Only the difference between an arm and the same one without its last pretraining is
    what this pretraining added: these pairs come first.

    Args:
        arms: List of `Arm`s. Those that are left are compared with the first one.

    Returns:
        List of `(arm, baseline)`, by name.
    """
    added = [(a.name, b.name) for a in arms for b in arms if a.goes_on_from(b)]
    others = [(arm.name, arms[0].name) for arm in arms[1:]]
    reversed_ones = {pair[::-1] for pair in added}
    pairs = dict.fromkeys([*added, *others])
    return [pair for pair in pairs if pair not in reversed_ones]


def parse_arm(text):
    """Reads an arm: `[NAME=]START[+ssl:DATA...] [--flag value ...]`.

    START is `random`, `imagenet`, the path of a backbone or of a pretraining,
    `supervised:DATA`, `ssl:DATA` or `ssl:OBJECTIVE:DATA`; several sources of DATA are
    divided by commas. The flags are those of `finetune` that differ from arm to arm,
    and `--pretrain` with those of the last pretraining, in one text.

    Args:
        text: Such as `frozen=imagenet+ssl:photos --schedule frozen`.

    Returns:
        `Arm`.

    Raises:
        BadInput: when it cannot be read, or a flag is one that all arms share.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise BadInput(f"--arm: {text!r} cannot be read: {error}") from error
    if not words or words[0].startswith("-"):
        raise BadInput(f"--arm: expected a start such as random, got {text!r}")
    start, *flags = words
    label = _LABEL.fullmatch(start)
    start = label[2] if label else start
    links = [_parse_link(text) for text in _CHAIN.split(start)]
    flags, own = _without_pretrain(flags)
    name = label[1] if label else " ".join(words)
    if own and not links[-1].objective:
        raise BadInput(f"--arm: --pretrain of {name!r}, which ends in no pretraining.")
    links[-1] = dataclasses.replace(links[-1], flags=own)
    arm = Arm(name, tuple(links), flags)
    _refuse_shared(arm)
    return arm


def _without_pretrain(words):
    """Flags of an arm without `--pretrain TEXT`, and the words of that text."""
    for place, word in enumerate(words):
        flag, equals, text = word.partition("=")
        if flag == "--pretrain":
            rest = words[place + 1 :]
            if not equals:
                text, rest = "".join(rest[:1]), rest[1:]
            return (*words[:place], *rest), parse_flags(text, "pretrain")
    return tuple(words), ()


def parse_arms(texts):
    """Reads all arms of a study, see `parse_arm`; two never have one name.

    Raises:
        BadInput: when there are fewer than two, or two of one name.
    """
    arms = [parse_arm(text) for text in texts]
    names = [arm.name for arm in arms]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise BadInput(f"--arm: two are called {repeated[0]!r}. Put NAME= before one.")
    for one, other in itertools.combinations(arms, 2):
        if (one.chain, one.flags) == (other.chain, other.flags):
            raise BadInput(f"--arm: {one.name!r} and {other.name!r} are the same.")
    if len(arms) < 2:
        raise BadInput(
            f"--arm: expected at least two to compare, got {', '.join(names) or 'none'}"
        )
    return arms


def default_arms(imagenet, pool):
    """The arms that most people want to know of.

    Args:
        imagenet: Whether ImageNet weights can be had.
        pool: Sources of the photos to pretrain on.
    """
    pretraining = Link(DEFAULT_OBJECTIVE, tuple(pool))
    random = Arm("random", (Link(None, ("random",)),))
    if not imagenet:
        return random, Arm("ssl", (pretraining,))
    start = Link(None, ("imagenet",))
    return random, Arm("imagenet", (start,)), Arm("ssl", (start, pretraining))


def _parse_link(text):
    kind, colon, rest = text.partition(":")
    if not colon or kind not in ("ssl", "supervised"):
        return Link(None, (text,))
    objective = "supervised" if kind == "supervised" else DEFAULT_OBJECTIVE
    name, colon, data = rest.partition(":")
    if kind == "ssl" and colon:
        if name in OBJECTIVES:
            objective, rest = name, data
        elif "," not in name and (hint := did_you_mean(name, OBJECTIVES)):
            raise BadInput(f"--arm: {text!r}: no objective is called {name!r}.{hint}")
    sources = tuple(filter(None, rest.split(",")))
    if not sources:
        raise BadInput(f"--arm: {text!r} names no data. Expected {kind}:DATA.")
    return Link(objective, sources)


def parse_flags(text, command):
    """Words of the flags that all runs of a command have in addition.

    Args:
        text: Value of `--finetune` or `--pretrain`, or None.
        command: Name of the command.

    Raises:
        BadInput: when one of them is what the study says itself.
    """
    try:
        words = tuple(shlex.split(text or ""))
    except ValueError as error:
        raise BadInput(f"--{command}: {text!r} cannot be read: {error}") from error
    for flag in _flags_among(words, _SAID[command]):
        raise BadInput(
            f"--{command}: {flag} is what the study says to each run itself."
        )
    return words


def values_of(flag, words):
    """Values that words of a command give a flag, in order.

    Args:
        flag: Such as `--teacher`.
        words: Flags and values, of any settings.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(flag, dest="values", action="append", nargs="?", default=[])
    return [*filter(None, parser.parse_known_args(words)[0].values)]


def _refuse_shared(arm):
    for flag in _flags_among(arm.flags, _SAID["finetune"] | _SHARED):
        raise BadInput(
            f"--arm: {flag} of {arm.name!r} would make it another task than the other "
            "arms have. Give what all share to the study itself."
        )


def _flags_among(words, names):
    """Those words that are flags of some settings."""
    flags = {f"--{name.replace('_', '-')}" for name in names}
    given = [word.partition("=")[0].replace("--no-", "--", 1) for word in words]
    return [flag for flag in given if flag in flags]
