#!/usr/bin/env python3
"""Checks the rules of the house that a machine can check: check_style.py ROOT.

The tree is looked at as it lies there, without git. One line a violation: PATH:LINE: [rule] what.
Exit status 1 if there is one. Lengths that are allowed but not wanted are counted at the end.
"""
import os
import re
import sys

ROOMS = ("base", "config", "evidence", "ocr", "storage", "daemon", "tools")
# Whose headers a room may see: base <- config <- {ocr, storage} <- daemon;
# base <- evidence <- storage; tools is a client.
SEES = {
    "base": {"base"},
    "config": {"base", "config"},
    "ocr": {"base", "config", "ocr"},
    "evidence": {"base", "evidence"},
    "storage": {"base", "config", "evidence", "storage"},
    "daemon": {"base", "config", "evidence", "ocr", "storage", "daemon"},
    "tools": {"base", "config", "evidence", "ocr", "tools"},
}
# The one header of the daemon that tools may see, with what it includes.
CLIENT_DOOR = "daemon/query.h"
LIBRARIES = (  # header, the only room that may include it
    (re.compile(r"opencv[24]?/|tesseract/|leptonica/|(allheaders|turbojpeg|jpeglib)\.h"), "ocr"),
    (re.compile(r"(sqlite3|sqlcipher).*\.h"), "storage"),
    (re.compile(r"ini\.h"), "config"),
)
CPP_FILE = "ocr/cv.cpp"
SQL_FILE = "storage/sql.c"
BANNED = (
    "sprintf vsprintf strcpy strcat strncpy gets atoi atol atoll atof strtok system popen alloca"
).split()
PRINTING = re.compile(r"\b(?:v?printf|puts|putchar|perror)\s*\(|"
                      r"\b(?:v?fprintf|fputs|fputc|putc|fwrite)\s*\([^;]*\b(?:stderr|stdout)\b|"
                      r"\blog_(?:write|fault|open)\s*\(")
MAY_PRINT = ("daemon/", "tools/", "tests/", "base/log.")
SQL = re.compile(
    r"^\s*(?:SELECT\b|select\b.*\bfrom\b|INSERT\b|insert\s+(?:or\s+\w+\s+)?into\b|"
    r"UPDATE\s|update\s+\w+\s+set\b|DELETE\s|delete\s+from\b|PRAGMA\b|pragma\s+\w+|"
    r"(?i:create\s+(?:unique\s+|temp\s+|virtual\s+)?(?:table|index|trigger|view)\b)|"
    r"(?i:drop\s+(?:table|index|trigger|view)\b)|(?i:alter\s+table\b)|"
    r"(?i:begin\s+(?:immediate|exclusive|deferred|transaction)\b)|"
    r"(?i:(?:begin|commit|rollback|vacuum)\s*;?\s*$)|(?i:(?:attach|detach)\s+database\b))"
)
LINE, FILE, FILE_WANTED, HEADER = 100, 800, 500, 120
FUNCTION, FUNCTION_WANTED, FUNCTIONS, PARAMETERS = 100, 60, 8, 6

C_FILES = (".c", ".h", ".cpp", ".cc", ".cxx", ".hpp")
TEXT_FILES = C_FILES + (".py", ".sh", ".cmake", ".md", ".conf", ".json", ".service", ".txt")
MACROS = re.compile(r"\bMUST_USE\b|\b(?:PRINTF_LIKE|__attribute__|alignas|_Alignas)\s*\(")


def blank(match):
    """What was found, as blanks and line feeds."""
    return re.sub(r"[^\n]", " ", match.group())


def line_at(text, at):
    return text.count("\n", 0, at) + 1


def strip_code(text, keep_strings=False):
    """The text with comments, and texts between quotes, turned into blanks; line feeds stay."""
    out, i, n = [], 0, len(text)
    while i < n:
        two, c = text[i:i + 2], text[i]
        if two == "/*":
            end = text.find("*/", i + 2)
            end = n if end < 0 else end + 2
            out.append(re.sub(r"[^\n]", " ", text[i:end]))
        elif two == "//":
            end = text.find("\n", i)
            end = n if end < 0 else end
            out.append(" " * (end - i))
        elif c in "\"'" and not (c == "'" and text[i - 1:i].isdigit()):
            end = i + 1
            while end < n and text[end] != c and text[end] != "\n":
                end += 2 if text[end] == "\\" else 1
            end = min(end + 1, n)
            inner = text[i + 1:end - 1]
            out.append(c + (inner if keep_strings else re.sub(r"[^\n]", " ", inner)) + c)
        else:
            end = i + 1
            out.append(c)
        i = end
    return "".join(out)


def drop_calls(code, pattern):
    """Code without attributes: the words, and their parentheses with all in them, become blanks."""
    out, at = list(code), 0
    while True:
        found = pattern.search(code, at)
        if not found:
            return "".join(out)
        end = found.end()
        if code[end - 1] == "(":
            depth = 1
            while end < len(code) and depth:
                depth += {"(": 1, ")": -1}.get(code[end], 0)
                end += 1
        for i in range(found.start(), end):
            if out[i] != "\n":
                out[i] = " "
        at = end


def count_parameters(inner):
    """Of what stands between a function's parentheses; '...' does not count."""
    depth, parts, part = 0, [], ""
    for c in inner:
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(c, 0)
        if c == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += c
    parts = [p.strip() for p in parts + [part]]
    return len([p for p in parts if p and p not in ("void", "...")])


def signature(head):
    """(name, parameters) of a declaration's or definition's head, or None if it is no function."""
    head = head.strip()
    if "=" in head or head.startswith("typedef") or not head.endswith(")"):
        return None
    depth, at = 0, len(head) - 1
    while at >= 0:
        depth += {")": 1, "(": -1}.get(head[at], 0)
        if depth == 0:
            break
        at -= 1
    name = re.search(r"(\w+)\s*$", head[:at])
    before = head[:name.start()].strip() if name else ""
    if not name or name.group(1) in ("static_assert", "_Static_assert", "defined"):
        return None
    if not before:  # no type in front: a macro's call, or a function pointer
        return None
    return name.group(1), count_parameters(head[at + 1:-1])


def functions(text):
    """Yields (name, parameters, first line, lines, has a body) at the outermost level of C, C++."""
    code = strip_code(text)
    code = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", blank, code, flags=re.M)
    code = drop_calls(code, MACROS)
    depth, start, body, transparent = 0, 0, None, 0
    for i, c in enumerate(code):
        if depth == 0 and c == "{":
            head = code[start:i]
            if re.search(r"(?:extern\s+\"\s*\"|\bnamespace\b[\w\s:]*)\s*$", head):
                transparent += 1
                start = i + 1
                continue
            body = signature(head) and (signature(head), start, head)
            depth = 1
        elif c == "{":
            depth += 1
        elif c == "}" and depth == 0:
            transparent -= 1
            start = i + 1
        elif c == "}":
            depth -= 1
            if depth == 0 and body:
                (name, count), begin, head = body
                first = line_at(code, begin + len(head) - len(head.lstrip()))
                yield name, count, first, line_at(code, i) + 1 - first, True
                start, body = i + 1, None
        elif depth == 0 and c == ";":
            head = code[start:i]
            found = signature(head)
            if found:
                first = line_at(code, start + len(head) - len(head.lstrip()))
                yield found[0], found[1], first, 0, False
            start = i + 1


class Checker:
    """Walks a tree and collects violations."""

    def __init__(self, root):
        self.root = root
        self.found = []   # (path, line, rule, text)
        self.long_functions = []
        self.long_files = []
        self.includes = {}  # path -> [(line, included)]

    def say(self, path, line, rule, text):
        self.found.append((path, line, rule, text))

    def paths(self):
        for folder, folders, names in os.walk(self.root):
            top = os.path.relpath(folder, self.root)
            folders[:] = sorted(
                f for f in folders
                if not f.startswith((".", "build", "__pycache__"))
                and os.path.join(top, f) != "tests/fuzz/corpus"
            )
            for name in sorted(names):
                yield os.path.normpath(os.path.join(top, name))

    def run(self):
        files = {}
        for path in self.paths():
            name = os.path.basename(path)
            whole = os.path.join(self.root, path)
            script = path.startswith("scripts/") and os.path.splitext(name)[1] == ""
            if os.path.islink(whole) or not (name.endswith(TEXT_FILES) or script):
                continue
            with open(whole, "rb") as file:
                data = file.read()
            if b"\0" in data:
                continue
            files[path] = data.decode("utf-8", errors="replace")
        for path, text in files.items():
            self.check_text(path, text)
            if path.endswith(C_FILES):
                self.check_c(path, text)
        self.check_arrows()
        return self

    def check_text(self, path, text):
        lines = text.split("\n")
        code = path.endswith(C_FILES + (".py", ".sh")) or path.startswith("scripts/")
        may_have_tabs = path.startswith("config/regions/") or path.endswith((".txt", ".md"))
        if text and not text.endswith("\n"):
            self.say(path, len(lines), "final-newline", "the last line has no line feed")
        for number, line in enumerate(lines, 1):
            if line != line.rstrip() and not path.endswith(".md"):
                self.say(path, number, "trailing-blank", "blanks or a CR at the end of the line")
            if "\t" in line and not may_have_tabs:
                self.say(path, number, "tab", "a tab")
            if code and len(line) > LINE:
                self.say(path, number, "line-length", f"{len(line)} columns, at most {LINE}")
        if code and len(lines) - 1 > FILE:
            self.say(path, 1, "file-length", f"{len(lines) - 1} lines, at most {FILE}")
        elif code and len(lines) - 1 > FILE_WANTED:
            self.long_files.append(f"{path} ({len(lines) - 1})")
        if code:
            self.check_opening(path, text)
        built = path.endswith((".cmake", "CMakeLists.txt", "CMakePresets.json"))
        built = built or path.startswith("scripts/")
        for number, line in enumerate(lines, 1):
            if built and "NDEBUG" in line and "-UNDEBUG" not in line:
                self.say(path, number, "ndebug", "asserts stay on: NDEBUG is never defined")

    def check_opening(self, path, text):
        if path.endswith(C_FILES):
            found = re.match(r"/\*[ \n*]*(.*?)(?:\n[ *]*\n|\*/)", text, re.S)
        else:
            text = re.sub(r"\A#!.*\n", "", text)
            end = r'(?:"""|\n#?\s*\n|\n[^#\s])'
            found = re.match(r'(?:"""|# )(.*?)' + end, text + "\n\n", re.S)
        if not text.strip() and os.path.basename(path) == "__init__.py":
            return
        sentence = found.group(1) if found else ""
        if not re.search(r"[.:?]\s*$", sentence) or len(sentence.split()) < 3:
            self.say(path, 1, "opening", "does not open with a sentence that says what it is")

    def check_c(self, path, text):
        room = path.split(os.sep)[0]
        if path.endswith((".cpp", ".cc", ".cxx", ".hpp")) and path != CPP_FILE:
            self.say(path, 1, "one-cpp", f"C++ stands in {CPP_FILE} alone")
        code = strip_code(text)
        strings = strip_code(text, keep_strings=True)
        self.includes[path] = []
        for number, line in enumerate(strings.split("\n"), 1):
            found = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if found:
                self.includes[path].append((number, found.group(2)))
                self.check_library(path, room, number, found.group(2))
                if found.group(1) == '"' and room in ROOMS and not os.path.exists(
                        os.path.join(self.root, found.group(2))):
                    self.say(path, number, "include-path", f"{found.group(2)} is not there")
        for number, line in enumerate(code.split("\n"), 1):
            self.check_words(path, number, line)
            if re.search(r"\bNDEBUG\b", line):
                self.say(path, number, "ndebug", "asserts stay on: nothing asks for NDEBUG")
        self.check_printing(path, code)
        if room in ROOMS and path != SQL_FILE:
            self.check_sql(path, strings)
        self.check_functions(path, text)
        if path.endswith(".h") and room in ROOMS:
            self.check_header(path, text)

    def check_library(self, path, room, number, included):
        for pattern, owner in LIBRARIES:
            if room in ROOMS and room != owner and pattern.match(included):
                self.say(path, number, "library", f"<{included}> may be seen in {owner}/ only")
        if room == "ocr" and path != CPP_FILE and re.match(r"opencv[24]?/", included):
            self.say(path, number, "library", f"<{included}> may be seen in {CPP_FILE} only")

    def check_words(self, path, number, line):
        for word in re.findall(r"(?<![\w.>])(\w+)\s*\(", line):
            if word in BANNED:
                self.say(path, number, "banned", f"{word}() is banned")

    def check_printing(self, path, code):
        if path.startswith(MAY_PRINT) or path.split(os.sep)[0] not in ROOMS:
            return
        for found in PRINTING.finditer(code):
            self.say(path, line_at(code, found.start()), "printing", "only daemon and tools print")

    def check_sql(self, path, strings):
        for found in re.finditer(r'"((?:[^"\\\n]|\\.)*)"', strings):
            if SQL.match(found.group(1)):
                line = line_at(strings, found.start())
                self.say(path, line, "sql", f"SQL stands in {SQL_FILE} alone")

    def check_functions(self, path, text):
        declared = 0
        for name, parameters, line, length, has_body in functions(text):
            declared += 1
            if parameters > PARAMETERS:
                self.say(path, line, "parameters", f"{name}: {parameters}, at most {PARAMETERS}")
            if has_body and length > FUNCTION:
                self.say(path, line, "function-length", f"{name}: {length}, at most {FUNCTION}")
            elif has_body and length > FUNCTION_WANTED:
                self.long_functions.append(f"{path}:{line} {name} ({length})")
        if path.endswith(".h") and path.startswith(ROOMS) and declared > FUNCTIONS:
            self.say(path, 1, "header-functions", f"{declared} functions, at most {FUNCTIONS}")

    def check_header(self, path, text):
        lines = text.count("\n")
        if lines > HEADER:
            self.say(path, 1, "header-length", f"{lines} lines, at most {HEADER}")
        guard = "LANEWARD_" + re.sub(r"\W", "_", path).upper()
        if not re.search(rf"^#ifndef {guard}\n#define {guard}\n", text, re.M):
            self.say(path, 1, "guard", f"the header has no guard {guard}")

    def check_arrows(self):
        seen, waiting = set(), [CLIENT_DOOR]  # what the client's door brings with it
        while waiting:
            path = waiting.pop()
            if path not in seen:
                seen.add(path)
                waiting += [included for _, included in self.includes.get(path, [])]
        for path, includes in self.includes.items():
            room = path.split(os.sep)[0]
            for line, included in includes:
                other = included.split("/")[0]
                if room not in ROOMS or other not in ROOMS or other in SEES[room]:
                    continue
                if room == "tools" and included in seen:
                    continue
                self.say(path, line, "arrow", f"{room}/ may not see {included}")


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    checker = Checker(sys.argv[1]).run()
    for path, line, rule, text in sorted(checker.found):
        print(f"{path}:{line}: [{rule}] {text}")
    for title, items in (("functions over 60 lines", checker.long_functions),
                         ("files over 500 lines", checker.long_files)):
        print(f"{len(items)} {title}" + "".join(f"\n    {item}" for item in items))
    print(f"{len(checker.includes)} C files, {len(checker.found)} violations")
    return len(checker.found) != 0 or not checker.includes


if __name__ == "__main__":
    sys.exit(main())
