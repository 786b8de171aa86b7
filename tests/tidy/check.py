"""Checks of the tree's own rules. `check.py NAME --root DIR [--build DIR] [--archive FILE]`; see README.md beside this file."""
import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys

LAYERS = ["crypto", "proto", "store", "node", "tools"]
FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 100
FILE_BYTES_MAX = 1024 * 1024


def tracked(root, *patterns):
    """Files that git knows or would add; without git, what stands in the folders."""
    try:
        out = subprocess.run(["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-co", "--exclude-standard", "--", *patterns],
                             capture_output=True, text=True, check=True).stdout
        names = sorted(set(out.splitlines()))
    except (OSError, subprocess.CalledProcessError):
        names = []
        for folder, folders, files in os.walk(root):
            folders[:] = [f for f in folders if not f.startswith(".") and f != "build"]
            names += [os.path.relpath(os.path.join(folder, f), root) for f in files]
        suffixes = tuple(p.lstrip("*") for p in patterns)
        names = sorted(n for n in names if not suffixes or n.endswith(suffixes))
    return [n for n in names if os.path.isfile(os.path.join(root, n))]


def read(root, name):
    with open(os.path.join(root, name), encoding="utf-8", errors="replace") as file:
        return file.read()


def allowed_includes(name):
    """Folders that a source file may include from; None: any (tests)."""
    top = name.split("/")[0]
    if top not in LAYERS:
        return None
    below = [layer + "/" for layer in LAYERS[:LAYERS.index(top)]]
    if name.startswith("node/core/"):
        return below + ["node/core/", "node/log.h"]
    if name.startswith("node/net/"):
        return ["crypto/", "proto/codec/", "node/net/", "node/log.h"]
    if name.startswith("node/keeper/"):
        return below + ["node/core/", "node/net/channel.h", "node/keeper/", "node/log.h"]
    if top == "node":
        return below + ["node/"]
    if top == "tools":
        return ["crypto/", "proto/", "tools/"]
    return below + [top + "/"]


def check_layers(args):
    for name in tracked(args.root, "*.c", "*.h"):
        allowed = allowed_includes(name)
        if allowed is None:
            continue
        for number, line in enumerate(read(args.root, name).splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if match and not match[1].startswith(tuple(allowed)):
                yield f"{name}:{number}: may not include {match[1]}"


def check_symbols(args):
    allowed = {line.split("#")[0].strip() for line in read(args.root, "tests/tidy/core_symbols.txt").splitlines()}
    out = subprocess.run(["nm", "-u", "-A", args.archive], capture_output=True, text=True, check=True).stdout
    seen = set()
    for line in out.splitlines():
        where, _, symbol = line.rpartition(" U ")
        symbol = symbol.strip().split("@")[0]
        if symbol and not symbol.startswith("kr_"):
            seen.add(symbol)
            if symbol not in allowed:
                yield f"{where.strip()}: calls {symbol}, which is not in tests/tidy/core_symbols.txt"
    if not seen:
        yield f"{args.archive}: has no undefined symbols at all; is it the right archive?"


def commands(build):
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        return json.load(file)


def flags_for(build, folder):
    """Compiler flags of some source in the folder, or of any other one."""
    best = None
    for entry in commands(build):
        relative = os.path.relpath(entry["file"], folder)
        if best is None or not relative.startswith(".."):
            best = entry
            if not relative.startswith(".."):
                break
    words = shlex.split(best["command"])
    return [w for i, w in enumerate(words) if w.startswith(("-I", "-D", "-isystem", "-std")) or (i and words[i - 1] == "-isystem")]


def check_headers(args):
    headers = [h for h in tracked(args.root, "*.h") if h.split("/")[0] in LAYERS]

    def compile_alone(header):
        flags = flags_for(args.build, os.path.join(args.root, os.path.dirname(header)))
        text = f'#include "{header}"\n#include "{header}"\n'
        run = subprocess.run(["cc", "-fsyntax-only", "-x", "c", "-Wall", "-Wextra", "-Wno-unused-function", "-Werror", *flags, "-I", args.root, "-"],
                             input=text, capture_output=True, text=True)
        return None if run.returncode == 0 else f"{header}: does not compile alone\n{run.stderr}"

    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        yield from filter(None, pool.map(compile_alone, headers))


def exceptions(root):
    return {line.strip() for line in read(root, "tests/tidy/exceptions.txt").splitlines() if line.strip() and line[0] != "#"}


def function_lengths(text):
    """(name, lines) of each function: its body's braces stand in the first column."""
    start = None
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if line == "{":
            start = i
            head = " ".join(lines[max(0, i - 3):i])
            names = re.findall(r"(\w+)\(", head)
        elif line == "}" and start is not None:
            yield (names[0] if names else "?"), i - start - 1
            start = None


def check_sizes(args):
    excused, used = exceptions(args.root), set()
    for name in tracked(args.root, "*.c", "*.h"):
        text = read(args.root, name)
        found = [(name, len(text.splitlines()), FILE_LINES_MAX)]
        found += [(f"{name}:{function}", lines, FUNCTION_LINES_MAX) for function, lines in function_lengths(text)]
        for what, lines, limit in found:
            if lines > limit:
                used.add(what)
                if what not in excused:
                    yield f"{what}: {lines} lines, at most {limit}"
    for what in sorted(excused - used):
        yield f"{what}: needs no exception any more; take it out of tests/tidy/exceptions.txt"


def check_errors(args):
    code = {(name, int(value)) for name, value in re.findall(r"X\((\w+), (\d+), ", read(args.root, "crypto/err.h"))}
    docs = {(name, int(value)) for value, name in re.findall(r"^\| *(\d+) *\| *`?(?:KR_)?(\w+)`? *\|", read(args.root, "docs/ERRORS.md"), re.M)}
    for name, value in sorted(code - docs):
        yield f"docs/ERRORS.md: lacks {value} {name}"
    for name, value in sorted(docs - code):
        yield f"docs/ERRORS.md: has {value} {name}, which crypto/err.h has not"


BANNED = [
    (r"\b(strcpy|strcat|sprintf|vsprintf|gets|alloca|strtok|atoi|atol)\s*\(", "unbounded or unchecked call", ("*.c", "*.h")),
    (r"\bsystem\(", "no shell", ("*.c", "*.h")),
    (r"\b(TODO|FIXME|XXX|HACK)\b", "unfinished", ("*.c", "*.h", "*.sh", "*.py")),
    (r"^\s*typedef\s+struct\b", "structs have no typedef", ("*.c", "*.h")),
]
# Folders of one machine, and of whoever works on it: a clone elsewhere has none of them.
MACHINE_PATH = re.compile(r"""(?<![\w.}$-])/(?:home|Users|work|root|var/tmp)/\w""")
SLEEPING = re.compile(r"\b(u|nano|clock_nano|time\.)?sleep\s*\(|^\s*sleep\s+\d", re.M)


def check_banned(args):
    own = ("tests/tidy/check.py",)
    for pattern, why, patterns in BANNED:
        for name in tracked(args.root, *patterns):
            for number, line in enumerate(read(args.root, name).splitlines(), 1):
                if name not in own and re.search(pattern, line):
                    yield f"{name}:{number}: {why}: {line.strip()}"
    for name in tracked(args.root, "tests/*.c", "tests/*.h", "tests/*.py", "tests/*.sh", "tools/*.sh"):
        if name not in own:
            for match in SLEEPING.finditer(read(args.root, name)):
                yield f"{name}: sleeps: {match[0].strip()}"
    for name in tracked(args.root):
        # Corpora, vectors and samples hold what attackers and analysts write.
        if name not in own and not name.startswith(("tests/fuzz/corpus/", "tests/data/", "tests/vectors/")):
            for match in MACHINE_PATH.finditer(read(args.root, name)):
                yield f"{name}: path of one machine: {match[0]}"
        size = os.path.getsize(os.path.join(args.root, name))
        if size > FILE_BYTES_MAX:
            yield f"{name}: {size} bytes"


def check_readmes(args):
    folders = {os.path.dirname(name) for name in tracked(args.root, "*.c", "*.py") if "/" in name}
    for folder in sorted(folders):
        if not os.path.isfile(os.path.join(args.root, folder, "README.md")) and not re.match(r"tests/unit/", folder):
            yield f"{folder}: has sources and no README.md"


def check_format(args):
    names = tracked(args.root, "*.c", "*.h")
    run = subprocess.run(["clang-format", "--dry-run", "-Werror", *names], cwd=args.root, capture_output=True, text=True)
    if run.returncode != 0:
        files = sorted({line.split(":")[0] for line in run.stderr.splitlines() if "error:" in line})
        yield from (f"{name}: clang-format would change it" for name in files or [run.stderr])


def closure(root, name, seen):
    """The file and all of our headers that it includes."""
    if name in seen or not os.path.isfile(os.path.join(root, name)):
        return seen
    seen.add(name)
    for included in re.findall(r'#\s*include\s+"([^"]+)"', read(root, name)):
        beside = os.path.join(os.path.dirname(name), included)
        closure(root, included if os.path.isfile(os.path.join(root, included)) else beside, seen)
    return seen


def check_clang_tidy(args):
    cache = os.path.join(args.build, "clang-tidy-cache")
    os.makedirs(cache, exist_ok=True)
    # The analyzer's own bound on the states of one function, 225,000, takes many times as long: for a run of its own.
    bound = [f"--extra-arg={word}" for word in ("-Xclang", "-analyzer-config", "-Xclang", f"max-nodes={args.nodes}")]
    config = f'{read(args.root, ".clang-tidy")}{bound}'
    jobs = []
    for entry in commands(args.build):
        name = os.path.relpath(entry["file"], args.root)
        if name.split("/")[0] in LAYERS:
            jobs.append((name, entry["command"]))

    def examine(job):
        name, command = job
        digest = hashlib.sha256((config + command).encode())
        for file in sorted(closure(args.root, name, set())):
            digest.update(read(args.root, file).encode())
        mark = os.path.join(cache, digest.hexdigest())
        if os.path.exists(mark):
            return None
        # (With several files in one run the analyzer of clang 14 does not know va_start any more in the second one.)
        run = subprocess.run(["clang-tidy", "--quiet", "-p", args.build, *bound, os.path.join(args.root, name)], capture_output=True, text=True)
        if run.returncode == 0:
            open(mark, "w").close()
            return None
        return f"{name}:\n{run.stdout or run.stderr}"

    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        yield from filter(None, pool.map(examine, sorted(set(jobs))))


CHECKS = {name[6:].replace("_", "-"): function for name, function in globals().items() if name.startswith("check_")}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=sorted(CHECKS))
    parser.add_argument("--root", default=os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    parser.add_argument("--build")
    parser.add_argument("--archive")
    parser.add_argument("--nodes", type=int, default=40000, help="clang-tidy: states of one function that the analyzer looks at")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="so many files at once")
    args = parser.parse_args()
    found = list(CHECKS[args.name](args))
    for problem in found:
        print(problem)
    print(f"{args.name}: {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
