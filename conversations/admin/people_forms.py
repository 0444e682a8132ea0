"""The forms of people: nobody gives rights that they do not have, or shuts themselves out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from conversations.models import AgentIdentity, User


def rights_of(user: Any) -> set[int]:
    """The permissions a user holds by role or in person, also while switched off; asked once an instance."""
    if not hasattr(user, "held_rights"):
        held = Permission.objects.filter(Q(group__user=user) | Q(user=user))
        user.held_rights = set(held.values_list("pk", flat=True))
    return user.held_rights


def may_manage(actor: User, user: User) -> bool:
    """May the actor change this user? Not somebody who may do more than the actor."""
    if actor.is_superuser:
        return True
    return not user.is_superuser and rights_of(user) <= rights_of(actor)


def roles_within(actor: User) -> QuerySet[Group]:
    """The roles that give nothing the actor does not have."""
    roles = Group.objects.order_by("name")
    if actor.is_superuser:
        return roles
    return roles.exclude(permissions__in=Permission.objects.exclude(pk__in=rights_of(actor)))


class _RoleForm(forms.ModelForm):
    """What adding and changing a user have in common. `actor` is set by the page that makes the form."""

    actor: User
    role = forms.ModelChoiceField(
        Group.objects.none(),
        label=_("Role"),
        required=False,
        empty_label=_("No role: may sign in, sees nothing"),
        help_text=_("What this person may see and do."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "role" in self.fields:
            self.fields["role"].queryset = roles_within(self.actor)  # type: ignore[attr-defined]
            self.fields["role"].initial = self.instance.groups.first() if self.instance.pk else None

    def clean_email(self) -> str:
        """The address in lower case, as it is asked for at sign-in."""
        email: str = self.cleaned_data["email"].strip().lower()
        if User.objects.filter(email__iexact=email).exclude(pk=self.instance.pk).exists():
            raise ValidationError(gettext("Somebody with this e-mail address is already here."), code="email_taken")
        return email

    def clean_role(self) -> Group | None:
        role: Group | None = self.cleaned_data["role"]
        before = self.instance.groups.first() if self.instance.pk else None
        if self.instance.pk == self.actor.pk and role != before:
            raise ValidationError(gettext("Somebody else must change your own role."), code="own_role")
        return role

    def clean_is_active(self) -> bool:
        is_active: bool = self.cleaned_data["is_active"]
        if not is_active and self.instance.pk == self.actor.pk:
            raise ValidationError(gettext("You cannot switch off your own account."), code="own_account")
        return is_active


class AddUserForm(_RoleForm, BaseUserCreationForm):
    """A new user, with a first password."""

    class Meta:
        model = User
        fields = ("email", "name")


class ChangeUserForm(_RoleForm):
    """A user without the password, which has a page of its own."""

    class Meta:
        model = User
        fields = ("email", "name", "is_active", "is_available", "theme", "is_superuser", "reach")

    def clean_reach(self) -> str:
        """Nobody limits, or lets go of a limit of, their own view."""
        reach: str = self.cleaned_data["reach"]
        if self.instance.pk == self.actor.pk and reach != User.objects.get(pk=self.actor.pk).reach:
            raise ValidationError(gettext("Somebody else must change what you see."), code="own_reach")
        return reach


class IdentityForm(forms.ModelForm):
    """Who somebody is at a provider: an id or an e-mail address there."""

    class Meta:
        model = AgentIdentity
        fields = ("user", "account", "external_id", "email")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("external_id") and not cleaned.get("email") and not self.errors:
            text = gettext("Enter the agent's id or e-mail address at the provider.")
            self.add_error("external_id", ValidationError(text, code="empty"))
        return cleaned
