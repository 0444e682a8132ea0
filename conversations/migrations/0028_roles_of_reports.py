"""Roles that were made before the reports existed get what new sites give them."""

from __future__ import annotations

from django.db import migrations

from conversations.migrations._roles import EVERY, NEEDED, granting

HOURS = {
    "workinghours": ("add", "change", "view"),
    "workingperiod": EVERY,
    "holiday": EVERY,
}
KEPT = ("reportchange", "reportcount", "conversationtimes")
SEES = {"user": ("view_reports",)}


class Migration(migrations.Migration):
    dependencies = (("conversations", "0027_reports"), *NEEDED)
    operations = (granting(
            {"supervisor": HOURS | SEES, "administrator": dict.fromkeys((*HOURS, *KEPT), EVERY) | SEES},
            names={"view_reports": "May see the reports of their streams"},
        ),)
