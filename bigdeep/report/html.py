"""What all pages share: how a template becomes a page that needs no other file, axes, colours, pictures of mistakes."""

import pathlib
from collections.abc import Mapping

import jinja2
import numpy as np

from bigdeep import __version__
from bigdeep.report import images

TEMPLATES = pathlib.Path(__file__).parent / "templates"
COLOURS = [f"--c{i}" for i in range(8)]
MOST_BYTES = 900_000  # of the pictures of mistakes in a page


def rendered(template: str, context: Mapping) -> str:
    """A page. Whatever a config, a file or a class is called is escaped."""
    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    common = {"style": (TEMPLATES / "style.css").read_text("utf-8"), "version": __version__, "charts": {}, "live": ""}
    common["script"] = (TEMPLATES / "charts.js").read_text("utf-8")
    return environment.get_template(template).render({**OPTIONAL, **common, **context})


# What a page has only where the run has it.
OPTIONAL = dict.fromkeys(("wrong", "no_predictions", "deformed", "weights", "committee", "different", "hands"))


def axes(data: Mapping) -> dict:
    """The two axes of the curves of a run, as charts.js takes them."""
    return {
        "epoch": {"label": "epochs", "values": data["epoch"]},
        "time": {"label": "seconds", "values": data["seconds"]},
    }


def illustrated(found: list[dict], pictures: np.ndarray, digits: bool) -> list[dict]:
    """The mistakes with their pictures, those with the largest loss, as many as a page should hold."""
    size, kept = 0, []
    for each in found:
        picture = images.png(pictures[each["place"]])
        size += len(picture)
        if size > MOST_BYTES:
            break
        kept.append({**each, "picture": picture, "grey": digits})
    return kept
