"""Pictures of digits on pages, and files that no digit can be read from."""

import pathlib
import struct
import zlib

import numpy as np
from PIL import Image


def page(digit: np.ndarray, zoom: int = 9, paper: int = 230, ink: int = 40, dark: bool = True) -> Image.Image:
    """A digit drawn large and off the middle of a page of 500 x 400 pixels."""
    large = np.asarray(Image.fromarray(digit).resize((28 * zoom, 28 * zoom), Image.Resampling.BICUBIC), np.float32)
    grey = np.full((400, 500), 0, np.float32)
    grey[20 : 20 + 28 * zoom, 180 : 180 + 28 * zoom] = large
    grey = paper + (ink - paper) * grey / 255
    return Image.fromarray(np.uint8(np.clip(np.rint(grey if dark else 255 - grey), 0, 255)))


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that says it is this large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def bad_files(folder: pathlib.Path) -> dict[str, str]:
    """{file: what its line has to say} of all that cannot be read."""
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    frames = [Image.fromarray(noise), Image.fromarray(255 - noise)]
    frames[0].save(folder / "animated.gif", save_all=True, append_images=frames[1:])
    Image.fromarray(noise).convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(np.uint16(noise[..., 0]) * 200).save(folder / "16bit.png")
    Image.new("L", (60, 60), 250).save(folder / "blank.png")
    Image.new("LA", (60, 60)).save(folder / "nothing.png")
    Image.fromarray(noise).save(folder / "whole.png")
    (folder / "cut.png").write_bytes((folder / "whole.png").read_bytes()[:900])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("not a picture")
    (folder / "huge.png").write_bytes(png_of_size(60_000, 60_000))
    (folder / "large.png").write_bytes(png_of_size(12_000, 8_000))
    (folder / "whole.png").unlink()
    return {
        "animated.gif": "2 pictures in it",
        "cmyk.jpg": "colours of the kind CMYK",
        "16bit.png": "colours of the kind I;16",
        "blank.png": "a blank page",
        "nothing.png": "nothing but transparency",
        "cut.png": "expected",
        "empty.png": "an empty file",
        "text.png": "something else",
        "huge.png": "too many pixels",
        "large.png": "12000 x 8000 pixels",
        "missing.png": "No such file",
    }
