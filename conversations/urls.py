"""The addresses of the product (docs/architecture.md)."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from conversations import webhooks
from conversations.views import (
    account,
    actions,
    conversation,
    health,
    icons,
    new_message,
    template_picker,
    workspace,
    writing,
)

urlpatterns = [
    path("", workspace.inbox, name="inbox"),
    path("inbox/older/", workspace.older_rows, name="older-rows"),
    path("inbox/updates/", conversation.updates, name="updates"),
    path("inbox/take-oldest/", actions.take_oldest, name="take-oldest"),
    path("c/<int:pk>/", conversation.conversation, name="conversation"),
    path("c/<int:pk>/older/", conversation.older_messages, name="older-messages"),
    path("c/<int:pk>/reply/", writing.reply, name="reply"),
    path("c/<int:pk>/template/", template_picker.in_conversation, name="conversation-template"),
    path("c/<int:pk>/assign/", actions.assign, name="assign"),
    path("c/<int:pk>/claim/", actions.claim, name="claim"),
    path("c/<int:pk>/resolve/", actions.resolve, name="resolve"),
    path("c/<int:pk>/reopen/", actions.reopen, name="reopen"),
    path("c/<int:pk>/consent/", actions.record_consent, name="record-consent"),
    path("c/<int:pk>/indicators/", actions.set_indicator, name="set-indicator"),
    path("indicators/<int:pk>/remove/", actions.remove_indicator, name="remove-indicator"),
    path("m/<int:pk>/attempts/", conversation.attempts, name="attempts"),
    path("m/<int:pk>/cancel/", actions.cancel, name="cancel-message"),
    path("m/<int:pk>/send-again/", actions.send_again, name="send-again"),
    path("new/", new_message.new_message, name="compose"),
    path("new/recipient/", new_message.recipient, name="recipient"),
    path("new/start/", new_message.start_conversation, name="start-conversation"),
    path("new/template/", template_picker.to_somebody, name="new-template"),
    path("compose/measure/", writing.measured, name="measure"),
    path("compose/preview/", template_picker.previewed, name="template-preview"),
    path("sign-in/", account.SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("account/", account.account, name="account"),
    path("account/password/", account.ChangePassword.as_view(), name="password"),
    path("account/theme/", account.set_theme, name="set-theme"),
    path("keys/", account.keys, name="keys"),
    path("icons.svg", icons.icons, name="icons"),
    path("hooks/<str:token>/", webhooks.receive, name="webhook"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
