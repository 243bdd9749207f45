"""The second reader's training still works: a few steps on drawn plates, a model that reads."""
import os
import subprocess
import sys
import tempfile

TRAINING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../ocr/training")
NEEDS = "import cv2, numpy, PIL, torch"
READS = """
import sys, numpy, tesseract_eval
text, belief = tesseract_eval.Tesseract(sys.argv[1]).read(numpy.full((30, 132), 128, numpy.uint8))
assert 0 <= belief <= 1 and len(text) <= 12
"""


def python():
    """An interpreter with what training needs, or None."""
    for name in (sys.executable, "/usr/bin/python3"):
        if os.path.exists(name) and subprocess.run([name, "-c", NEEDS], check=False,
                                                   stderr=subprocess.DEVNULL).returncode == 0:
            return name
    return None


def main():
    name = python()
    if name is None:
        print("no Python with OpenCV, Pillow and PyTorch")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "plate.traineddata")
        subprocess.run([name, "-B", os.path.join(TRAINING, "tesseract_train.py"), "--smoke",
                        "--cache", os.path.join(folder, "none"), "--work", folder, "--out", model],
                       check=True)
        size = os.path.getsize(model)
        assert 50_000 < size < 2_000_000, size
        subprocess.run([name, "-B", "-c", READS, model], check=True,
                       env=dict(os.environ, PYTHONPATH=TRAINING))
    return 0


if __name__ == "__main__":
    sys.exit(main())
