"""The Markdown tables of RESULTS.md, the README and the lab notebook: pure functions of {path: published record}."""
