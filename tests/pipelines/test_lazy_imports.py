import subprocess
import sys

import numpy as np

from tests.interpreters import REPOSITORY

BLOCK = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ImportError(name + " is blocked")

sys.meta_path.insert(0, Blocker())
"""


def run(code, blocked, *arguments):
    """Runs code in a fresh interpreter that cannot import what is blocked."""
    return subprocess.run(
        [sys.executable, "-c", BLOCK.format(blocked=blocked) + code, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_package_is_imported_without_heavy_libraries():
    blocked = {"tensorflow", "tensorflow_datasets", "keras", "PIL", "ssl_voc"}
    done = run("import pipelines", blocked)
    assert done.returncode == 0, done.stderr


def test_npz_becomes_batches_without_tensorflow_and_keras(tmp_path):
    images = np.full((4, 8, 8, 3), 7, "uint8")
    np.savez(tmp_path / "photos.npz", images=images)
    code = (
        "import pipelines\n"
        "pool = pipelines.prepare(sys.argv[1], 4)\n"
        "print(next(pool.batches(2, seed=0)).sum())"
    )
    blocked = {"tensorflow", "tensorflow_datasets", "keras", "ssl_voc"}
    done = run(code, blocked, str(tmp_path / "photos.npz"))
    assert done.stdout.split() == [str(2 * 4 * 4 * 3 * 7)], done.stderr


def test_tfds_without_its_library_says_what_to_install():
    code = (
        "import pipelines\n"
        "try:\n"
        "    pipelines.read('tfds:voc/2007')\n"
        "except ValueError as error:\n"
        "    print(error)"
    )
    done = run(code, {"tensorflow_datasets"})
    assert "pip install tensorflow tensorflow-datasets" in done.stdout, done.stderr
