#!/usr/bin/env python3
"""Runs the breach drill's cases: breach.py [--tpm|--software] [--quick] [CASE...].

Each case attacks a real, running daemon with a real (software) TPM on loopback, or in software
binding, and says what came of it: held, not held and why, or not to be tried here. Exit status 0:
every case came out as docs/security.md states.
"""
import os
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay"))

import cases_disk  # noqa: E402
import cases_forget  # noqa: E402
import cases_log  # noqa: E402
import cases_people  # noqa: E402
import cases_process  # noqa: E402
from house import BINDINGS, Chip, House, Skip  # noqa: E402

# Case, its function, whether it is long, and the bindings in which it honestly does not hold.
CASES = [
    ("disk-copied", cases_disk.disk_copied, False, ()),
    ("disk-copied-with-keys", cases_disk.disk_copied_with_keys, False, ("software",)),
    ("state-copied-with-keys", cases_disk.state_copied_with_keys, False, ()),
    ("old-disk-restored", cases_forget.old_disk, False, ("software",)),
    ("raw-disk", cases_disk.raw_disk, False, ()),
    ("maintenance-reads-all", cases_people.maintenance, False, ()),
    ("robot-officer", cases_people.robot_officer, False, ()),
    ("honey-plate", cases_people.honey_plate, False, ()),
    ("export-alone", cases_people.export_by_two, False, ()),
    ("record-changed", cases_log.record_changed, False, ()),
    ("log-cut", cases_log.log_cut, False, ()),
    ("state-rolled-back", cases_log.state_rolled_back, False, ()),
    ("bytes-flipped", cases_log.every_byte, True, ()),
    ("plain-library-preloaded", cases_process.plain_library_preloaded, True, ()),
    ("plain-build", cases_process.plain_build, False, ()),
    ("owned-recognizer", cases_process.owned_roles, False, ()),
    ("memory-after-shutdown", cases_forget.memory_after_shutdown, False, ()),
    ("memory-after-forgetting", cases_forget.memory_after_forgetting, False, ()),
]


class Drill:
    """One binding: a filled house, a copy of its disk, and what the cases have made."""

    def __init__(self, binding, is_quick):
        self.binding, self.is_quick = binding, is_quick
        self.temporary = tempfile.TemporaryDirectory(prefix="laneward-breach-")
        self.folder = self.temporary.name
        os.chmod(self.folder, 0o711)
        self.endings = []
        self.n_chips = 0
        self.house = None

    def at_end(self, action):
        self.endings.append(action)

    def own(self, house):
        self.at_end(house.close)
        return house

    def own_chip(self):
        self.n_chips += 1
        chip = Chip(os.path.join(self.folder, f"chip-{self.n_chips}"))
        self.at_end(chip.power_off)
        return chip

    def prepare(self):
        """The house that is attacked: filled, asked, and its disk as it lies there."""
        self.house = House(self.own_chip() if self.binding == "tpm" else None)
        self.house.settle(3 if self.is_quick else 7)
        self.house.start()
        self.house.fill()
        if not self.house.find()[0]:
            raise AssertionError("the officer finds nothing: " + self.house.find()[1])
        self.plates, self.n_vehicles = self.house.plates, self.house.n_vehicles
        self.house.stop()
        self.copy = self.house.snapshot("copy")
        self.house.start()

    def running(self):
        if self.house.daemon is None or self.house.daemon.poll() is not None:
            self.house.start()
        return self.house

    def end_case(self):
        while self.endings and len(self.endings) > self.n_kept:
            self.endings.pop()()

    def close(self):
        self.n_kept = 0
        if self.house is not None:
            self.house.close()
        self.end_case()
        self.temporary.cleanup()


def try_case(drill, case):
    """(word for the table, figure, whether it came out as stated)"""
    name, attack, _, not_held_in = case
    drill.n_kept = len(drill.endings)
    try:
        is_held, figure = attack(drill)
    except Skip as why:
        return "not tried", str(why), True
    except Exception:  # pylint: disable=broad-except
        traceback.print_exc()
        return "BROKEN", "the case itself failed; see above", False
    finally:
        drill.end_case()
    if drill.binding in not_held_in:
        return "held" if is_held else "not held", figure, not is_held
    return "held" if is_held else "NOT HELD", figure, is_held


def run_binding(binding, is_quick, wanted):
    drill = Drill(binding, is_quick)
    is_well = True
    print(f"\nbinding={binding}\n{'case':26} {'result':9}  figure")
    try:
        drill.prepare()
        for case in CASES:
            if (wanted and case[0] not in wanted) or (is_quick and case[2]):
                continue
            began = time.monotonic()
            word, figure, as_stated = try_case(drill, case)
            is_well = is_well and as_stated
            took = time.monotonic() - began
            print(f"{case[0]:26} {word:9}  {figure}  [{took:.1f} s]", flush=True)
    except Skip as why:
        print(f"skipped: {why}")
        return 77
    finally:
        drill.close()
    return 0 if is_well else 1


def main(arguments):
    is_quick = "--quick" in arguments
    bindings = [b for b in BINDINGS if f"--{b}" in arguments] or list(BINDINGS)
    wanted = [word for word in arguments if not word.startswith("--")]
    unknown = set(wanted) - {case[0] for case in CASES}
    if unknown or set(arguments) - set(wanted) - {"--quick", "--tpm", "--software"}:
        print(__doc__, file=sys.stderr)
        return 2
    results = [run_binding(binding, is_quick, wanted) for binding in bindings]
    return 1 if 1 in results else 77 if set(results) == {77} else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
