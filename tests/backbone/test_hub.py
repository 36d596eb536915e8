"""Fetching published weights from a server of our own: good, wrong, missing, cut short, gone."""

import hashlib
import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from backbone import hub
from backbone.hub import KNOWN_WEIGHTS, Published, cache_folder, fetch

CONTENT = bytes(range(256)) * 4000  # several chunks


class Handler(http.server.BaseHTTPRequestHandler):
    """`/good` is whole, `/cut` ends early, `/endless` says no length; anything else is not there."""

    def do_GET(self) -> None:
        name = self.path.rsplit("/", maxsplit=1)[-1]
        if name not in ("good", "cut", "endless"):
            self.send_error(404)
            return
        self.send_response(200)
        if name != "endless":
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:-1000] if name == "cut" else CONTENT)

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GOOGLENET_RCNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "cache"


def publish(monkeypatch: pytest.MonkeyPatch, url: str, digest: str | None = None) -> None:
    checksum = digest or hashlib.sha1(CONTENT).hexdigest()
    monkeypatch.setitem(hub.KNOWN_WEIGHTS, "weights", Published(url, "sha1", checksum))


@pytest.mark.parametrize("name", ["good", "endless"])
def test_a_file_is_fetched_once_and_kept(server: str, cache: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    publish(monkeypatch, f"{server}/{name}")
    steps: list[tuple[int, int | None]] = []
    path = fetch("weights", progress=lambda done, total: steps.append((done, total)))
    assert path == cache / name
    assert path.read_bytes() == CONTENT
    assert steps[-1] == (len(CONTENT), len(CONTENT) if name == "good" else None)
    assert len(steps) > 1
    publish(monkeypatch, f"http://127.0.0.1:1/{name}")
    assert fetch("weights") == path
    assert list(cache.iterdir()) == [path]


def test_a_wrong_checksum_keeps_nothing(server: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch, f"{server}/good", "0" * 40)
    found = hashlib.sha1(CONTENT).hexdigest()
    with pytest.raises(ValueError, match=rf"/good gave something else than weights: its sha1 is {found}, not 0{{40}}"):
        fetch("weights")
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(("name", "reason"), [("nowhere", "404"), ("cut", "ended 1000 bytes early")])
def test_a_failed_download_says_what_to_do(
    server: str, cache: Path, monkeypatch: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    publish(monkeypatch, f"{server}/{name}")
    with pytest.raises(
        FileNotFoundError, match=rf"cannot fetch {server}/{name} \(.*{reason}.*put it at {cache}/{name}$"
    ):
        fetch("weights")
    assert list(cache.iterdir()) == []


def test_without_a_network_it_says_what_to_do(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        publish(monkeypatch, f"http://127.0.0.1:{taken.getsockname()[1]}/good")
        with pytest.raises(FileNotFoundError, match=rf"refused.*fetch it elsewhere and put it at {cache}/good$"):
            fetch("weights")


def test_a_file_put_there_by_hand_is_used(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch, "http://127.0.0.1:1/good")
    cache.mkdir()
    (cache / "good").write_bytes(CONTENT)
    assert fetch("weights") == cache / "good"


def test_a_wrong_file_put_there_by_hand_is_refused_and_left(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch, "http://127.0.0.1:1/good")
    cache.mkdir()
    (cache / "good").write_bytes(b"something else")
    with pytest.raises(ValueError, match=rf"{cache}/good is not weights: its sha1 is .*; remove it to fetch it again"):
        fetch("weights")
    assert (cache / "good").exists()


def test_a_checksum_may_be_the_beginning_of_a_digest(server: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch, f"{server}/good", hashlib.sha1(CONTENT).hexdigest()[:8])
    assert fetch("weights").is_file()


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="as 'googlenet'; known: bvlc_googlenet, torchvision_googlenet"):
        fetch("googlenet")


def test_published_weights_have_a_place_and_a_checksum() -> None:
    assert [one.file_name for one in KNOWN_WEIGHTS.values()] == ["bvlc_googlenet.caffemodel", "googlenet-1378be20.pth"]
    assert all(one.algorithm in hashlib.algorithms_guaranteed for one in KNOWN_WEIGHTS.values())


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"GOOGLENET_RCNN_CACHE": "/own", "XDG_CACHE_HOME": "/xdg"}, "/own"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/googlenet-rcnn"),
        ({"XDG_CACHE_HOME": ""}, "/home/someone/.cache/googlenet-rcnn"),
        ({}, "/home/someone/.cache/googlenet-rcnn"),
    ],
)
def test_the_cache_folder_follows_the_environment(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], folder: str
) -> None:
    for name in ("GOOGLENET_RCNN_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(folder)
