"""The rule of overlap against what it stands for, tried one by one: paths by all paths, ports by all ports, quotas by sums."""

import re
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from services.tasks.board import resources

SEGMENTS = ["", *map("".join, product("ab", repeat=1)), *map("".join, product("ab", repeat=2))]
PATHS = ["/".join(path) for length in (1, 2, 3, 4) for path in product(SEGMENTS[1:], repeat=length)]
segments = st.sampled_from(["a", "b", "ab", "*", "?", "a*", "*b", "?b", "a?", "**"])
globs = st.lists(segments, min_size=1, max_size=3).map("/".join)
few_ports = st.tuples(st.integers(1, 12), st.integers(0, 4)).map(lambda each: f"{each[0]}-{each[0] + each[1]}")
quotas = st.tuples(st.integers(1, 3), st.integers(3, 5)).map(lambda each: f"quota:gpu={each[0]}/{each[1]}")
anything = st.one_of(
    globs.map("path:{}".format), few_ports.map("port:{}".format), st.sampled_from(["branch:a", "branch:b"]), quotas
)


def matcher(glob: str) -> "re.Pattern[str]":
    """What a glob stands for, written down by somebody else: the standard's regular expressions."""
    parts = [
        "(?:[^/]+/)*" if each == "**" else each.replace("*", "[^/]*").replace("?", "[^/]") + "/"
        for each in glob.split("/")
    ]
    return re.compile("".join(parts))


def matched(glob: str) -> set[str]:
    found = matcher(glob)
    return {path for path in PATHS if found.fullmatch(f"{path}/")}


@settings(max_examples=300, deadline=None)
@given(globs, globs)
def test_globs_overlap_when_some_path_is_matched_by_both(one: str, other: str) -> None:
    # Two patterns of three segments of two characters meet in a path of four, if in any: `a/a/**` and `**/b/a` do.
    assert resources.overlap(f"path:{one}", f"path:{other}") == bool(matched(one) & matched(other)) or (
        # But `**/**` and its like, which together stand for no segment at all.
        {*one.split("/"), *other.split("/")} == {"**"}
    )


@given(few_ports, few_ports)
def test_ranges_of_ports_overlap_when_they_share_one(one: str, other: str) -> None:
    shared = [set(range(int(first), int(last) + 1)) for first, last in (each.split("-") for each in (one, other))]
    assert resources.overlap(f"port:{one}", f"port:{other}") == bool(shared[0] & shared[1])


def allowed(together: list[list[str]]) -> bool:
    """Whether all of these may be had at the same time, tried pair by pair and by sums."""
    for number, mine in enumerate(together):
        for theirs in together[number + 1 :]:
            for one, other in product(mine, theirs):
                if resources.overlap(one, other):
                    return False
    sizes = [
        (index, *map(int, each.split("=")[1].split("/")))
        for index, needed in enumerate(together)
        for each in needed
        if each.startswith("quota:")
    ]
    several = len({index for index, *_ in sizes}) > 1
    return not several or sum(amount for _, amount, _ in sizes) <= min(limit for *_, limit in sizes)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(anything, max_size=2, unique=True), max_size=3),
    st.lists(st.lists(anything, max_size=2, unique=True), max_size=5),
)
def test_what_is_chosen_goes_together_and_nothing_is_left_that_nothing_better_keeps(
    held: list[list[str]], wanted: list[list[str]]
) -> None:
    has = {f"held {number}": each for number, each in enumerate(held)}
    wants = {f"wanted {number}": each for number, each in enumerate(wanted)}
    taken = resources.Taken(has.values())
    chosen = [key for key, each in wants.items() if taken.take(each)]
    if allowed(held):
        assert allowed([*held, *(wants[each] for each in chosen)])
    # Each that was left conflicts with what is held, or with one that stands before it.
    for number, key in enumerate(wants):
        before = [*held, *wanted[:number]]
        conflicts = resources.conflict(wants[key], dict(zip(map(str, range(len(before))), before, strict=True)))
        assert (key in chosen) == (conflicts is None)
