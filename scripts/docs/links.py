# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links between the pages of a site, as its HTML has them."""

from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The links and the anchors of one page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = set(), {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        found = {name: value or "" for name, value in attrs}
        self.links.update(found[name] for name in ("href", "src") if name in found)
        self.anchors.update(found[name] for name in ("id", "name") if name in found)


def broken(folder):
    """Return a line for each link of the pages in ``folder`` that leads to no file or to no anchor there."""
    pages = {path.resolve(): Page(path) for path in sorted(folder.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        for link in sorted(page.links):
            target = urlsplit(link)
            if target.scheme or target.netloc:
                continue
            place = (path.parent / unquote(target.path)).resolve() if target.path else path
            if place.is_dir():
                place /= "index.html"
            there = place in pages and unquote(target.fragment) in pages[place].anchors
            if not (there or (place not in pages and place.is_file())):
                found.append(f"{path.relative_to(folder.resolve())}: {link}")
    return found
