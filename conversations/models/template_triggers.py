"""What PostgreSQL keeps of templates: the number of each wording, and the history of wordings and statuses.

They follow from the row, whoever changes it: the editor, an import, the administration, a shell.
"""

from __future__ import annotations

import pgtrigger

_CHANGED = "(NEW.components, NEW.category) IS DISTINCT FROM (OLD.components, OLD.category)"


def template_triggers() -> list[pgtrigger.Trigger]:
    """Counts the versions, and writes TemplateVersion and TemplateStatusChange."""
    return [
        pgtrigger.Trigger(
            name="template_version",
            when=pgtrigger.Before,
            operation=pgtrigger.Insert | pgtrigger.Update,
            func=f"""
                IF TG_OP = 'INSERT' THEN
                    NEW.version := 1;
                ELSIF {_CHANGED} THEN
                    NEW.version := OLD.version + 1;
                ELSE
                    NEW.version := OLD.version;  -- a row saved as it was read a while ago knows an old one
                END IF;
                RETURN NEW;
            """,
        ),
        pgtrigger.Trigger(
            name="template_history",
            when=pgtrigger.After,
            operation=pgtrigger.Insert | pgtrigger.Update,
            func="""
                IF TG_OP = 'INSERT' OR NEW.version <> OLD.version THEN
                    INSERT INTO conversations_templateversion
                        (template_id, number, category, components, made_by_id, created_at)
                    VALUES (NEW.id, NEW.version, NEW.category, NEW.components, NEW.changed_by_id, now());
                END IF;
                IF TG_OP = 'INSERT' OR NEW.status <> OLD.status THEN
                    INSERT INTO conversations_templatestatuschange
                        (template_id, from_status, to_status, reason, made_by_id, created_at)
                    VALUES (
                        NEW.id, CASE WHEN TG_OP = 'INSERT' THEN '' ELSE OLD.status END, NEW.status,
                        NEW.status_reason, NEW.changed_by_id, now()
                    );
                END IF;
                RETURN NULL;
            """,
        ),
    ]
