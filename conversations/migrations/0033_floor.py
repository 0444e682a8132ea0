import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from conversations.migrations._roles import NEEDED, granting


# When a time of working hours is over that began at a moment: services/reports/working_time.py in PostgreSQL's words.
# Hours without a period would never be over: then the clock on the wall counts.
WORKING_DEADLINE = """
    CREATE FUNCTION parley_working_deadline(hours bigint, since timestamptz, minutes integer) RETURNS timestamptz
    LANGUAGE plpgsql STABLE AS $$
    DECLARE
        missing interval := make_interval(mins => minutes);
        zone text;
        today date;
        period record;
        begins timestamptz;
        ends timestamptz;
        reached timestamptz := since;
    BEGIN
        SELECT time_zone INTO zone FROM conversations_workinghours WHERE id = hours;
        IF zone IS NULL OR minutes IS NULL
           OR NOT EXISTS (SELECT FROM conversations_workingperiod WHERE hours_id = hours) THEN
            RETURN since + missing;
        END IF;
        today := (since AT TIME ZONE zone)::date;
        FOR number IN 0..400 LOOP
            IF NOT EXISTS (SELECT FROM conversations_holiday WHERE hours_id = hours AND day = today + number) THEN
                FOR period IN
                    SELECT opens_at, closes_at FROM conversations_workingperiod
                     WHERE hours_id = hours AND weekday = EXTRACT(ISODOW FROM today + number) - 1
                     ORDER BY opens_at
                LOOP
                    begins := greatest((today + number + period.opens_at) AT TIME ZONE zone, reached);
                    ends := CASE WHEN period.closes_at = '00:00' THEN (today + number + 1)::timestamp
                                 ELSE today + number + period.closes_at END AT TIME ZONE zone;
                    IF ends > begins THEN
                        IF ends - begins >= missing THEN
                            RETURN begins + missing;
                        END IF;
                        missing := missing - (ends - begins);
                        reached := ends;
                    END IF;
                END LOOP;
            END IF;
        END LOOP;
        RETURN since + make_interval(mins => minutes);
    END $$
"""


class Migration(migrations.Migration):

    dependencies = [
        ('conversations', '0032_sessions_and_retention'),
        *NEEDED,
    ]

    operations = [
        migrations.RunSQL(WORKING_DEADLINE, "DROP FUNCTION parley_working_deadline(bigint, timestamptz, integer)"),
        migrations.AlterModelOptions(
            name='user',
            options={'ordering': ('name', 'id'), 'permissions': [('view_every_stream', 'Sees the conversations of every stream'), ('enter_admin', 'May enter the administration'), ('send_messages', 'May write to customers on the streams of their teams'), ('send_in_bulk', 'May send campaigns'), ('cancel_any_message', 'May cancel messages of others'), ('release_unconfirmed', 'May decide on unconfirmed messages'), ('lift_opt_out', 'May record an opt-in of a customer who opted out, with proof'), ('view_reports', 'May see the reports of their streams'), ('watch_floor', 'May see who works and what waits, and move the work of others'), ('manage_accounts', 'May change accounts, streams and secrets'), ('see_numbers', 'Sees whole phone numbers; without it only their last four digits'), ('export_person', 'May download everything about one person'), ('erase_person', 'May erase everything about one person')]},
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='conversation',
            name='conversation_urgency_first',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='conversation',
            name='conversation_urgency',
        ),
        migrations.AddField(
            model_name='stream',
            name='return_after',
            field=models.PositiveIntegerField(blank=True, help_text='Minutes of the working hours after which a conversation goes back among the unassigned when the person who has it leaves the customer waiting. Empty: never.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='give back after'),
        ),
        migrations.AlterField(
            model_name='stream',
            name='reply_within',
            field=models.PositiveIntegerField(default=240, help_text='Minutes of the working hours in which a customer who wrote should have an answer. Lists are sorted by it.', validators=[django.core.validators.MinValueValidator(1)], verbose_name='answer within'),
        ),
        migrations.AlterField(
            model_name='stream',
            name='working_hours',
            field=models.ForeignKey(blank=True, help_text='When somebody is there to answer. Empty: around the clock.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='streams', to='conversations.workinghours'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='conversation',
            trigger=pgtrigger.compiler.Trigger(name='conversation_urgency_first', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (NOT (\n        NEW.status NOT IN ('open', 'snoozed', 'waiting') AND NEW.urgency = 50000000000000 - 1 - (EXTRACT(EPOCH FROM NEW.last_message_at) * 1000)::bigint\n        AND NEW.failed_at IS NULL AND NEW.snoozed_until IS NULL\n        AND NEW.waiting_since IS NULL AND NEW.reply_due_at IS NULL\n    ))", func="\n        IF TG_OP = 'INSERT' THEN\n            NEW.failed_at := NULL;\n        ELSIF pg_trigger_depth() < 2 THEN\n            NEW.failed_at := OLD.failed_at;  -- a row saved as it was read a while ago knows an old one\n        END IF;\n        IF NEW.status <> 'snoozed' THEN\n            NEW.snoozed_until := NULL;\n        END IF;\n        IF NEW.waiting_since IS NULL THEN\n            NEW.reply_due_at := NULL;\n        ELSIF TG_OP = 'INSERT' OR OLD.waiting_since IS DISTINCT FROM NEW.waiting_since THEN\n            SELECT parley_working_deadline(stream.working_hours_id, NEW.waiting_since, stream.reply_within)\n              INTO NEW.reply_due_at\n              FROM conversations_stream AS stream WHERE stream.id = NEW.stream_id;\n        ELSE\n            NEW.reply_due_at := OLD.reply_due_at;\n        END IF;\n        NEW.urgency := CASE\n            WHEN NEW.status NOT IN ('open', 'snoozed', 'waiting') THEN\n                50000000000000 - 1 - (EXTRACT(EPOCH FROM NEW.last_message_at) * 1000)::bigint\n            WHEN NEW.status = 'snoozed' THEN\n                50000000000000\n                + COALESCE((EXTRACT(EPOCH FROM NEW.snoozed_until) * 1000)::bigint, 10000000000000 - 1)\n            WHEN NEW.failed_at IS NOT NULL THEN\n                0 + (EXTRACT(EPOCH FROM NEW.failed_at) * 1000)::bigint\n            WHEN NEW.reply_due_at IS NOT NULL THEN\n                10000000000000 + (EXTRACT(EPOCH FROM NEW.reply_due_at) * 1000)::bigint\n            WHEN NEW.window_closes_at > now() THEN\n                20000000000000 + (EXTRACT(EPOCH FROM NEW.window_closes_at) * 1000)::bigint\n            WHEN NEW.unread_count > 0 THEN\n                40000000000000 - 1 - (EXTRACT(EPOCH FROM NEW.last_message_at) * 1000)::bigint\n            ELSE\n                50000000000000 - 1 - (EXTRACT(EPOCH FROM NEW.last_message_at) * 1000)::bigint\n        END;\n        RETURN NEW;\n    ", hash='8ab0681022b27433eb1b49a013f76e30c2b06952', operation='INSERT', pgid='pgtrigger_conversation_urgency_first_451fb', table='conversations_conversation', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='conversation',
            trigger=pgtrigger.compiler.Trigger(name='conversation_urgency', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF TG_OP = 'INSERT' THEN\n            NEW.failed_at := NULL;\n        ELSIF pg_trigger_depth() < 2 THEN\n            NEW.failed_at := OLD.failed_at;  -- a row saved as it was read a while ago knows an old one\n        END IF;\n        IF NEW.status <> 'snoozed' THEN\n            NEW.snoozed_until := NULL;\n        END IF;\n        IF NEW.waiting_since IS NULL THEN\n            NEW.reply_due_at := NULL;\n        ELSIF TG_OP = 'INSERT' OR OLD.waiting_since IS DISTINCT FROM NEW.waiting_since THEN\n            SELECT parley_working_deadline(stream.working_hours_id, NEW.waiting_since, stream.reply_within)\n              INTO NEW.reply_due_at\n              FROM conversations_stream AS stream WHERE stream.id = NEW.stream_id;\n        ELSE\n            NEW.reply_due_at := OLD.reply_due_at;\n        END IF;\n        NEW.urgency := CASE\n            WHEN NEW.status NOT IN ('open', 'snoozed', 'waiting') THEN\n                50000000000000 - 1 - (EXTRACT(EPOCH FROM NEW.last_message_at) * 1000)::bigint\n            WHEN NEW.status = 'snoozed' THEN\n                50000000000000\n                + COALESCE((EXTRACT(EPOCH FROM NEW.snoozed_until) * 1000)::bigint, 10000000000000 - 1)\n            WHEN NEW.failed_at IS NOT NULL THEN\n                0 + (EXTRACT(EPOCH FROM NEW.failed_at) * 1000)::bigint\n            WHEN NEW.reply_due_at IS NOT NULL THEN\n                10000000000000 + (EXTRACT(EPOCH FROM NEW.reply_due_at) * 1000)::bigint\n            WHEN NEW.window_closes_at > now() THEN\n                20000000000000 + (EXTRACT(EPOCH FROM NEW.window_closes_at) * 1000)::bigint\n            WHEN NEW.unread_count > 0 THEN\n                40000000000000 - 1 - (EXTRACT(EPOCH FROM NEW.last_message_at) * 1000)::bigint\n            ELSE\n                50000000000000 - 1 - (EXTRACT(EPOCH FROM NEW.last_message_at) * 1000)::bigint\n        END;\n        RETURN NEW;\n    ", hash='a03e8f3ae3e4269d61af238298d63d54d169009f', operation='UPDATE', pgid='pgtrigger_conversation_urgency_328e3', table='conversations_conversation', when='BEFORE')),
        ),
        granting(
            dict.fromkeys(("supervisor", "administrator"), {"user": ("watch_floor",)}),
            names={"watch_floor": "May see who works and what waits, and move the work of others"},
        ),
    ]
