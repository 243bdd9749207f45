"""The two networks' training still works: a few steps on few pictures, and a checkpoint."""
import json
import math
import os
import subprocess
import sys
import tempfile

from test_tesseract_training import TRAINING, python

DATA = os.path.join(TRAINING, "../../../shared/data")


def run(name, script, *options):
    """What the script printed."""
    command = [name, "-B", os.path.join(TRAINING, script), "--smoke", *options]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=200)
    return done.stdout.splitlines()


def main():
    name = python()
    if name is None:
        print("skipped: no Python with OpenCV, Pillow and PyTorch")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "reader")
        # Without the data folder it trains on drawn plates.
        told = json.loads(run(name, "reader_train.py", "--data", DATA, "--out", out)[-1])
        assert told["step"] >= 3 and math.isfinite(told["loss"]), told
        if not os.path.isdir(DATA):
            print("skipped for the locator: no pictures in ../shared/data")
            return 0
        out = os.path.join(folder, "locate.pt")
        steps = [line.split() for line in run(name, "locate_train.py", "--data", DATA, "--out", out)
                 if line.startswith("step ")]
        assert len(steps) >= 2 and all(math.isfinite(float(step[4])) for step in steps), steps
        assert os.path.getsize(os.path.join(folder, "locate_smoke.pt")) > 100_000
    return 0


if __name__ == "__main__":
    sys.exit(main())
