#!/usr/bin/env python3
"""What a hostile or broken client sends to one server, and what the server must do: the right status, alive, bounded memory.

    python3 Tools/acceptance/abuse.py .build/release/resift

Each attack is checked by its status, by a correct ranking afterwards, and by the server's peak memory, which may not
pass `--max-memory` megabytes over all attacks together.
"""

import argparse
import contextlib
import http.client
import json
import pathlib
import select
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from resift_server import ResiftServer, command_ranking  # noqa: E402

READ_TIMEOUT_SECONDS = 3
MAX_BODY_BYTES = 32 << 20
QUERY = "how do I reset my password?"
TEXTS = ["Choose Security and press Reset password.", "Our offices are closed on public holidays."]

ATTACKS = []


def attack(title):
    def register(function):
        ATTACKS.append((title, function))
        return function
    return register


def connect(server, timeout=30):
    return socket.create_connection(("127.0.0.1", server.port), timeout=timeout)


def request(body, length=None, path="/v1/rerank", extra=""):
    length = len(body) if length is None else length
    return (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {length}\r\n{extra}\r\n").encode() + body


def status_of(connection, seconds=30):
    """The status of the answer that comes, "closed" where the connection ends without one, "silence" where nothing comes.

    100 (Continue) may come before any answer.
    """
    connection.settimeout(seconds)
    head = b""
    try:
        while True:
            while b"\r\n\r\n" not in head:
                chunk = connection.recv(4_096)
                if not chunk:
                    return "closed"
                head += chunk
            status = int(head.split(b" ", 2)[1])
            if status != 100:
                return status
            head = head.partition(b"\r\n\r\n")[2]
    except socket.timeout:
        return "silence"
    except OSError:
        return "closed"


def closes(connection, seconds):
    """Whether the other side ends the connection within this time, whatever it says before."""
    connection.settimeout(seconds)
    try:
        while connection.recv(65_536):
            pass
    except socket.timeout:
        return False
    except OSError:
        pass
    return True


def post(server, body, headers=None, path="/v1/rerank", timeout=120):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"} | (headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def expect(found, *allowed):
    assert found in allowed, f"answered {found}, not {' or '.join(map(str, allowed))}"


@attack("slow-loris: 200 connections, one byte of the head a second, are ended; others are served meanwhile")
def slow_head(server):
    connections = [connect(server) for _ in range(200)]
    try:
        for connection in connections:
            connection.sendall(b"POST /v1/rerank HTTP/1.1\r\nHost: a\r\n")
        begin, open_connections = time.monotonic(), set(connections)
        while open_connections and time.monotonic() - begin < 6 * READ_TIMEOUT_SECONDS:
            works(server)
            for connection in list(open_connections):
                try:
                    connection.sendall(b"X")
                except OSError:
                    open_connections.discard(connection)
            readable, _, _ = select.select(list(open_connections), [], [], 0)
            for connection in readable:
                if closes(connection, 0.5):
                    open_connections.discard(connection)
            time.sleep(1)
        assert not open_connections, f"{len(open_connections)} of 200 connections are still open"
    finally:
        for connection in connections:
            connection.close()


@attack("a body that comes one byte a second is 408, or the connection ends")
def slow_body(server):
    with connect(server) as connection:
        connection.sendall(request(b"", length=1_000))
        begin, found = time.monotonic(), "silence"
        while found == "silence" and time.monotonic() - begin < 6 * READ_TIMEOUT_SECONDS:
            with contextlib.suppress(OSError):
                connection.sendall(b" ")
            found = status_of(connection, 1)
        expect(found, 408, "closed")


@attack("one header of 1 MB, then 100,000 headers: 431 or 400, or the connection ends")
def huge_headers(server):
    for lines in (b"X-Large: " + b"a" * (1 << 20) + b"\r\n", b"".join(b"X-%d: a\r\n" % i for i in range(100_000))):
        with connect(server) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n")
            expect(status_of(connection), 431, 400, "closed")


@attack("a path of 1 MB: 414, 431 or 400, or the connection ends")
def huge_path(server):
    with connect(server) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        expect(status_of(connection), 414, 431, 400, "closed")


@attack("not HTTP: random bytes and a TLS greeting are 400, or the connection ends")
def not_http(server):
    for data in (bytes(range(256)) * 40, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 300, b"\r\n" * 1_000):
        with connect(server) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            expect(status_of(connection, 3 * READ_TIMEOUT_SECONDS), 400, 408, "closed")


@attack("two lengths, a negative length, a length and chunks, no number: refused")
def bad_framing(server):
    for extra in (
        "Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: -1\r\n", "Content-Length: x\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked, nonsense\r\n",
        "Content-Length: 99999999999999999999999\r\n",
    ):
        with connect(server) as connection:
            connection.sendall(
                f"POST /v1/rerank HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{extra}\r\n".encode()
                + b"0\r\n\r\n")
            found = status_of(connection, 3 * READ_TIMEOUT_SECONDS)
            assert found == "closed" or 400 <= found < 500, f"{extra!r} was answered {found}"


@attack("half-closed: a client that ends its side after the request gets its answer")
def half_closed(server):
    with connect(server) as connection:
        connection.sendall(request(json.dumps({"query": QUERY, "documents": TEXTS}).encode()))
        connection.shutdown(socket.SHUT_WR)
        expect(status_of(connection), 200)


@attack("half-closed within the body: 500 connections end without a trace")
def half_closed_body(server):
    for _ in range(500):
        with connect(server) as connection:
            connection.sendall(request(b'{"query"', length=100))
            connection.shutdown(socket.SHUT_WR)
            status_of(connection, 0.01)


@attack("clients that hang up without reading: 200 requests cost no more than a moment")
def hang_up(server):
    body = json.dumps({"query": QUERY, "documents": ["word " * 300] * 500}).encode()
    for _ in range(200):
        with connect(server) as connection:
            connection.sendall(request(body))
    begin = time.monotonic()
    works(server)
    assert time.monotonic() - begin < 20, "the next request waited for work that nobody wanted"


@attack("a body that says 1 GB is 413 before it is sent")
def announced_gigabyte(server):
    with connect(server) as connection:
        connection.sendall(request(b"", length=1 << 30))
        expect(status_of(connection, 2 * READ_TIMEOUT_SECONDS), 413)


def pour(connection, block, little):
    """Sends 1 GB as fast as it is taken, then goes on slowly; the server has to end that within the reading time."""
    with contextlib.suppress(OSError):
        for _ in range(1 << 10):
            connection.sendall(block)
    begin = time.monotonic()
    try:
        while time.monotonic() - begin < 3 * READ_TIMEOUT_SECONDS:
            connection.sendall(little)
            time.sleep(0.2)
    except OSError:
        return
    raise AssertionError("the server reads on and on")


@attack("a body of 1 GB that is sent all the same, and more: 413, and the connection ends")
def sent_gigabyte(server):
    with connect(server) as connection:
        connection.sendall(request(b"", length=1 << 40))
        pour(connection, b" " * (1 << 20), b" ")
        expect(status_of(connection), 413, "closed")


@attack("1 GB in chunks, which announces no length, and more: 413, and the connection ends")
def chunked_gigabyte(server):
    with connect(server) as connection:
        connection.sendall(
            b"POST /v1/rerank HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        pour(connection, b"100000\r\n" + b" " * (1 << 20) + b"\r\n", b"1\r\n \r\n")
        expect(status_of(connection), 413, "closed")


@attack("JSON that is none: 400")
def invalid_json(server):
    for body in (b"", b"{", b"nul", b'{"query": "a", "documents": ["a"],}', b'{"query": "a" "documents": []}', b"{}x",
                 b'{"query": "\\ud800", "documents": ["a"]', b"\xef\xbb\xbf", b"NaN", b"{'query': 1}"):
        expect(post(server, body)[0], 400)


@attack("text that is no UTF-8: 400")
def invalid_utf8(server):
    for bad in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xe2\x82"):
        expect(post(server, b'{"query": "' + bad + b'", "documents": ["a"]}')[0], 400)


@attack("lone surrogates and NUL in strings: an answer that is JSON")
def odd_text(server):
    for text in (b'"\\ud800"', b'"a\\u0000b"', b'"\\udfff\\ud800"', '"\u202e\ufeff\U0010ffff"'.encode()):
        status, body = post(server, b'{"query": ' + text + b', "documents": [' + text + b', "b"]}')
        expect(status, 200, 400)
        json.loads(body)


@attack("JSON of depth 1,000,000, in arrays and in objects: 400")
def deep_json(server):
    for body in (b"[" * 1_000_000, b'{"a":' * 1_000_000, b'{"query": "a", "documents": ' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}"):
        expect(post(server, body)[0], 400, 413)
    documents = b'{"query": "a", "documents": [' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"]}"
    expect(post(server, documents)[0], 400, 422)


@attack("numbers that no integer holds, and keys twice: no crash")
def odd_numbers(server):
    for number in (b"1e999", b"-1e999", b"99999999999999999999999", b"1.5", b"-0", b"0", b"1e2", b"9223372036854775808"):
        status, body = post(server, b'{"query": "a", "documents": ["a", "b"], "top_n": ' + number + b"}")
        expect(status, 200, 400, 422)
        json.loads(body)
    expect(post(server, b'{"query": "a", "query": "b", "documents": ["a"], "documents": ["b"]}')[0], 200, 400, 422)


@attack("100,000 documents: refused, with the limit")
def many_documents(server):
    status, body = post(server, json.dumps({"query": QUERY, "documents": ["a"] * 100_000}).encode())
    expect(status, 413, 422)
    assert "10000" in json.loads(body)["message"].replace(",", ""), body


@attack("one document of 30 MB, and 200 of 3 KB: an answer within the limits")
def large_documents(server):
    for documents in (["word " * 6_000_000], ["word " * 600] * 200):
        status, body = post(server, json.dumps({"query": QUERY, "documents": documents}).encode())
        expect(status, 200, 413, 422, 429)
        json.loads(body)


@attack("a query of 1 MB: an answer")
def large_query(server):
    status, body = post(server, json.dumps({"query": "word " * 200_000, "documents": TEXTS}).encode())
    expect(status, 200, 413, 422)
    json.loads(body)


@attack("1,000 empty and blank documents are scored")
def empty_documents(server):
    status, body = post(server, json.dumps({"query": QUERY, "documents": ["", " ", "\n", "\0"] * 250}).encode())
    expect(status, 200)
    assert len(json.loads(body)["results"]) == 1_000


@attack("paths that climb out are 404 or 400, and nothing of the file system comes back")
def climbing_paths(server):
    for path in ("/../../etc/passwd", "/..%2f..%2fetc/passwd", "/docs/../../etc/passwd", "//etc/passwd", "/%00", "/%ff%fe"):
        with connect(server) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            connection.settimeout(10)
            answer = b""
            with contextlib.suppress(OSError):
                while chunk := connection.recv(65_536):
                    answer += chunk
            assert b"root:" not in answer
            expect(int(answer.split(b" ", 2)[1]) if answer else "closed", 400, 404, "closed")


@attack("model names that are paths load nothing")
def model_paths(server):
    for model in ("../../etc", "/etc/passwd", "a\0b", "x" * 100_000, "\u202e"):
        status, body = post(server, json.dumps({"model": model, "query": QUERY, "documents": TEXTS}).encode())
        expect(status, 200, 400, 404, 422)
        assert b"root:" not in body


@attack("pipelined requests on one connection are answered in order")
def pipelined(server):
    with connect(server) as connection:
        single = request(json.dumps({"query": QUERY, "documents": TEXTS}).encode())
        connection.sendall(single * 50)
        connection.settimeout(30)
        received = b""
        while received.count(b"HTTP/1.1 ") < 50:
            chunk = connection.recv(65_536)
            assert chunk, f"the connection ended after {received.count(b'HTTP/1.1 ')} answers"
            received += chunk
        assert received.count(b"HTTP/1.1 200") == 50, "not all 50 were answered 200"


@attack("2,000 connections that say nothing leave room for others once they are gone")
def idle_connections(server):
    connections = []
    try:
        with contextlib.suppress(OSError):
            for _ in range(2_000):
                connections.append(connect(server, 2))
    finally:
        for connection in connections:
            connection.close()
    works(server)


REFERENCE = {}


def works(server):
    """The server still ranks, and right."""
    for attempt in range(40):
        try:
            status, body = post(server, json.dumps({"query": QUERY, "documents": TEXTS, "raw_scores": True}).encode())
        except (OSError, http.client.HTTPException):
            status, body = None, b""
        if status == 200:
            break
        time.sleep(0.25)
    assert status == 200, f"after the attack an honest request was answered {status}: {body[:300]}"
    found = [(row["index"], row["relevance_score"]) for row in json.loads(body)["results"]]
    assert all(index == wanted and abs(score - reference) < 1e-5
               for (index, score), (wanted, reference) in zip(found, REFERENCE["ranking"])), found


def main():
    parser = argparse.ArgumentParser(description="Abuse of resift serve.")
    parser.add_argument("resift")
    parser.add_argument("--max-memory", type=int, default=1_024, help="megabytes")
    parser.add_argument("--only", help="attacks whose title has this in it")
    arguments = parser.parse_args()
    REFERENCE["ranking"] = [
        (row["index"], row["score"]) for row in command_ranking(arguments.resift, QUERY, TEXTS)]
    options = ["--read-timeout", f"{READ_TIMEOUT_SECONDS}s", "--max-body-bytes", str(MAX_BODY_BYTES)]
    failed = passed = 0
    server = ResiftServer(arguments.resift, options).start()
    try:
        for title, function in ATTACKS:
            if arguments.only and arguments.only not in title:
                continue
            begin, note = time.monotonic(), None
            try:
                function(server)
                works(server)
            except Exception as error:
                note = f"{type(error).__name__}: {error}"
            if not server.alive:
                note = f"the server died with status {server.process.returncode}:\n{server.logged()[-1_500:]}"
            memory = server.resident_bytes() if server.alive else (0, 0)
            print(f"{'FAILED' if note else 'passed'}  {time.monotonic() - begin:6.1f} s  {memory[0] >> 20:5} MB  {title}", flush=True)
            if note:
                print(f"        {note}")
            failed += note is not None
            passed += note is None
            if not server.alive:
                server.stop()
                server = ResiftServer(arguments.resift, options).start()
        peak = server.resident_bytes()[1] >> 20
        print(f"peak memory {peak} MB")
        if peak > arguments.max_memory:
            print(f"FAILED  more than {arguments.max_memory} MB")
            failed += 1
    finally:
        server.stop()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
