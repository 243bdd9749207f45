#!/usr/bin/env python3
"""kill -9 of every role, many times, while vehicles pass: soak_kills.py [KILLS OF EACH ROLE, 100].

A role is killed as soon as it is known to be at work again, now and then already while it starts.
After a few kills the daemon itself ends, in turn by SIGTERM and by kill -9 of the parent, and the
next begins: the pauses between restarts, which grow, do not make up the time. Whatever was once
counted as durable has to be there later, and every vehicle has to be found by an officer.
"""
import os
import random
import shutil
import signal
import statistics
import sys
import threading
import time

from lab import LANE, Lab, expected_passages, lane_pictures

# What a role at work adds to; the keeper and the desk are when the status is answered.
COUNTS = {"keeper": None, "recognizer north": "recognized", "desk": None, "capture north": "frames"}
KILLS_A_LIFE = 3  # of each role: pauses of 0.1 s, 0.2 s, 0.4 s
VEHICLES_A_LOOK = 24  # an answer has 50 rows at most, and a restart makes two of a passage
SETTLED_S = 5


class Vehicle:
    def __init__(self, plate):
        self.plate, self.first_ms, self.last_ms, self.paths = plate, None, None, []

    def saw(self, path):
        """A passage has the time at which its pictures were written."""
        self.last_ms = os.stat(path).st_mtime_ns // 1000000
        self.first_ms = self.first_ms or self.last_ms


class Traffic(threading.Thread):
    """The bundled lane drives past, picture by picture, again and again."""

    def __init__(self, lab, folder):
        super().__init__(daemon=True)
        self.lab, self.folder = lab, folder
        self.passed = []  # vehicles that are gone by and were not looked for yet
        self.may_pass, self.must_end = threading.Event(), threading.Event()
        self.may_pass.set()

    def drop(self, picture):
        """Under a name of its own: one that was not read yet is never written over."""
        hidden = os.path.join(self.lab.dir, ".incoming")
        path = os.path.join(self.folder, f"{time.time_ns()}.jpg")
        shutil.copyfile(os.path.join(LANE, picture), hidden)
        os.chmod(hidden, 0o644)
        os.rename(hidden, path)
        time.sleep(0.2)
        return path

    def run(self):
        while not self.must_end.is_set():
            pictures = lane_pictures()
            for plate, first, last in expected_passages():
                self.may_pass.wait()
                vehicle = Vehicle(plate)
                while pictures and pictures[0] <= last:
                    picture = pictures.pop(0)
                    vehicle.paths.append(self.drop(picture))
                    if picture >= first:
                        vehicle.saw(vehicle.paths[-1])
                self.passed.append(vehicle)
            for picture in pictures:
                self.drop(picture)
            time.sleep(0.7)

    def take(self, settled_s):
        """The vehicles that have been gone for so long."""
        until_ms = (time.time() - settled_s) * 1000
        n = sum(vehicle.last_ms < until_ms for vehicle in self.passed)
        taken, self.passed = self.passed[:n], self.passed[n:]
        return taken


class Life:
    """One life of the daemon over the same store."""

    def __init__(self, lab, n_kills, n_durable):
        self.lab, self.left = lab, {role: n_kills for role in COUNTS}
        self.killed = {}  # role: the pid that was killed last
        self.since = {}  # role: its count at the first status after that
        self.at_work = set()
        self.n_durable, self.open_s = n_durable, []

    def look(self):
        """What is at work now; whether the store is open."""
        status = self.lab.status(quiet=True)
        if status is None or not status["store"]["available"]:
            return False
        n_durable = status["store"]["passages"]
        if n_durable < self.n_durable:
            raise AssertionError(f"{self.n_durable} passages were durable, now {n_durable} are")
        self.n_durable = n_durable
        for role, count in COUNTS.items():
            now = status["cameras"][0][count] if count else 0
            if not count or now > self.since.setdefault(role, now):
                self.at_work.add(role)
        return True

    def may_be_killed(self, running, role):
        is_new = role in running and running[role] != self.killed.get(role)
        return self.left[role] and is_new and (role in self.at_work or random.random() < 0.1)

    def kill(self, role, pid):
        os.kill(pid, signal.SIGKILL)
        is_first = role not in self.killed  # later ones are not started at once
        self.killed[role] = pid
        self.left[role] -= 1
        self.at_work.discard(role)
        self.since.pop(role, None)
        if role == "keeper" and is_first:
            began = time.monotonic()
            self.lab.wait_for(self.look, "the store is open again", pause=0.01)
            self.open_s.append(time.monotonic() - began)

    def run(self):
        end = time.monotonic() + 120
        while any(self.left.values()) or self.at_work != set(COUNTS):
            if time.monotonic() > end:
                raise AssertionError(f"kills left: {self.left}, at work: {self.at_work}")
            self.look()
            running = self.lab.roles()
            for role in random.sample(list(COUNTS), len(COUNTS)):
                if self.may_be_killed(running, role):
                    self.kill(role, running[role])
                    time.sleep(random.choice((0.0, random.uniform(0.0, 0.2))))


class Soak:
    def __init__(self, lab):
        self.lab = lab
        watched = lab.folder("watched")
        lab.configure(
            ("north", f"source = dir:{watched}\nmode = watch\n"),
            passages="gap = 500ms\nmin_frames = 1\n",
        )
        self.traffic = Traffic(lab, watched)
        self.n_kills, self.n_parents, self.n_durable, self.open_s = 0, 0, 0, []
        self.n_vehicles, self.n_right, self.n_lives = 0, 0, 0

    def rows_of(self, vehicles):
        begin, end = (
            time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms / 1000))
            for ms in (vehicles[0].first_ms, vehicles[-1].last_ms + 1000)
        )
        rows = self.lab.query("--from", begin, "--to", end)
        if len(rows) >= 50:
            raise AssertionError("more passages in one answer than an answer may have")
        return rows

    def find(self, vehicles):
        """Each has a passage of its own; how many were read right is counted."""
        missed, n_right, rows = [], 0, self.rows_of(vehicles)
        for vehicle in vehicles:
            plates = [
                row["best_plate_number"]
                for row in rows
                if vehicle.first_ms <= row["epoch_start"] <= vehicle.last_ms
            ]
            n_right += vehicle.plate in plates
            if not plates:
                missed.append(vehicle)
        return missed, n_right

    def look_for_all(self, settled_s):
        vehicles = self.traffic.take(settled_s)
        for i in range(0, len(vehicles), VEHICLES_A_LOOK):
            self.look_for(vehicles[i : i + VEHICLES_A_LOOK])

    def look_for(self, vehicles):
        """In the store, for officers; what was found is taken out of the folder."""
        missed, n_right = self.find(vehicles)
        if missed:
            self.catch_up()
            missed, n_right = self.find(vehicles)
        if missed:
            raise AssertionError(self.describe(missed, vehicles))
        self.n_vehicles += len(vehicles)
        self.n_right += n_right
        for vehicle in vehicles:
            for path in vehicle.paths:
                os.unlink(path)

    def catch_up(self):
        """On a slow machine pictures wait in the folder."""
        self.traffic.may_pass.clear()

        def all_read():
            before = self.lab.camera("north")["recognized"]
            time.sleep(SETTLED_S)
            now = self.lab.camera("north")
            return now["recognized"] == before and now["unacknowledged"] == 0

        self.lab.wait_for(all_read, "all pictures are read", 300)
        self.traffic.may_pass.set()

    def describe(self, missed, vehicles):
        lines = [f"{len(missed)} of {len(vehicles)} vehicles are not in the store"]
        for v in missed:
            lines.append(f"  missed: {v.plate or 'unreadable'} {v.first_ms} to {v.last_ms}")
        for row in self.rows_of(vehicles):
            times = f"{row['epoch_start']} to {row['epoch_end']}"
            lines.append(f"  stored: {row['best_plate_number'] or 'unreadable'} {times}")
        return "\n".join(lines)

    def live(self, n_kills):
        self.lab.start()
        life = Life(self.lab, n_kills, self.n_durable)
        life.run()
        lost = self.lab.camera("north")["lost_passages"]
        if lost:
            raise AssertionError(f"{lost} passages were given up as lost")
        self.n_kills += n_kills * len(COUNTS)
        self.n_durable, self.open_s = life.n_durable, self.open_s + life.open_s
        if len(self.traffic.passed) >= VEHICLES_A_LOOK:
            self.look_for_all(SETTLED_S)
            print(f"{self.n_kills} kills, {self.n_vehicles} vehicles found", flush=True)
        self.n_lives += 1
        is_hard = self.n_lives % 2 == 0
        self.n_parents += is_hard
        self.lab.stop(signal.SIGKILL if is_hard else signal.SIGTERM)

    def run(self, n_each):
        self.traffic.start()
        while self.n_kills < n_each * len(COUNTS):
            self.live(min(KILLS_A_LIFE, n_each - self.n_kills // len(COUNTS)))
        self.traffic.must_end.set()
        self.traffic.join()
        self.lab.start()
        self.look_for_all(0)
        n_before, self.n_durable = self.n_durable, self.lab.status()["store"]["passages"]
        if self.n_durable < n_before:
            raise AssertionError(f"{n_before} passages were durable, now {self.n_durable} are")


def soak(n_each):
    lab, seed = Lab(), int(os.environ.get("LANEWARD_SEED", time.time()))
    random.seed(seed)
    print(f"seed {seed} (LANEWARD_SEED)", flush=True)
    whole, began = Soak(lab), time.monotonic()
    try:
        whole.run(n_each)
    except AssertionError:
        print(lab.status(quiet=True), flush=True)
        raise
    finally:
        lab.close()
    print(
        f"{whole.n_kills} kills ({n_each} of each of {', '.join(COUNTS)}) and {whole.n_parents} of "
        f"the parent in {time.monotonic() - began:.0f} s: 0 of {whole.n_durable} durable passages "
        f"lost, {whole.n_vehicles} of {whole.n_vehicles} vehicles found, {whole.n_right} of them "
        f"with their plate; a killed keeper's store was open again after "
        f"{statistics.median(whole.open_s):.2f} s ({max(whole.open_s):.2f} s at most)"
    )


if __name__ == "__main__":
    soak(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
