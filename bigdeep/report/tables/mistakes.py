"""Tables of test images that nets misread."""

from bigdeep.report.markdown import table
from bigdeep.report.records import Records


def shared(records: Records) -> str:
    """The images that all nets of the records misread: their labels, and each net's first guess and its probability."""
    nets = [{each["index"]: each for each in record["mistakes"]} for record in records.values()]
    common = sorted(set.intersection(*map(set, nets))) if nets else []
    rows = []
    for index in common:
        guesses = [net[index]["guesses"][0] for net in nets]
        votes = [f"{guess} ({100 * probability:.0f} %)" for guess, probability in guesses]
        rows.append((f"#{index}", str(nets[0][index]["label"]), *votes))
    named = [f"[`{record['members'][0]['config']}`](results/{path})" for path, record in records.items()]
    return table(("image", "label", *named), rows)
