"""Roles of sites that stand already are given what a new version's roles have (decision 6)."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission

from conversations.migrations._roles import EVERY, granting
from tests import factories


@pytest.mark.django_db
def test_a_migration_gives_roles_permissions_that_are_new() -> None:
    supervisors, agents = Group.objects.get(name="supervisor"), Group.objects.get(name="agent")
    supervisors.permissions.remove(*supervisors.permissions.filter(codename__contains="cannedreply"))
    Permission.objects.filter(codename="view_cannedreply").delete()
    before = set(agents.permissions.values_list("codename", flat=True))
    operation = granting(
        {"supervisor": {"cannedreply": EVERY, "user": ("see_far",)}, "nobody yet": {"cannedreply": EVERY}},
        names={"see_far": "Sees far"},
    )
    for _ in range(2):
        operation.code(apps, None)
    of_canned = supervisors.permissions.filter(codename__contains="cannedreply")
    assert set(of_canned.values_list("codename", flat=True)) == {f"{verb}_cannedreply" for verb in EVERY}
    assert set(agents.permissions.values_list("codename", flat=True)) == before
    supervisor = factories.make_user("supervisor")
    assert supervisor.has_perms(("conversations.view_cannedreply", "conversations.see_far"))
