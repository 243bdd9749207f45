#!/usr/bin/env python3
"""Proves that each rule of check_style.py can be broken, and no other is then complained of."""
import os
import re
import sys
import tempfile

import check_style
from check_style import BANNED, Checker


def c_file(text):
    return "/* A file of the test. */\n" + text


def header_file(stem, text):
    guard = "LANEWARD_" + stem.replace("/", "_").upper() + "_H"
    return c_file(f"#ifndef {guard}\n#define {guard}\n{text}#endif\n")


def function(head, body):
    return c_file(f"{head}\n{{\n{body}}}\n")


# A tree in which nothing is wrong; each case adds or replaces files so that one rule is broken.
SOUND = {
    "base/err.h": header_file("base/err", """\
int err(int a, int (*each)(int, int), ...) __attribute__((format(printf, 1, 2)));
"""),
    "storage/ledger.h": header_file("storage/ledger", '#include "base/err.h"\n'),
    "daemon/query.h": header_file("daemon/query", '#include "storage/ledger.h"\n'),
    "daemon/role.h": header_file("daemon/role", ""),
    "tools/main.c": c_file("""\
#include "daemon/query.h"
#include "storage/ledger.h"
#include <stdio.h>
/* never system() or strcpy() */
int main(void)
{
    printf("system(x) SELECT\\n");
    return '"' == 1;
}
"""),
    "storage/sql.c": c_file('const char *const all[] = {"SELECT a FROM b"};\n'),
    "ocr/cv.cpp": c_file("""\
#include <opencv2/core.hpp>
extern "C" {
int cv_one(void)
{
    return 1;
}
}
"""),
    "ocr/jpeg.c": c_file("#include <turbojpeg.h>\n"),
    "config/regions/x.conf": "# tabs are fine here\nmx\t@@@\n",
}
BODY = "    x++;\n"


CASES = (
    ("arrow", {"base/a.c": c_file('#include "storage/ledger.h"\n')}),
    ("arrow", {"config/a.c": c_file('#include "storage/ledger.h"\n')}),
    ("arrow", {"storage/a.c": c_file('#include "ocr/a.h"\n'),
               "ocr/a.h": header_file("ocr/a", "")}),
    ("arrow", {"ocr/a.c": c_file('#include "storage/ledger.h"\n')}),
    ("arrow", {"storage/a.c": c_file('#  include "daemon/role.h"\n')}),
    ("arrow", {"tools/a.c": c_file('#include "daemon/role.h"\n')}),
    ("arrow", {"tools/a.c": c_file('#include "storage/row.h"\n'),
               "storage/row.h": header_file("storage/row", "")}),
    ("library", {"daemon/a.c": c_file("#include <opencv2/core.hpp>\n")}),
    ("library", {"daemon/a.c": c_file("#include <tesseract/capi.h>\n")}),
    ("library", {"tools/a.c": c_file("#include <turbojpeg.h>\n")}),
    ("library", {"daemon/a.c": c_file("#include <sqlite3.h>\n")}),
    ("library", {"daemon/a.c": c_file("#include <ini.h>\n")}),
    ("library", {"ocr/a.c": c_file("#include <opencv2/core.hpp>\n")}),
    ("include-path", {"base/a.c": c_file('#include "err.h"\n')}),
    ("one-cpp", {"tests/a.cpp": c_file("")}),
    ("one-cpp", {"ocr/cv.hpp": c_file("")}),
    ("function-length", {"base/a.c": function("static int f(int x)", BODY * 98)}),
    ("file-length", {"base/a.c": c_file("\n" * 800)}),
    ("line-length", {"base/a.c": c_file("/* " + "é" * 96 + "*/\n")}),
    ("header-length", {"base/a.h": header_file("base/a", "\n" * 117)}),
    ("header-functions", {"base/a.h": header_file("base/a", "int f(int a, int b);\n" * 9)}),
    ("guard", {"base/a.h": c_file("#ifndef A_H\n#define A_H\n#endif\n")}),
    ("parameters", {"base/a.c": function("int f(int a, int b, int c, int d,\n"
                                         "      int e, int (*f)(int, int), int g)", BODY)}),
    ("parameters", {"base/a.h": header_file("base/a", """\
int f(int a, int b, int c, int d, int e, int f, int g) MUST_USE;
""")}),
    ("sql", {"storage/a.c": c_file('const char *x = "select a from b";\n')}),
    ("sql", {"storage/a.c": c_file('const char *x = "PRAGMA journal_mode";\n')}),
    ("sql", {"daemon/a.c": c_file('const char *x = "  INSERT INTO b VALUES (1)";\n')}),
    ("printing", {"ocr/a.c": c_file('void f(void)\n{\n    printf("x");\n}\n')}),
    ("printing", {"base/a.c": c_file('void f(void)\n{\n    fprintf(\n        stderr, "x");\n}\n')}),
    ("printing", {"storage/a.c": c_file('void f(void)\n{\n    log_write(3, "x");\n}\n')}),
    ("opening", {"base/a.c": "#include <stdio.h>\n"}),
    ("opening", {"base/a.c": "/* A heading without an end */\n"}),
    ("opening", {"scripts/a": "#!/bin/sh\nset -e\n"}),
    ("opening", {"ocr/training/a.py": "import os\n"}),
    ("tab", {"base/a.c": c_file("\tint x;\n")}),
    ("tab", {"packaging/a.conf": "a\tb\n"}),
    ("trailing-blank", {"base/a.c": c_file("int x; \n")}),
    ("trailing-blank", {"CMakeLists.txt": "a\r\n"}),
    ("final-newline", {"base/a.c": c_file("int x;")}),
    ("ndebug", {"base/a.c": c_file("#ifdef NDEBUG\n#endif\n")}),
    ("ndebug", {"cmake/a.cmake": "add_definitions(-DNDEBUG)\n"}),
) + tuple(
    ("banned", {"daemon/a.c": function("int f(void)", f"    return {word} (x);\n")})
    for word in BANNED
)

UNOFFENDING = (
    {"base/a.c": function("static int f(int x)", BODY * 97)},
    {"base/a.c": c_file("/* " + "é" * 95 + "*/\n")},
    {"base/a.c": function("int f(int a, int b, int c, int d, int e, int (*f)(int, int), ...)",
                          BODY)},
    {"storage/a.c": c_file('const char *x = "the update did not set in; select one";\n')},
    {"base/a.c": c_file("struct s {\n" + "    int (*open)(int, int);\n" * 120 + "};\n")},
    {"base/a.c": c_file("static const struct { int a; } t[] = {\n" + "    {1},\n" * 150 + "};\n")},
    {"base/a.c": function("#define X(a) \\\n    do { \\\n    } while (0)\nint f(void)",
                          "    return X.system(1);\n")},
)


def check_case(files):
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**SOUND, **files}.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8", newline="") as file:
                file.write(text)
        return Checker(root).run()


def self_test():
    """Every rule can be broken, is then complained about in the right file, and nothing else is."""
    failed = 0
    for files in ({},) + UNOFFENDING:
        for path, line, rule, text in check_case(files).found:
            print(f"sound tree with {list(files)}: {path}:{line}: [{rule}] {text}")
            failed += 1
    for rule, files in CASES:
        found = check_case(files).found
        if not found or any(f[2] != rule or f[0] not in files for f in found):
            print(f"expected [{rule}] for {files}\n  got {found}")
            failed += 1
    with open(check_style.__file__, encoding="utf-8") as file:
        rules = set(re.findall(r'self\.say\([^"]*"([a-z-]+)"', file.read()))
    for rule in sorted(rules - {rule for rule, _ in CASES}):
        print(f"no case breaks [{rule}]")
        failed += 1
    long = check_case({"base/a.c": function("static int f(int x)", BODY * 58)})
    if len(long.long_functions) != 1:
        print("a function of 61 lines is not counted")
        failed += 1
    print(f"{len(CASES)} cases of {len(rules)} rules, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(self_test())
