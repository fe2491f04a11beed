# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person does with the report, with a mouse, by keys, on a small screen, in the dark, and on paper."""

from pathlib import Path

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.report.build import fabric_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.report.page import render
from drawn import Fabric
from reported import EXAMPLES, MARKUP, model_of, reported

TWO = Fabric(2, 2, each=1)
PAGE = render(reported(TWO))
SIZES = [(1280, 800), (390, 844)]
# texts that are wider than the box that they are in, and boxes that lie partly on each other
MISPLACED = """root => {
    const groups = [...document.querySelectorAll(`${root} svg g[data-key]`)], found = [];
    const frames = groups.map(group => group.querySelector("rect").getBBox());
    groups.forEach((group, number) => {
        const frame = frames[number];
        for (const text of [...group.children].filter(one => one.tagName === "text")) {
            const box = text.getBBox();
            if (box.x < frame.x || box.x + box.width > frame.x + frame.width || box.y + box.height > frame.y + frame.height + 1)
                found.push(`cut: ${text.textContent}`);
        }
        frames.forEach((other, index) => {
            const apart = other.x >= frame.x + frame.width || other.y >= frame.y + frame.height || frame.x >= other.x + other.width ||
                frame.y >= other.y + other.height;
            const within = (one, around) => one.x >= around.x && one.y >= around.y && one.x + one.width <= around.x + around.width &&
                one.y + one.height <= around.y + around.height;
            if (index > number && !apart && !within(frame, other) && !within(other, frame))
                found.push(`overlap: ${group.dataset.key} ${groups[index].dataset.key}`);
        });
    });
    return [groups.length, found];
}"""


def choose(page, one, other):
    page.select_option("#from", label=one)
    page.select_option("#to", label=other)


def shown(page, selector):
    return page.inner_text(selector).strip()


def is_placed_well(page):
    """Check that the drawings have boxes, that no text is cut, no box covers another, and the page is no wider than the window."""
    for root in ("#map", "#scene"):
        count, found = page.evaluate(MISPLACED, root)
        assert count > 1 and found == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("window.innerWidth")


# --- opening it ---


@pytest.mark.parametrize("width, height", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_without_a_complaint_or_a_request(opened, keep, width, height, scheme):
    page = opened(PAGE, width, height, scheme)
    choose(page, "ns1-1", "ns2-2")
    for _step in range(12):
        page.click("#next")
    keep(page, f"two-{width}x{height}-{scheme}")
    is_placed_well(page)
    assert page.complaints == [] and page.requests == [page.url]


def test_what_would_be_loaded_is_refused(opened):
    page = opened(PAGE)
    blocked = page.evaluate("""() => new Promise(done => {
        document.addEventListener("securitypolicyviolation", event => done(event.effectiveDirective));
        const picture = document.createElement("img");
        picture.src = "https://example.invalid/picture.png";
        document.body.append(picture);
    })""")
    assert blocked == "img-src" and page.complaints


def test_the_check_of_places_finds_a_cut_text_and_an_overlap(opened):
    page = opened(PAGE)
    page.evaluate("document.querySelector('#map svg g[data-key] rect').setAttribute('width', 20)")
    found = page.evaluate(MISPLACED, "#map")[1]
    assert any(one.startswith("cut: vm1") for one in found) and any(one.startswith("overlap") for one in found)


def test_what_is_wrong_is_shown_first(opened):
    page = opened(PAGE)
    assert shown(page, "#verdict").startswith("ns1-2 to ns2-2: dropped")
    assert "could not be asked: no route to host" in shown(page, "#notices")
    for words in ("missing", "altered", "foreign", "eth0 mtu 1500", "eth0 mtu 1450", "legacy iptables rules"):
        assert words in shown(page, "#drift")


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_placed_well(opened, example):
    page = opened(render(fabric_of(model_of(example), {}, {}, f"Fabric {example}")))
    page.click("#last")
    is_placed_well(page)
    assert page.complaints == [] and "dropped" not in shown(page, "#matrix-note")


# --- the matrix and the walk ---


def test_the_matrix_and_the_steps_work_by_keyboard(opened):
    page = opened(PAGE)
    page.focus("#fold")
    for _stop in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "TD":
            break
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("ns1-1 to ns1-2")
    for key in ("ArrowDown", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    assert (
        shown(page, "#cell")
        == "ns1-1 to ns2-1: delivered, TTL of the answer 62, at most 1450 bytes there and 1450 back"
    )
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "player"
    hops = TWO.walk(TWO.labels[0], TWO.labels[2])["forward"]["hops"]
    assert shown(page, "#count") == f"step 1 of {len(hops)}"
    for key, step in (("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("End", len(hops)), ("Home", 1)):
        page.keyboard.press(key)
        assert shown(page, "#count") == f"step {step} of {len(hops)}"


@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_each_step_shows_the_packet_and_what_decides(opened, direction):
    page = opened(PAGE)
    choose(page, "ns1-1", "ns2-1")
    page.click(f"#{direction}")
    places = []
    for hop in TWO.walk(TWO.labels[0], TWO.labels[2])[direction]["hops"]:
        headers = page.locator("#stack li:not(.gone)").all_inner_texts()
        assert [text.split()[0] for text in headers] == [header["type"] for header in hop["packet"]]
        assert f"{hop['packet'][0]['src']} → {hop['packet'][0]['dst']}" in headers[0]
        assert shown(page, "#step .note:nth-child(2)") == " › ".join(
            filter(None, (hop["node"], hop["netns"], hop["device"]))
        )
        codes = page.locator("#step code").all_inner_texts()
        assert codes == (
            [] if not hop["entry"] else [one for one in (hop["entry"]["text"], hop["entry"]["command"]) if one]
        )
        places.append((page.evaluate("document.querySelector('#scene .packet').style.transform"), hop["device"]))
        page.focus("#player")
        page.keyboard.press("ArrowRight")
    # it is elsewhere at each device
    assert len({place for place, _device in places}) >= len({device for _place, device in places}) > 4


def test_headers_that_come_and_go_are_marked(opened):
    page = opened(PAGE)
    choose(page, "ns1-1", "ns2-1")
    grown, gone = 0, 0
    for _hop in range(20):
        page.click("#next")
        grown = max(grown, page.locator("#stack .grown").count())
        gone += page.locator("#stack .gone").count()
    assert grown == 4 and gone == 1


def test_a_click_on_a_cell_shows_its_walk(opened):
    page = opened(PAGE)
    page.click("td[aria-label^='ns2-1 to ns1-2']")
    assert shown(page, "#verdict").startswith("ns2-1 to ns1-2: delivered")
    assert page.locator("td.chosen").get_attribute("aria-label").startswith("ns2-1 to ns1-2")


def test_it_plays_by_itself_to_the_end(opened):
    page = opened(PAGE)
    page.clock.install()
    page.focus("#player")
    page.keyboard.press("Space")
    assert shown(page, "#play").endswith("Pause")
    page.clock.run_for(10_000)
    assert shown(page, "#count") == "step 6 of 6" and shown(page, "#play").endswith("Play")


def test_a_pair_that_was_not_walked_says_how_to_ask(opened):
    page = opened(PAGE)
    page.select_option("#to", label="outside")
    assert "nodenet.fabric.walk -e walk_from=ns1-2 -e walk_to=outside" in shown(page, "#verdict")
    assert page.is_disabled("#next") and page.complaints == []


# --- for everybody ---


@pytest.mark.parametrize("width, scheme", [(1280, "dark"), (390, "light")])
def test_axe_finds_nothing(opened, width, scheme):
    axe = Path(pytest.importorskip("axe_playwright_python").__file__).parent / "axe.min.js"
    page = opened(PAGE, width, 844, scheme)
    page.evaluate(axe.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]] == []
    assert len(found["passes"]) > 30


def test_axe_would_find_a_fault(opened):
    axe = Path(pytest.importorskip("axe_playwright_python").__file__).parent / "axe.min.js"
    page = opened(PAGE)
    page.evaluate("document.querySelector('#from').parentElement.replaceWith(document.querySelector('#from'))")
    page.evaluate(axe.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({runOnly: ['select-name']})")
    assert [one["id"] for one in found["violations"]] == ["select-name"]


def test_colours_can_be_switched(opened):
    page = opened(PAGE)
    colour = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(colour)
    page.click("#theme")
    dark = page.evaluate(colour)
    page.click("#theme")
    assert before == page.evaluate(colour) != dark


def test_on_paper_there_are_no_buttons_and_all_steps(opened, keep):
    page = opened(PAGE)
    page.emulate_media(media="print")
    assert not page.is_visible("nav") and not page.is_visible("#next") and not page.is_visible("#theme")
    assert page.is_visible("#list li >> nth=5") and page.is_visible("#grid table")
    keep(page, "print")
    assert page.pdf()[:5] == b"%PDF-"


# --- texts and sizes ---


def test_markup_in_every_field_is_only_text(opened, keep):
    strange = Fabric(2, 2, lambda text: text + MARKUP)
    page = opened(render(reported(strange, MARKUP)))
    plain = opened(PAGE)
    names = "() => [...new Set([...document.querySelectorAll('*')].map(one => one.tagName))].sort()"
    assert page.evaluate(names) == plain.evaluate(names)
    assert page.evaluate("document.scripts.length") == 3
    for words in (
        f"vm1{MARKUP}",
        f"no route to host{MARKUP}",
        f"eth0{MARKUP}",
        f"1500{MARKUP}",
        f"legacy iptables rules{MARKUP}",
    ):
        assert words in page.evaluate("document.querySelector('main').textContent")
    assert page.text_content("title") == f"Fabric of examples/vxlan{MARKUP}"
    choose(page, f"ns1-1{MARKUP}", f"ns2-1{MARKUP}")
    for _step in range(20):
        page.click("#next")
    keep(page, "markup")
    is_placed_well(page)
    assert page.complaints == [] and page.requests == [page.url]


def test_fifty_nodes_can_be_read_and_unfolded(opened, keep):
    large = Fabric(50, 1)
    page = opened(render(reported(large)))
    keep(page, "fifty-1280x800")
    is_placed_well(page)
    assert page.locator("#map .node .name").all_text_contents() == large.nodes
    # as large on the screen as it was made
    assert page.evaluate("document.querySelector('#map svg').getScreenCTM().a") == pytest.approx(1, abs=0.01)
    assert page.locator("#grid tbody tr").count() == 50
    page.focus("#map [aria-label='Unfold vm7']")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Fold vm7"
    assert "ns7-1" in page.locator("#map .space .name").all_text_contents()
    is_placed_well(page)
    page.keyboard.press("Enter")
    assert page.locator("#map .space").count() == 0


@pytest.mark.parametrize("width", [390, 1280])
def test_a_node_with_many_endpoints_is_placed_well(opened, keep, width):
    page = opened(render(reported(Fabric(2, 12))), width)
    page.click("#unfold")
    keep(page, f"many-{width}")
    is_placed_well(page)
