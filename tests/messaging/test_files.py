"""Files by their first bytes, and addresses by what they lead to: rows B54 and B68 of the bad-input matrix."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from messaging.addresses import is_public
from messaging.whatsapp import check_file, content_type_of, kind_of

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(9) + b"\xff\xc0\x00\x11\x08\x00\x10\x00\x20" + bytes(20)
OFFICE = "application/vnd.openxmlformats-officedocument."


def png(width: int = 10, height: int = 10) -> bytes:
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, height) + bytes(20)


def archive(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name in names:
            made.writestr(name, "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "filename", "content_type", "kind"),
    [
        (JPEG, "roof.exe", "image/jpeg", "image"),
        (png(), "", "image/png", "image"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "", "image/webp", "sticker"),
        (b"\x00\x00\x00\x18ftypmp42", "", "video/mp4", "video"),
        (b"\x00\x00\x00\x18ftyp3gp5", "", "video/3gpp", "video"),
        (b"\x00\x00\x00\x18ftypM4A ", "", "audio/mp4", "audio"),
        (b"OggS\x00", "", "audio/ogg", "audio"),
        (b"#!AMR\n", "", "audio/amr", "audio"),
        (b"ID3\x03", "", "audio/mpeg", "audio"),
        (b"\xff\xfb\x90\x00", "", "audio/mpeg", "audio"),
        (b"\xff\xf1\x50\x80", "", "audio/aac", "audio"),
        (b"%PDF-1.7\n", "bill.jpg", "application/pdf", "document"),
        (archive("[Content_Types].xml", "word/document.xml"), "", OFFICE + "wordprocessingml.document", "document"),
        (archive("[Content_Types].xml", "xl/workbook.xml"), "", OFFICE + "spreadsheetml.sheet", "document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old.xls", "application/vnd.ms-excel", "document"),
        ("Grüße\n".encode(), "note.txt", "text/plain", "document"),
    ],
)
def test_what_whatsapp_carries(content: bytes, filename: str, content_type: str, kind: str) -> None:
    assert (content_type_of(content, filename), kind_of(content_type)) == (content_type, kind)


@pytest.mark.parametrize(
    ("content", "filename"),
    [
        (b"", "empty.jpg"),
        (b"MZ\x90\x00", "photo.jpg"),
        (b"<svg onload=alert(1)>", "photo.png"),
        (b"<html><script>", "page.pdf"),
        (archive("evil.exe"), "report.docx"),
        (archive("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"), "macro.docx"),
        (b"PK\x03\x04 not an archive", "report.docx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "installer.msi"),
        (b"text\x00with nul", "note.txt"),
        (b"\xff\xfe\xfa", "note.txt"),
        (b"#!/bin/sh", "run.sh"),
        (b"GIF89a", "moving.gif"),
    ],
)
def test_what_it_does_not_carry_whatever_its_name(content: bytes, filename: str) -> None:
    assert content_type_of(content, filename) == ""
    assert check_file("document", content, filename) is not None


def test_a_small_file_with_a_huge_picture_is_refused() -> None:
    assert check_file("image", png(7_000, 7_000), "a.png") is None
    for content in (png(60_000, 60_000), JPEG.replace(b"\x00\x10\x00\x20", b"\xff\xff\xff\xff")):
        problem = check_file("image", content, "a.png")
        assert problem is not None
        assert problem.code == "too_many_pixels"


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1"),
        *("::ffff:127.0.0.1", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:80ff:fffe", "64:ff9b::7f00:1"),
        *("64:ff9b:1::1", "localhost", "127.1", "2130706433", ""),
    ],
)
def test_addresses_that_are_not_public_or_none(address: str) -> None:
    assert not is_public(address)
