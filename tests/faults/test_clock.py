"""The host's clock is set a day forward and a day back under the whole running daemon."""
import http.server
import os
import queue
import shutil
import signal
import struct
import threading
import time
import unittest

from lab import BUILD, LANE, LabTest, expected_passages, lane_pictures

HOUR_S, DAY_S = 3600, 86400
# A day, and until the hour of a picture's key is over: by such a clock it would be destroyed. The
# store takes no passage that is more than 26 hours ahead.
FORWARD_S = DAY_S + HOUR_S + 100
LANE_EMPTY = "lane-001.jpg"


class Camera(http.server.ThreadingHTTPServer):
    """An MJPEG stream: the empty lane, and whatever drives past."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Stream)
        self.coming = queue.Queue()
        self.pause_s = 0.25
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def picture(self):
        try:
            name = self.coming.get_nowait()
        except queue.Empty:
            name = LANE_EMPTY
        with open(os.path.join(LANE, name), "rb") as file:
            return file.read()

    class Stream(http.server.BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
            self.end_headers()
            try:
                while True:
                    picture = self.server.picture()
                    head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}"
                    self.wfile.write(head.encode() + b"\r\n\r\n" + picture + b"\r\n")
                    time.sleep(self.server.pause_s)
            except OSError:
                pass


class Clock(LabTest):
    """The daemon is the same but for its questions for the time: shifted_clock.c."""

    def setUp(self):
        super().setUp()
        lab = self.lab
        self.camera = Camera()
        self.addCleanup(self.camera.server_close)
        self.addCleanup(self.camera.shutdown)
        home = lab.folder("shifted")
        lab.bin = lab.folder("shifted/bin")
        for name, program in (("lanewardd", "shifted_lanewardd"), ("laneward", "laneward")):
            shutil.copy(os.path.join(BUILD, "bin", program), os.path.join(lab.bin, name))
        shutil.copytree(os.path.join(BUILD, "share"), os.path.join(home, "share"))
        self.clocks = open(lab.give("shifted/bin/clocks", bytes(24)), "r+b", buffering=0)
        self.addCleanup(self.clocks.close)
        self.plates = [row[0] for row in expected_passages() if row[0]]

    def begin(self, **options):
        port = self.camera.server_port
        self.lab.configure(
            ("north", f"source = mjpeg:http://127.0.0.1:{port}/\nlane = lane-1\n"),
            passages="gap = 500ms\nmin_frames = 1\n",
            **options,
        )
        self.lab.start()
        self.lab.wait_for(lambda: self.lab.camera("north")["recognized"] > 0, "the camera is seen")

    def set_clocks(self, wall_s=0, steady_s=0, synchronised=False):
        """The steady one first: of a wall clock that runs ahead nothing is believed."""
        self.clocks.seek(8)
        self.clocks.write(struct.pack("=qq", steady_s, synchronised))
        self.clocks.seek(0)
        self.clocks.write(struct.pack("=q", wall_s))

    def drive(self, number, on_the_way=None):
        """A vehicle passes; something may happen in the middle of it. Waits until it is stored."""
        plate, first, last = [row for row in expected_passages() if row[0]][number]
        names = [name for name in lane_pictures() if first <= name <= last]
        before = self.lab.camera("north")["passages"]
        for name in names[: len(names) // 2]:
            self.camera.coming.put(name)
        if on_the_way:
            self.lab.wait_for(
                lambda: self.lab.camera("north")["passages"] > before, "it is in the picture", 30
            )
            on_the_way()
        for name in names[len(names) // 2 :]:
            self.camera.coming.put(name)
        self.lab.wait_for(self.camera.coming.empty, "it has passed")
        time.sleep(3 * self.camera.pause_s + 0.5)

        def stored():
            now = self.lab.camera("north")
            return now["passages"] > before and now["unacknowledged"] == 0

        self.lab.wait_for(stored, f"{plate} is stored")

    def find(self, number, *more):
        return self.lab.query("--plate", self.plates[number], *more)

    def restart_keeper(self):
        """It forgets at its start what is past its term."""
        self.lab.wait_for(lambda: "keeper" in self.lab.roles(), "the keeper runs")
        pid, n_opened = self.lab.roles()["keeper"], self.lab.stderr().count("store is open")
        os.kill(pid, signal.SIGKILL)
        self.lab.wait_for(
            lambda: self.lab.stderr().count("store is open") > n_opened, "the store is open again"
        )
        self.lab.wait_for(lambda: self.lab.status(quiet=True) is not None, "the desk answers")

    def n_steps(self):
        return self.lab.stderr().count("the host's clock was set by")

    def step(self, **clocks):
        before = self.n_steps()
        self.set_clocks(**clocks)
        self.lab.wait_for(lambda: self.n_steps() > before, "the step is told")

    def recorded_steps(self):
        """In seconds, as the log of looks has them."""
        done = self.lab.ask("audit", "show", "--reason", "test", "--case", "TEST-1")
        self.assertEqual(done.returncode, 0, done.stderr)
        return [float(words[-2]) for words in map(str.split, done.stdout.splitlines())
                if "clock" in words]

    def assert_all_there(self, numbers):
        for number in numbers:
            self.assertTrue(self.find(number), f"{self.plates[number]} is gone")
        self.assertEqual(self.lab.camera("north")["lost_passages"], 0)
        self.assertNotIn("keys are destroyed", self.lab.stderr())

    def test_a_day_forward_and_back_loses_and_destroys_nothing(self):
        self.begin()
        self.drive(0)
        self.drive(1, on_the_way=lambda: self.step(wall_s=FORWARD_S))
        self.drive(2)
        self.assertEqual(self.find(0), [], "past its term of a day by the clock, and answered")
        self.restart_keeper()
        self.drive(3, on_the_way=self.step)
        self.drive(4)
        self.assert_all_there(range(5))
        forward, back = self.recorded_steps()
        self.assertAlmostEqual(forward, FORWARD_S, delta=1)
        self.assertAlmostEqual(back, -FORWARD_S, delta=1)
        self.set_clocks(wall_s=3 * DAY_S, synchronised=True)  # now it is believed
        self.restart_keeper()
        self.lab.wait_for_words("keys are destroyed")

    def test_a_day_back_and_forward_loses_and_destroys_nothing(self):
        self.begin(storage="other_term = 72h\nother_crop_term = 72h\n")
        self.drive(0)
        self.drive(1, on_the_way=lambda: self.step(wall_s=-DAY_S))
        self.lab.wait_for_words(f"the host's clock is {DAY_S} s behind")
        self.drive(2)
        self.restart_keeper()
        self.assert_all_there(range(3))
        n_stored = self.lab.status()["store"]["passages"]
        self.drive(3, on_the_way=self.step)
        self.drive(4)
        self.assert_all_there((0, 3, 4))  # by their dates 1 and 2 are beyond the free age now
        self.assertGreaterEqual(self.lab.status()["store"]["passages"], n_stored + 2)

    def test_a_day_back_keeps_nothing_longer(self):
        self.begin(storage="other_term = 2h\nother_crop_term = 2h\n")
        self.drive(0)
        self.step(wall_s=-DAY_S)
        self.assertEqual(len(self.find(0)), 1)
        # 25 hours later: by the wall clock it was an hour ago.
        self.set_clocks(wall_s=HOUR_S, steady_s=DAY_S + HOUR_S)
        self.lab.wait_for_words("keys are destroyed")
        self.assertEqual(self.find(0), [])

    def test_a_day_back_makes_nothing_free_again(self):
        self.begin(more="[desk]\nfree_age = 1h\n")
        self.set_clocks(synchronised=True)
        self.drive(0)
        self.assertEqual(len(self.find(0)), 1)
        self.step(wall_s=2 * HOUR_S, synchronised=True)
        self.assertEqual(self.find(0), [])
        self.step(wall_s=2 * HOUR_S - DAY_S)
        self.assertEqual(self.find(0), [])
        done = self.lab.ask(
            "query", "--reason", "test", "--case", "TEST-1", "--plate", self.plates[0],
            "--from", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - HOUR_S)),
        )
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("second person", done.stderr)


if __name__ == "__main__":
    unittest.main()
