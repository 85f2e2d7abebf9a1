# SPDX-License-Identifier: LGPL-2.1-or-later
"""A terminal with a person before it: runs a command in a pseudo-terminal and does what it is told.

terminal.py ROWSxCOLUMNS STEP... -- COMMAND...

  see REGEX     until a line of the screen matches        lacks REGEX   until none does
  keys TEXT     types                                     signal NAME   sends one to the command
  size RxC      the window is changed                     sh COMMAND    runs a command
  aligned WORDS all these words that are there begin in one column
  stopped       until the command is stopped, and has left the screen; then the shell makes the terminal its own
  fg            lets it go on in the foreground
  hang          nobody reads what the terminal is sent, until it takes no more
  closed        the window is closed, and the command ends
  ends STATUS   until it ends so: an exit status, or a signal's name
  unread STATUS the same while nobody reads: only the modes can be as before

All the time: nothing reaches the terminal but text and the few sequences that are known here, and no line
is longer than the window. At the end, and while it is stopped, the terminal is as it was before: its modes,
the screen, the cursor.
"""
import codecs
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import unicodedata

PATIENCE = 30


def fail(screen, text):
    for line in screen.lines():
        print("|" + line)
    sys.exit(text)


class Screen:
    """What the sequences make of it."""

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.cells = [[] for _ in range(rows)]
        self.row = self.column = 0
        self.other = False
        self.cursor = True
        self.rest = ""
        self.left = []  # what stood there when it was left
        self.stale = 0  # frames that may still be made for the size before

    def lines(self):
        return ["".join(c or " " for c in row if c != "\0").rstrip() for row in self.cells]

    def resize(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.cells = [[] for _ in range(rows)]
        self.stale = 2

    def put(self, char):
        if unicodedata.category(char).startswith("C") and char not in "\r\n":
            fail(self, "a control character %r reaches the terminal" % char)
        if not self.other:
            return  # what stands on the first screen is not ours
        if char in "\r\n":
            fail(self, "a newline scrolls the screen")
        width = 0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if not self.stale and (self.column + width > self.columns or self.row >= self.rows):
            fail(self, "a line is longer than the window, or there are too many")
        if self.row >= self.rows:
            return
        row = self.cells[self.row]
        row.extend([""] * (self.column + width - len(row)))
        for i in range(width):
            row[self.column + i] = char if i == 0 else "\0"
        self.column += width

    def obey(self, sequence):
        if sequence in ("\033[?1049h", "\033[?1049l"):
            if self.other == sequence.endswith("h"):
                fail(self, "the screen is entered or left twice")
            self.other = sequence.endswith("h")
            self.left = self.lines()
            self.cells = [[] for _ in range(self.rows)]
        elif sequence in ("\033[?25h", "\033[?25l"):
            self.cursor = sequence.endswith("h")
        elif sequence == "\033[2K":
            if self.row < self.rows:
                self.cells[self.row] = []
        elif re.fullmatch(r"\033\[\d+;1H", sequence):
            self.row, self.column = int(sequence[2:-3]) - 1, 0
            if self.row == 0 and self.stale:
                self.stale -= 1
        else:
            fail(self, "the sequence %r reaches the terminal" % sequence)

    def feed(self, text):
        text = self.rest + text
        while text:
            if text[0] != "\033":
                self.put(text[0])
                text = text[1:]
                continue
            sequence = re.match(r"\033\[[?;\d]*[@-~]", text)
            if not sequence:
                break
            self.obey(sequence.group())
            text = text[sequence.end():]
        self.rest = text


class Shell:
    """A session whose leader runs the command as a shell does: in a foreground process group of its own."""

    def __init__(self, ours, terminal, command):
        news_in, news_out = os.pipe()
        orders_in, orders_out = os.pipe()
        self.leader = os.fork()
        if self.leader == 0:
            os.close(ours)
            try:
                self.lead(terminal, command, orders_in, news_out)
            finally:
                os._exit(99)
        os.close(news_out)
        os.close(orders_in)
        self.news = os.fdopen(news_in, "r")
        self.orders = os.fdopen(orders_out, "w", buffering=1)
        self.pid = int(self.news.readline())

    @staticmethod
    def lead(terminal, command, orders_in, news_out):
        os.setsid()
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        for fd in range(3):
            os.dup2(terminal, fd)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        news, orders = os.fdopen(news_out, "w", buffering=1), os.fdopen(orders_in, "r")
        pid = os.fork()
        if pid == 0:
            os.setpgid(0, 0)
            os.tcsetpgrp(0, os.getpid())
            signal.signal(signal.SIGTTOU, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.execvp(command[0], command)
        print(pid, file=news)
        while True:
            _, status = os.waitpid(pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                break
            os.tcsetpgrp(0, os.getpgrp())
            print("stopped", file=news)
            orders.readline()
            os.tcsetpgrp(0, pid)
            os.kill(pid, signal.SIGCONT)
        ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        print(signal.Signals(ended_by).name[3:] if ended_by else os.WEXITSTATUS(status), file=news)
        os._exit(0)


class Terminal:
    def __init__(self, size, command):
        rows, columns = map(int, size.split("x"))
        self.screen = Screen(rows, columns)
        self.ours, self.theirs = os.openpty()
        self.set_size(rows, columns)
        self.before = termios.tcgetattr(self.theirs)
        self.shell = Shell(self.ours, self.theirs, command)
        self.decoder = codecs.getincrementaldecoder("utf-8")()

    def set_size(self, rows, columns):
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        if select.select([self.ours], [], [], seconds)[0]:
            self.screen.feed(self.decoder.decode(os.read(self.ours, 65536)))
            return True
        return False

    def until(self, condition, what):
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                fail(self.screen, "in vain: " + what)
            self.read(0.05)

    def matches(self, regex):
        return self.screen.other and any(re.search(regex, line) for line in self.screen.lines())

    def news(self):
        self.until(lambda: select.select([self.shell.news], [], [], 0)[0], "news of the command")
        while self.read(0.1):
            pass
        return self.shell.news.readline().strip()

    def news_alone(self):
        if not select.select([self.shell.news], [], [], PATIENCE)[0]:
            sys.exit("it does not end")
        return self.shell.news.readline().strip()

    def check_left(self):
        if termios.tcgetattr(self.theirs) != self.before:
            fail(self.screen, "the terminal's modes are not as before")
        if self.screen.other or not self.screen.cursor or self.screen.rest:
            fail(self.screen, "the screen was not left, or the cursor not shown")

    # --- steps

    def see(self, regex):
        self.until(lambda: self.matches(regex), "see " + regex)

    def lacks(self, regex):
        self.until(lambda: self.screen.other and not self.matches(regex), "lacks " + regex)

    def keys(self, text):
        os.write(self.ours, text.encode().decode("unicode_escape").encode())

    def signal(self, name):
        os.kill(self.shell.pid, signal.Signals["SIG" + name])

    def size(self, size):
        rows, columns = map(int, size.split("x"))
        while self.read(0):
            pass
        self.screen.resize(rows, columns)
        self.set_size(rows, columns)

    def sh(self, command):
        subprocess.run(command, shell=True, check=True, stdin=subprocess.DEVNULL)

    def aligned(self, words):
        places = set()
        for row in self.screen.cells:
            line = "".join(c[0] if c else " " for c in row)
            places |= {m.start() for m in re.finditer(r"(?<=  )(%s)\b" % words.replace(" ", "|"), line)}
        if len(places) != 1:
            fail(self.screen, "%s begin in the columns %s" % (words, sorted(places)))

    def stopped(self):
        if self.news() != "stopped":
            fail(self.screen, "it is not stopped")
        self.check_left()

    def fg(self):
        print("fg", file=self.shell.orders)

    def hang(self):
        time.sleep(2)

    def closed(self):
        os.close(self.ours)
        self.news_alone()

    def unread(self, status):
        ended = self.news_alone()
        if ended != status or termios.tcgetattr(self.theirs) != self.before:
            sys.exit("it ended with %s, the terminal's modes may not be as before" % ended)

    def ends(self, status):
        ended = self.news()
        if ended != status:
            fail(self.screen, "it ended with %s" % ended)
        self.check_left()


def main(size, *words):
    split = words.index("--")
    steps, terminal = list(words[:split]), Terminal(size, list(words[split + 1:]))
    without_word = ("stopped", "fg", "hang", "closed")
    while steps:
        step = steps.pop(0)
        print("# " + step + ("" if step in without_word else " " + steps[0]), flush=True)
        getattr(terminal, step)(*([] if step in without_word else [steps.pop(0)]))
    for line in terminal.screen.left:
        print("|" + line)


main(*sys.argv[1:])
