"""Signing in: password, code, new password."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, UsernameField

from conversations.models import User


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
        self.fields["old_password"].label = "Present password"
        self.fields["new_password2"].label = "New password once more"
        self.fields["new_password2"].help_text = ""


class CodeForm(forms.Form):
    """A code of an authenticator app, or a recovery code: those have letters, so a phone shows all its keys."""

    use_required_attribute = False
    code = forms.CharField(
        label="Code",
        max_length=20,
        error_messages={"required": "Type the six digits that the app shows."},
        widget=forms.TextInput(
            attrs={
                "autofocus": True,
                "autocomplete": "one-time-code",
                "autocapitalize": "none",
                "spellcheck": "false",
                "class": "input",
            }
        ),
    )


class FirstCodeForm(CodeForm):
    """The first code of an app that is being set up: six digits, so a phone shows its number keys."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs["inputmode"] = "numeric"


class ProveForm(forms.Form):
    """The own password once more; whether it is right is asked where guessing is counted."""

    use_required_attribute = False
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=4096,
        error_messages={"required": "Enter your password."},
        widget=forms.PasswordInput(attrs={"autofocus": True, "autocomplete": "current-password", "class": "input"}),
    )


class PasswordForm(forms.Form):
    """The own password once more, before something that somebody else at this computer must not do."""

    use_required_attribute = False
    password = forms.CharField(
        label="Password",
        strip=False,
        error_messages={"required": "Enter your password."},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "class": "input"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise forms.ValidationError("That is not your password.", code="wrong_password")
        return password
