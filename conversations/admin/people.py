"""People: users by e-mail address, roles, teams and who an agent is on a provider's side."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as StockGroupAdmin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from conversations.admin.display import chip, link
from conversations.admin.filters import NameFilter, TeamFilter
from conversations.admin.mixins import EditableInline, LinksInline, NeverDeletedMixin, ProductAdmin, signed_in
from conversations.admin.people_forms import AddUserForm, ChangeUserForm, IdentityForm, may_manage
from conversations.models import AgentIdentity, Team, TeamMembership, TeamStream, User
from conversations.models.audit import AuditAction
from conversations.services import audit, second_factor
from conversations.services import signed_in as sessions


class MembershipInline(LinksInline):
    model = TeamMembership

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("team", "user")


class UserTeamsInline(MembershipInline):
    autocomplete_fields = ("team",)
    verbose_name_plural = _("Teams")


class TeamMembersInline(MembershipInline):
    autocomplete_fields = ("user",)
    verbose_name_plural = _("Members")


class IdentityInline(EditableInline):
    model = AgentIdentity
    form = IdentityForm
    verbose_name_plural = _("On the providers' side")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("user", "account").defer("account__credentials")


class MembersFilter(TeamFilter):
    """By a team that somebody belongs to."""

    lookup = "teams"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return super().queryset(request, queryset).distinct()  # several teams may be meant


@admin.register(User)
class UserAdmin(NeverDeletedMixin, ProductAdmin, StockUserAdmin):
    """People who work here. They are switched off, never deleted: what they wrote keeps its author."""

    visible_through = None
    form = ChangeUserForm
    add_form = AddUserForm
    add_form_template = None
    list_display = ("name", "email", "role_names", "team_names", "is_active", "is_available", "last_login")
    list_filter = ("is_active", "is_available", "groups", MembersFilter, "reach")
    search_fields = ("name", "email")
    ordering = ("name", "pk")
    filter_horizontal = ()
    readonly_fields = ("password_page", "role_names", "last_login", "date_joined")
    inlines = (UserTeamsInline, IdentityInline)
    actions = ("remove_second_factor", "end_sessions")
    object_actions = ("remove_second_factor", "end_sessions")
    add_fieldsets = (
        (None, {"fields": ("email", "name", "role")}),
        (_("Password"), {"fields": ("password1", "password2")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups", "teams")

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        role = "role" if self.has_change_permission(request, obj) else "role_names"
        rights: tuple[str, ...] = (role, "reach", "is_active")
        if signed_in(request).is_superuser:
            rights += ("is_superuser",)
        return [
            (None, {"fields": ("email", "name", "password_page")}),
            (_("Rights"), {"fields": rights}),
            (_("Work"), {"fields": ("is_available", "theme")}),
            (_("Dates"), {"fields": ("last_login", "date_joined")}),
        ]

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.actor = signed_in(request)
        return form

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        return self.inlines if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody changes a user who may do more: setting a password would be taking those rights."""
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or may_manage(signed_in(request), obj))

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if "role" in form.changed_data:
            role = form.cleaned_data["role"]
            before = ", ".join(form.instance.groups.values_list("name", flat=True)) or gettext("no role")
            form.instance.groups.set([role] if role else [])
            summary = gettext("From %(before)s to %(after)s.") % {
                "before": before,
                "after": role or gettext("no role"),
            }
            audit.record(
                AuditAction.ROLE_GIVEN,
                actor=signed_in(request),
                subject=form.instance,
                summary=summary,
                request=request,
            )

    @admin.action(description=_("Remove second factor"), permissions=["change"])
    def remove_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """For somebody who lost phone and recovery codes: the next sign-in asks for the password, or sets up anew."""
        actor = signed_in(request)
        for user in queryset:
            if not may_manage(actor, user):
                text, level = gettext("%s may do more than you. Nothing was removed."), messages.ERROR
            elif second_factor.remove(user, actor=actor, request=request):
                text, level = gettext("%s signs in without a code next time."), messages.SUCCESS
            else:
                text, level = gettext("%s has no second factor."), messages.WARNING
            self.message_user(request, text % user, level)

    @admin.action(description=_("Sign out everywhere"), permissions=["change"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """End every session of people, such as after a device was lost."""
        actor = signed_in(request)
        for user in queryset:
            if not may_manage(actor, user):
                text, level = gettext("%s may do more than you. Nothing was ended."), messages.ERROR
            elif sessions.end(sessions.of(user), of_user=user, actor=actor, request=request):
                text, level = gettext("%s is signed out everywhere."), messages.SUCCESS
            else:
                text, level = gettext("%s is not signed in anywhere."), messages.WARNING
            self.message_user(request, text % user, level)

    @admin.display(description=_("password"))
    def password_page(self, user: User) -> SafeString:
        text = gettext("Set a new password") if user.has_usable_password() else gettext("Set a first password")
        return link(reverse("admin:auth_user_password_change", args=[user.pk]), text)

    @admin.display(description=_("role"))
    def role_names(self, user: User) -> str:
        names = [str(role) for role in user.groups.all()]
        return ", ".join([gettext("superuser"), *names] if user.is_superuser else names)

    @admin.display(description=_("teams"))
    def team_names(self, user: User) -> str:
        return ", ".join(str(team) for team in user.teams.all())


admin.site.unregister(Group)  # registered by django.contrib.auth.admin, which is imported above


@admin.register(Group)
class RoleAdmin(ProductAdmin, StockGroupAdmin):
    """Roles. Only superusers change what a role may do: anybody else could give themselves rights."""

    visible_through = None
    list_display = ("name", "people")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return super().get_queryset(request).annotate(number_of_people=Count("user"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return signed_in(request).is_superuser

    def has_add_permission(self, request: HttpRequest) -> bool:
        return signed_in(request).is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return signed_in(request).is_superuser

    @admin.display(description=_("people"), ordering="number_of_people")
    def people(self, role: Any) -> int:
        return int(role.number_of_people)


class TeamStreamsInline(LinksInline):
    model = TeamStream
    autocomplete_fields = ("stream",)
    verbose_name_plural = _("Streams that the team sees")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("team", "stream")


@admin.register(Team)
class TeamAdmin(ProductAdmin):
    """Who answers which streams. A supervisor sees the own teams."""

    visible_through = None
    list_display = ("name", "people", "lines")
    search_fields = ("name",)
    inlines = (TeamMembersInline, TeamStreamsInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        teams: QuerySet[Any] = super().get_queryset(request)
        user = signed_in(request)
        if not user.sees_everything:
            teams = teams.filter(pk__in=user.memberships.values("team"))
        return teams.annotate(
            number_of_people=Count("memberships", distinct=True), number_of_streams=Count("team_streams", distinct=True)
        )

    @admin.display(description=_("members"), ordering="number_of_people")
    def people(self, team: Any) -> int:
        return int(team.number_of_people)

    @admin.display(description=_("streams"), ordering="number_of_streams")
    def lines(self, team: Any) -> int:
        return int(team.number_of_streams)


@admin.register(TeamMembership)
class TeamMembershipAdmin(ProductAdmin):
    """Who belongs to which team, as a list."""

    visible_through = None
    list_display = ("user", "team")
    list_select_related = ("user", "team")
    list_filter = (TeamFilter,)
    search_fields = ("user__name", "user__email", "team__name")
    autocomplete_fields = ("user", "team")
    ordering = ("team__name", "user__name")


@admin.register(TeamStream)
class TeamStreamAdmin(ProductAdmin):
    """Which team sees, and writes on, which stream, as a list."""

    visible_through = None
    list_display = ("team", "stream", "writes")
    list_select_related = ("team", "stream")
    list_filter = (TeamFilter, "can_send")
    search_fields = ("team__name", "stream__name")
    autocomplete_fields = ("team", "stream")
    ordering = ("team__name", "stream__name")

    @admin.display(description=_("may write"))
    def writes(self, row: TeamStream) -> SafeString:
        return chip(_("Reads and writes"), "good") if row.can_send else chip(_("Reads only"))


@admin.register(AgentIdentity)
class AgentIdentityAdmin(ProductAdmin):
    """Under which id or address an agent is known to a provider."""

    visible_through = None
    form = IdentityForm
    list_display = ("user", "account", "external_id", "email")
    list_select_related = ("user", "account")
    list_filter = (("account", NameFilter),)
    search_fields = ("user__name", "user__email", "external_id", "email")
    autocomplete_fields = ("user", "account")
    ordering = ("user__name", "pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgentIdentity]:
        return super().get_queryset(request).select_related("account", "user").defer("account__credentials")
