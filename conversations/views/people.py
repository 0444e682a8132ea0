"""Who a conversation can be given to, and who can be asked for a decision."""

from __future__ import annotations

from django.contrib.auth.models import Permission
from django.db.models import Q, QuerySet

from conversations.models import Stream, User


def who_see(stream: Stream) -> QuerySet[User]:
    """The people who see a stream's conversations, by name."""
    return User.objects.who_see([stream])


def who_decide(stream: Stream) -> list[User]:
    """The people who may decide on an unconfirmed message of a stream, by name."""
    release = Permission.objects.filter(content_type__app_label="conversations", codename="release_unconfirmed")
    may_release = Q(is_superuser=True) | Q(user_permissions__in=release) | Q(groups__permissions__in=release)
    of_the_stream = Q(memberships__team__team_streams__stream=stream, memberships__team__team_streams__can_send=True)
    return list(User.objects.filter(of_the_stream, may_release, is_active=True).distinct().order_by("name", "id")[:3])
