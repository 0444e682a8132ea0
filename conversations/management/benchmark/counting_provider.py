"""A provider that answers at once, or as late as it is told, in the words of one of ours, and counts what reaches it.

The path of a request says whose words are meant: Webex Interact's, Cirrus's, CCAI Platform's or Kannel's, with which
peers send. It stands in for the
sandbox, which keeps everything it hears in a database and would be measured along. It is a program of its own and
imports nothing but the standard library: `python counting_provider.py PORT`.

`POST /wait` with a list of references answers when all of them have come, or after 5 seconds, with those that have:
{"reference": [how often, first, last]}; `GET /seen` with all that ever came. A reference has come when its request is
complete; where a request carries none of ours, its number with a plus counts as one. Times are seconds of the
machine's monotonic clock, which all its processes share. `POST /latency` with seconds: requests are answered that long
after they were complete.
"""

from __future__ import annotations

import itertools
import json
import socket
import sys
import threading
import time
from typing import Any
from urllib.parse import parse_qs

LONGEST_WAIT = 5.0  # seconds


class Ledger:
    """What has come so far."""

    def __init__(self) -> None:
        self.latency = 0.0  # seconds
        self._seen: dict[str, list[float]] = {}
        self._changed = threading.Condition()

    def note(self, references: list[str], at: float) -> None:
        """These references came with a request that was complete at that time."""
        with self._changed:
            for reference in references:
                entry = self._seen.setdefault(reference, [0, at, at])
                entry[0] += 1
                entry[2] = at
            self._changed.notify_all()

    def wait_for(self, references: list[str]) -> dict[str, list[float]]:
        """Those of them that have come, once all have or the wait is over."""
        pending = list(references)

        def have_come() -> bool:
            while pending and pending[-1] in self._seen:
                pending.pop()
            return not pending

        with self._changed:
            self._changed.wait_for(have_come, timeout=LONGEST_WAIT)
            return {reference: self._seen[reference] for reference in references if reference in self._seen}

    def all(self) -> dict[str, list[float]]:
        """All of them."""
        with self._changed:
            return dict(self._seen)


class Caller:
    """One connection: requests are read and answered one after the other."""

    def __init__(self, connection: socket.socket, ledger: Ledger, numbers: itertools.count[int]) -> None:
        self._connection = connection
        self._ledger = ledger
        self._numbers = numbers
        self._received = b""

    def serve(self) -> None:
        """Answer until the other side hangs up."""
        with self._connection:
            while (request := self._next_request()) is not None:
                target, body, arrived_at = request
                answer = self._answer(target, body, arrived_at).encode()
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n"
                self._connection.sendall(head.encode() + answer)

    def _next_request(self) -> tuple[str, bytes, float] | None:
        """The target, the body, and when the last byte was there."""
        while b"\r\n\r\n" not in self._received:
            if not self._read_more():
                return None
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        while len(self._received) < length:
            if not self._read_more():
                return None
        arrived_at = time.monotonic()
        body, self._received = self._received[:length], self._received[length:]
        return lines[0].split(" ")[1], body, arrived_at

    def _read_more(self) -> bool:
        try:
            piece = self._connection.recv(65536)
        except ConnectionResetError:
            return False
        self._received += piece
        return bool(piece)

    def _answer(self, target: str, body: bytes, arrived_at: float) -> str:
        if target == "/wait":
            return json.dumps(self._ledger.wait_for(json.loads(body)))
        if target == "/seen":
            return json.dumps(self._ledger.all())
        if target.startswith("/cgi-bin/sendsms?"):
            (numbers,) = parse_qs(target.partition("?")[2])["to"]
            self._ledger.note(numbers.split(), arrived_at)
            return "0: Accepted for delivery"
        sent = json.loads(body)
        if target == "/latency":
            self._ledger.latency = float(sent)
            return "null"
        answer = self._take(target, sent, arrived_at)
        time.sleep(max(arrived_at + self._ledger.latency - time.monotonic(), 0.0))
        return answer

    def _take(self, target: str, sent: Any, arrived_at: float) -> str:
        if target.endswith("/v1/sms"):
            return self._take_bulk(sent["to"], arrived_at)
        if "/sendtemplatedmessage/" in target:
            return self._take_templates(sent["data"], arrived_at)
        if "/sms/sendsms/" in target:
            self._ledger.note([f"+{sent['data']['Number']}"], arrived_at)
            return json.dumps({"status": 200, "description": "OK", "data": ""})
        self._ledger.note([sent["end_user_number"]], arrived_at)
        return json.dumps({"id": next(self._numbers), "status": "assigned", "chat_type": sent["chat_type"]})

    def _take_bulk(self, groups: list[dict[str, Any]], arrived_at: float) -> str:
        self._ledger.note([group["correlation_id"] for group in groups], arrived_at)
        messages = [
            {"transaction_id": f"tid_{next(self._numbers)}", "to": phone, "status": "queued", "code": 1001}
            for group in groups
            for phone in group["phone"]
        ]
        return json.dumps({"request_id": f"aps_{next(self._numbers)}", "messages": messages, "errors": []})

    def _take_templates(self, items: list[dict[str, Any]], arrived_at: float) -> str:
        self._ledger.note([item["object_data"]["Content"]["ref"] for item in items], arrived_at)
        answered = [
            {
                "recipient": item["template_data"]["to"],
                "status": 200,
                "id": f"wamid.{next(self._numbers)}",
                "object_id": next(self._numbers),
            }
            for item in items
        ]
        return json.dumps({"status": 200, "description": "OK", "data": answered})


def serve(port: int) -> None:
    """Answer on that port of the loopback address until the process is ended."""
    ledger, numbers = Ledger(), itertools.count(1)
    with socket.create_server(("127.0.0.1", port)) as server:
        while True:
            connection, _ = server.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            caller = Caller(connection, ledger, numbers)
            threading.Thread(target=caller.serve, daemon=True).start()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
