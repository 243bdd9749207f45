"""What people with a legitimate account can take, and what is noticed of it."""
import json
import os
import re
import subprocess
import time

from house import House, key_pair, need_root
from scan import Found, control

READER = r"""
import os, sys
def show(path):
    try:
        with open(path, "rb") as file:
            data = file.read(8 << 20)
    except OSError:
        return
    sys.stdout.buffer.write(b"\n== " + path.encode() + b"\n" + data)
for root in sys.argv[1:]:
    if os.path.isfile(root):
        show(root)
    for path, folders, files in os.walk(root):
        for name in files:
            full = os.path.join(path, name)
            if os.path.isfile(full):
                show(full)
"""


def maintenance(drill):
    """(d) a maintenance user reads all that it can: files, /proc, sockets, the log"""
    need_root("be another user")
    house = drill.running()
    control(house, drill.folder)
    places = [house.dir, house.state, house.run_dir, house.log]
    for pid in [house.daemon.pid, *house.roles().values()]:
        places += [f"/proc/{pid}/{name}" for name in ("environ", "cmdline", "maps", "mem", "fd")]
    found = Found(house.plates)
    done = house.run_as("maintenance", ["python3", "-c", READER, *places])
    found.look_at_bytes(done.stdout, "files")
    n_files = done.stdout.count(b"\n== ")
    found.look_at(house.log)
    answered = 0
    for question in questions(house):
        for sock in ("laneward.sock", "maintenance.sock"):
            data, _ = house.talk("maintenance", question, sock)
            found.look_at_bytes(data, f"{sock} {question['query']}")
            answered += bool(data) and "error" not in json.loads(data)
    # Health, posture and quality over its own socket, and nothing over the officers'.
    figure = f"{n_files} files and {answered} answers read; {found}"
    return found.is_clean and 2 <= answered <= 3, figure


def questions(house):
    why = {"version": 1, "reason": "drill", "case_number": "DRILL-1"}
    rows, _ = house.find()
    return [
        {"version": 1, "query": "status"},
        {"version": 1, "query": "quality"},
        {"version": 1, "query": "posture", "digest": "00" * 32, "failed": 0},
        {**why, "query": "find", "lane": "lane-1"},
        {**why, "query": "find", "plate": house.plates[0]},
        {**why, "query": "image", "id": rows[0]["best_uuid"] if rows else "0" * 32},
        {**why, "query": "log", "first": 0},
    ]



ROBOT = r"""
import json, socket, sys, time
path, seconds, ids = sys.argv[1], float(sys.argv[2]), sys.argv[3].split(",")
why = {"version": 1, "reason": "drill", "case_number": "DRILL-1"}
asked = answered = rows = pictures = 0
begun = time.time()
def ask(question):
    try:
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10)
        s.connect(path)
        s.sendall(json.dumps(question).encode() + b"\n")
        data = b""
        while True:
            more = s.recv(65536)
            if not more:
                break
            data += more
        s.close()
        return json.loads(data)
    except (OSError, ValueError):
        return {"error": {}}
while time.time() - begun < seconds:
    now = int(time.time() * 1000)
    answer = ask({**why, "query": "find", "lane": "lane-1", "from": now - 300000, "to": now})
    asked += 1
    if "error" not in answer:
        answered += 1
        rows += len(answer["results"])
    answer = ask({**why, "query": "image", "id": ids[asked % len(ids)]})
    asked += 1
    pictures += "error" not in answer
print(json.dumps([asked, answered, rows, pictures]))
"""

QUERIES_AN_HOUR, IMAGES_AN_HOUR, IMAGES_A_DAY = 60, 30, 300
PICTURES_OF_2019 = 200000


def robot_officer(drill):
    """(e) a robot with an officer's account, at full rate"""
    need_root("be another user")
    house = drill.own(House(drill.own_chip() if drill.binding == "tpm" else None))
    house.settle(1)
    house.start()
    house.fill()
    rows, words = house.find()
    if not rows:
        raise AssertionError("the officer finds nothing: " + words)
    seconds = 6 if drill.is_quick else 60
    path = os.path.join(house.run_dir, "laneward.sock")
    ids = ",".join(row["best_uuid"] for row in rows)
    begun = time.monotonic()
    done = house.run_as("officer", ["python3", "-c", ROBOT, path, str(seconds), ids])
    asked, answered, n_rows, pictures = json.loads(done.stdout)
    alarm_s = alarm_after(house, begun)
    days = PICTURES_OF_2019 / 100 / IMAGES_A_DAY
    figure = f"{asked} asked in {seconds} s; answered: {answered + 1} queries "
    figure += f"(cap {QUERIES_AN_HOUR}/h; "
    figure += f"{n_rows} rows), {pictures} pictures (cap {IMAGES_AN_HOUR}/h); "
    figure += f"alarm after {alarm_s:.1f} s" if alarm_s is not None else "NO ALARM"
    figure += f"; 1 % of {PICTURES_OF_2019} pictures takes {days:.1f} days at {IMAGES_A_DAY} a day"
    # A token comes back each minute, of pictures each second minute.
    is_capped = answered + 1 <= QUERIES_AN_HOUR + seconds // 60
    is_capped = is_capped and pictures <= IMAGES_AN_HOUR + seconds // 120
    return is_capped and alarm_s is not None and alarm_s <= 60 and asked > 200, figure


def alarm_after(house, begun):
    """Seconds from `begun` (monotonic) to the first alarm in the log, by the log's own time."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        found = re.search(r"(?m)^(\d\d):(\d\d):(\d\d\.\d+)Z .*\bALARM\b", house.stderr())
        if found:
            hours, minutes, seconds = (float(part) for part in found.groups())
            begun_at = (time.time() - (time.monotonic() - begun)) % 86400
            return (hours * 3600 + minutes * 60 + seconds - begun_at) % 86400
        time.sleep(0.02)
    return None


def honey_plate(drill):
    """(j) a plate that never passed is asked for"""
    need_root("be another user")
    house = drill.own(House(drill.own_chip() if drill.binding == "tpm" else None))
    plates = ["HNY4711", "HNY4712"]
    minute = time.strftime("%Y-%m-%d %H:%M", time.gmtime(time.time() - 180))
    path = house.give("honey", "".join(f"{minute} lane-1 {plate}\n" for plate in plates), 0o640)
    house.options["audit"]["honey_file"] = path
    house.settle(1)
    house.start()
    house.fill()
    if house.alarms():
        return False, "an alarm before anybody has asked"
    times = []
    lane = ("--lane", "lane-1", "--last", "10m")
    for query in (("--plate", plates[0]), ("--plate", "HNY471?"), lane):
        n_before, begun = house.alarms(), time.monotonic()
        rows, words = house.find("officer", *query)
        while house.alarms() == n_before and time.monotonic() - begun < 5:
            time.sleep(0.01)
        if house.alarms() == n_before or not rows:
            return False, f"no alarm for {len(rows)} rows of {' '.join(query)}: {words}"
        times.append(time.monotonic() - begun)
    in_log = [plate for plate in plates if plate in house.stderr()]
    figure = f"{len(times)} of {len(times)} touches raised an alarm, the slowest after "
    figure += f"{max(times):.2f} s with the client's own start; the answer looks like any other"
    return max(times) <= 1.0 * (4 if drill.is_quick else 1) and not in_log, figure


def export_by_two(drill):
    """(k) an export by one person alone, by two, and who can open it"""
    need_root("be other users")
    house = drill.own(House(drill.own_chip() if drill.binding == "tpm" else None))
    folder = house.folder("recipients")
    key, _ = key_pair(folder, "court", "court")
    other_key, _ = key_pair(drill.folder, "other", "other")
    house.options["desk"]["recipients_dir"] = folder
    house.settle(1)
    house.start()
    house.fill()
    rows, words = house.find()
    if not rows:
        raise AssertionError("the officer finds nothing: " + words)
    why = ("--reason", "drill", "--case", "DRILL-1")
    asked = house.laneward(
        "officer", "export", *why, "--recipient", "court", "--id", rows[0]["best_uuid"]
    )
    found = re.search(r"\b[0-9a-f]{8}\b", asked.stdout + asked.stderr)
    if not found:
        return False, "no ticket: " + asked.stderr.strip()[-120:]
    ticket = found.group()
    home = house.home("officer")
    refused = []
    for person, words in (
        ("officer", ("export", *why, "--ticket", ticket, "--output", f"{home}/alone.cms")),
        ("officer", ("approve", ticket, *why, "--yes")),
        ("auditor", ("approve", ticket, *why, "--yes")),
        ("maintenance", ("approve", ticket, *why, "--yes")),
    ):
        refused.append(house.laneward(person, *words).returncode != 0)
    approved = house.laneward("supervisor", "approve", ticket, *why, "--yes")
    stolen = house.laneward(
        "supervisor", "export", *why, "--ticket", ticket, "--output", "/dev/null"
    )
    refused.append(stolen.returncode != 0)
    path = f"{home}/export.cms"
    fetched = house.laneward("officer", "export", *why, "--ticket", ticket, "--output", path)
    again = house.laneward(
        "officer", "export", *why, "--ticket", ticket, "--output", f"{home}/again.cms"
    )
    if approved.returncode or fetched.returncode:
        return False, "not even two can: " + (approved.stderr + fetched.stderr).strip()[-160:]
    opened, closed = decrypt(path, key), decrypt(path, other_key)
    is_there = opened is not None and rows[0]["best_plate_number"].encode() in opened
    raw = Found(house.plates)
    raw.look_at(path)
    figure = f"{sum(refused)} of {len(refused)} tries alone refused; with two: "
    figure += "opens with the recipient's key" if is_there else "DOES NOT OPEN"
    figure += ", not with another" if closed is None else ", OPENS WITH ANOTHER"
    figure += f"; {raw}; a second fetch is {'refused' if again.returncode else 'answered'}"
    return all(refused) and is_there and closed is None and raw.is_clean, figure


def decrypt(path, key):
    done = subprocess.run(
        ["openssl", "cms", "-decrypt", "-inform", "DER", "-in", path, "-inkey", key],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return done.stdout if done.returncode == 0 else None
