"""What an intruder in a process can do, and a library that is not what it should be."""
import glob
import json
import os
import shutil
import subprocess

from house import BUILD, House, Skip
from scan import Found


def owned_roles(drill):
    """(h) an owned recognizer, and every other role: twenty actions each"""
    house = drill.own(House())
    house.settle()
    role = "recognizer" if drill.is_quick else "all"
    done = subprocess.run(
        [os.path.join(house.bin, "lanewardd"), "--probe", role, "--config", house.config],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=300,
        check=False,
    )
    answer = json.loads(done.stdout)
    refused = sum(probe["refused"] for probe in answer["probes"])
    n = sum(probe["actions"] for probe in answer["probes"])
    is_stated = all(probe["as_stated"] == probe["actions"] for probe in answer["probes"])
    recognizer = [probe for probe in answer["probes"] if probe["role"] == "recognizer"][0]
    figure = f"recognizer: {recognizer['refused']} of {recognizer['actions']} refused"
    if role == "all":
        figure += f"; all roles: {refused} of {n}, the others are rights of their work"
    is_held = done.returncode == 0 and is_stated and recognizer["refused"] == recognizer["actions"]
    if answer["missing"]:
        figure += "; " + answer["missing"][0]
    return is_held, figure


def written_by(drill, program, environment):
    """(what the daemon said, what lies in its folder) after a try with a wrong library."""
    house = drill.own(House(drill.own_chip() if drill.binding == "tpm" else None))
    house.settle(1)
    if program is not None:
        if house.bin.startswith(house.dir):
            folder = house.bin
        else:
            folder = house.folder("bin")
            os.symlink(os.path.join(os.path.dirname(house.bin), "share"), f"{house.dir}/share")
            shutil.copy(os.path.join(house.bin, "laneward"), folder)
        shutil.copy(program, os.path.join(folder, "lanewardd"))
        house.bin = folder
    house.environment = environment
    house.start(wait=False)
    is_refused = False
    try:
        house.wait_until_read("north", house.n_pictures)
        house.stop()
    except AssertionError:
        is_refused = house.daemon.poll() is not None
    found = Found(house.plates)
    found.look_below(house.state)
    n_open = 0
    for path, folders, files in os.walk(house.state):
        for name in files:
            with open(os.path.join(path, name), "rb") as file:
                n_open += file.read(15) == b"SQLite format 3"
    errors = [line for line in house.stderr().splitlines() if " error " in line]
    return is_refused, found, n_open, errors[0].split(": ", 1)[-1][:80] if errors else ""


def plain_library_preloaded(drill):
    """(g) a plain SQLite library preloaded"""
    libraries = glob.glob("/usr/lib/*/libsqlite3.so.0") + glob.glob("/lib/*/libsqlite3.so.0")
    if not libraries:
        raise Skip("there is no plain SQLite library here")
    environment = {"LD_PRELOAD": libraries[0]}
    if "asan" in subprocess.run(
        ["ldd", os.path.join(BUILD, "bin", "lanewardd")], stdout=subprocess.PIPE, check=False
    ).stdout.decode():
        environment["ASAN_OPTIONS"] = "verify_asan_link_order=0"
    is_refused, found, n_open, _ = written_by(drill, None, environment)
    what = "did not start" if is_refused else "ran with its own library"
    return found.is_clean and n_open == 0, f"{what}; {n_open} files in the clear; {found}"


def plain_build(drill):
    """(g) a daemon built over plain SQLite"""
    program = os.path.join(BUILD, "bin", "plain_lanewardd")
    if not os.path.exists(program):
        raise Skip("plain_lanewardd is not built")
    is_refused, found, n_open, words = written_by(drill, program, {})
    what = "refused to start" if is_refused else "STARTED"
    figure = f"{what}; {n_open} files in the clear; {found}"
    return is_refused and found.is_clean and n_open == 0, figure + f'; "{words}"'
