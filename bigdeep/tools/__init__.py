"""Commands beside the main ones, a file each: python -m bigdeep.tools.NAME."""
