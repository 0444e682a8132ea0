"""Roles that were made before the mirror existed get what new sites give them."""

from __future__ import annotations

from django.db import migrations

from conversations.migrations._roles import EVERY, NEEDED, VIEW, granting

MODELS = ("conversationmirror", "drift")


class Migration(migrations.Migration):
    dependencies = (("conversations", "0023_mirror"), *NEEDED)
    operations = (granting({"supervisor": dict.fromkeys(MODELS, VIEW), "administrator": dict.fromkeys(MODELS, EVERY)}),)
