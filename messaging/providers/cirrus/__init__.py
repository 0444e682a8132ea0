"""The provider Cirrus / CommBox: `PROVIDER` for the registry, and its operations for use one by one."""

from messaging.providers.cirrus.objects import (
    AddActivity,
    AddRemark,
    CreateChild,
    CreateObject,
    DeleteIndicator,
    SendChild,
    SetContent,
    SetIndicator,
    SetStatus,
)
from messaging.providers.cirrus.provider import Cirrus
from messaging.providers.cirrus.reading import GetObject, GetTranscript, ListActivities, ListObjects, SystemStatus
from messaging.providers.cirrus.sms import SendInitialSms, SendSms
from messaging.providers.cirrus.whatsapp import (
    ObjectData,
    SendTemplates,
    TemplateMessage,
    UploadMedia,
    ValidateContact,
)

PROVIDER = Cirrus

__all__ = [
    "PROVIDER",
    "AddActivity",
    "AddRemark",
    "Cirrus",
    "CreateChild",
    "CreateObject",
    "DeleteIndicator",
    "GetObject",
    "GetTranscript",
    "ListActivities",
    "ListObjects",
    "ObjectData",
    "SendChild",
    "SendInitialSms",
    "SendSms",
    "SendTemplates",
    "SetContent",
    "SetIndicator",
    "SetStatus",
    "SystemStatus",
    "TemplateMessage",
    "UploadMedia",
    "ValidateContact",
]
