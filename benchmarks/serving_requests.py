"""A thousand requests to a served model, one in ten of them bad.

    python -m benchmarks.serving_requests --model saved_models/cells --photos PHOTOS

Starts the server of the tests (`tests.serving_client.serving_stub`, which runs the
SavedModel itself) in a process of its own, or takes a real one by --server, and asks it
through `ServingClient`: good photos, and among them, in seeded order, files that are
truncated, text, empty, an animated GIF, of 150 megapixels, and CMYK. A good photo must
be answered as the artifact answers the same pixels as PNG, which a third process asks
beforehand. A broken file, or one of an unsupported format, must come back with an error
in one line, one that is merely odd (huge, CMYK) with such an error or the right answer.
The memory of both processes is read at the start, after each quarter and at the end.
Exit status 1 if anything was answered wrongly.
"""

import argparse
import collections
import contextlib
import dataclasses
import io
import json
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

from ssl_voc.serving_client.errors import ServingError
from ssl_voc.serving_client.rest_client import ServingClient

MODEL_NAME = "model"
BROKEN = ("truncated", "text", "empty", "animated")
ODD = ("huge", "cmyk")
MOST_PHOTOS = 50
BOX_TOLERANCE, SCORE_TOLERANCE = 0.01, 1e-4
MEBIBYTE = 2**20
# Asked before memory is first read: every kind of file once, so that what is loaded
# and allocated only once is no growth.
NUM_WARM_UP = 2


@dataclasses.dataclass(frozen=True)
class Question:
    """A file to ask about: its kind, its bytes, and the name of its reference."""

    kind: str
    data: bytes
    name: str | None = None


def main(argv=None):
    """Asks, judges and prints; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="folder of versions")
    parser.add_argument("--photos", required=True, help="folder of JPEG photos")
    parser.add_argument("--server", help="address of a server that serves --model")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--bad-share", type=float, default=0.1)
    parser.add_argument("--batch-size", type=int, default=1, help="files a request")
    parser.add_argument("--huge-megapixels", type=float, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", help="file for all figures, json")
    options = parser.parse_args(argv)

    photos = sorted(pathlib.Path(options.photos).glob("*.jpg"))[:MOST_PHOTOS]
    if not photos:
        parser.error(f"--photos: no .jpg file lies in {options.photos}")
    kinds = make_kinds(photos, options.huge_megapixels)
    references = ask_beforehand(options.model, kinds)
    questions = draw_questions(
        kinds, options.requests * options.batch_size, options.bad_share, options.seed
    )
    with contextlib.ExitStack() as stack:
        url, server = options.server, None
        if url is None:
            server = stack.enter_context(started_server(options.model))
            url = server.stdout.readline().strip()
        result = ask_all(url, server and server.pid, questions, references, options)
    print_report(result)
    if options.out:
        result = {**vars(options), **result}
        pathlib.Path(options.out).write_text(json.dumps(result, indent=2) + "\n")
    return 1 if result["num_wrong"] else 0


def make_kinds(photos, huge_megapixels):
    """Kind to its questions: the photos, and what is bad."""
    good = [Question("good", path.read_bytes(), path.stem) for path in photos]
    first = Image.open(photos[0]).convert("RGB")
    # 4:3, and smooth: a small file of many pixels.
    side = round((huge_megapixels * 1e6 / 12) ** 0.5)
    huge = first.resize((4 * side, 3 * side))
    turned = [first.rotate(angle).quantize(64) for angle in (0, 90, 180)]
    data = good[0].data
    return {
        "good": good,
        "truncated": [Question("truncated", data[: len(data) * 6 // 10])],
        "text": [Question("text", b"<html>404: no photo here</html>")],
        "empty": [Question("empty", b"")],
        "huge": [Question("huge", _encoded(huge, "JPEG"), "huge")],
        "cmyk": [Question("cmyk", _encoded(first.convert("CMYK"), "JPEG"), "cmyk")],
        "animated": [
            Question(
                "animated",
                _encoded(turned[0], "GIF", save_all=True, append_images=turned[1:]),
            )
        ],
    }


def _encoded(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def draw_questions(kinds, number, bad_share, seed):
    """So many questions in seeded order; the bad kinds take turns."""
    num_bad = round(number * bad_share)
    bad = [kind for kind in kinds if kind != "good"]
    good = kinds["good"]
    drawn = [kinds[bad[i % len(bad)]][0] for i in range(num_bad)]
    drawn += [good[i % len(good)] for i in range(number - num_bad)]
    random.Random(seed).shuffle(drawn)
    return drawn


def ask_beforehand(model, kinds):
    """Name to what the artifact answers for the pixels as Pillow decodes them.

    In another process, so that its memory is not the client's.
    """
    with tempfile.TemporaryDirectory() as folder:
        for questions in kinds.values():
            for question in questions:
                if question.name is not None:
                    pathlib.Path(folder, question.name).write_bytes(question.data)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.serving_requests_reference"]
            + [str(model), folder],
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
    return json.loads(done.stdout.splitlines()[-1])


@contextlib.contextmanager
def started_server(model):
    """The test server in a process of its own; its first line is its address."""
    command = [sys.executable, "-m", "tests.serving_client.serving_stub", str(model)]
    process = subprocess.Popen(
        [*command, "--name", MODEL_NAME, "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def ask_all(url, server_pid, questions, references, options):
    """Asks every question and judges every answer."""
    counts = {}
    wrong, errors = [], collections.defaultdict(collections.Counter)
    seconds, memory = [], []
    size = options.batch_size
    requests = [questions[i : i + size] for i in range(0, len(questions), size)]
    with ServingClient(url, timeout=60, retries=0, batch_size=size) as client:
        kinds = {question.kind: question for question in questions}
        for question in [*kinds.values()] * NUM_WARM_UP:
            client.predict([question.data])
        began = time.monotonic()
        for number, asked in enumerate(requests):
            if number % max(1, len(requests) // 4) == 0:
                memory.append(_memory(number, server_pid))
            start = time.perf_counter()
            try:
                answers = client.predict([question.data for question in asked])
            except ServingError as error:
                answers = [str(error)] * len(asked)
            seconds.append(time.perf_counter() - start)
            for question, answer in zip(asked, answers, strict=True):
                verdict, text = judge(question, answer, references)
                kind = counts.setdefault(question.kind, collections.Counter())
                kind[verdict] += 1
                if verdict == "wrong":
                    wrong.append(f"request {number}, {question.kind}: {text}")
                elif text:
                    errors[question.kind][text] += 1
        took = time.monotonic() - began
        memory.append(_memory(len(requests), server_pid))
    return {
        "counts": {kind: dict(counts[kind]) for kind in sorted(counts)},
        "errors": {kind: dict(texts) for kind, texts in errors.items()},
        "num_requests": len(requests),
        "num_wrong": len(wrong),
        "wrong": wrong[:20],
        "memory": memory,
        "requests_per_second": len(requests) / took,
        "p50_ms": 1000 * statistics.median(seconds),
        "p99_ms": 1000 * float(np.quantile(seconds, 0.99)),
    }


def judge(question, answer, references):
    """Verdict on one answer: `answered`, `refused` or `wrong`, and why.

    Args:
        question: `Question`.
        answer: `Prediction`, or the text of the error that the request met.
        references: Name to expected boxes, scores, names and size.
    """
    if isinstance(answer, str):
        return "wrong", f"the request failed: {answer}"
    if answer.error:
        if question.kind == "good":
            return "wrong", f"refused: {answer.error}"
        clear = len(answer.error) > 4 and "\n" not in answer.error
        return ("refused" if clear else "wrong"), answer.error
    if question.kind in BROKEN:
        return "wrong", f"{len(answer)} objects found in an unreadable file"
    expected = references[question.name]
    if list(answer.class_names) != expected["class_names"]:
        return "wrong", f"{answer.class_names} instead of {expected['class_names']}"
    if list(answer.image_size) != expected["image_size"]:
        return "wrong", f"saw {answer.image_size} instead of {expected['image_size']}"
    for name, tolerance in (("boxes", BOX_TOLERANCE), ("scores", SCORE_TOLERANCE)):
        wanted = np.array(expected[name]).reshape(getattr(answer, name).shape)
        difference = np.abs(getattr(answer, name) - wanted).max(initial=0.0)
        if difference > tolerance:
            return "wrong", f"{name} differ by {difference:.3g}"
    return "answered", ""


def _memory(number, server_pid):
    """Resident memory in MiB after so many requests."""
    return {
        "request": number,
        "client_mib": _resident("self"),
        "server_mib": _resident(server_pid) if server_pid else None,
    }


def _resident(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    [line] = [line for line in text.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024 / MEBIBYTE


def print_report(result):
    """Prints what was asked, answered and used."""
    print(
        f"{result['num_requests']} requests, {result['requests_per_second']:.1f} a "
        f"second; p50 {result['p50_ms']:.1f} ms, p99 {result['p99_ms']:.1f} ms"
    )
    print(f"\n{'files':10} {'asked':>6} {'right':>6} {'refused':>8} {'wrong':>6}")
    for kind, count in result["counts"].items():
        verdicts = [count.get(word, 0) for word in ("answered", "refused", "wrong")]
        print(
            f"{kind:10} {sum(verdicts):6} {verdicts[0]:6} {verdicts[1]:8} "
            f"{verdicts[2]:6}"
        )
    for kind, texts in result["errors"].items():
        for text, count in texts.items():
            print(f"  {kind}: {text} ({count})")
    print(f"\n{'after request':>13} {'server MiB':>11} {'client MiB':>11}")
    for row in result["memory"]:
        server = row["server_mib"]
        server = "-" if server is None else f"{server:.0f}"
        print(f"{row['request']:13} {server:>11} {row['client_mib']:11.0f}")
    for text in result["wrong"]:
        print(f"WRONG {text}")


if __name__ == "__main__":
    sys.exit(main())
