"""Trains the second reader with Tesseract's own tools: lines, lstmtraining, one traineddata.

Stages, each a subcommand that can be run again: lines, start, train, export; `all` runs them in
order, `--smoke` with few pictures and steps. Needs Debian's tesseract-ocr, and the packed plates of
reader_data.py.
"""
import argparse
import glob
import itertools
import os
import shutil
import subprocess
import tempfile

import cv2
import numpy as np

import plates as synthetic
import reader_augment
import reader_data
from reader_train import weights_of
from tesseract_line import LINE_HEIGHT, line_of

HERE = os.path.dirname(os.path.abspath(__file__))
WORK = os.path.join(HERE, "../../.train/tesseract")
MODEL = os.path.join(HERE, "../models/plate.traineddata")
NET = "[1,30,0,1 Ct3,3,16 Mp3,3 Lfys40 Lbx96 O1c1]"  # a deeper pile of LSTMs did not begin to learn
MADE, STRENGTH = 0.3, 0.75  # share of synthetic lines; how hard the augmentation is
DOCUMENT = 500  # lines in one .lstmf
TOGETHER = 3  # plates in a line


def run(command, **more):
    """A tool of Tesseract's with one thread; what it prints is shown only where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env=dict(os.environ, OMP_THREAD_LIMIT="1"), **more)
    if done.returncode != 0:
        told = done.stdout[-2000:] + done.stderr[-2000:]
        raise SystemExit("%s:\n%s" % (" ".join(command), told))
    return done.stdout + done.stderr


def fits(source, quad, rows):
    """Whether the number of rows found is believable: if not, picture and text would differ."""
    wide, high = np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[3] - quad[0])
    if source == "eu_crops_2row":
        return rows == 2
    if source == "made":
        return rows == (2 if wide < 1.7 * high else 1)
    return rows == 1 or wide < 1.9 * high


def examples(items, count, seed):
    """`count` pairs of line and text: real plates by the reader's shares, and synthetic ones."""
    rng = np.random.default_rng(seed)
    maker = synthetic.Maker(rng, 60)
    shares = weights_of(items)  # empty in a smoke test without data
    while count > 0:
        if not items or rng.random() < MADE:
            source, (pixels, quad, text) = "made", maker.plate()
        else:
            p = items[rng.choice(len(items), p=shares)]
            source, pixels, quad, text = p.source, p.pixels, p.quad, p.text
        line, rows = line_of(reader_augment.augmented(rng, pixels, quad, STRENGTH))
        if fits(source, quad, rows) and line.std() > 6:
            yield line, text
            count -= 1


def side_by_side(source, together):
    """Several plates to a line: a step learns from more characters, and is steadier."""
    while True:
        some = list(itertools.islice(source, together))
        if not some:
            return
        yield np.hstack([line for line, _ in some]), "".join(text for _, text in some)


def drawn_examples(count, seed, clean):
    """`count` long lines of drawn characters; `clean`: black on white, one font."""
    rng = np.random.default_rng(seed)
    maker = synthetic.Maker(rng, 60)
    for _ in range(count):
        n = int(rng.integers(14, 25))
        text = "".join(rng.choice(list(reader_data.ALPHABET), n))
        wide = 17 * n + 8
        face, deep = maker.face(2 * wide, 2 * LINE_HEIGHT)
        if clean:
            face[:], deep = 230, 20.0
        font = maker.german[0] if clean else maker.any_font(.4)
        area = (4, 7, 2 * wide - 4, 2 * LINE_HEIGHT - 7)
        maker.write(face, deep, text, area, font, 1.0 if clean else None)
        line = cv2.resize(np.clip(face, 0, 255), (wide, LINE_HEIGHT), interpolation=cv2.INTER_AREA)
        yield line.astype(np.uint8), text


def document(lines, stem):
    """One .lstmf: pages of a TIFF, and boxes that say what each page reads."""
    cv2.imwritemulti(stem + ".tif", [line for line, _ in lines])
    with open(stem + ".box", "w", encoding="ascii") as boxes:
        for page, (line, text) in enumerate(lines):
            h, w = line.shape
            boxes.write("WordStr 0 0 %d %d %d #%s\n" % (w, h, page, text))
            boxes.write("\t %d 0 %d %d %d\n" % (w, w + 1, h, page))
    run(["tesseract", stem + ".tif", stem, "--psm", "13", "lstm.train"])
    os.remove(stem + ".tif")


def documents(args, name, source):
    for number in itertools.count():
        some = list(itertools.islice(source, DOCUMENT))
        if not some:
            break
        document(some, os.path.join(args.work, "%s%03d" % (name, number)))
        print(name, number, len(some), "lines", flush=True)


def write_lines(args):
    items = []
    if os.path.exists(args.cache) or not args.smoke:
        items = [p for p in reader_data.load(args.cache) if p.split == "train"]
    items = items[:10] if args.smoke else items
    some = args.lines // 5
    documents(args, "first", drawn_examples(some, args.seed, True))
    documents(args, "drawn", drawn_examples(some, args.seed + 1, False))
    source = examples(items, args.lines * TOGETHER, args.seed + 2)
    documents(args, "lines", side_by_side(source, TOGETHER))
    documents(args, "single", examples(items, args.lines * 2, args.seed + 3))


def write_start(args):
    """The starter traineddata: the alphabet and no words."""
    sample = os.path.join(args.work, "alphabet.box")
    with open(sample, "w", encoding="ascii") as boxes:
        for i, c in enumerate(reader_data.ALPHABET):
            boxes.write("%s %d 0 %d 30 0\n" % (c, 20 * i, 20 * i + 18))
    unicharset = os.path.join(args.work, "unicharset")
    run(["unicharset_extractor", "--output_unicharset", unicharset, "--norm_mode", "1", sample])
    with open(os.path.join(args.work, "radical-stroke.txt"), "w", encoding="ascii") as radicals:
        radicals.write("# no Han characters\n")
    run(["combine_lang_model", "--input_unicharset", unicharset, "--script_dir", args.work,
         "--output_dir", args.work, "--lang", "plate", "--pass_through_recoder"])


def stop(args, checkpoint, out, integer):
    """A traineddata that only reads, out of a checkpoint."""
    run(["lstmtraining", "--stop_training", "--continue_from", checkpoint, "--traineddata",
         os.path.join(args.work, "plate/plate.traineddata"), "--model_output", out,
         *(["--convert_to_int"] if integer else [])])


def stage(args, name, patterns, begin, steps, rate):
    """lstmtraining until its steps are done; run again, it goes on from its last checkpoint."""
    listed = os.path.join(args.work, name + ".txt")
    with open(listed, "w", encoding="utf-8") as out:
        for pattern in patterns:
            out.writelines(p + "\n" for p in sorted(glob.glob(os.path.join(args.work, pattern))))
    command = ["lstmtraining", "--traineddata", os.path.join(args.work, "plate/plate.traineddata"),
               *begin, "--model_output", os.path.join(args.work, name), "--train_listfile", listed,
               "--max_iterations", str(steps), "--learning_rate", str(rate),
               "--target_error_rate", "0.5"]
    with open(os.path.join(args.work, name + ".log"), "a", encoding="utf-8") as log:
        subprocess.run(command, stdout=log, stderr=log, check=True,
                       env=dict(os.environ, OMP_THREAD_LIMIT="1"))


def weights(args, name):
    """The weights of a stage alone, for the next: by its errors that would be a divergence, and be
    taken back."""
    path = os.path.join(args.work, name)
    if not os.path.exists(path + ".lstm"):
        stop(args, path + "_checkpoint", path, False)
        run(["combine_tessdata", "-e", path, path + ".lstm"])
    return "--continue_from", path + ".lstm"


def train(args):
    """Easy lines, then plates, then plates at a lower rate, single ones too.

    On plates from the start the network learns where characters are and never which.
    """
    few, some = max(args.steps // 15, 10), max(args.steps // 4, 10)
    if not os.path.exists(os.path.join(args.work, "easy.lstm")):
        stage(args, "easy", ("first*.lstmf",), ("--net_spec", NET), few, args.rate)
    begin = weights(args, "easy")
    if not os.path.exists(os.path.join(args.work, "hard.lstm")):
        stage(args, "hard", ("drawn*.lstmf", "lines*.lstmf"), begin, args.steps, args.rate)
    begin = weights(args, "hard")
    stage(args, "plate", ("lines*.lstmf", "single*.lstmf"), begin, some, args.rate / 4)


def export(args):
    """The last checkpoint, in 8-bit integers unless --float."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint, out = os.path.join(folder, "checkpoint"), os.path.join(folder, "out")
        shutil.copy(args.checkpoint or os.path.join(args.work, "plate_checkpoint"), checkpoint)
        stop(args, checkpoint, out, not args.float)
        shutil.copy(out, args.out)
    print(args.out, os.path.getsize(args.out), "bytes")


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("stage", choices=("lines", "start", "train", "export", "all"), nargs="?",
                    default="all")
    ap.add_argument("--cache", default=reader_data.CACHE)
    ap.add_argument("--work", default=WORK)
    ap.add_argument("--out", default=MODEL)
    ap.add_argument("--lines", type=int, default=5000)
    ap.add_argument("--steps", type=int, default=28000)
    ap.add_argument("--rate", type=float, default=2e-3)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--checkpoint")
    ap.add_argument("--float", action="store_true")
    ap.add_argument("--smoke", action="store_true", help="ten pictures, a few lines, fifty steps")
    args = ap.parse_args()
    if args.smoke:
        args.lines, args.steps = 40, 50
    cv2.setNumThreads(1)
    os.makedirs(args.work, exist_ok=True)
    stages = {"lines": write_lines, "start": write_start, "train": train, "export": export}
    for name in stages if args.stage == "all" else (args.stage,):
        stages[name](args)


if __name__ == "__main__":
    main()
