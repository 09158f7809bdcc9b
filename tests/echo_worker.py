"""A worker of the benchmark that has little to do."""

import sys

from benchmarks.worker import serve


class EchoWorker:
    def __init__(self, word):
        self.word = word

    def repeat(self, times):
        print("what is printed does not disturb the answer")
        return self.word * times

    def fail(self):
        raise ValueError("out of words")


if __name__ == "__main__":
    serve(EchoWorker, sys.argv[1])
