"""Whoever enters the administration in these tests."""

from __future__ import annotations

import pytest
from django.test import Client

from conversations.models import User
from tests import factories
from tests.conversations.admin.browsing import signed_in


@pytest.fixture
def administrator(db: None) -> User:
    """Somebody with every permission of the product, but no superuser."""
    return factories.make_user("administrator", name="Ada Admin")


@pytest.fixture
def admin_browser(administrator: User) -> Client:
    """The administrator's browser."""
    return signed_in(administrator)
