"""Changes to contacts by people: making one, changing one, and joining two that are the same person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, transaction

from conversations.models import ConsentState, Contact, ContactIdentity, Conversation, Message, OptIn, User
from conversations.models.activity import ActivityKind
from conversations.models.consent import ConsentDecision, ConsentEventKind, ConsentSource
from conversations.models.message import PENDING, MessageStatus, Purpose
from conversations.services import consent, handling
from conversations.services.activities import Note, note_all

DETAILS = ("first_name", "last_name", "email", "language", "time_zone", "record")
NUMBER_IS_KEPT = "CC004"  # models/triggers.py


def create_contact(*, phone: str, details: Mapping[str, str], actor: User) -> Contact:
    """A new contact. Raises ValidationError (`number_known`, `number_elsewhere`) when the number is taken."""
    try:
        with transaction.atomic():
            return Contact.objects.create(phone=phone, **{name: details.get(name, "") for name in DETAILS})
    except IntegrityError as error:
        raise number_taken(phone, actor) from error


def change_contact(contact: Contact, *, phone: str, details: Mapping[str, str], actor: User) -> None:
    """Change a contact. Raises ValidationError when the number is taken, or must stay since it was written to."""
    _refuse_erased(contact)
    contact.phone = phone
    for name in DETAILS:
        setattr(contact, name, details.get(name, ""))
    try:
        with transaction.atomic():
            contact.save()
    except IntegrityError as error:
        raise number_taken(phone, actor) from error
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", "") != NUMBER_IS_KEPT:
            raise
        said = str(error.__cause__).partition("\n")[0]
        raise ValidationError(
            f"{said} Make a new contact for the new number, and merge the two when the old one is given up.",
            code="number_kept",
        ) from error


def _refuse_erased(*contacts: Contact) -> None:
    if any(one.erased_at is not None for one in contacts):
        raise ValidationError("The data of this person was erased. Make a new contact instead.", code="erased")


def number_taken(phone: str, actor: User) -> ValidationError:
    """Why a number cannot be given to another contact; names its owner only to those who may see them."""
    owner = Contact.objects.visible_to(actor).filter(phone=phone).first()
    if owner is not None:
        sentence = "%(name)s has this number already."
        return ValidationError(sentence, code="number_known", params={"pk": owner.pk, "name": owner.name})
    return ValidationError(
        "This number cannot be added here. Write to it from New message, or ask a supervisor.", code="number_elsewhere"
    )


@dataclass(frozen=True, slots=True)
class MergePlan:
    """What joining two contacts would do; `hindrance` says why it cannot be done now."""

    kept: Contact
    given_up: Contact
    conversations: list[Conversation]
    to_resolve: list[Conversation]
    opt_outs: list[ConsentState]
    hindrance: str = ""


@dataclass(slots=True)
class MergeRecord:
    """What a merge did, as JSON, so that it can be undone: kept by the caller."""

    kept: int
    before: dict[str, str]
    given_up: dict[str, str]
    conversations: list[int] = field(default_factory=list)
    resolved: list[int] = field(default_factory=list)
    opt_ins: list[int] = field(default_factory=list)
    identities: list[int] = field(default_factory=list)
    shared_identities: list[int] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The record for a session."""
        return asdict(self)


def plan_merge(kept: Contact, given_up: Contact) -> MergePlan:
    """Look at what a merge would move, resolve and keep."""
    theirs = list(given_up.conversations.select_related("stream", "contact").newest_first())
    # A stream has one current conversation with a contact: of two the one that spoke last stays.
    ours = {one.stream_id: one for one in kept.conversations.current().select_related("stream", "contact")}
    to_resolve = []
    for one in theirs:
        other = ours.get(one.stream_id)
        if one.is_current and other is not None:
            to_resolve.append(min(one, other, key=lambda both: (both.last_message_at, both.pk)))
    return MergePlan(
        kept, given_up, theirs, to_resolve, opt_outs=_opt_outs_to_keep(kept, given_up), hindrance=_hindrance(given_up)
    )


def _hindrance(given_up: Contact) -> str:
    on_the_way = Message.objects.filter(conversation__contact=given_up)
    if on_the_way.filter(status__in=PENDING).exists():
        return (
            f"A message to {given_up.phone_display} is waiting to be sent and would go to another number. "
            "Cancel it, or wait until it has left."
        )
    if on_the_way.filter(status=MessageStatus.UNCONFIRMED).exists():
        return f"A message to {given_up.phone_display} is not confirmed. Decide on it first."
    return ""


def _opt_outs_to_keep(kept: Contact, given_up: Contact) -> list[ConsentState]:
    """Opt-outs of the number that is given up which the kept number does not have."""
    ours = {_reach(state): state for state in ConsentState.objects.filter(phone=kept.phone)}
    return [
        state
        for state in ConsentState.objects.filter(phone=given_up.phone).select_related("stream")
        if any(_is_only_theirs(state, ours.get(_reach(state)), purpose) for purpose in Purpose.values)
    ]


def _reach(state: ConsentState) -> tuple[str, int | None, str]:
    """What a state is about: the channel, and the stream or the business where it is narrower."""
    return state.channel, state.stream_id, state.brand


def _is_only_theirs(theirs: ConsentState, ours: ConsentState | None, purpose: str) -> bool:
    out = ConsentDecision.OPTED_OUT
    return theirs.decision(purpose) == out and (ours is None or ours.decision(purpose) != out)


def merge_contacts(kept: Contact, given_up: Contact, *, details: Mapping[str, str], actor: User) -> MergeRecord:
    """Join two contacts: conversations and consent records move to `kept`, which gets `details`; the other goes.

    An opt-out of either number holds for the kept one; an opt-in does not move, since it was given for a number.
    Raises ValidationError (`same_contact`, `on_the_way`); then nothing has changed.
    """
    if kept.pk == given_up.pk:
        raise ValidationError("These are the same contact. Choose another one to merge.", code="same_contact")
    with transaction.atomic():
        locked = {one.pk: one for one in Contact.objects.select_for_update().filter(pk__in=(kept.pk, given_up.pk))}
        if len(locked) < 2:
            raise ValidationError("One of the two contacts is gone. Search for it again.", code="gone")
        kept, given_up = locked[kept.pk], locked[given_up.pk]
        _refuse_erased(kept, given_up)
        for phone in sorted((kept.phone, given_up.phone)):
            consent.number_lock(phone)
        plan = plan_merge(kept, given_up)
        if plan.hindrance:
            raise ValidationError(plan.hindrance, code="on_the_way")
        record = MergeRecord(
            kept=kept.pk,
            before={name: getattr(kept, name) for name in DETAILS},
            given_up={"phone": given_up.phone, **{name: getattr(given_up, name) for name in DETAILS}},
            conversations=[one.pk for one in plan.conversations],
            resolved=[one.pk for one in plan.to_resolve],
            opt_ins=list(given_up.opt_ins.values_list("pk", flat=True)),
        )
        # As the system: whoever merges may not see every stream.
        handling.resolve([one.pk for one in plan.to_resolve], actor=None)
        Conversation.objects.filter(pk__in=record.conversations).update(contact=kept)
        OptIn.objects.filter(pk__in=record.opt_ins).update(contact=kept)
        _join_identities(kept, given_up, record)
        for state in plan.opt_outs:
            _keep_opt_out(kept, state, actor)
        given_up.delete()
        for name in DETAILS:
            setattr(kept, name, details.get(name, ""))
        kept.save()
        _note(plan.conversations, given_up.phone_display, actor)
    return record


def _join_identities(kept: Contact, given_up: Contact, record: MergeRecord) -> None:
    """The ids of both are the kept one's; those that both had were the proof that they are one."""
    ours = {(one.account_id, one.kind, one.value): one.pk for one in kept.identities.all()}
    for theirs in given_up.identities.all():
        name = (theirs.account_id, theirs.kind, theirs.value)
        if name in ours:
            record.shared_identities.append(ours[name])
        else:
            record.identities.append(theirs.pk)
    ContactIdentity.objects.filter(pk__in=record.identities).update(contact=kept)


def _part_identities(kept: Contact, back: Contact, record: MergeRecord) -> None:
    ContactIdentity.objects.filter(pk__in=record.identities, contact=kept).update(contact=back)
    for one in ContactIdentity.objects.filter(pk__in=record.shared_identities, contact=kept):
        back.identities.create(account=one.account, kind=one.kind, value=one.value, proof=one.proof)


def _keep_opt_out(kept: Contact, state: ConsentState, actor: User) -> None:
    out = [purpose for purpose in Purpose.values if state.decision(purpose) == ConsentDecision.OPTED_OUT]
    for purpose in [""] if len(out) == len(Purpose.values) else out:
        consent.record(
            OptIn(
                contact=kept,
                channel=state.channel,
                event=ConsentEventKind.OPT_OUT,
                purpose=purpose,
                scope=state.scope,
                stream=state.stream,
                business_name=state.brand,
                source=ConsentSource.AGENT,
                wording=f"Opted out with {state.phone}, a number of the same person",
                recorded_by=actor,
            )
        )


def undo_merge(record: MergeRecord, *, actor: User) -> Contact:
    """Part two contacts again; what was recorded since, opt-outs included, stays with the kept one.

    Returns the contact that is back. Raises ValidationError (`cannot_undo`) when either side has changed too much.
    """
    with transaction.atomic():
        kept = Contact.objects.select_for_update().filter(pk=record.kept).first()
        if kept is None or Contact.objects.filter(phone=record.given_up["phone"]).exists():
            raise ValidationError(
                "The merge cannot be undone any more: one of the numbers has a new contact.", code="cannot_undo"
            )
        moved = Conversation.objects.filter(pk__in=record.conversations, contact=kept)
        if Message.objects.filter(conversation__in=moved, status__in=PENDING).exists():
            raise ValidationError(
                "The merge cannot be undone while a message of one of its conversations waits to be sent.",
                code="cannot_undo",
            )
        back = Contact.objects.create(**record.given_up)
        moved.update(contact=back)
        OptIn.objects.filter(pk__in=record.opt_ins, contact=kept).update(contact=back)
        _part_identities(kept, back, record)
        for name, value in record.before.items():
            setattr(kept, name, value)
        kept.save()
        handling.reopen(record.resolved, actor=None)
        _note(back.conversations.filter(pk__in=record.conversations), kept.phone_display, actor, undone=True)
    return back


def _note(moved: Iterable[Conversation], other: str, actor: User, *, undone: bool = False) -> None:
    notes = [Note(conversation, text=other, data={"undone": undone}) for conversation in moved]
    note_all(ActivityKind.MERGED, notes, actor=actor)
