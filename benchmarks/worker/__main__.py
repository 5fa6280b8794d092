"""``python -I benchmarks/worker FRAMEWORK``: answers requests, one line of JSON each, until stdin closes.

Run as a folder and isolated (``-I``), so that ``import spikingjelly`` finds what is installed with the interpreter, and
never the package that lies in the current folder.
"""

import json
import os
import sys
import traceback

from contender.desk import Desk


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not end up among the answers
    desk = Desk(sys.argv[1])
    for line in sys.stdin:
        try:
            reply = desk.answer(json.loads(line))
        except Exception as error:
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=answers, flush=True)


if __name__ == "__main__":
    main()
