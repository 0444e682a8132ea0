"""What each person of a campaign is sent: the text or the template with the values of their row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conversations.models import Campaign, CannedReply, Contact, Stream, User
from conversations.models.campaign import RowVerdict
from conversations.models.message import Kind
from conversations.services import envelope
from conversations.services.canned import values_for
from messaging import merge
from messaging.segments import count_segments
from messaging.whatsapp import TemplateValueError, render_components


class TextRefused(ValueError):
    """This person can be sent nothing. `verdict` is a RowVerdict, `sentence` says why and what to do."""

    def __init__(self, verdict: RowVerdict, sentence: str) -> None:
        super().__init__(sentence)
        self.verdict, self.sentence = verdict, sentence


@dataclass(frozen=True, slots=True)
class PersonalText:
    """What one person is sent. `fields` are the values that the provider fills in, where it does that itself."""

    body: str
    segments: int = 0
    fields: Mapping[str, str] = field(default_factory=dict)
    template_values: Mapping[str, Any] = field(default_factory=dict)
    rendered: Mapping[str, Any] = field(default_factory=dict)


class Texts:
    """Makes the texts of one campaign. Raises merge.MergeError when its own words have a malformed field."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign
        self.limits = campaign.stream.limits(campaign.kind)
        self.longest = min(campaign.stream.body_limit, self.limits.body_characters or campaign.stream.body_limit)
        self.values = campaign.values
        self.fallbacks = campaign.fallbacks
        self._body = merge.MergeText(campaign.body if campaign.kind == Kind.TEXT else "")
        self.fields = self._body.fields if campaign.kind == Kind.TEXT else self._fields_of_template()
        named = {name: campaign.column_of(name) for name in self.fields}
        self._feeds = campaign.field_columns | {
            name: column for name, column in named.items() if column not in ("", name)
        }
        self._segments: dict[str, int] = {}

    def missing_columns(self) -> list[str]:
        """The fields that nothing can fill: no column, no value for everybody, no fallback."""
        known = {*self.fallbacks, *(name for name, value in self.values.items() if str(value).strip())}
        return [name for name in self.fields if name not in known and not self.campaign.column_of(name)]

    def values_of(self, fields: Mapping[str, str]) -> Mapping[str, str]:
        """The values of a row by the fields of the message, where a column of another name feeds one."""
        if not self._feeds:
            return fields
        return {**fields, **{name: fields.get(column, "") for name, column in self._feeds.items()}}

    def for_row(self, fields: Mapping[str, str]) -> PersonalText:
        """What the person of a row is sent; raises TextRefused."""
        fields = self.values_of(fields)
        try:
            if self.campaign.kind == Kind.TEMPLATE:
                return self._template(fields)
            return self._text(fields)
        except merge.MergeError as error:
            raise TextRefused(RowVerdict.MISSING_FIELD, error.sentence) from error
        except TemplateValueError as error:
            raise TextRefused(RowVerdict.MISSING_FIELD, error.sentence) from error

    def pieces_for_row(self, fields: Mapping[str, str]) -> list[tuple[str, bool]]:
        """The text of a row in pieces, each with whether it is a value. Raises merge.MergeError."""
        own = self.values_of(fields)
        return self._body.pieces(lambda name: merge.value_of(name, own, self.values, self.fallbacks))

    def _text(self, fields: Mapping[str, str]) -> PersonalText:
        values = {name: merge.value_of(name, fields, self.values, self.fallbacks) for name in self.fields}
        body = self._body.fill(values.__getitem__)
        if len(body) > self.longest:
            raise TextRefused(
                RowVerdict.TOO_LONG, f"The text has {len(body)} characters here. {self.longest} are the most."
            )
        return PersonalText(body, self._measured(body), self._own_values(values))

    def _own_values(self, values: Mapping[str, str]) -> Mapping[str, str]:
        if not self.limits.merges_fields:
            return {}
        for name, value in values.items():
            if "${" in value:
                # One that fills in the text itself might fill this in too.
                raise TextRefused(RowVerdict.MISSING_FIELD, f"The value of {name} holds ${{, which cannot be sent.")
        return values

    def _template(self, fields: Mapping[str, str]) -> PersonalText:
        template = self.campaign.template
        assert template is not None
        values = self._filled(self.campaign.template_values, fields)
        rendered = render_components(template.components, values)
        return PersonalText(rendered.body, template_values=values, rendered=envelope.to_keep(rendered))

    def _filled(self, value: Any, fields: Mapping[str, str]) -> Any:
        """The values of a template with their merge fields filled in, in the same shape."""
        if isinstance(value, str):
            return merge.render(value, fields, self.values, self.fallbacks)
        if isinstance(value, Mapping):
            return {name: self._filled(one, fields) for name, one in value.items()}
        if isinstance(value, list):
            return [self._filled(one, fields) for one in value]
        return value

    def _fields_of_template(self) -> tuple[str, ...]:
        found: dict[str, None] = {}

        def look(value: Any) -> None:
            if isinstance(value, str):
                found.update(dict.fromkeys(merge.fields_of(value)))
            elif isinstance(value, Mapping):
                for one in value.values():
                    look(one)
            elif isinstance(value, list):
                for one in value:
                    look(one)

        look(self.campaign.template_values)
        return tuple(found)

    def _measured(self, body: str) -> int:
        if self.fields:
            return count_segments(body, unicode_part=self.limits.unicode_part)
        if body not in self._segments:
            self._segments[body] = count_segments(body, unicode_part=self.limits.unicode_part)
        return self._segments[body]


def as_campaign_text(reply: CannedReply, *, agent: User, stream: Stream) -> str:
    """A canned reply as the text of a campaign: what is ours is filled in, what is the customer's stays a field."""
    ours = values_for(contact=Contact(), agent=agent, stream=stream)
    try:
        kept = {name: f"${{{_LIST_FIELDS.get(name, name)}}}" for name in merge.fields_of(reply.body)}
    except merge.MergeError:
        return reply.body
    return merge.render(reply.body, {name: ours[name] for name in _OURS if name in ours}, fallbacks=kept)


_OURS = ("agent_name", "agent_first_name", "business_name", "stream_name")
_LIST_FIELDS = {"first_name": "firstname", "last_name": "lastname"}
