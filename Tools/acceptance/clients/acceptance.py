"""What the cases of all clients share: the texts, what `resift rerank` says of them, and how answers are compared.

A case is a function of one `Setup`, registered by `@case("what it proves")`. It fails by an exception.
"""

import contextlib
import http.client
import json
import math
import socket
import threading
import time
import urllib.parse

KEY = "acceptance-key"
WRONG_KEY = "not-a-key"

QUERY = "how do I reset my password?"
TEXTS = [
    "Our offices are closed on public holidays.",
    "Choose Security in your profile and press Reset password; a link arrives by mail.",
    "Passwords must have at least twelve characters.",
    "Das Passwort lässt sich unter „Sicherheit“ zurücksetzen. 🔑",
    "Invoices are sent on the first day of each month.",
    "Our offices are closed on public holidays.",
    "If the reset mail does not arrive, look into the spam folder or ask an administrator of your team.",
    "x",
]
OBJECTS = [
    {"title": "Holidays", "text": TEXTS[0], "region": "eu"},
    {"title": "Forgotten passwords", "text": TEXTS[1], "views": 12},
    {"title": "Rules", "text": TEXTS[2], "tags": ["security", "account"]},
    {"title": "Billing", "text": TEXTS[4], "region": None},
]
FIELDS = ["title", "text"]

# What is sent to `resift rerank`, by the name under which `Setup.expected` has its answer.
PAIRS = {
    "texts": (QUERY, TEXTS, []),
    "objects": (QUERY, OBJECTS, []),
    "fields": (QUERY, OBJECTS, ["--rank-fields", ",".join(FIELDS)]),
}

CASES = []


def case(title):
    def register(function):
        CASES.append((title, function))
        return function
    return register


class Setup:
    """The servers of a run.

    - `url`: keys, the limits of the defaults, answers to any model's name.
    - `limited_url`: keys, `document_limit` documents a request, two requests in the queue, refuses unknown models.
    """

    def __init__(self, values):
        self.url = values["url"]
        self.limited_url = values["limited_url"]
        self.document_limit = values["document_limit"]
        self.model = values["model"]
        self.program = values["program"]
        self.expected = values["expected"]

    def ranking(self, name, limit=None, raw=False):
        """(index, score) best first; scores in 0...1 unless raw."""
        rows = self.expected[name][:limit]
        return [(row["index"], row["score"] if raw else sigmoid(row["score"])) for row in rows]


def sigmoid(logit):
    return 1 / (1 + math.exp(-logit))


def same_ranking(found, expected):
    """The same documents in the same order, with scores that differ in printing alone."""
    found = [(index, float(score)) for index, score in found]
    indices = [index for index, _ in found]
    wanted = [index for index, _ in expected]
    assert indices == wanted, f"the order is {indices}, resift rerank's is {wanted}"
    for (index, score), (_, reference) in zip(found, expected):
        # Both are printed from the same Float logit.
        assert abs(score - reference) <= 5e-6 * abs(reference), (
            f"document {index} has the score {score}, resift rerank says {reference}")


def same(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"


def raises(kind, call, status=None):
    """Calls, and returns the exception of this kind that it must raise."""
    try:
        result = call()
    except kind as error:
        found = getattr(error, "status_code", None) or getattr(error, "http_status", None)
        assert status is None or found == status, f"{type(error).__name__} with status {found}, not {status}: {error}"
        return error
    except Exception as error:
        raise AssertionError(f"raised {type(error).__name__} ({error}), not {kind.__name__}") from error
    raise AssertionError(f"answered {str(result)[:300]} where {kind} was expected")


def says(text, *words):
    """An error's text is for a person: it has these words."""
    text = str(text)
    assert any(word.lower() in text.lower() for word in words), f"{text[:400]!r} says none of {words}"


def post(url, path, body, headers=None, key=KEY, timeout=60):
    """One request as any HTTP client would send it: (status, headers, parsed body)."""
    address = urllib.parse.urlparse(url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=timeout)
    sent = {"Content-Type": "application/json"}
    if key is not None:
        sent["Authorization"] = f"Bearer {key}"
    sent.update(headers or {})
    payload = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    try:
        connection.request("POST" if body is not None else "GET", path, payload, sent)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    kind = answer.getheader("Content-Type", "")
    return answer.status, answer.headers, json.loads(content) if "json" in kind else content.decode()


def get(url, path, **arguments):
    return post(url, path, None, **arguments)


class _Occupant(threading.Thread):
    """Sends long requests, one after the other, until it is told to stop; then it hangs up."""

    def __init__(self, url, documents):
        super().__init__(daemon=True)
        self.address = urllib.parse.urlparse(url)
        self.documents = documents
        self.stopped = threading.Event()
        self.connection = None

    def run(self):
        while not self.stopped.is_set():
            # A query of its own each time, so that no cache answers.
            body = json.dumps({
                "query": f"{QUERY} {time.monotonic_ns()}",
                "documents": [f"{i} " + "word " * 300 for i in range(self.documents)]})
            self.connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=120)
            try:
                self.connection.request("POST", "/v2/rerank", body, {
                    "Content-Type": "application/json", "Authorization": f"Bearer {KEY}"})
                answer = self.connection.getresponse()
                answer.read()
                if answer.status == 429:
                    time.sleep(0.02)
            except (OSError, http.client.HTTPException):
                pass
            finally:
                self.connection.close()

    def stop(self):
        self.stopped.set()
        with contextlib.suppress(OSError, AttributeError):
            self.connection.sock.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def overloaded(setup, occupants=6):
    """The limited server has as much to do as it accepts, for as long as the block runs."""
    threads = [_Occupant(setup.limited_url, setup.document_limit) for _ in range(occupants)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(500):
            status, headers, _ = post(
                setup.limited_url, "/v2/rerank", {"query": "probe", "documents": ["a"]})
            if status == 429:
                break
            time.sleep(0.02)
        else:
            raise AssertionError("the limited server never answered 429")
        yield int(headers["Retry-After"])
    finally:
        for thread in threads:
            thread.stop()
        for thread in threads:
            thread.join(30)


def until_refused(call, kind):
    """Calls until the overloaded server refuses: between two long requests of the occupants there may be room."""
    for _ in range(50):
        try:
            call()
        except kind as error:
            return error
    raise AssertionError(f"50 calls to the overloaded server, and none raised {kind.__name__}")
