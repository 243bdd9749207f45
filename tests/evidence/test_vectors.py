"""Roots and proofs against an implementation of its own, and the published ones of RFC 6962."""
import hashlib
import subprocess
import sys
import unittest

PRINT_TREE = sys.argv.pop(1)
RECORDS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657",
           "606162636465666768696a6b6c6d6e6f"]
PUBLISHED = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def sha(data):
    return hashlib.sha256(data).digest()


def levels_of(leaves):
    """From the leaves to the root: neighbours pair up, a lone right end rises."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        row = levels[-1]
        up = [sha(b"\1" + row[i] + row[i + 1]) for i in range(0, len(row) - 1, 2)]
        levels.append(up + row[len(up) * 2:])
    return levels


def inclusion(leaves, index):
    """The siblings on the way up; a level where the node is a lone right end gives none."""
    path = []
    for row in levels_of(leaves)[:-1]:
        if index ^ 1 < len(row):
            path.append(row[index ^ 1])
        index //= 2
    return path


def growth(leaves, old):
    """RFC 6962's order: the old tree's last complete subtree (unless it is all of it), then its
    siblings on the way up in the new tree."""
    if old == len(leaves):
        return []
    levels, level, node = levels_of(leaves), 0, old - 1
    while node % 2 == 1:
        node //= 2
        level += 1
    path = [] if node == 0 else [levels[level][node]]
    for row in levels[level:-1]:
        if node ^ 1 < len(row):
            path.append(row[node ^ 1])
        node //= 2
    return path


class Trees(unittest.TestCase):
    def check(self, records):
        leaves = [sha(b"\0" + bytes.fromhex(record)) for record in records]
        lines = subprocess.run([PRINT_TREE, *records], check=True, capture_output=True,
                               text=True, timeout=60).stdout.splitlines()
        roots, seen = {}, 0
        for line in lines:
            what, *words = line.split()
            seen += 1
            if what == "root":
                n = int(words[0])
                expected = levels_of(leaves[:n])[-1][0].hex() if n else sha(b"").hex()
                self.assertEqual(words[1], expected, line)
                roots[n] = words[1]
                continue
            a, b, proof = int(words[0]), int(words[1]), [bytes.fromhex(w) for w in words[2:]]
            wanted = inclusion(leaves[:a], b) if what == "in" else growth(leaves[:b], a)
            self.assertEqual(proof, wanted, line)
        n = len(records)
        self.assertEqual(seen, n + 1 + n * (n + 1))
        return roots

    def test_the_published_roots_of_certificate_transparency(self):
        roots = self.check(RECORDS)
        self.assertEqual([roots[n] for n in range(9)], PUBLISHED)

    def test_every_tree_up_to_60_records(self):
        self.check([f"{i * 2654435761 % 2 ** 32:08x}" for i in range(60)])


if __name__ == "__main__":
    unittest.main()
