"""RFC 6962 trees once more, level by level: an implementation that shares nothing with ours."""
import hashlib


def sha(data):
    return hashlib.sha256(data).digest()


def leaf(record):
    return sha(b"\0" + record)


def levels_of(leaves):
    """From the leaves to the root: neighbours pair up, a lone right end rises."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        row = levels[-1]
        up = [sha(b"\1" + row[i] + row[i + 1]) for i in range(0, len(row) - 1, 2)]
        levels.append(up + row[len(up) * 2:])
    return levels


def root(leaves):
    return levels_of(leaves)[-1][0] if leaves else sha(b"")


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
