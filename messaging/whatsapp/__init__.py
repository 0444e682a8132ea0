"""WhatsApp's own rules: templates, their variables, media limits and the customer service window.

Templates are kept in Meta's JSON, a list of components:

    [{"type": "HEADER", "format": "TEXT", "text": "Visit {{1}}", "example": {"header_text": ["tomorrow"]}},
     {"type": "BODY", "text": "Hello {{1}}, we come at {{2}} sharp.", "example": {"body_text": [["Rosa", "9"]]}},
     {"type": "FOOTER", "text": "Fernhill Water"},
     {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Track", "url": "https://fernhill.test/{{1}}",
                                      "example": ["a1b2"]}]}]

and are filled with values by component: `{"header": ["tomorrow"], "body": {"1": "Rosa", "2": "9"},
"buttons": {"0": "a1b2"}}`. A list is in the order of the variables, a mapping by their names.
"""

from messaging.whatsapp.files import check_file, content_type_of, kind_of
from messaging.whatsapp.rules import (
    CATEGORIES,
    FILE_KINDS,
    LANGUAGES,
    MEDIA_LIMITS,
    PLAIN_STATUSES,
    Problem,
    check_media,
    window_closes_at,
)
from messaging.whatsapp.templates import (
    COPY_CODE,
    PLACE_PARTS,
    RenderedButton,
    RenderedTemplate,
    TemplateValueError,
    Variable,
    file_kind_of,
    render_components,
    samples_of,
    variables_of,
)
from messaging.whatsapp.validation import validate_template

__all__ = [
    "CATEGORIES",
    "COPY_CODE",
    "FILE_KINDS",
    "LANGUAGES",
    "MEDIA_LIMITS",
    "PLACE_PARTS",
    "PLAIN_STATUSES",
    "Problem",
    "RenderedButton",
    "RenderedTemplate",
    "TemplateValueError",
    "Variable",
    "check_file",
    "check_media",
    "content_type_of",
    "file_kind_of",
    "kind_of",
    "render_components",
    "samples_of",
    "validate_template",
    "variables_of",
    "window_closes_at",
]
