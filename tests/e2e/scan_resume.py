#!/usr/bin/env python3
"""A search of logs that is stopped by Ctrl-C goes on with --resume: nothing is lost and nothing found twice, however often it is
stopped, in plain and in compressed logs. A mark that is damaged, or whose log is another one by now, is refused."""
import argparse
import fcntl
import glob
import gzip
import os
import signal
import struct
import subprocess
import sys
import tempfile
import termios

from federation import Failure, check, poll

FILES = 3
LINES = 30000
WITHIN_S = 60


def waiting(pipe):
    """How many bytes are in it."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]


class Scan:
    def __init__(self, kairan, root):
        self.kairan, self.root = kairan, root
        self.environment = dict(os.environ, HOME=root, LANGUAGE="en", KAIRAN_STATE=root)
        self.environment.pop("XDG_STATE_HOME", None)
        self.values = os.path.join(root, "values")
        with open(self.values, "w", encoding="ascii") as file:
            file.write("bad.example\n")

    def start(self, *arguments):
        return subprocess.Popen([self.kairan, "--lang", "en", "scan", "--values", self.values, *arguments], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=self.environment)

    def whole(self, *arguments):
        """To its end: status, what was found, what was said."""
        with self.start(*arguments) as process:
            out, said = process.communicate(timeout=WITHIN_S)
        return process.returncode, out, said.decode()

    def stopped(self, *arguments):
        """Ctrl-C while it waits for somebody to read: it cannot have come to its end, because a pipe does not hold all of it."""
        with self.start(*arguments) as process:
            pipe = process.stdout.fileno()
            poll(lambda: waiting(pipe) == fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) or process.poll() is not None, WITHIN_S,
                 "the pipe does not fill up")
            process.send_signal(signal.SIGINT)
            out, said = process.communicate(timeout=WITHIN_S)
        return process.returncode, out, said.decode()

    def mark(self):
        marks = glob.glob(os.path.join(self.root, ".local/state/kairan-scan/*"))
        check(len(marks) == 1, f"not one mark: {marks}")
        return marks[0]

    def refused(self, word, *arguments):
        status, out, said = self.whole("--resume", *arguments)
        check(status == 2 and not out and word in said and "without --resume" in said, f"{word}: status {status}, {out[:200]}, {said}")


def lines(word):
    return b"".join(b"%06d %s GET http://www.bad.example/%s\n" % (i, word, b"x" * 960) for i in range(LINES))


def goes_on(scan, *arguments):
    status, expected, said = scan.whole(*arguments)
    check(status == 0 and expected.count(b": bad.example") == FILES * LINES, f"a whole run: {status}, {said}")
    status, found, said = scan.stopped(*arguments)
    check(status == 2 and "--resume" in said, f"stopped: {status}, {said}")
    check(0 < len(found) < len(expected), f"stopped behind {len(found)} of {len(expected)}")
    times = 0
    while status == 2 and times < 100:
        status, more, said = scan.stopped("--resume", *arguments)
        check(status in (0, 2), f"--resume: {status}, {said}")
        found += more
        times += 1
    check(found == expected, f"stopped {times} times, {found.count(b'example')} and not {expected.count(b'example')} are found")
    scan.refused("no search", *arguments)


def other_logs(scan, root):
    log = os.path.join(root, "turned.log")
    with open(log, "wb") as file:
        file.write(lines(b"one"))
    whole = scan.whole(log)[1]
    status, found, said = scan.stopped("-j1", log)
    check(status == 2, f"stopped: {status}, {said}")
    mark = scan.mark()
    with open(mark, "rb") as file:
        good = file.read()
    for bad in (b"", b"\0" * 100, good[:-10], b"x" + good, good.replace(b"file 0", b"file 1"),
                good.replace(b"file 0", b"file 99999999999999999999"), good.replace(b"offset ", b"offset -"),
                b"kairan-scan 1 file 0 offset 0 lines 0\n"):
        with open(mark, "wb") as file:
            file.write(bad)
        scan.refused("damaged", log)
    with open(mark, "wb") as file:
        file.write(good)
    for other in (lines(b"two"), b""):
        os.rename(log, log + ".1")
        with open(log, "wb") as file:
            file.write(other)
        scan.refused("rotated", log)
        os.rename(log + ".1", log)
    os.unlink(log)
    scan.refused("rotated", log)
    # One that has grown meanwhile is the same log.
    with open(log, "wb") as file:
        file.write(lines(b"one") + b"and http://bad.example/\n")
    status, more, said = scan.whole("--resume", log)
    last = f"{log}:{LINES + 1}: bad.example\n".encode()
    check(status == 0 and found + more == whole + last, f"a log that has grown: {status}, {said}, {more[-200:]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kairan", required=True)
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as root:
            scan = Scan(options.kairan, root)
            logs = os.path.join(root, "logs")
            os.mkdir(logs)
            for name, made in (("a.log", lines(b"a")), ("b.log.gz", gzip.compress(lines(b"b"), 1)), ("c.log", lines(b"c")[:-1])):
                with open(os.path.join(logs, name), "wb") as file:
                    file.write(made)
            goes_on(scan, "-j1", logs)
            goes_on(scan, "-j3", logs)
            other_logs(scan, root)
    except Failure as failure:
        print(f"scan_resume: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
