"""Who a conversation can be given to."""

from __future__ import annotations

from django.contrib.auth.models import Permission
from django.db.models import Exists, OuterRef, Q, QuerySet

from conversations.models import Stream, TeamMembership, User


def who_see(stream: Stream) -> QuerySet[User]:
    """The people who see a stream's conversations, by name."""
    in_team = TeamMembership.objects.filter(user=OuterRef("pk"), team__streams=stream)
    every_stream = Permission.objects.filter(content_type__app_label="conversations", codename="view_every_stream")
    return (
        User.objects.filter(is_active=True)
        .filter(
            Q(Exists(in_team))
            | Q(is_superuser=True)
            | Q(user_permissions__in=every_stream)
            | Q(groups__permissions__in=every_stream)
        )
        .distinct()
        .order_by("name", "id")
    )
