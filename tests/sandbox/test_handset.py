"""The virtual handset, through real HTTP: what arrives, answering, outcomes, phones, and staying current."""

from __future__ import annotations

import re
import time

import pytest
import requests

from messaging.sandbox.pages.place import FEWEST_MESSAGES, MOST_MESSAGES
from messaging.sandbox.templatetags.sandbox_pages import initials, spaced

from .playing import AMIRA, MARK, US_PHONE, WHATSAPP_STREAM, PlayedSandbox, Receiver
from .reading import PHOTO, Page, digits, phone_page, press, send_template, stream_id, text_by_webex

# ---- what arrives ----


def test_a_text_stands_on_the_phone_under_its_sender(sandbox: PlayedSandbox) -> None:
    sandbox.text_by_cirrus("Your engineer is on the way.")
    sandbox.settle()
    page = phone_page(sandbox)
    assert "Your engineer is on the way." in page.screens
    assert "+44 7700 900155" in page.text
    assert "Service texts" in page.text
    assert page.all("div", role="log")


def test_a_template_stands_with_its_header_text_footer_and_buttons(sandbox: PlayedSandbox) -> None:
    send_template(sandbox)
    page = phone_page(sandbox)
    for words in ("Your engineer visit", "booked for Thursday between 12:00 and 16:00", "Fernhill Broadband"):
        assert words in page.screens
    assert [button["value"] for button in page.all("button", name="text")][:2] == ["Confirm visit", "Change time"]


def test_an_uploaded_picture_is_shown_and_a_linked_one_is_named(sandbox: PlayedSandbox) -> None:
    upload = sandbox.cirrus("POST", f"whatsapp/uploadmedia/{WHATSAPP_STREAM}", files={"pic": ("roof.jpg", PHOTO)})
    kept = upload.json()["data"][0]["id"]
    for image in ({"id": kept}, {"link": "https://fernhill.example/roof.jpg"}, {"link": "javascript:alert(1)"}):
        header = {"type": "header", "parameters": [{"type": "image", "image": image}]}
        template = {"name": "roof", "language": {"code": "en"}, "components": [header]}
        item = {"template_data": {"to": digits(AMIRA), "template": template}}
        assert sandbox.cirrus("POST", f"v2/whatsapp/sendtemplatedmessage/{WHATSAPP_STREAM}", [item]).ok
        sandbox.settle()
    page = phone_page(sandbox)
    assert [picture["src"] for picture in page.all("img")] == [f"/cirrus/media/{kept}"]
    assert sandbox.session.get(f"{sandbox.url}/cirrus/media/{kept}", timeout=10).content == PHOTO
    assert page.all("a", href="https://fernhill.example/roof.jpg", rel="noopener noreferrer nofollow")
    assert "javascript:alert(1)" in page.text
    assert not page.all("a", href="javascript:alert(1)")


def test_messages_of_two_senders_are_two_threads(sandbox: PlayedSandbox) -> None:
    sandbox.text_by_cirrus("From the service number")
    sandbox.settle()
    text_by_webex(sandbox, "From the named sender")
    latest = phone_page(sandbox)
    assert "From the named sender" in latest.screens
    assert "From the service number" not in latest.screens
    service = stream_id(sandbox, "Service texts")
    chosen = phone_page(sandbox, sms=service)
    assert "From the service number" in chosen.screens
    assert chosen.all("input", name="stream", form="composer-sms", value=service)


def test_unseen_messages_are_counted_until_their_thread_is_opened(sandbox: PlayedSandbox) -> None:
    for text in ("One", "Two"):
        sandbox.text_by_cirrus(text, MARK)
    sandbox.settle()
    assert "Mark Ellis 2 new" in phone_page(sandbox, AMIRA).text
    phone_page(sandbox, MARK)
    assert "Mark Ellis +44" in phone_page(sandbox, AMIRA).text
    sandbox.text_by_cirrus("Three", MARK)
    sandbox.settle()
    text_by_webex(sandbox, "Of another thread", MARK)
    phone_page(sandbox, MARK, sms=stream_id(sandbox, "Service texts"))
    assert "Mark Ellis 1 new" in phone_page(sandbox, AMIRA).text


def test_days_and_silences_are_marked(sandbox: PlayedSandbox) -> None:
    sandbox.text_by_cirrus("One")
    sandbox.settle()
    sandbox.text_by_cirrus("Two")
    sandbox.settle()
    stamps = re.findall(r"Today \d\d:\d\d", phone_page(sandbox).text)
    assert len(stamps) == 1


def test_a_long_thread_shows_its_end_and_leads_to_the_rest(sandbox: PlayedSandbox) -> None:
    numbers = [AMIRA] * (FEWEST_MESSAGES + 5)
    message = {"message_body": "Many", "from": "FERNHILL", "to": [{"phone": [number]} for number in numbers]}
    assert sandbox.webex("POST", "v1/sms", message).ok
    sandbox.settle()
    page = phone_page(sandbox)
    assert len(page.ids("message-")) == FEWEST_MESSAGES
    assert "Show 5 earlier" in page.text
    assert len(phone_page(sandbox, messages=str(MOST_MESSAGES)).ids("message-")) == FEWEST_MESSAGES + 5


# ---- answering ----


def test_an_answer_becomes_a_message_and_a_webhook(sandbox: PlayedSandbox, receiver: Receiver) -> None:
    sandbox.text_by_cirrus("Can we come on Friday?")
    sandbox.settle()
    stream = phone_page(sandbox).all("input", name="stream", form="composer-sms")[0]["value"]
    receiver.received.clear()
    answer = press(sandbox, "reply", text="Yes, صباحاً\r\nplease", stream=stream)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/handset/{digits(AMIRA)}/")
    sandbox.settle()
    written = sandbox.messages(direction="from_phone")
    assert [message["text"] for message in written] == ["Yes, صباحاً\nplease"]
    event = receiver.received[0].json["Event"]
    assert event["Object"]["Children"]["Child"]["Message"] == "Yes, صباحاً\nplease"
    page = phone_page(sandbox)
    assert "Yes, صباحاً please Sent" in page.screens
    assert "HOOK" in page.text


def test_an_answer_that_the_product_refuses_is_shown_waiting(sandbox: PlayedSandbox, receiver: Receiver) -> None:
    receiver.statuses = [500] * 8
    press(sandbox, "reply", text="Anybody there?", stream=stream_id(sandbox, "Service texts"))
    deadline = time.monotonic() + 5
    while "Waits: the webhook was not accepted" not in (page := phone_page(sandbox)).text:
        assert time.monotonic() < deadline, page.text
        time.sleep(0.05)
    receiver.statuses = []
    sandbox.settle()
    assert "Anybody there? Sent" in phone_page(sandbox).screens


def test_a_quick_reply_is_tapped(sandbox: PlayedSandbox, receiver: Receiver) -> None:
    send_template(sandbox)
    receiver.received.clear()
    message = phone_page(sandbox).all("input", name="message")[0]["value"]
    assert press(sandbox, "reply", text="Change time", message=message).status_code == 303
    sandbox.settle()
    assert receiver.received[0].json["Event"]["Object"]["Children"]["Child"]["Message"] == "Change time"
    assert sandbox.messages(direction="from_phone")[0]["channel"] == "whatsapp"


def test_the_answer_goes_to_the_thread_that_is_open(sandbox: PlayedSandbox, receiver: Receiver) -> None:
    sandbox.text_by_cirrus("From the service number")
    text_by_webex(sandbox, "From the named sender")
    receiver.received.clear()
    press(sandbox, "reply", text="To the named one", stream=stream_id(sandbox, "FERNHILL"))
    sandbox.settle()
    assert receiver.received[0].json["data"]["message"] == "To the named one"


def test_a_customer_can_write_first(sandbox: PlayedSandbox, receiver: Receiver) -> None:
    page = phone_page(sandbox, US_PHONE)
    line = stream_id(sandbox, "US support line")
    assert "Write first" in page.text
    assert page.all("option", value=line)
    assert press(sandbox, "reply", US_PHONE, text="Is anybody there?", stream=line).status_code == 303
    sandbox.settle()
    assert receiver.received[0].json["body"]["message"]["content"] == "Is anybody there?"
    assert "Is anybody there?" in phone_page(sandbox, US_PHONE).screens


@pytest.mark.parametrize("text", ["", "  \r\n ", "x" * 4097])
def test_an_answer_that_cannot_be_sent_is_told_and_not_kept(sandbox: PlayedSandbox, text: str) -> None:
    stream = stream_id(sandbox, "Service texts")
    answer = press(sandbox, "reply", text=text, stream=stream, query="?pane=sms")
    assert answer.status_code == 422
    page = Page(answer.text)
    assert page.all("p", role="alert", **{"class": "problem"})
    assert text.strip() in page.text
    assert sandbox.messages() == []


@pytest.mark.parametrize("target", [{"stream": "999"}, {"stream": "1; drop"}, {"message": "999"}, {"message": "٣"}])
def test_an_answer_to_nobody_is_told(sandbox: PlayedSandbox, target: dict[str, str]) -> None:
    answer = press(sandbox, "reply", text="Hello", **target)
    assert answer.status_code == 422
    assert f"This {next(iter(target))} is not there any more. Reload the page." in answer.text


def test_a_script_gets_one_sentence_in_place_of_a_page(sandbox: PlayedSandbox) -> None:
    address = f"{sandbox.url}/handset/{digits(AMIRA)}/reply/"
    plain = {"Accept": "text/plain"}
    refused = sandbox.session.post(address, data={"text": ""}, headers=plain, timeout=10)
    assert (refused.status_code, refused.headers["Content-Type"]) == (422, "text/plain; charset=utf-8")
    assert refused.text == "Write something first: an empty message cannot be sent."
    sent = {"text": "Hello", "stream": stream_id(sandbox, "Service texts")}
    assert sandbox.session.post(address, data=sent, headers=plain, timeout=10).status_code == 204


def test_a_photo_goes_along_on_whatsapp(sandbox: PlayedSandbox, receiver: Receiver) -> None:
    care = stream_id(sandbox, "Fernhill Care")
    answer = press(sandbox, "reply", text="Look", stream=care, files={"photo": ("router.jpg", PHOTO, "text/html")})
    assert answer.status_code == 303
    sandbox.settle()
    content = receiver.received[0].json["Event"]["Object"]["Children"]["Child"]["Content"]
    assert "router.jpg" in content
    picture = phone_page(sandbox).all("img", alt="router.jpg")[0]["src"]
    fetched = sandbox.session.get(f"{sandbox.url}{picture}", timeout=10)
    assert (fetched.content, fetched.headers["Content-Type"]) == (PHOTO, "image/jpeg")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<html><script>alert(1)</script>", "Choose a JPEG or PNG photo: page.jpg is neither."),
        (PHOTO + bytes(5 * 1024 * 1024), "Choose a smaller photo: page.jpg is over 5 MB, and WhatsApp takes no more."),
    ],
)
def test_a_file_that_whatsapp_would_not_take_is_told(sandbox: PlayedSandbox, content: bytes, sentence: str) -> None:
    care = stream_id(sandbox, "Fernhill Care")
    answer = press(sandbox, "reply", text="Look", stream=care, files={"photo": ("page.jpg", content)})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert sandbox.messages() == []


def test_the_sample_photo_and_stop_have_buttons(sandbox: PlayedSandbox, receiver: Receiver) -> None:
    send_template(sandbox)
    text_by_webex(sandbox, "Offers every day")
    receiver.received.clear()
    page = phone_page(sandbox)
    care, sender = stream_id(sandbox, "Fernhill Care"), stream_id(sandbox, "FERNHILL")
    assert page.all("button", name="sample")
    assert page.all("button", name="text", value="STOP")
    press(sandbox, "reply", sample="1", stream=care)
    press(sandbox, "reply", text="STOP", stream=sender)
    sandbox.settle()
    bodies = [hook.json for hook in receiver.received]
    assert [body for body in bodies if body.get("type", "").endswith("opt.out")]
    assert phone_page(sandbox).all("img", alt="photo.png")


# ---- what happens to the next message ----


def test_the_chosen_outcome_is_kept_and_applies_to_that_phone_alone(sandbox: PlayedSandbox) -> None:
    assert [radio["value"] for radio in phone_page(sandbox).all("input", name="fault") if "checked" in radio] == ["ok"]
    assert press(sandbox, "outcome", fault="error_before").status_code == 303
    for _ in range(2):
        chosen = [radio["value"] for radio in phone_page(sandbox).all("input", name="fault") if "checked" in radio]
        assert chosen == ["error_before"]
        assert sandbox.text_by_cirrus("Refused").status_code == 500
    assert sandbox.text_by_cirrus("Taken", MARK).status_code == 200
    press(sandbox, "outcome", fault="ok")
    assert sandbox.text_by_cirrus("Taken again").status_code == 200


def test_an_outcome_that_does_not_exist_changes_nothing(sandbox: PlayedSandbox) -> None:
    answer = press(sandbox, "outcome", fault="<b>")
    assert answer.status_code == 422
    assert "There is no fault named &lt;b&gt;." in answer.text
    assert {phone["fault"] for phone in sandbox.ask("phones")["phones"]} == {"ok"}


def test_the_outcomes_are_one_group_and_extensions_are_marked(sandbox: PlayedSandbox) -> None:
    page = phone_page(sandbox)
    assert page.all("div", role="radiogroup")
    assert "Receipt never comes (sandbox extension)" in page.text
    assert "Number not valid (sandbox extension)" not in page.text
    for label in ("Delivered, then read", "Provider slow, 30 s", "Half an answer"):
        assert label in page.text


def test_an_outcome_of_a_whole_account_comes_first(sandbox: PlayedSandbox) -> None:
    account = next(row for row in sandbox.ask("accounts")["accounts"] if row["provider"] == "cirrus")["id"]
    assert press(sandbox, "account", account=account, fault="throttled").status_code == 303
    notice = "For all of Fernhill Cirrus, before this phone’s own: Too many requests (429)"
    assert notice in phone_page(sandbox, MARK).text
    assert sandbox.text_by_cirrus("Refused", MARK).status_code == 429
    press(sandbox, "account", account=account, fault="ok")
    assert notice not in phone_page(sandbox).text
    assert sandbox.text_by_cirrus("Taken", MARK).status_code == 200
    assert press(sandbox, "account", account="999", fault="slow").status_code == 422
    assert press(sandbox, "account", fault="slow").status_code == 422


def test_a_blocked_business_reaches_nobody(sandbox: PlayedSandbox) -> None:
    press(sandbox, "block", blocked="1")
    sandbox.text_by_cirrus("Hello?")
    sandbox.settle()
    page = phone_page(sandbox)
    assert "Blocked: nothing arrives" in page.text
    assert "Hello?" not in page.screens
    press(sandbox, "block", blocked="0")
    sandbox.text_by_cirrus("Hello again")
    sandbox.settle()
    assert "Hello again" in phone_page(sandbox).screens


def test_24_hours_are_skipped(sandbox: PlayedSandbox) -> None:
    press(sandbox, "reply", text="Hello", stream=stream_id(sandbox, "Fernhill Care"))
    until = r"Fernhill Care may write freely on WhatsApp until [A-Z][a-z]{2} \d+ [A-Z][a-z]{2} \d\d:\d\d\."
    assert re.search(until, phone_page(sandbox).text)
    press(sandbox, "skip")
    assert "Fernhill Care may only send templates on WhatsApp until Amira Haddad writes." in phone_page(sandbox).text


# ---- phones ----


def test_a_phone_is_added_and_named_again(sandbox: PlayedSandbox) -> None:
    for name in ("Ines Duarte", "Ines D."):
        form = {"number": "+44 7700 900-321", "name": name}
        answer = sandbox.session.post(f"{sandbox.url}/handset/add/", data=form, allow_redirects=False, timeout=10)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/handset/447700900321/")
        assert name in phone_page(sandbox, "+447700900321").text
    assert [phone["number"] for phone in sandbox.ask("phones")["phones"]].count("+447700900321") == 1


@pytest.mark.parametrize("number", ["", "07700 900321", "hello", "+44", "+44 7700 900321 000000000", "<b>"])
def test_a_number_that_cannot_be_one_is_told(sandbox: PlayedSandbox, number: str) -> None:
    before = len(sandbox.ask("phones")["phones"])
    answer = sandbox.session.post(f"{sandbox.url}/handset/add/", data={"number": number, "name": "Ines"}, timeout=10)
    assert answer.status_code == 422
    page = Page(answer.text)
    assert "Write the number with its country code, such as +44 7700 900142." in page.text
    assert page.all("input", name="name", value="Ines")
    assert len(sandbox.ask("phones")["phones"]) == before


def test_a_campaigns_phones_do_not_bury_the_others(sandbox: PlayedSandbox) -> None:
    recipients = [{"phone": [f"+447400{number:06}"]} for number in range(100)]
    assert sandbox.webex("POST", "v1/sms", {"message_body": "Hi", "from": "FERNHILL", "to": recipients}).ok
    sandbox.settle()
    page = phone_page(sandbox)
    assert len(page.ids("phone-4") + page.ids("phone-1")) == 60
    assert "Amira Haddad" in page.text
    assert "and 45 more" in page.text
    found = phone_page(sandbox, find="7400 000 007")
    assert set(found.ids("phone-4")) == {"phone-447400000007", f"phone-{digits(AMIRA)}"}


# ---- staying current ----


def test_the_live_part_is_sent_again_only_when_something_changed(sandbox: PlayedSandbox) -> None:
    address = f"{sandbox.url}/handset/{digits(AMIRA)}/live/"

    def look(known: str = "") -> requests.Response:
        return sandbox.session.get(address, headers={"If-None-Match": known} if known else {}, timeout=10)

    first = look()
    assert first.status_code == 200
    assert "composer" not in Page(first.text).ids("composer")
    versions = [first.headers["ETag"]]

    def changed() -> Page:
        answer = look(versions[-1])
        assert answer.status_code == 200
        assert answer.headers["ETag"] not in versions
        versions.append(answer.headers["ETag"])
        return Page(answer.text)

    sandbox.text_by_cirrus("News")
    sandbox.settle()
    assert "News" in changed().screens
    changed()  # it has been seen now
    press(sandbox, "outcome", fault="slow")
    assert [radio["value"] for radio in changed().all("input", name="fault") if "checked" in radio] == ["slow"]
    sandbox.text_by_cirrus("For Mark", MARK)
    sandbox.settle()
    assert "Mark Ellis 1 new" in changed().text
    still = look(versions[-1])
    assert still.status_code in (304, 200)
    if still.status_code == 200:  # the phones' clock moved on
        assert look(still.headers["ETag"]).status_code == 304


# ---- small words ----


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Amira Haddad", "AH"),
        ("US test phone", "US"),
        ("דנה כהן", "דכ"),
        ("Fernhill", "F"),
        ("FERNHILL", "FE"),
        ("+447700900142", "42"),
        ("ana maria lopes", "AL"),
        ("", ""),
    ],
)
def test_initials(name: str, letters: str) -> None:
    assert initials(name) == letters


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+447700900142", "+44 7700 900142"), ("+14155550100", "+1 415 555 0100"), ("FERNHILL", "FERNHILL"), ("", "")],
)
def test_numbers_are_spaced(number: str, shown: str) -> None:
    assert spaced(number) == shown
