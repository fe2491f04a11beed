# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report is made of: its pairs, drift, packed walks, and the page as a text."""

import base64
import json
import re
import zlib

from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.report import page
from ansible_collections.nodenet.fabric.plugins.plugin_utils.report.build import fabric_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.report.data import packed_walks, page_data
from ansible_collections.nodenet.fabric.plugins.plugin_utils.report.pairs import End, pairs_of
from drawn import Fabric
from reported import MARKUP, reported

TWO = Fabric(2, 2, each=1)


def hosts(nodes, endpoints):
    return {
        f"vm{number}": {
            "fabric_node_address": f"192.168.32.{number + 10}",
            "fabric_node_subnet": f"10.{number}.0.0/24",
            "fabric_endpoints": [{"name": f"ns{number}-{end}"} for end in range(endpoints)],
            "fabric_outside": [{"name": "outside", "address": "203.0.113.9"}],
        }
        for number in range(nodes)
    }


# --- pairs ---


def test_all_pairs_of_a_small_fabric_are_walked():
    found = pairs_of(fabric_model(hosts(2, 2)))
    # four endpoints and two nodes ask; the host outside only answers
    assert found.total == 6 * 6 and len(set(found.chosen)) == len(found.chosen) == 36
    assert ("ns0-0", "outside") in found.promised and not any(one == "outside" for one, _other in found.chosen)
    assert set(found.promised) <= set(found.chosen)


def test_of_a_large_one_each_pair_of_nodes_has_a_walk_first():
    found = pairs_of(fabric_model(hosts(12, 5)), 300)
    where = {end.label: end.node for end in found.ends}
    assert len(found.chosen) == 300 < found.total
    assert {(where[one], where[other]) for one, other in found.chosen} >= {
        (one, other) for one in where.values() for other in where.values() if one != other and one
    }


# --- walks ---


def unpacked(text):
    """Return (from, to) -> [hops there, hops back] of what the page unpacks, as :func:`packed_walks` says they are packed."""
    content = json.loads(zlib.decompress(base64.b64decode(text)))

    def header(one, pair):
        return {
            name: pair[value] if name in ("src", "dst") and isinstance(value, int) else value
            for name, value in one.items()
        }

    def way(row, pair):
        place, hops = 0, []
        for step in row[3] if row else []:
            place += step
            node, netns, device, action, entry, packet, reason, _answer = content["hops"][place]
            text = [None if one < 0 else content["texts"][one] for one in (node, netns, device, action, reason)]
            headers = [
                header(content["headers"][one], pair) for one in (content["packets"][packet] if packet >= 0 else [])
            ]
            hops.append([*text, None if entry < 0 else content["entries"][entry], headers])
        return hops

    return {tuple(row[:2]): [way(one, row[2]) for one in row[3:]] for row in content["walks"]}


def test_walks_are_unpacked_as_they_were():
    ends = [End(label, node) for label, node, _netns, _address in TWO.labels]
    walks = TWO.walks()
    found = unpacked(packed_walks(walks, ends))
    assert len(found) == len(walks) == 12
    for walk in walks:
        key = tuple([end.label for end in ends].index(walk["question"][name]) for name in ("from", "to"))
        for direction, hops in zip(("forward", "reverse"), found[key]):
            expected = (walk[direction] or {"hops": []})["hops"]
            fields = ("node", "netns", "device", "action", "reason", "entry", "packet")
            assert hops == [
                [hop[name] if name != "reason" else hop[name] or None for name in fields] for hop in expected
            ]


def test_the_matrix_has_the_ttl_of_the_answer_and_the_reason():
    rows = {(row[0], row[1]): row[2:] for row in page_data(reported(TWO))["pairs"]}
    assert rows[0, 2] == ["delivered", 1, 1, 62, 1450, 1450, ""]
    assert rows[1, 3] == ["dropped", 1, 0, 64, 1450, None, "no route to the destination"]


# --- the page ---


def test_ten_nodes_are_below_400_kb():
    variables = {"fabric_backend": "vxlan", "fabric_vxlan_vni": 1}
    ten = fabric_of(fabric_model({name: {**own, **variables} for name, own in hosts(10, 2).items()}), {}, {}, "ten")
    assert len(ten.walks) == ten.total == 30 * 30
    assert len(page.render(ten).encode()) < 400_000


def test_the_same_fabric_makes_the_same_page():
    assert page.render(reported(Fabric(2, 2))) == page.render(reported(Fabric(2, 2)))


def test_nothing_is_loaded_from_elsewhere():
    text = page.render(reported(TWO))
    assert "default-src &#39;none&#39;" in text
    allowed = {"http://www.w3.org/2000/svg", "https://www.gnu.org/licenses/gpl-3.0.txt"}
    assert set(re.findall(r"https?://[^\s\"')]+", text)) <= allowed
    assert not re.search(r"<(link|img|iframe|object|embed)\b|\bsrc=|@import|\burl\(", text)


def test_a_text_of_the_inventory_ends_no_element():
    plain, strange = (
        page.render(reported(Fabric(2, 2))),
        page.render(reported(Fabric(2, 2, lambda text: text + MARKUP), MARKUP)),
    )
    for sign in ("<script", "</script", "<!--", "<b>", "<img", "<style", "</title"):
        assert strange.count(sign) == plain.count(sign), sign


def test_the_data_is_the_same_after_its_escapes():
    strange = reported(Fabric(2, 2, lambda text: text + MARKUP), MARKUP)
    text = re.search(r'id="data">(.*?)</script>', page.render(strange), re.S)[1]
    assert json.loads(text) == json.loads(json.dumps(page_data(strange)))


def test_the_pages_own_code_makes_no_markup_of_texts():
    code = "".join(page._read(name) for name in page.SCRIPTS)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", code)
