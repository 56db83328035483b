"""Writes the static files that nginx serves into the folder given: a style sheet, a logo, an icon, a large script, robots.txt."""

import os
import random
import sys

import people


def script(size):
    """A made-up script of about `size` bytes, varied enough that it does not compress to nothing."""
    rng = random.Random(people.SEED)
    words = ["row", "cell", "view", "item", "page", "form", "list", "menu", "chart", "panel", "field", "label"]
    lines = ["'use strict';", "const parts = {};"]
    length = 0
    while length < size:
        name = f"{rng.choice(words)}{rng.choice(words).title()}{rng.randint(10, 9999)}"
        line = f"parts.{name} = (x, y) => Math.round((x * {rng.random():.12f} + y * {rng.random():.12f}) * {rng.randint(2, 900)});"
        lines.append(line)
        length += len(line) + 1
    lines.append("if (document.getElementById('account')) fetch('/api/v1/me').then(r => r.json()).then(r => { document.title += ' ' + r.data.nickname; });")
    return "\n".join(lines) + "\n"


def main(root):
    static = os.path.join(root, "static")
    os.makedirs(os.path.join(static, "icons"), exist_ok=True)
    files = {
        "static/app.js": script(60_000),
        "static/charts.js": script(180_000),
        "static/site.css": "".join(
            f".c{n}{{margin:{n % 9}px;padding:{n % 7}px;color:#{n * 2654435761 % 0xFFFFFF:06x}}}\n" for n in range(300)),
        "static/logo.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40"><rect width="120" height="40" rx="6" fill="#175"/></svg>\n',
        "static/icons/index.html": "<!DOCTYPE html><title>icons</title>\n",
        "favicon.ico": "\0\0\1\0\1\0" + "\0" * 64,
        "robots.txt": "User-agent: *\nDisallow: /api/\nDisallow: /account\n",
    }
    for name, text in files.items():
        path = os.path.join(root, name)
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.utime(path, (1793462400, 1793462400))  # a fixed date: the entity tag is made from it


if __name__ == "__main__":
    main(sys.argv[1])
