"""The tour, from its first cell to its last."""

import re
import shutil

import pytest

from conftest import ROOT


@pytest.mark.slow
def test_the_tour_runs_and_says_what_it_should(tmp_path):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    shutil.copy(ROOT / "notebooks" / "tour.ipynb", tmp_path)
    notebook = nbformat.read(tmp_path / "tour.ipynb", 4)
    resources = {"metadata": {"path": str(tmp_path)}}
    client = nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources)
    client.execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [o for o in outputs if o.output_type == "error"]
    assert sum("image/png" in o.get("data", {}) for o in outputs) >= 4
    said = "".join(o.text for o in outputs if o.output_type == "stream" and o.name == "stdout")
    assert "epoch 12: loss" in said
    ready, trained = re.search(r"(\d+) of 1000 wrong, against (\d+)", said).groups()
    assert int(ready) < 5 < int(trained) < 150
    assert (tmp_path / "runs" / "tour" / "report.html").exists()


def test_the_notebook_is_that_of_its_source():
    jupytext = pytest.importorskip("jupytext")
    source, made = (jupytext.read(ROOT / "notebooks" / f"tour.{end}") for end in ("py", "ipynb"))
    cells = [[(cell.cell_type, cell.source) for cell in each.cells] for each in (made, source)]
    assert cells[0] == cells[1]
    assert not any(cell.get("outputs") for cell in made.cells)
