#!/usr/bin/env python3
"""kill -9 of every role, many times, while vehicles pass: soak_kills.py [KILLS OF EACH ROLE, 25].

In several lives of the daemon, so that its growing pauses between restarts do not make up the
time. Whatever was once counted as durable has to be there in the end, every vehicle has to be in
the store, and none may be given up as lost.
"""
import os
import random
import shutil
import signal
import sys
import threading
import time

from lab import LANE, Lab, expected_passages, lane_pictures

ROLES = ("keeper", "recognizer north", "desk", "capture north")
KILLS_A_LIFE = 5  # of each role: pauses of 0.1 s, 0.2 s, ... 1.6 s


class Traffic(threading.Thread):
    """The bundled lane drives past, picture by picture, again and again."""

    def __init__(self, lab, folder):
        super().__init__(daemon=True)
        self.lab, self.folder = lab, folder
        self.n_rounds = 0
        self.must_end = threading.Event()

    def drop(self, picture):
        """Under a name of its own: one that was not read yet is never written over."""
        hidden = os.path.join(self.lab.dir, ".incoming")
        shutil.copyfile(os.path.join(LANE, picture), hidden)
        os.chmod(hidden, 0o644)
        os.rename(hidden, os.path.join(self.folder, f"{time.time_ns()}.jpg"))

    def run(self):
        while not self.must_end.is_set():
            for picture in lane_pictures():
                self.drop(picture)
                time.sleep(0.2)
            self.n_rounds += 1
            time.sleep(0.7)


class Life:
    """One life of the daemon over the same store."""

    def __init__(self, lab, n_kills):
        self.lab, self.left = lab, {role: n_kills for role in ROLES}
        self.killed = {}  # role: the pid that was killed last
        self.before = set()  # roles that were killed in this life: others are started at once
        self.n_kills, self.n_durable, self.slowest_s = 0, 0, 0.0

    def count(self):
        """Passages in the store; None: it does not answer now."""
        status = self.lab.status(quiet=True)
        return status["store"]["passages"] if status and status["store"]["available"] else None

    def look(self):
        now = self.count()
        if now is not None:
            if now < self.n_durable:
                raise AssertionError(f"{self.n_durable} passages were durable, now {now} are there")
            self.n_durable = now

    def kill_one(self):
        running = self.lab.roles()
        ready = [
            role
            for role, n in self.left.items()
            if n and role in running and running[role] != self.killed.get(role)
        ]
        if not ready:
            time.sleep(0.05)
            return
        role = random.choice(ready)
        self.killed[role] = running[role]
        is_first = role not in self.before
        self.before.add(role)
        os.kill(running[role], signal.SIGKILL)
        self.left[role] -= 1
        self.n_kills += 1
        if role == "keeper" and is_first:
            began = time.monotonic()
            self.lab.wait_for(lambda: self.count() is not None, "the store is open again")
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        time.sleep(random.uniform(0.0, 0.3))

    def run(self):
        end = time.monotonic() + 300
        while any(self.left.values()):
            if time.monotonic() > end:
                raise AssertionError(f"kills that could not be done: {self.left}")
            self.kill_one()
            self.look()


def soak(n_each):
    lab, seed = Lab(), int(os.environ.get("LANEWARD_SEED", time.time()))
    random.seed(seed)
    print(f"seed {seed} (LANEWARD_SEED)", flush=True)
    n_kills, n_durable, slowest_s, n_rounds = 0, 0, 0.0, 0
    try:
        watched = lab.folder("watched")
        lab.configure(
            ("north", f"source = dir:{watched}\nmode = watch\n"),
            passages="gap = 500ms\nmin_frames = 1\n",
        )
        while n_kills < n_each * len(ROLES):
            lab.start()
            traffic = Traffic(lab, watched)
            traffic.start()
            life = Life(lab, min(KILLS_A_LIFE, n_each - n_kills // len(ROLES)))
            life.n_durable = n_durable
            life.run()
            traffic.must_end.set()
            traffic.join()
            n_rounds += traffic.n_rounds
            wanted = n_rounds * len(expected_passages())
            lab.wait_for(
                lambda: (life.count() or 0) >= wanted
                and lab.camera("north")["unacknowledged"] == 0,
                f"{wanted} passages are in the store",
            )
            life.look()
            lost = lab.camera("north")["lost_passages"]
            if lost:
                raise AssertionError(f"{lost} passages were given up as lost")
            n_kills += life.n_kills
            n_durable, slowest_s = life.n_durable, max(slowest_s, life.slowest_s)
            print(f"{n_kills} kills, {n_durable} of {wanted} passages and more", flush=True)
            lab.stop()
        lab.start()
        lab.wait_for(
            lambda: lab.status()["store"]["passages"] >= n_durable, "all are still there"
        )
    except AssertionError:
        print(lab.status(quiet=True), flush=True)
        raise
    finally:
        lab.close()
    print(
        f"{n_kills} kills ({n_each} of each of {', '.join(ROLES)}): 0 of {n_durable} durable "
        f"passages lost, none of {n_rounds * len(expected_passages())} vehicles missed; a killed "
        f"keeper's store was open again after {slowest_s:.1f} s at most"
    )


if __name__ == "__main__":
    soak(int(sys.argv[1]) if len(sys.argv) > 1 else 25)
