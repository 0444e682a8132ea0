"""All tables, functions and triggers from nothing; the 41 migrations that made them one by one are gone.

A database that had all of them has nothing to do. One that had only some is refused (conversations/checks.py).
"""

from __future__ import annotations

from django.db import migrations

from conversations.migrations._at_once import AtOnce
from conversations.migrations.schema_0041 import (
    campaigns,
    conversations,
    customers,
    functions,
    messages,
    people,
    reports,
    streams,
    triggers,
    webhooks,
)

REPLACED = (
    "0001_initial",
    "0002_delivery_engine",
    "0003_places_under_way",
    "0004_session_of_an_attempt",
    "0005_composer",
    "0006_search",
    "0007_inbox",
    "0008_operations",
    "0009_contacts",
    "0010_reply_due",
    "0011_permissions",
    "0012_roles_of_canned_replies",
    "0013_whatsapp",
    "0014_notifications",
    "0015_campaigns",
    "0016_triggers_of_campaigns",
    "0017_roles_of_permissions_and_campaigns",
    "0018_columns_of_campaigns_and_prices",
    "0019_audit",
    "0020_what_comes_in",
    "0021_lists_read_by_workers",
    "0022_sets_of_campaigns",
    "0023_mirror",
    "0024_roles_of_the_mirror",
    "0025_notifications_of_campaigns",
    "0026_second_factor",
    "0027_reports",
    "0028_roles_of_reports",
    "0029_chunks_in_the_order_of_their_campaign",
    "0030_erasure",
    "0031_roles_of_privacy",
    "0032_sessions_and_retention",
    "0033_floor",
    "0034_first_replies_by_what_was_written",
    "0035_api_keys",
    "0036_roles_of_api_keys",
    "0037_promised_times",
    "0038_outgoing_webhooks",
    "0039_roles_of_outgoing_webhooks",
    "0040_reach",
    "0041_customer_records",
)


class Migration(migrations.Migration):
    initial = True
    dependencies = (("auth", "0012_alter_user_first_name_max_length"),)
    replaces = [("conversations", name) for name in REPLACED]
    operations = (
        AtOnce(
            *people.TABLES,
            *streams.TABLES,
            *customers.TABLES,
            *conversations.TABLES,
            *messages.TABLES,
            *campaigns.TABLES,
            *webhooks.TABLES,
            *reports.TABLES,
            *functions.FUNCTIONS,
            *triggers.TRIGGERS,
        ),
    )
