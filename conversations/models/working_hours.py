"""When somebody is there to answer: the week of a team, in its own time zone, and the days on which nobody is."""

from __future__ import annotations

import zoneinfo

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


def check_time_zone(name: str) -> None:
    """Raises ValidationError for a name that the time zone database does not have."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(
            _("%(name)s is no time zone. Write one such as Europe/London."), code="time_zone", params={"name": name}
        )


class Weekday(models.IntegerChoices):
    """The days of a week, numbered as Python does."""

    MONDAY = 0, _("Monday")
    TUESDAY = 1, _("Tuesday")
    WEDNESDAY = 2, _("Wednesday")
    THURSDAY = 3, _("Thursday")
    FRIDAY = 4, _("Friday")
    SATURDAY = 5, _("Saturday")
    SUNDAY = 6, _("Sunday")


class WorkingHours(models.Model):
    """A week of working hours that streams share; a stream without one is open around the clock.

    No provider has a term for it.
    """

    name = models.CharField(max_length=60, unique=True)
    time_zone = models.CharField(
        max_length=64,
        default="Europe/London",
        validators=[check_time_zone],
        help_text=_("Where these hours are the hours on the clock, such as Europe/London."),
    )

    class Meta:
        ordering = ("name",)
        verbose_name = "working hours"
        verbose_name_plural = "working hours"

    def __str__(self) -> str:
        return self.name


class WorkingPeriod(models.Model):
    """From when to when somebody is there on one day of the week; a day with a break has two.

    No provider has a term for it.
    """

    hours = models.ForeignKey(WorkingHours, on_delete=models.CASCADE, related_name="periods")
    weekday = models.PositiveSmallIntegerField(choices=Weekday.choices)
    opens_at = models.TimeField()
    closes_at = models.TimeField(help_text=_("00:00 means midnight, at the end of the day."))

    class Meta:
        ordering = ("weekday", "opens_at")
        constraints = [
            models.UniqueConstraint(fields=("hours", "weekday", "opens_at"), name="working_period_once"),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="working_period_weekday"),
            models.CheckConstraint(
                condition=Q(closes_at__gt=F("opens_at")) | Q(closes_at="00:00"),
                name="working_period_ends_after_it_begins",
                violation_error_message=_("Hours end after they begin. Hours over midnight are two: one on each day."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.opens_at:%H:%M} to {self.closes_at:%H:%M}"


class Holiday(models.Model):
    """A day on which nobody is there, whatever the week says. No provider has a term for it."""

    hours = models.ForeignKey(WorkingHours, on_delete=models.CASCADE, related_name="holidays")
    day = models.DateField()
    name = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ("day",)
        constraints = [models.UniqueConstraint(fields=("hours", "day"), name="holiday_once")]

    def __str__(self) -> str:
        return f"{self.day:%-d %B %Y}{f', {self.name}' if self.name else ''}"
