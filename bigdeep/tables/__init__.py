"""The README's and the lab notebook's tables, in Markdown: pure functions of {file name: published record}."""

from bigdeep.tables.benchmarks import deformations, peers, speed
from bigdeep.tables.runs import PAPER, SOURCES, committees, comparison, nets, paper, search, speedruns, unfinished

__all__ = (
    "PAPER",
    "SOURCES",
    "committees",
    "comparison",
    "deformations",
    "nets",
    "paper",
    "peers",
    "search",
    "speed",
    "speedruns",
    "unfinished",
)
