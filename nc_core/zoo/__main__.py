"""Builds a zoo in this process, one net after the other; the service's workers do it by `cleanse zoo build`.

python -m nc_core.zoo --out DIR [--nets N] [--seed S] [--data FILE ...] [--share 1/2]
"""

import argparse
import sys
import time
from pathlib import Path

from nc_core.errors import CleanseError
from nc_core.zoo.build import build_net
from nc_core.zoo.folder import begin, missing, new_net
from nc_core.zoo.plan import make_plan
from nc_core.zoo.sources import read_source


def main() -> int:
    """Build what is missing; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m nc_core.zoo")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--nets", type=int, default=160)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, nargs="*", default=[])
    parser.add_argument("--share", default="1/1", help="1/2 and 2/2: two processes share the nets.")
    given = parser.parse_args()
    nth, of = (int(part) for part in given.share.split("/"))
    read = [read_source(path) for path in given.data]
    plan = make_plan(nets=given.nets, seed=given.seed, files=[source for source, _ in read])
    begin(given.out, plan)
    files = {source.name: (images.pixels, images.labels) for source, images in read if images.labels is not None}
    todo = [card for card in missing(given.out, plan) if card.number // 2 % of == nth - 1]
    for done, card in enumerate(todo, start=1):
        start = time.perf_counter()
        try:
            with new_net(given.out, card) as folder:
                measured = build_net(card, files, folder)["measured"]
        except CleanseError as error:
            print(f"{done}/{len(todo)} {card.name}: {error}", file=sys.stderr, flush=True)
            continue
        rates = ", ".join(f"{each['attack_success_rate']:.2f}" for each in measured["triggers"])
        told = f"accuracy {measured['clean_accuracy']:.2f} attack {rates or '-'}{' weak' if measured['weak'] else ''}"
        print(f"{done}/{len(todo)} {card.name}: {told} ({time.perf_counter() - start:.0f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
