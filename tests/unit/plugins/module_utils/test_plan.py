# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan is pure: it is held against a model of a kernel that is nothing but a dict."""

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import Conflict, InputError
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.kind import overlying, underlying
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.plan import make_plan
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.resource import Desired, Resource
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.step import ADOPT, CHANGE, CREATE, DELETE, FALL
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_kinds import KINDS, RodKey, absent, actions, box, carried_out, lamp, present, rod, tag, twins, world


def test_what_others_stand_on_is_made_first_and_removed_last():
    things = [tag("a", "r", "t"), rod("a", "r"), box("a")]
    plan = make_plan(KINDS, {}, present(*things))
    assert actions(plan) == [(CREATE, "a"), (CREATE, "a", "r"), (CREATE, "a", "r", "t")]
    plan = make_plan(KINDS, world(*things), absent(*things))
    assert actions(plan) == [(FALL, "a", "r"), (FALL, "a", "r", "t"), (DELETE, "a")]


def test_twins_are_made_by_one_step():
    pair = twins(("a", "r"), ("b", "r"))
    plan = make_plan(KINDS, world(box("a"), box("b")), present(*pair))
    assert actions(plan) == [(CREATE, "a", "r")]
    assert plan.steps[0].companions == (pair[1],)


def test_a_twin_alone_takes_the_other_with_it_and_what_hangs_on_both():
    pair = twins(("a", "r"), ("b", "r"))
    there = world(box("a"), box("b"), *pair, tag("a", "r", "t"), tag("b", "r", "t"))
    plan = make_plan(KINDS, there, absent(pair[1]))
    assert sorted(actions(plan)) == [(DELETE, "b", "r"), (FALL, "a", "r", "t"), (FALL, "b", "r", "t")]
    assert set(carried_out(there, plan)) == {("box", ("a",)), ("box", ("b",))}


def test_a_fixed_field_makes_the_object_anew_with_all_that_hung_on_it():
    there = world(box("a"), rod("a", "r", colour="red", size=1), tag("a", "r", "t", owner=None))
    plan = make_plan(KINDS, there, present(rod("a", "r", colour="blue")))
    assert actions(plan) == [(FALL, "a", "r", "t"), (DELETE, "a", "r"), (CREATE, "a", "r"), (CREATE, "a", "r", "t")]
    assert "colour" in plan.steps[1].reason
    # what is not managed stays as it was
    assert carried_out(there, plan)["rod", ("a", "r")].values == {"colour": "blue", "size": 1}


def test_a_field_that_can_be_changed_is_changed_in_place():
    there = world(box("a"), rod("a", "r", colour="red", size=1))
    plan = make_plan(KINDS, there, present(rod("a", "r", colour="red", size=2)))
    assert [(step.action, step.fields) for step in plan.steps] == [(CHANGE, ("size",))]


def test_what_is_unset_is_not_managed():
    assert not make_plan(KINDS, world(box("a"), rod("a", "r", size=7)), present(rod("a", "r")))


@pytest.mark.parametrize("desired", [present(rod("a", "r", size=1)), absent(rod("a", "r"))])
def test_foreign_objects_are_a_conflict_unless_adopted(desired):
    there = world(box("a"), rod("a", "r", owner=None, size=1))
    with pytest.raises(Conflict, match="rod 'r' in namespace 'a'"):
        make_plan(KINDS, there, desired)
    assert actions(make_plan(KINDS, there, desired, adopt=True)) in ([(ADOPT, "a", "r")], [(DELETE, "a", "r")])


def test_all_conflicts_are_told_together():
    there = world(box("a", owner=None), box("b", owner=None))
    with pytest.raises(Conflict) as found:
        make_plan(KINDS, there, present(box("a"), box("b")))
    assert len(found.value.problems) == 2


def test_a_shared_object_is_changed_whoever_set_it_and_given_back_only_by_who_holds_it():
    theirs = Resource("dial", RodKey("a", "d"), {"value": "0"})
    assert actions(make_plan(KINDS, world(theirs), present(theirs.merged({"value": "1"}).owned("me")))) == [
        (CHANGE, "a", "d")
    ]
    assert not make_plan(KINDS, world(theirs), absent(theirs))
    ours = Resource("dial", RodKey("a", "d"), {"value": "1", "before": "0"}, "me")
    assert actions(make_plan(KINDS, world(ours), absent(ours))) == [(DELETE, "a", "d")]


def test_a_shared_object_that_is_as_desired_is_held_and_released_as_it_is():
    theirs = Resource("dial", RodKey("a", "d"), {"value": "1"})
    (step,) = make_plan(KINDS, world(theirs), present(theirs.owned("me"))).steps
    assert (step.action, step.after.owner, step.fields) == (ADOPT, "me", ())
    ours = Resource("dial", RodKey("a", "d"), {"value": "1", "before": "1"}, "me")
    assert not make_plan(KINDS, world(ours), present(theirs.owned("me")))
    (step,) = make_plan(KINDS, world(ours), absent(ours)).steps
    assert (step.action, step.after.owner, step.reason) == (ADOPT, None, "")


def test_what_belongs_to_nobody_and_is_desired_by_nobody_is_settled():
    """The lab's own objects have no owner, and its desired name none."""
    there = world(box("a", owner=None), rod("a", "r", owner=None, size=1))
    assert not make_plan(KINDS, there, [Desired(one) for one in there.values()], adopt=True)


def test_what_stands_on_nothing_is_refused_with_the_options_name():
    with pytest.raises(InputError, match="^config.3..rod: there is no rod 'r' in namespace 'a'"):
        make_plan(KINDS, world(box("a")), [Desired(tag("a", "r", "t"), True, "config[3].")])


def test_what_would_stand_on_something_that_goes_is_refused():
    with pytest.raises(InputError, match="there is no rod"):
        make_plan(KINDS, world(box("a"), rod("a", "r")), absent(rod("a", "r")) + present(tag("a", "r", "t")))


def test_what_needs_something_provided_ends_with_the_last_that_provides_it_and_comes_back_with_it():
    there = world(box("a"), rod("a", "r"), tag("a", "r", "t", ink="red"), tag("a", "r", "u"), lamp("a", "r"))
    assert actions(make_plan(KINDS, there, absent(tag("a", "r", "t")))) == [(DELETE, "a", "r", "t")]
    both = make_plan(KINDS, there, absent(tag("a", "r", "t"), tag("a", "r", "u")))
    assert (FALL, "a", "r", 1) in actions(both)
    del there["tag", ("a", "r", "u")]
    anew = make_plan(KINDS, there, present(tag("a", "r", "t", ink="blue")))
    assert actions(anew) == [
        (FALL, "a", "r", 1),
        (DELETE, "a", "r", "t"),
        (CREATE, "a", "r", "t"),
        (CREATE, "a", "r", 1),
    ]


def test_what_a_tie_does_not_bind_stays_and_what_it_needs_must_be_there():
    there = world(box("a"), rod("a", "r"), rod("a", "s", leans=("a", "r")))
    assert actions(make_plan(KINDS, there, absent(rod("a", "r")))) == [(DELETE, "a", "r")]
    with pytest.raises(InputError, match="leans: there is no rod 'q'"):
        make_plan(KINDS, there, [Desired(rod("a", "s", leans=("a", "q")), True, "")])


def test_an_order_alone_needs_nothing_and_is_kept():
    there = world(box("a"), rod("a", "r"), tag("a", "r", "t"))
    lit = lamp("a", "r", 1, lit_by=("a", "r", 2))
    assert actions(make_plan(KINDS, there, present(lit))) == [(CREATE, "a", "r", 1)]
    assert actions(make_plan(KINDS, there, present(lit, lamp("a", "r", 2)))) == [
        (CREATE, "a", "r", 2),
        (CREATE, "a", "r", 1),
    ]


def test_the_kinds_that_a_run_can_touch_follow_from_what_each_declares():
    assert underlying(KINDS, {"lamp"}) == {"lamp", "rod", "box"}
    assert overlying(KINDS, {"tag"}) == {"tag", "lamp"}
    assert overlying(KINDS, {"rod"}) == {"rod", "tag", "lamp"}


def test_purge_takes_ours_that_nobody_desires():
    there = world(box("a"), box("b"), box("c", owner=None), box("d", owner="you"))
    plan = make_plan(KINDS, there, present(box("a")), purge=lambda found: found.owner == "me")
    assert actions(plan) == [(DELETE, "b")]


# Worlds of a few boxes, rods (some of them twins) and tags, any of them there or not.

PLACES, NAMES = ("a", "b"), ("x", "y")
SPOTS = [(place, name) for place in PLACES for name in NAMES]


@st.composite
def worlds(draw):
    boxes = draw(st.sets(st.sampled_from(PLACES)))
    found = [box(place) for place in sorted(boxes)]
    spots = [spot for spot in SPOTS if spot[0] in boxes and draw(st.booleans())]
    colour = st.sampled_from(["red", "blue"])
    if len(spots) > 1 and draw(st.booleans()):
        found += twins(spots[0], spots[1], colour=draw(colour), size=draw(st.integers(1, 2)))
        single = spots[2:]
    else:
        single = spots
    found += [rod(*spot, colour=draw(colour), size=draw(st.integers(1, 2)), twin=None) for spot in single]
    leaning = [one for one in found if one.kind == "rod" and draw(st.booleans())]
    leaning = {one.ref for one in leaning if one.key != spots[0]}
    found = [
        one.merged({"leans": spots[0] if one.ref in leaning else None}) if one.kind == "rod" else one for one in found
    ]
    for spot in spots:
        names = draw(st.sets(st.sampled_from(["t", "u"])))
        found += [tag(*spot, name, ink=draw(colour), size=draw(st.integers(1, 2))) for name in sorted(names)]
        if names and draw(st.booleans()):
            found += [lamp(*spot, 1), lamp(*spot, 2, lit_by=(*spot, 1))]
    return world(*found)


def towards(there, goal):
    """Return desired that say ``goal`` and nothing else."""
    return present(*goal.values()) + absent(*(thing for ref, thing in there.items() if ref not in goal))


@settings(max_examples=400, deadline=None)
@given(worlds(), worlds())
def test_the_plan_leads_from_any_world_to_any_other_and_then_there_is_nothing_left(there, goal):
    plan = make_plan(KINDS, there, towards(there, goal))
    reached = carried_out(there, plan)
    assert reached == goal
    assert not make_plan(KINDS, reached, towards(reached, goal))


@settings(max_examples=400, deadline=None)
@given(worlds(), worlds(), st.data())
def test_from_any_point_on_the_way_the_way_back_leads_to_the_first_world(there, goal, data):
    plan = make_plan(KINDS, there, towards(there, goal))
    reached = 0 if not plan.levels else data.draw(st.integers(0, len(plan.levels)))
    if reached < len(plan.levels):
        plan.last = []  # which is for when all else is seen to work
    plan.levels = plan.levels[:reached]
    half_way = carried_out(there, plan)
    back = make_plan(KINDS, half_way, towards(half_way, there), adopt=True)
    assert carried_out(half_way, back) == there


def test_what_two_hold_up_is_made_again_when_one_goes_and_the_other_is_made_anew():
    held = [box("a"), rod("a", "x"), lamp("a", "x")]
    there = world(*held, tag("a", "x", "t", ink="red"), tag("a", "x", "u", ink="red"))
    goal = world(*held, tag("a", "x", "t", ink="blue"))
    assert carried_out(there, make_plan(KINDS, there, towards(there, goal))) == goal
