"""The addresses of the product (architecture.md, Interfaces that are promised)."""

from django.urls import path

from conversations import webhooks

urlpatterns = [
    path("hooks/<str:token>/", webhooks.receive, name="webhook"),
]
