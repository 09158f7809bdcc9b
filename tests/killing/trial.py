"""One command, run undisturbed first, and then killed and started again."""

import re
import shutil
import signal

from tests.killing.commands import CACHE, OUT, run
from tests.killing.results import differences, half_written, leftovers

# Kills after which a command is let live.
_MOST_IN_A_CHAIN = 5


class Trial:
    """Kills of one command, and what came of them.

    Args:
        command: One of `commands.COMMANDS`.
        folder: Working folder that `commands.prepare` wrote to.
        random: `numpy.random.Generator` of the moments.

    Attributes:
        seconds: How long the undisturbed run wrote.
        moments: When each kill fell, as shares of that.
        num_chains: How often the command was killed, perhaps repeatedly, and let live.
        failures: A list of texts for each chain that did not end as it should.
    """

    def __init__(self, command, folder, random):
        self.command, self.folder, self._random = command, folder, random
        self._out, self._whole = folder / OUT, folder / "whole"
        self._photos = [path.read_bytes() for path in folder.glob("voc/*/*.png")][:9]
        self.moments, self.num_chains, self.failures = [], 0, []
        self._clear(self._whole)
        done, self.seconds = run(command, folder)
        if done.returncode:
            raise RuntimeError(f"{command} fails undisturbed: {done.stderr}")
        self._out.rename(self._whole)

    def kill(self, number, tell=lambda: None):
        """Kills the command some times, in chains of a few.

        Args:
            number: How often.
            tell: Function of no argument, called after each kill.
        """
        while len(self.moments) < number:
            most = min(_MOST_IN_A_CHAIN, number - len(self.moments))
            failures = self._kill_in_a_chain(most, tell)
            self.num_chains += 1
            if failures:
                self.failures.append(failures)
                name = f"failed {self.command} {self.num_chains}"
                shutil.copytree(self._out, self.folder / name, dirs_exist_ok=True)

    def _kill_in_a_chain(self, most, tell):
        """Kills, lets live, and compares; returns what is wrong."""
        self._clear()
        wrong = []
        for count in range(most + 1):
            num_epochs = self._num_saved_epochs()
            if count == most:
                done, _ = run(self.command, self.folder)
            else:
                moment = self._random.uniform(0.0, self.seconds)
                done, _ = run(self.command, self.folder, moment)
            wrong += half_written(self._out)
            if count == most or done.returncode != -signal.SIGKILL:
                break
            self.moments.append(moment / self.seconds)
            tell()
        if not _has_ended(done):
            return [
                *wrong,
                f"started again it ended by {done.returncode}: {done.stderr}",
            ]
        if num_epochs and done.returncode == 0:
            if f"going on after epoch {num_epochs}\n" not in done.stdout:
                wrong.append(f"it forgot the {num_epochs} epochs that were saved")
        wrong += leftovers(self._out, self.folder / CACHE)
        return wrong + differences(self._out, self._whole, self._photos)

    def _num_saved_epochs(self):
        names = [path.name for path in self._out.glob("checkpoints/epoch_*.npz")]
        return max((int(re.findall(r"\d+", name)[0]) for name in names), default=0)

    def _clear(self, *others):
        for path in (self._out, self.folder / CACHE, *others):
            shutil.rmtree(path, ignore_errors=True)


def _has_ended(done):
    """Whether a command did its work, or says that it had been done before the kill."""
    if done.returncode == 2:
        return "is finished" in done.stderr and done.stderr.count("\n") == 1
    return done.returncode == 0
