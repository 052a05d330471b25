"""Who may ask for what."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.serve import security
from runtime.serve.arguments import request
from runtime.serve.command import bound_socket
from runtime.serve.security import Allowance
from tests.runtime.serve.conftest import TOKEN, Served, arguments
from toolkit.errors import UsageError

PROTECTED = (
    "/api/now",
    "/api/events",
    "/api/events.csv",
    "/api/stream",
    "/api/model",
    "/metrics",
    "/api/events/1/clip",
)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_nobody_else_may_come_without_a_token(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GTZANET_TOKEN", raising=False)
    with pytest.raises(UsageError, match="set a token"):
        bound_socket(request(arguments("--host", host, "--port", "0")))
    monkeypatch.setenv("GTZANET_TOKEN", TOKEN)
    if host == "0.0.0.0":
        bound_socket(request(arguments("--host", host, "--port", "0"))).close()


def test_a_port_in_use_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GTZANET_TOKEN", raising=False)
    first = bound_socket(request(arguments("--port", "0")))
    first.listen()
    with pytest.raises(UsageError, match="choose another"):
        bound_socket(request(arguments("--port", str(first.getsockname()[1]))))
    first.close()


@pytest.mark.parametrize("content", ["short", "with a space in it", "ünïcödé-ünïcödé-ünïcödé", "\n0123456789abcdef"])
def test_weak_tokens_are_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(content)
    with pytest.raises(UsageError, match="token"):
        request(arguments("--token-file", str(path)))


def test_a_token_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    assert request(arguments("--token-file", str(path))).token == TOKEN


@pytest.mark.parametrize("path", PROTECTED)
def test_a_token_is_needed(served: Served, path: str) -> None:
    client, _ = served(token=TOKEN)
    assert client.get(path).status_code == 401
    assert client.get(path, headers={"Authorization": f"Bearer {TOKEN}x"}).status_code == 401
    assert client.get(path, headers={"Authorization": f"Basic {TOKEN}"}).status_code == 401
    assert client.get(path, headers={"Cookie": f"{security.COOKIE}={TOKEN}"}).status_code == 401
    if path != "/api/stream":
        assert client.get(path, headers={"Authorization": f"Bearer {TOKEN}"}).status_code in (200, 404)
    for url in ("/api/classify", "/api/clips?label=pop", "/api/now/label", "/api/events/1/label"):
        assert client.post(url).status_code == 401


def test_every_route_but_the_open_ones_is_protected(served: Served) -> None:
    client, _ = served(token=TOKEN, address="http://127.0.0.1")
    document = client.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for method in operations:
            status = client.request(method, path.replace("{event}", "1"), headers={"X": "1"}).status_code
            assert (status == 401) == (path not in security.OPEN), path


def test_logging_in(served: Served) -> None:
    client, _ = served(token=TOKEN)
    assert client.post("/api/login", json={"token": "0123456789abcdeF"}).status_code == 401
    response = client.post("/api/login", json={"token": TOKEN})
    assert response.status_code == 204
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and TOKEN not in cookie
    assert client.get("/api/events").status_code == 200


def test_guessing_is_slowed_down(served: Served) -> None:
    client, _ = served(token=TOKEN)
    statuses = [
        client.get("/api/now", headers={"Authorization": f"Bearer {number:016}"}).status_code for number in range(12)
    ]
    assert statuses == [401] * 10 + [429] * 2
    assert client.get("/api/now", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    statuses = [client.post("/api/login", json={"token": f"{number:016}"}).status_code for number in range(12)]
    assert statuses == [401] * 10 + [429] * 2


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("localhost", 200),
        ("LOCALHOST.:1", 200),
        ("[::1]:8080", 200),
        ("192.168.1.7:8080", 200),
        ("music.example", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("evil@localhost", 421),
        ("", 421),
        ("localhost:8080:8080", 421),
        ("127.0.0.1/x", 421),
    ],
)
def test_another_hosts_name_is_refused(served: Served, host: str, status: int) -> None:
    client, _ = served("--allow-host", "music.example")
    assert client.get("/api/now", headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 409),
        ({"Origin": "http://127.0.0.1:8080"}, 409),
        ({"Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-origin"}, 409),
        ({"Origin": "http://127.0.0.1:8081"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_another_sites_page_may_not_post(served: Served, headers: dict[str, str], status: int) -> None:
    client, _ = served()
    assert client.post("/api/clips?label=pop", content=b"x", headers=headers).status_code == status


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../app.py",
        "/assets/..%2fapp.py",
        "/assets/%2e%2e%2fapp.py",
        "/assets/%2fetc%2fpasswd",
        "/assets/page.js%00.css",
        "/assets//etc/passwd",
        "/../../etc/passwd",
        "/api/events/..%2f..%2fetc%2fpasswd/clip",
        "/api/events/1.5/clip",
        "/api/events/-1/clip",
        "/api/events/%F0%9D%9F%8F/clip",
        "/api/events/99999999999999999999/clip",
    ],
)
def test_no_path_leads_out(served: Served, path: str) -> None:
    client, _ = served()
    response = client.get(path)
    assert response.status_code == 404
    assert set(response.json()) == {"error"}


def test_requests_are_limited_by_address(served: Served) -> None:
    client, _ = served("--rate-limit", "30")
    responses = [client.get("/api/now") for _ in range(11)]
    assert [response.status_code for response in responses] == [200] * 10 + [429]
    assert int(responses[-1].headers["retry-after"]) >= 1


def test_an_allowance_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    allowance = Allowance(60, 2)
    assert [allowance.wait("a") for _ in range(3)] == [0, 0, 1]
    assert allowance.wait("b") == 0
    clock[0] = 1.0
    assert [allowance.wait("a") for _ in range(2)] == [0, 1]
    for number in range(5000):
        allowance.wait(str(number))
    assert len(allowance._left) == security.ADDRESSES


def test_every_answer_has_the_headers(served: Served) -> None:
    client, _ = served(token=TOKEN)
    for path in ("/", "/api/now", "/nothing", "/assets/page.js"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
        assert "cache-control" in headers
