# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draws what a real run has said, for install/doc/pictures, as SVG on standard output.

picture.py screen COMMAND < lines     a terminal's screen below the command
picture.py chart TITLE < JSON         series over time, stacked: what prometheus.py range prints
"""
import json
import sys
from xml.sax.saxutils import escape

COLOURS = {"armed": "#2e7d32", "failed": "#c62828", "lifted": "#ef6c00", "off": "#90a4ae"}
HEAD = '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="%s" font-size="%d">'


def screen(command):
    lines = [command] + [line.rstrip("\n") for line in sys.stdin]
    while not lines[-1].strip():
        lines.pop()
    width, height = 8 * max(map(len, lines)) + 24, 18 * len(lines) + 18
    print(HEAD % (width, height, width, height, "monospace", 13))
    print('<rect width="100%" height="100%" rx="6" fill="#1e1e1e"/>')
    for number, line in enumerate(lines):
        print('<text x="12" y="%d" fill="#e0e0e0" xml:space="preserve" textLength="%d" lengthAdjust="spacingAndGlyphs">%s</text>'
              % (22 + 18 * number, max(8 * len(line), 1), escape(line)))
    print("</svg>")


def chart(title):
    series = sorted((labels.split("=")[-1], {round(at): float(value) for at, value in values})
                    for labels, values in json.load(sys.stdin))
    times = sorted({at for _, values in series for at in values})
    most = max(sum(values.get(at, 0) for _, values in series) for at in times)
    left, top, width, height = 40, 34, 560, 160

    def place(at, value):
        return "%.1f,%.1f" % (left + width * (at - times[0]) / (times[-1] - times[0]), top + height * (1 - value / most))

    print(HEAD % (620, 250, 620, 250, "sans-serif", 12))
    print('<rect width="100%" height="100%" fill="#ffffff"/>')
    print('<text x="%d" y="20" font-weight="bold">%s</text>' % (left, escape(title)))
    below = dict.fromkeys(times, 0)
    for number, (name, values) in enumerate(series):
        above = {at: below[at] + values.get(at, 0) for at in times}
        # Only where something changes: each value holds until the next.
        turns = [at for i, at in enumerate(times) if i in (0, len(times) - 1)
                 or (above[at], below[at]) != (above[times[i - 1]], below[times[i - 1]])]
        upper = [place(at, value) for i, at in enumerate(turns) for value in ([above[turns[i - 1]]] if i else []) + [above[at]]]
        lower = [place(at, value) for i, at in enumerate(turns) for value in ([below[turns[i - 1]]] if i else []) + [below[at]]]
        print('<polygon fill="%s" fill-opacity="0.75" points="%s"/>' % (COLOURS[name], " ".join(upper + lower[::-1])))
        print('<rect x="%d" y="222" width="12" height="12" fill="%s"/><text x="%d" y="233">%s</text>'
              % (left + 90 * number, COLOURS[name], left + 90 * number + 18, name))
        below = above
    for value in range(int(most) + 1):
        print('<text x="%d" y="%.1f" text-anchor="end">%d</text>' % (left - 8, top + height * (1 - value / most) + 4, value))
    print('<text x="%d" y="%d" text-anchor="end">%d s</text>' % (left + width, top + height + 18, times[-1] - times[0]))
    print("</svg>")


{"screen": screen, "chart": chart}[sys.argv[1]](sys.argv[2])
