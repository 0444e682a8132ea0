"""Who may do what: the roles a site starts with, and the questions asked about one user and one row.

What a user may see is a matter of SQL: `visible_to(user)` on the querysets in models/. This module holds the
rest.
"""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db.models import Q

from conversations.models import Conversation, Message, Stream, User
from conversations.models.composed import Given, Question
from conversations.models.team import Role

_OWN = "conversations"
_SUPERVISED = (
    *("contact", "conversation", "activity", "indicator", "optin", "consentstate", "whatsapptemplate"),
    *("message", "messageevent", "sendattempt", "attemptresult", "receipt", "webhookevent"),
    *("stream", "streamgate", "substream", "team", "tag", "cannedreply"),
    *("keywordset", "sendingpolicy"),
    *("campaign", "campaignrecipient"),
    *("conversationmirror", "drift"),
    *("workinghours", "workingperiod", "holiday"),
    *("templateversion", "templatestatuschange", "attachment", "numbercheck"),
)

_AGENT = {"send_messages", "see_numbers"}
_SUPERVISOR = _AGENT | {"enter_admin", "send_in_bulk", "view_reports", "watch_floor"}
_SUPERVISOR |= {"add_optin", "cancel_any_message", "release_unconfirmed", "lift_opt_out"}
_SUPERVISOR |= {f"view_{model}" for model in _SUPERVISED}
_SUPERVISOR |= {f"{verb}_whatsapptemplate" for verb in ("add", "change")} | {"change_contact"}
_SUPERVISOR |= {"add_keywordset", "change_keywordset"}
_SUPERVISOR |= {"add_workinghours", "change_workinghours"}
_SUPERVISOR |= {f"{verb}_{model}" for verb in ("add", "change", "delete") for model in ("workingperiod", "holiday")}
_SUPERVISOR |= {"add_tag", "change_tag"} | {f"{verb}_cannedreply" for verb in ("add", "change", "delete")}


def make_missing_roles(sender: AppConfig, **kwargs: Any) -> None:
    """Make the groups of the three roles where they do not exist yet; a site's own changes stay.

    Connected to post_migrate, where Django makes permissions too, before or after us: so ask for them first.
    """
    create_permissions(sender, verbosity=0)
    own = Permission.objects.filter(content_type__app_label=_OWN)
    for role, names in ((Role.AGENT, _AGENT), (Role.SUPERVISOR, _SUPERVISOR), (Role.ADMINISTRATOR, None)):
        group, created = Group.objects.get_or_create(name=role.value)
        if created:
            group.permissions.set(own if names is None else own.filter(codename__in=names))


class PermissionBackend(ModelBackend):
    """Django's, but what a user may do is one statement instead of two: every page asks it, and every message."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """The rights of a user, as Django keeps them on the user once they were read."""
        if obj is not None or not user_obj.is_active or user_obj.is_anonymous or user_obj.is_superuser:
            return super().get_all_permissions(user_obj, obj)
        if not hasattr(user_obj, "_perm_cache"):
            user_obj._perm_cache = {f"{label}.{name}" for label, name in _RIGHTS.ask(user=user_obj.pk)}
        return user_obj._perm_cache


def _rights() -> Any:
    own = User.user_permissions.through.objects.filter(user=Given("user")).values("permission")
    of_groups = Group.permissions.through.objects.filter(group__user=Given("user")).values("permission")
    rights = Permission.objects.filter(Q(pk__in=own) | Q(pk__in=of_groups)).order_by()
    return rights.values_list("content_type__app_label", "codename")


_RIGHTS = Question(_rights)


def may_send_on(user: User, stream: Stream) -> bool:
    """May this user write to customers on this stream? What `sendable_by` says, about one: every message asks it."""
    if not user.may_send or (user.narrowed_to is not None and stream.pk not in user.narrowed_to):
        return False
    return user.sees_every_stream or bool(_SENT_FROM_BY_TEAM.ask(user=user.pk, stream=stream.pk))


_SENT_FROM_BY_TEAM = Question(
    lambda: Stream.objects.filter(pk=Given("stream")).sendable_by_team_of(Given("user")).order_by().values_list("pk")
)


def may_edit_templates(user: User, stream: Stream) -> bool:
    """May this user write templates of this stream, import them, and record what WhatsApp decided?"""
    if not user.has_perm("conversations.change_whatsapptemplate"):
        return False
    return Stream.objects.visible_to(user).filter(pk=stream.pk).exists()


def may_send_in_bulk(user: User, stream: Stream) -> bool:
    """May this user write to many customers at once on this stream?"""
    return user.has_perm("conversations.send_in_bulk") and may_send_on(user, stream)


def sees_calls(user: User) -> bool:
    """May this user see what providers call us with, on their streams, and have it read again? Supervisors may."""
    return user.is_active and user.has_perm("conversations.view_webhookevent") and not user.is_limited


def sees_reports(user: User) -> bool:
    """May this user see the reports of their streams, which are about all that happens there?"""
    return user.has_perm("conversations.view_reports") and not user.is_limited


def watches_floor(user: User) -> bool:
    """May this user see who works and what waits on their streams, and move the work of others?"""
    return user.has_perm("conversations.watch_floor") and not user.is_limited


def may_see_calls(user: User, stream: Stream) -> bool:
    """`sees_calls`, about one stream."""
    return sees_calls(user) and Stream.objects.visible_to(user).filter(pk=stream.pk).exists()


def may_change_address(user: User, stream: Stream) -> bool:
    """May this user make another address, which is a secret, for a stream? Administrators may."""
    return may_see_calls(user, stream) and user.has_perm("conversations.change_stream")


def may_cancel(user: User, message: Message) -> bool:
    """The author may, and whoever may cancel any message of a stream they see."""
    if not Message.objects.visible_to(user).filter(pk=message.pk).exists():
        return False
    return message.author_id == user.pk or user.has_perm("conversations.cancel_any_message")


def may_send_again(user: User, message: Message) -> bool:
    """Whoever may write on the stream may send a failed message again."""
    return may_send_on(user, message.stream)


def may_decide_on(user: User, message: Message) -> bool:
    """May this user say of an unconfirmed message that it arrived, or send it again?"""
    return user.has_perm("conversations.release_unconfirmed") and may_send_on(user, message.stream)


def may_change(user: User, conversation: Conversation) -> bool:
    """May this user assign, resolve and remark on this conversation? Whoever sees it may."""
    return Conversation.objects.visible_to(user).filter(pk=conversation.pk).exists()
