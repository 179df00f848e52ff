"""Nets that come along, and nets that are fetched once: `pretrained:NAME` wherever a run folder is taken.

nets.json beside the packaged files lists all of them with their sha256; a name is never given to another net. Those
that are too large for the package are fetched from $BIGDEEP_PRETRAINED_URL/NAME.safetensors into the user's cache.
"""

import hashlib
import http.client
import json
import os
import pathlib
import urllib.error
import urllib.request

from bigdeep import cache
from bigdeep.errors import BadInput, first_line, one_of, require, tell
from bigdeep.run.netfile import SUFFIX

PREFIX = "pretrained:"
DEFAULT = "mlp2"
PACKAGED = pathlib.Path(__file__).parents[1] / "pretrained"
TIMEOUT = 20  # seconds without a byte


def nets() -> dict[str, str]:
    """{name: sha256 of its file} of all pretrained nets."""
    return json.loads((PACKAGED / "nets.json").read_text(encoding="utf-8"))


def path(name: str) -> pathlib.Path:
    """The file of a pretrained net, fetched where it does not come along; its sha256 is checked either way."""
    known = nets()
    require(name in known, f"{PREFIX}{name}", name, one_of(known, name))
    packaged, kept = PACKAGED / f"{name}{SUFFIX}", cache.folder("pretrained") / f"{name}-{known[name][:12]}{SUFFIX}"
    for file in (packaged, kept):
        if file.exists():
            require(_sha256(file) == known[name], f"pretrained net {file}", "other bytes", f"sha256 {known[name]}")
            return file
    base = os.environ.get("BIGDEEP_PRETRAINED_URL", "")
    wanted = f"its address in BIGDEEP_PRETRAINED_URL, or {packaged.name} (sha256 {known[name][:12]}…) by --workdir"
    require(base, f"{PREFIX}{name}", "a net that does not come along", wanted)
    _fetch(f"{base.rstrip('/')}/{name}{SUFFIX}", kept, known[name])
    return kept


def _fetch(url: str, kept: pathlib.Path, sha256: str) -> None:
    """Fetches a file, going on where an earlier attempt was cut off; it is there whole and verified, or not at all."""
    partial = kept.with_suffix(".partial")
    kept.parent.mkdir(parents=True, exist_ok=True)
    have = partial.stat().st_size if partial.exists() else 0
    require(
        url.startswith(("http://", "https://")), "BIGDEEP_PRETRAINED_URL", url, "an address with http:// or https://"
    )
    tell(f"bigdeep: fetching {url}" + (f" from byte {have:,} on" if have else ""))
    try:
        request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            with partial.open("ab" if answer.status == 206 else "wb") as file:
                while block := answer.read(1 << 18):
                    file.write(block)
            expected = answer.headers.get("Content-Length")
            short = expected is not None and answer.length not in (0, None)
            require(not short, url, "a connection that ended early", "the whole file; the same command goes on")
    except urllib.error.HTTPError as error:
        if error.code == 416:  # asked beyond the end: what lies there is whole, or of another file
            _accept(partial, kept, sha256, url)
            return
        raise BadInput(f"{url}: found {error.code} {error.reason}, expected the net") from None
    except (OSError, http.client.HTTPException) as error:
        raise BadInput(f"{url}: found {first_line(error)}, expected an answer; the same command goes on") from None
    _accept(partial, kept, sha256, url)


def _accept(partial: pathlib.Path, kept: pathlib.Path, sha256: str, url: str) -> None:
    """Puts a fetched file in its place; deletes it where it is another."""
    found = _sha256(partial)
    if found != sha256:
        partial.unlink()
        raise BadInput(f"{url}: found sha256 {found}, expected {sha256}")
    partial.replace(kept)


def _sha256(file: pathlib.Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
