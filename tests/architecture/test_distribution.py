"""Tests that share a running system go to one process, or each process would start its own."""

import pytest


@pytest.mark.xdist_group("stack")
def test_the_id_of_a_test_names_the_system_that_it_shares(request: pytest.FixtureRequest) -> None:
    distributed = hasattr(request.config, "workerinput")
    assert request.node.nodeid.endswith("@stack") == distributed
