#!/usr/bin/env python3
"""tidy on a small house with every fault in it, and on one with none."""
import os
import subprocess
import sys
import tempfile

TIDY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tidy")
MACHINE = "/" + "home" + "/somebody/rollcall"

# path, text, what tidy must say about it (None: nothing)
FAULTY = [
    ("include/rollcall/event.h", "#include <stdint.h>\n", None),
    ("ingest/a.c", '#include "visit.h"\n', "neither ingest's own nor the hall's"),
    ("aggregate/visit.h", "struct visit;\n", None),
    ("aggregate/b.c", "long f(void) { return time(0); }\n", "aggregate/b.c:1: time reads a clock"),
    ("aggregate/c.c", "void *f(void) { return malloc(1); }\n", "malloc allocates"),
    ("aggregate/d.c", 'void f(void) { printf("x"); }\n', "printf is I/O"),
    ("sink/e.c", "#include <simdjson.h>\n", "is known to ingest/decode*.cpp only"),
    ("sink/f.c", "#include <curl/curl.h>\n", "no library that"),
    ("sink/g.c", "void f(int x) { assert(x); }\n", "assert is compiled out"),
    ("sink/h.c", "\n" * 901, "901 lines"),
    ("app/i.c", "void f(char *x) { strcpy(x, x); }\n", "app/i.c:1: strcpy has no bound"),
    ("app/j.c", "int f(int *x) { return atomic_load(x); }\n", "atomic_load hides its order"),
    ("app/k.c", "volatile int x;\n", "volatile is not for threads"),
    ("app/l.c", "int x; /* " + "x" * 100 + " */\n", "columns, 100 are the most"),
    ("app/m.c", "int x;\n", None),
    ("tests/unit/m.c", "int x;\n", "the name is taken by app/m.c"),
    ("docs/n.md", f"see {MACHINE}\n", "a path of somebody's machine"),
    ("ingest/o.cpp", "int x;\n", "has no tests/unit/test_o.c"),
]
CLEAN = [
    ("include/rollcall/event.h", "#include <stdint.h>\n", None),
    ("aggregate/visit.h", '#include "rollcall/event.h"\n', None),
    ("aggregate/visit.c",
     '#include "visit.h"\n'
     "/* strcpy(a, b) in a comment, and volatile */\n"
     'const char *x = "strcpy(a, b)";\n'
     "/* tidy: allow malloc: once, at open */\n"
     "void *f(void) { return malloc(1); }\n"
     "int g(int *y) { return atomic_load_explicit(y, memory_order_acquire); }\n"
     "int h(struct t *t) { return t->time(t) + agg_time(t) + t->close(t); }\n"
     'static_assert(sizeof(int) == 4, "x");\n', None),
    ("tests/unit/test_visit.c", "#include <criterion/criterion.h>\n#include <jansson.h>\n", None),
]


def tidy(house):
    with tempfile.TemporaryDirectory() as root:
        for path, text, _ in house:
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        return subprocess.run([TIDY, "--root", root], capture_output=True, text=True, check=False)


def main():
    failed = 0
    done = tidy(FAULTY)
    for path, _, message in FAULTY:
        said = [line for line in done.stdout.splitlines() if line.startswith(path + ":")]
        other = [line for line in said if "has no tests/unit" not in line]
        if message is None and other or message and not any(message in line for line in said):
            print(f"{path}: expected {message!r}, got {said}")
            failed += 1
    if done.returncode != 1:
        print(f"exit code {done.returncode} with violations")
        failed += 1
    done = tidy(CLEAN)
    if done.returncode != 0 or not done.stdout.endswith(" 0 violations\n"):
        print(f"a clean house: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        failed += 1
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
