#!/usr/bin/env python3
"""Compiles every header alone, twice in one file: check_headers.py ROOT CC CXX [-I FOLDER...].

As C17 with -pedantic; a header that C++ sees, too (it says extern "C"), as C++17 as well.
"""
import os
import subprocess
import sys
import tempfile

ROOMS = ("base", "config", "evidence", "ocr", "storage", "daemon", "tools")
WARNINGS = ["-pedantic", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-fsyntax-only"]


def compiles(compiler, language, root, header, flags):
    text = f'#include "{header}"\n#include "{header}"\ntypedef int not_empty;\n'
    command = [compiler, *language, *WARNINGS, "-I", root, *flags, "-"]
    done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        print(f"{header} does not compile alone ({language[0]}):\n{done.stderr}")
    return done.returncode == 0


def check(root, cc, cxx, flags):
    """(headers, failures)"""
    count, failed = 0, 0
    for room in ROOMS:
        for folder, _, names in sorted(os.walk(os.path.join(root, room))):
            for name in sorted(n for n in names if n.endswith(".h")):
                path = os.path.join(folder, name)
                header = os.path.relpath(path, root)
                with open(path, encoding="utf-8") as file:
                    for_cpp = 'extern "C"' in file.read()
                count += 1
                failed += not compiles(cc, ["-std=c17", "-xc"], root, header, flags)
                if for_cpp:
                    failed += not compiles(cxx, ["-std=c++17", "-xc++"], root, header, flags)
    return count, failed


def self_test(cc, cxx):
    """Headers that need another first, have no guard, or are no C++ must be found."""
    wrong = (
        ("size_t f(void);\n", 1),
        ("#define X 1\nenum e { A };\n", 1),
        ('#ifndef A_H\n#define A_H\n#ifdef __cplusplus\nextern "C" {\n#endif\nvoid f(int class);\n'
         "#ifdef __cplusplus\n}\n#endif\n#endif\n", 1),
        ("#ifndef A_H\n#define A_H\n#include <stddef.h>\nsize_t f(void);\n#endif\n", 0),
    )
    for text, expected in wrong:
        with tempfile.TemporaryDirectory() as root:
            os.mkdir(os.path.join(root, "base"))
            with open(os.path.join(root, "base", "a.h"), "w", encoding="utf-8") as file:
                file.write(text)
            found = check(root, cc, cxx, [])
            if found != (1, expected):
                print(f"expected {expected} failures, got {found} for:\n{text}")
                return 1
    print("the check can fail: yes (what is said above was expected)")
    return 0


def main():
    if len(sys.argv) < 4:
        print(__doc__, file=sys.stderr)
        return 2
    root, cc, cxx, *flags = sys.argv[1:]
    if root == "--self-test":
        return self_test(cc, cxx)
    count, failed = check(root, cc, cxx, flags)
    print(f"{count} headers, {failed} failures")
    return failed != 0 or count == 0


if __name__ == "__main__":
    sys.exit(main())
