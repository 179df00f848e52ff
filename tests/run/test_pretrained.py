"""Nets that come along, and nets that are fetched from a server."""

import contextlib
import hashlib
import http.server
import json
import threading

import numpy as np
import pytest

import bigdeep
from bigdeep.data import pixels
from bigdeep.errors import BadInput
from bigdeep.run import folder, netfile, pretrained
from conftest import run_bigdeep


class Handler(http.server.BaseHTTPRequestHandler):
    """Gives out `content`, at most `most` bytes an answer, from where it is asked for."""

    content, most, ranges, partial = b"", 10**9, [], True

    def do_GET(self):
        cls = type(self)
        cls.ranges.append(self.headers.get("Range"))
        start = int(self.headers["Range"][6:-1]) if self.headers.get("Range") and cls.partial else 0
        if self.path != "/big.safetensors":
            self.send_error(404)
            return
        if start >= len(cls.content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(cls.content) - start))
        self.end_headers()
        self.wfile.write(cls.content[start : start + cls.most])

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(content: bytes, **attributes):
    handler = type("One", (Handler,), {"content": content, "ranges": [], **attributes})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def big(tmp_path, monkeypatch):
    """The packaged net's bytes, listed under another name that does not come along."""
    content = (pretrained.PACKAGED / "mlp2.safetensors").read_bytes()
    monkeypatch.setattr(pretrained, "nets", lambda: {"big": hashlib.sha256(content).hexdigest()})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("BIGDEEP_PRETRAINED_URL", raising=False)
    return content


def test_the_packaged_net_makes_the_errors_of_its_record(mnist):
    """The whole test set, by evaluate, and by the Python interface."""
    done = run_bigdeep("bigdeep.evaluate", "--workdir=pretrained:mlp2")
    assert json.loads(done.stdout)["test_errors"] == 37, done.stderr
    net = bigdeep.load("mlp2")
    wrong = np.asarray(net(mnist.test_images).argmax(axis=1)) != mnist.test_labels
    assert wrong.sum() == folder.read_result("pretrained:mlp2")["test_errors_at_best_validation"] == 37


def test_it_is_the_listed_one_with_its_record():
    path = pretrained.PACKAGED / "mlp2.safetensors"
    assert pretrained.nets()["mlp2"] == hashlib.sha256(path.read_bytes()).hexdigest()
    about = netfile.about(path)
    assert about["config"]["name"] == "mlp2"
    assert about["dataset"]["name"] == "mnist"
    assert 0.3 < about["result"]["temperature"] < 0.6
    assert "/work" not in json.dumps(about)
    assert path.with_name("mlp2.safetensors.md").read_text().startswith("# mlp2.safetensors")


def test_a_fetched_net_is_the_same_and_is_fetched_once(big, monkeypatch, digits):
    with served(big) as (url, handler):
        monkeypatch.setenv("BIGDEEP_PRETRAINED_URL", url)
        net = folder.net("pretrained:big")
        folder.net("pretrained:big")
    assert handler.ranges == [None]
    images = pixels.padded(digits.test_images[:50], 29)
    monkeypatch.undo()
    ours = folder.net("pretrained:mlp2")
    a, b = (np.asarray(each.logits(each.params, each.model_state, images)) for each in (net, ours))
    assert np.array_equal(a, b)


@pytest.mark.parametrize("partial", [True, False])
def test_a_fetch_that_was_cut_off_goes_on(big, monkeypatch, partial):
    """From where it was, or, where the server knows no ranges, from the start."""
    with served(big, most=1_000_000, partial=partial) as (url, handler):
        monkeypatch.setenv("BIGDEEP_PRETRAINED_URL", url)
        with pytest.raises(BadInput, match="the same command goes on"):
            pretrained.path("big")
        handler.most = 10**9
        path = pretrained.path("big")
    assert path.read_bytes() == big
    assert handler.ranges == [None, "bytes=1000000-"]


def test_what_cannot_be_had_is_one_line(big, monkeypatch):
    with pytest.raises(
        BadInput, match="a net that does not come along', expected its address in BIGDEEP_PRETRAINED_URL"
    ):
        pretrained.path("big")
    with pytest.raises(BadInput, match="expected one of big"):
        pretrained.path("bigg")
    monkeypatch.setenv("BIGDEEP_PRETRAINED_URL", "ftp://somewhere")
    with pytest.raises(BadInput, match="expected an address with http"):
        pretrained.path("big")
    monkeypatch.setenv("BIGDEEP_PRETRAINED_URL", "http://127.0.0.1:9")
    with pytest.raises(BadInput, match="expected an answer; the same command goes on"):
        pretrained.path("big")
    with served(big[:-1] + b"x") as (url, _):
        monkeypatch.setenv("BIGDEEP_PRETRAINED_URL", url)
        with pytest.raises(BadInput, match="found sha256"):
            pretrained.path("big")
    with served(big) as (url, _):
        monkeypatch.setenv("BIGDEEP_PRETRAINED_URL", f"{url}/elsewhere")
        with pytest.raises(BadInput, match="found 404"):
            pretrained.path("big")


def test_a_pretrained_name_is_no_folder_to_train_in():
    done = run_bigdeep("--config=configs/mlp2.py:smoke", "--workdir=pretrained:mlp2")
    assert done.returncode == 2
    assert "expected a folder to train in" in done.stderr
