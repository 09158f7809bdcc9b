"""What `--help` shows of settings and choices."""

import dataclasses

import pytest

from ssl_voc.cli.flags import parse
from tests.cli.configs import Extended, Lengths, Positional, read, refusal


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_shows_ranges_defaults_and_choices(capsys, flag):
    with pytest.raises(SystemExit) as end:
        read(flag)
    assert end.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "usage: python -m ssl_voc.pretrain [OPTIONS] Learns from photos." in text
    assert "Side of a view in pixels. [at least 32; default: 96]" in text
    assert "[may be repeated; required]" in text
    assert "simclr|supervised" in text
    assert "[default: false]" in text
    assert "[default: 0.2 1.0]" in text
    assert "--config FILE" in text


@pytest.mark.parametrize(("columns", "width"), [(50, 48), (90, 88), (200, 88)])
def test_help_fits_the_terminal(capsys, monkeypatch, columns, width):
    monkeypatch.setenv("COLUMNS", str(columns))
    paragraphs = " ".join(["Learns"] * 12), "Example: python -m ssl_voc.pretrain"
    with pytest.raises(SystemExit):
        parse(Positional, ["--help"], "pretrain", "\n\n".join(paragraphs))
    usage, _, *lines = capsys.readouterr().out.splitlines()
    assert usage == "usage: python -m ssl_voc.pretrain [OPTIONS] RUN IMAGES..."
    assert width - 8 < max(map(len, lines)) <= width
    assert (paragraphs[0] in lines) == (width == 88)
    assert lines[lines.index(paragraphs[1]) - 1] == ""


def test_help_groups_the_settings_of_each_choice(capsys):
    with pytest.raises(SystemExit):
        read("--help", config_class=Extended)
    common, simclr, vicreg = capsys.readouterr().out.split("options of --objective ")
    assert "--objective simclr|vicreg" in common and "--temperature" not in common
    assert "--temperature" in simclr and "default: 2" in simclr
    assert "default: 3" in vicreg and "default: 40" in vicreg
    assert "--objective" not in simclr + vicreg


def test_help_for_one_choice_shows_its_settings_alone(capsys):
    with pytest.raises(SystemExit):
        read("--help", "--objective", "vicreg", config_class=Extended)
    common, vicreg = capsys.readouterr().out.split("options of --objective ")
    assert "--objective simclr|vicreg" in common and "--epochs" not in common
    assert vicreg.startswith("vicreg:") and "default: 40" in vicreg
    assert "--temperature" not in common + vicreg
    assert "simclr, vicreg" in refusal(
        "--objective", "moco", "--help", config_class=Extended
    )


def test_help_has_the_groups_that_a_config_names(capsys):
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Grouped(Lengths):
        help_groups = {"options": ("time",), "rare options": ("epochs",)}

    with pytest.raises(SystemExit):
        parse(Grouped, ["--help"], "pretrain", "")
    text = capsys.readouterr().out
    places = [text.index(w) for w in ("--time", "--resume", "rare options", "--epochs")]
    assert places == sorted(places)
