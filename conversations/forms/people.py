"""Signing in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, UsernameField


class SignInForm(AuthenticationForm):
    """E-mail address and password. The answer is the same for an unknown address and a wrong password."""

    use_required_attribute = False
    username = UsernameField(
        label="Work e-mail",
        error_messages={"required": "Enter your work e-mail address."},
        widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username", "class": "input"}),
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        error_messages={"required": "Enter your password."},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "class": "input"}),
    )
    error_messages = {
        "invalid_login": "That email and password do not match.",
        "inactive": "That email and password do not match.",
    }


class NewPasswordForm(PasswordChangeForm):
    """A new password, with the old one as proof."""

    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "input"
