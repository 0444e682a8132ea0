"""Contacts from a CSV file: judged as a whole, one kind of problem at a time, stored as a whole or not at all."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conversations.models import Contact, User
from conversations.services.contact_import import Choices, Report, check_file, store_file
from conversations.services.csv_files import CsvProblem, open_table
from conversations.services.csv_report import MOST_SHOWN
from tests import factories

pytestmark = pytest.mark.django_db
CHOICES = Choices(region="GB", allow_fictional=True)


@pytest.fixture
def tom() -> User:
    """A supervisor who sees one stream."""
    user = factories.make_user("supervisor", name="Tom Reyes")
    factories.make_team(members=[user], streams=[factories.make_stream()])
    return user


def check(text: str, user: User | None = None, **choices: Any) -> Report:
    return check_file(open_table(io.BytesIO(text.encode())), replace(CHOICES, **choices), user)


def store(text: str, user: User | None = None, **choices: Any) -> Report:
    return store_file(open_table(io.BytesIO(text.encode())), replace(CHOICES, **choices), user)


def people() -> list[tuple[str, str, str]]:
    return list(Contact.objects.order_by("phone").values_list("phone", "first_name", "last_name"))


def test_a_file_becomes_contacts() -> None:
    text = (
        "Mobile;First name;Surname;E-mail;Language;Time zone;Account\n"
        "07700 900142;Amira;Haddad;amira@post.example;ar;Europe/London;FB-1\n"
        "+44 7700 900143;Zoë;;;British English;;\n"
        "00447700900144;;;;;;\n"
    )
    report = check(text)
    assert report.can_be_stored
    assert (report.rows, report.new, report.known, report.separator) == (3, 3, 0, "semicolons")
    assert report.unused == ["Account"]
    assert not Contact.objects.exists()
    store(text)
    assert people() == [("+447700900142", "Amira", "Haddad"), ("+447700900143", "Zoë", ""), ("+447700900144", "", "")]
    amira = Contact.objects.get(phone="+447700900142")
    assert (amira.email, amira.language, amira.time_zone) == ("amira@post.example", "ar", "Europe/London")
    assert Contact.objects.get(phone="+447700900143").language == "en_GB"


def test_a_full_name_is_parted() -> None:
    store("name,number\nRosa Maria Bellini,07700900142\nMadonna,07700900143\n")
    assert people() == [("+447700900142", "Rosa", "Maria Bellini"), ("+447700900143", "Madonna", "")]


def test_what_other_systems_say_comes_in_as_it_stands_there() -> None:
    store('phone,record\n07700900142,"Account: FB-118204\nPlan: Fibre 500"\n')
    amira = Contact.objects.get()
    assert amira.facts == [("Account", "FB-118204"), ("Plan", "Fibre 500")]
    long = check(f"phone,customer record\n07700900142,{'A' * 1001}\n")
    assert (long.code, long.bad_cells[0].sentence) == ("record", "1001 characters. 1000 are the most.")


@pytest.mark.parametrize(
    ("header", "code", "words"),
    [
        ("Name,Mob", "no_phone_column", "Your file has columns called Name and Mob. It needs one called phone."),
        ("Mob", "no_phone_column", "Your file has one column called Mob. It needs one called phone."),
        ("A,B,C", "no_phone_column", "Your file has columns called A, B and C. It needs one called phone."),
        ("Phone,Mobile", "two_columns_of_a_kind", "2 columns for the phone: Phone and Mobile. Keep one"),
        ("phone,name,surname", "two_columns_of_a_kind", "the name twice: in name and in surname"),
    ],
)
def test_the_columns_are_judged_first_and_named_as_the_file_does(header: str, code: str, words: str) -> None:
    report = check(f"{header}\n" + ",".join("x" for _ in header.split(",")) + "\n")
    assert (report.code, report.can_be_stored) == (code, False)
    assert words in report.problem


def test_one_kind_of_problem_is_shown_at_a_time() -> None:
    good = "07700900142,amira@post.example,ar,Europe/London,Amira"
    ragged = "07700900143,x"
    number = "12,not an address,xx,Nowhere,Amira"
    address = "07700900144,not an address,xx,Nowhere,Amira"
    language = "07700900145,,xx,Nowhere,Amira"
    zone = "07700900146,,,Nowhere,Amira"
    name = f"07700900147,,,,{'A' * 101}"
    rows = [good, name, zone, language, address, number, ragged]
    seen = []
    while True:
        report = check("\n".join(["phone,email,language,time zone,first name", *rows]))
        if report.can_be_stored:
            break
        assert report.bad_count == len(report.bad_cells) == 1
        bad = report.bad_cells[0]
        assert bad.cells == rows[bad.line - 2].split(",")
        assert bad.sentence.endswith(".")
        seen.append((report.code, bad.column))
        rows.pop()
    assert seen == [("ragged", -1), ("phone", 0), ("email", 1), ("language", 2), ("time_zone", 3), ("name", 4)]


def test_many_bad_rows_are_counted_and_some_are_shown() -> None:
    report = check("phone\n" + "\n".join(f"nothing {number}" for number in range(80)))
    assert (report.bad_count, len(report.bad_cells)) == (80, MOST_SHOWN)
    assert report.problem == "80 numbers cannot be used. Correct the file and try again."
    assert check("phone\n123\n").problem.startswith("1 number cannot be used.")


@pytest.mark.parametrize("number", ["4.47701E+11", "+447700900142 x12", "07700 900142 / 07700 900143", "landline", ""])
def test_numbers_that_cannot_be_trusted_are_refused(number: str) -> None:
    report = check(f"name,phone\nAmira,{number}\n")
    assert report.code == "phone"
    with pytest.raises(ValidationError):
        store(f"name,phone\nBad,{number}\nGood,07700900142\n")
    assert not Contact.objects.exists()


def test_a_lost_zero_is_named_and_put_back_only_when_wanted() -> None:
    text = "phone,name\n7700900142,Amira\n7700900143,Mark\n07700900144,Rosa\n"
    report = check(text)
    assert (report.lost_zeros.count, report.lost_zeros.typed, report.lost_zeros.read_as) == (
        *(2, "7700900142", "+44 7700 900142"),
    )
    assert (report.new, check(text, repair=False).new) == (3, 1)
    store(text, repair=False)
    assert [phone for phone, *_ in people()] == ["+447700900144"]
    store(text)
    assert len(people()) == 3


def test_a_country_code_without_a_plus_is_named_too() -> None:
    text = "phone\n14155550100\n447700900142\n"
    report = check(text)
    assert (report.without_plus.count, report.without_plus.read_as) == (1, "+1 415-555-0100")
    assert report.new == 2  # a British number with its code is one as it stands
    assert check("phone\n4155550100\n", region="US").repairs == 0


def test_a_number_counts_once() -> None:
    report = check("phone,name\n07700900142,First\n+447700900142,Second\n07700 900 142,Third\n")
    assert (report.new, report.repeated_count) == (1, 2)
    assert [(one.line, one.number) for one in report.repeated] == [(3, "+44 7700 900142"), (4, "+44 7700 900142")]
    store("phone,name\n07700900142,First\n+447700900142,Second\n")
    assert people() == [("+447700900142", "First", "")]


def test_known_contacts_are_updated_or_left_and_empty_cells_change_nothing(tom: User) -> None:
    factories.make_contact("+447700900142", first_name="Amira", last_name="Haddad", email="old@post.example")
    factories.make_contact("+447700900143", first_name="Mark")
    text = "phone,first name,last name,email\n07700900142,Amira,,new@post.example\n07700900143,Mark,,\n"
    report = check(text, tom)
    assert (report.new, report.known, report.would_change) == (0, 2, 1)
    store(text, tom, update_known=False)
    assert Contact.objects.get(phone="+447700900142").email == "old@post.example"
    store(text, tom)
    amira = Contact.objects.get(phone="+447700900142")
    assert (amira.last_name, amira.email) == ("Haddad", "new@post.example")


def test_contacts_of_other_teams_are_neither_changed_nor_named(tom: User) -> None:
    hidden = factories.make_conversation(contact=factories.make_contact("+447700900142", first_name="Amira")).contact
    report = store("phone,name\n07700900142,Changed\n07700900143,New\n", tom)
    assert (report.elsewhere, report.known, report.new) == (1, 0, 1)
    hidden.refresh_from_db()
    assert hidden.first_name == "Amira"
    assert store("phone,name\n07700900142,Changed\n").known == 1  # a command sees everybody


def test_a_file_that_breaks_in_the_middle_stores_nothing() -> None:
    rows = "\n".join(f"+1212555{number},x" for number in range(2000, 3500))
    broken = f'phone,name\n{rows}\n07700900142,"open\n'
    assert check(broken).code == "unclosed_quote"
    with pytest.raises(ValidationError):
        store(broken)
    too_many = open_table(io.BytesIO(f"phone,name\n{rows}\n".encode()), most_rows=1499)
    assert check_file(too_many, CHOICES, None).code == "too_many_rows"
    assert not Contact.objects.exists()


def test_a_file_is_read_by_the_thousand() -> None:
    def queries(rows: int) -> int:
        text = "phone\n" + "\n".join(f"+1212555{number:04}" for number in range(2000, 2000 + rows))
        with CaptureQueriesContext(connection) as captured:
            report = store(text)
        assert report.can_be_stored, report.problem
        return len(captured)

    assert queries(10) == queries(900)
    assert Contact.objects.count() == 900


def test_formulas_are_text_and_our_own_marks_are_taken_off_again() -> None:
    store("phone,name\n07700900142,=1+1\n07700900143,'=1+1\n'+447700900144,'@x\n")
    assert [first for _, first, _ in people()] == ["=1+1", "=1+1", "@x"]


def test_a_problem_of_the_file_itself_says_so() -> None:
    with pytest.raises(CsvProblem):
        check("phone,name\n")
