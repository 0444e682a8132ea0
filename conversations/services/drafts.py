"""Keeping what somebody writes while they write it, and letting it go when it is sent."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from conversations.models import Conversation, Draft, Message, User
from conversations.models.activity import ActivityKind

LONGEST = 20_000  # characters; longer than anything that could be sent, so that nothing typed is cut


def save_draft(
    *, user: User, conversation: Conversation, kind: str, body: str, version: int, client_key: str = ""
) -> Draft | None:
    """Keep a text; None when it is empty, and with that the draft gone.

    `version` is what the writer knows (0: no draft): raises ValidationError with code `draft_changed` when another
    page has changed the draft since, unless nothing of it would be lost; `already_sent` when the text with that
    client_key has been sent; `draft_too_long`. Then nothing changes.
    """
    body, client_key = body.replace("\x00", ""), client_key.replace("\x00", "")
    if len(body) > LONGEST:
        raise ValidationError(
            f"The text has {len(body)} characters; a draft holds {LONGEST}. Shorten it to keep it.",
            code="draft_too_long",
        )
    try:
        with transaction.atomic():
            return _save(user, conversation, kind, body, version, client_key)
    except IntegrityError as error:  # another page was first to begin this draft
        raise _changed() from error


def _save(user: User, conversation: Conversation, kind: str, body: str, version: int, client_key: str) -> Draft | None:
    draft = Draft.objects.select_for_update().filter(user=user, conversation=conversation, kind=kind).first()
    if draft is None and client_key and was_sent(conversation, client_key):
        raise ValidationError("This text was sent already. Reload the page to see it.", code="already_sent")
    if body == (draft.body if draft else "") or (draft is None and not body.strip()):
        return draft  # the same save, for the second time
    if version != (draft.version if draft else 0) and not (draft and draft.body.strip() in body):
        raise _changed()
    if not body.strip():
        assert draft is not None
        draft.delete()
        return None
    if draft is None:
        return Draft.objects.create(user=user, conversation=conversation, kind=kind, body=body)
    draft.body, draft.version = body, draft.version + 1
    draft.save(update_fields=["body", "version", "updated_at"])
    return draft


def was_sent(conversation: Conversation, client_key: str) -> bool:
    """Did the form with this key leave its reply or its remark?"""
    remarks = conversation.activities.filter(kind=ActivityKind.REMARK, data__client_key=client_key)
    return Message.objects.filter(client_key=client_key).exists() or remarks.exists()


def _changed() -> ValidationError:
    return ValidationError(
        "This draft was changed in another window. Reload the page to see the other text.", code="draft_changed"
    )


def drafts_in(conversation: Conversation, user: User) -> dict[str, Draft]:
    """Somebody's drafts in a conversation, by kind."""
    return {draft.kind: draft for draft in Draft.objects.filter(user=user, conversation=conversation)}


def let_go(conversation: Conversation, user: User, kind: str) -> None:
    """The text was sent, or is not wanted: the draft is gone. Called in the transaction that sends."""
    Draft.objects.filter(user=user, conversation=conversation, kind=kind).delete()


def put_back(conversation: Conversation, user: User, kind: str, body: str) -> Draft:
    """Make a text that was taken back the draft again, above whatever was begun meanwhile."""
    with transaction.atomic():
        draft = Draft.objects.select_for_update().filter(user=user, conversation=conversation, kind=kind).first()
        if draft is None:
            return Draft.objects.create(user=user, conversation=conversation, kind=kind, body=body)
        if draft.body != body:
            draft.body, draft.version = f"{body}\n\n{draft.body}", draft.version + 1
            draft.save(update_fields=["body", "version", "updated_at"])
        return draft
