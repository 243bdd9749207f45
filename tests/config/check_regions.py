#!/usr/bin/env python3
"""Checks the pattern files, apart from the program's own parser: FOLDER, or --self-test.

A line is a comment ("# ..."), empty, REGION<TAB>PATTERN[<TAB>WEIGHT],
!REGION<TAB>absent<TAB>LETTERS, or !REGION<TAB>vehicles<TAB>NUMBER.
"""
import os
import re
import sys

STATES = (
    "al ak az ar ca co ct de dc fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj "
    "nm ny nc nd oh ok or pa ri sc sd tn tx ut vt va wa wv wi wy"
).split()
LONGEST_NAME, LONGEST_PLATE = 11, 12
CLASS = r"\[(?:[A-Z](?:-[A-Z])?|[0-9](?:-[0-9])?)+\]"
PLACE = re.compile(rf"[@#?A-Z0-9]|{CLASS}")
# Serials of the form that a jurisdiction is known for, and near ones that it must not take.
KNOWN = {
    "us-ny": (["ABC1234", "T123456C", "12345AB"], ["1ABC234", "T12345C"]),
    "us-nj": (["A12BCD", "ABC12D"], ["ABC123"]),
    "us-ca": (["8ABC123", "8AOC123", "5A12345", "12345A1"], ["ABC1234", "8OAC123", "8ABO123"]),
    "us-tx": (["BCD1234", "AB1C234"], ["ABCD123"]),
    "us-il": (["AB12345", "1234567B"], ["ABC12"]),
    "us-wv": (["OAB123", "1AB123"], ["OA12"]),
    "ca-on": (["ABCD123"], ["ABC123D"]),
    "ca-qc": (["A12BCD"], ["AB12CD"]),
    "mx": (["ABC1234", "ABC123D"], ["ABO1234", "IBC1234"]),
    "br": (["ABC1234"], ["ABC1D23"]),
    "br-mercosur": (["ABC1D23"], ["ABC1234"]),
    "ar": (["ABC123", "AB123CD"], ["AB12CD"]),
    "eu-de": (["BAB1234", "MA1", "HHAB123E"], ["ABCDE1234", "B1234"]),
    "eu-fr": (["AB123CD"], ["AO123CD", "AU123CD", "AI123CD"]),
    "eu-it": (["AB123CD"], ["AQ123CD", "AO123CD"]),
    "eu-es": (["1234BCD"], ["1234ABC", "1234QBC"]),
    "eu-pl": (["WA12345", "WPI1A23", "KR123AC"], ["AB12345", "WA1234B"]),
    "eu-ro": (["B123ABC", "CJ12ABC"], ["XX12ABC", "CJ12ABQ"]),
    "eu-uk": (["AB12CDE", "AEZ1234"], ["AI12CDE", "AQ12CDE"]),
    "eu-se": (["ABC123", "ABC12D"], ["ABI123", "ABC12O"]),
    "eu-ua": (["AA1234BB"], ["AD1234BB"]),
    "eu-tr": (["34ABC123", "06A1234"], ["94ABC123", "34ABQ123"]),
}


def read(name, text):
    """({region: [(regex, line)]}, [complaint])"""
    regions, absent, vehicles, complaints = {}, {}, set(), []
    for number, line in enumerate(text.split("\n"), 1):
        fields = line.split("\t")
        where = f"{name}:{number}: {line!r}"
        if line == "" or line.startswith("# "):
            continue
        is_name = re.fullmatch(r"!?[a-z][a-z0-9-]*", fields[0])
        if not is_name or len(fields[0].strip("!")) > LONGEST_NAME:
            complaints.append(f"{where}: no region's name of at most {LONGEST_NAME} characters")
        elif fields[0].startswith("!"):
            region = fields[0][1:]
            if len(fields) == 3 and fields[1] == "vehicles" and is_number(fields[2]):
                if region in vehicles:
                    complaints.append(f"{where}: vehicles a second time")
                vehicles.add(region)
            elif len(fields) != 3 or fields[1] != "absent" or not re.fullmatch("[A-Z]+", fields[2]):
                complaints.append(f"{where}: not !region, absent, letters or vehicles, number")
            elif region in absent:
                complaints.append(f"{where}: absent letters a second time")
            else:
                absent[region] = fields[2]
        elif len(fields) not in (2, 3):
            complaints.append(f"{where}: not region, pattern, weight")
        else:
            found = check_pattern(where, fields)
            complaints += found
            regions.setdefault(fields[0], [])
            if not found:
                regions[fields[0]].append((fields[1], number))
    for region in vehicles.union(absent):
        if region not in regions:
            complaints.append(f"{name}: a fact about {region}, which has no pattern")
    for region, patterns in regions.items():
        seen = {}
        for pattern, number in patterns:
            if pattern in seen:
                complaints.append(f"{name}:{number}: {pattern} stands in line {seen[pattern]}, too")
            seen[pattern] = number
    found = {r: [regex(p, absent.get(r, "")) for p, _ in ps] for r, ps in regions.items()}
    return found, complaints


def is_number(text):
    return re.fullmatch(r"\d*\.?\d+", text) and float(text) > 0


def check_pattern(where, fields):
    places = PLACE.findall(fields[1])
    if "".join(places) != fields[1] or not places:
        return [f"{where}: not a pattern of @ # ? A-Z 0-9 and classes"]
    if len(places) > LONGEST_PLATE:
        return [f"{where}: more than {LONGEST_PLATE} places"]
    if any(a > b for a, b in re.findall(r"(\w)-(\w)", fields[1])):
        return [f"{where}: a class that runs backwards"]
    if len(fields) == 3 and not is_number(fields[2]):
        return [f"{where}: not a weight above 0"]
    return []


def regex(pattern, absent):
    letters = "".join(c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in absent)
    places = {"@": f"[{letters}]", "#": "[0-9]", "?": f"[{letters}0-9]"}
    return re.compile("".join(places.get(p, p) for p in PLACE.findall(pattern)))


def check_folder(folder):
    all_regions, complaints, n_patterns = {}, [], 0
    for name in sorted(os.listdir(folder)):
        if name.startswith("."):
            continue
        if not name.endswith(".conf"):
            complaints.append(f"{name}: no pattern file")
            continue
        with open(os.path.join(folder, name), encoding="ascii") as file:
            regions, found = read(name, file.read())
        complaints += found
        for region in regions:
            if region in all_regions:
                complaints.append(f"{name}: {region} stands in another file, too")
        all_regions.update(regions)
        n_patterns += sum(len(patterns) for patterns in regions.values())
    complaints += [f"us-{s} has no pattern" for s in STATES if "us-" + s not in all_regions]
    for region, (right, wrong) in KNOWN.items():
        for text in right + wrong:
            fits = any(p.fullmatch(text) for p in all_regions.get(region, []))
            if fits != (text in right):
                complaints.append(f"{region} {'takes' if fits else 'does not take'} {text}")
    print(f"{len(all_regions)} regions, {n_patterns} patterns, {len(complaints)} complaints")
    return complaints


def self_test():
    wrong = (
        "us-ny\t@@@####\nus-ny\t@@@####\t2",
        "us-ny @@@####",
        "US-NY\t@@@####",
        "us-new-jersey\t@@@####",
        "us-ny\t@@@-####",
        "us-ny\t[Z-A]###",
        "us-ny\t[A-9]###",
        "us-ny\t[A###",
        "us-ny\t",
        "us-ny\t#############",
        "us-ny\t@@@####\t0",
        "us-ny\t@@@####\t-1",
        "us-ny\t@@@####\tx",
        "us-ny\t@@@####\t1\t2",
        "#comment",
        "!us-ny\tabsent\tO",
        "us-ny\t@@@####\n!us-ny\tgone\tO",
        "us-ny\t@@@####\n!us-ny\tabsent\tO\n!us-ny\tabsent\tI",
        "!us-ny\tvehicles\t5",
        "us-ny\t@@@####\n!us-ny\tvehicles\t0",
        "us-ny\t@@@####\n!us-ny\tvehicles\t5\n!us-ny\tvehicles\t6",
    )
    failed = 0
    for text in wrong:
        if len(read("t", text)[1]) != 1:
            print(f"expected one complaint about {text!r}, got {read('t', text)[1]}")
            failed += 1
    sound = "# c\n\n!mx\tvehicles\t5.5\n!mx\tabsent\tO\nmx\t@[A-C9]#?\t.5\nmx\tX"
    regions, found = read("t", sound)
    texts = ("AB1Z", "OB1Z", "AD1Z", "A91O", "X")
    fits = [bool(p.fullmatch(t)) for p in regions["mx"] for t in texts]
    if found or fits != [True, False, False, False, False] + [False] * 4 + [True]:
        print(f"the sound file gives {found}, {fits}")
        failed += 1
    print(f"{len(wrong) + 1} cases, {failed} failed")
    return failed


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    if sys.argv[1] == "--self-test":
        return self_test() != 0
    complaints = check_folder(sys.argv[1])
    print("\n".join(complaints))
    return len(complaints) != 0


if __name__ == "__main__":
    sys.exit(main())
