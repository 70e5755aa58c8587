"""runner.py SETUP MODULE...: runs all cases of these modules in this Python environment, one JSON line a case."""

import importlib
import json
import sys
import time
import traceback

import acceptance


def main():
    with open(sys.argv[1]) as file:
        setup = acceptance.Setup(json.load(file))
    failed = False
    for name in sys.argv[2:]:
        acceptance.CASES.clear()
        module = importlib.import_module(name)
        for title, function in acceptance.CASES:
            begin = time.monotonic()
            problem = None
            try:
                function(setup)
            except Exception as error:
                place = traceback.extract_tb(error.__traceback__)
                own = [frame for frame in place if frame.filename.endswith("_cases.py")] or place
                problem = f"{own[-1].filename.rsplit('/', 1)[-1]}:{own[-1].lineno}: {type(error).__name__}: {error}"
            failed = failed or problem is not None
            print(json.dumps({
                "client": module.CLIENT, "case": title, "problem": problem,
                "seconds": round(time.monotonic() - begin, 3)}), flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
