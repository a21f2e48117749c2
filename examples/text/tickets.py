"""Write a table of made-up messages to a help desk: questions, bills and, rarely, hazards."""

import csv
import random
import sys
from pathlib import Path

PARTS = {
    "question": [
        ["how do I", "where can I", "is it possible to", "could you tell me how to"],
        ["change my address", "see my last order", "add a second user", "pause deliveries", "print a label"],
        ["please", "thanks", "in the app", "on the website", "before Friday"],
    ],
    "bill": [
        ["my invoice", "the last bill", "your receipt", "the payment"],
        ["is wrong", "was charged twice", "is missing", "shows another sum", "should be smaller"],
        ["please check it", "I want a refund", "by 12 euros", "see the attachment", "for order 4711"],
    ],
    "hazard": [
        ["the charger", "your battery", "the new heater", "the cable"],
        ["smells burnt", "became very hot", "made sparks", "is smoking", "gave me a shock"],
        ["what now", "I pulled the plug", "please call me", "it lies outside", "be quick"],
    ],
}
SHARES = {"question": 1200, "bill": 700, "hazard": 90}
SMALL_TALK = ["hello", "hi there", "good morning", "dear team", "again", "well", "sorry to ask", "it is urgent", "ok"]


def main() -> None:
    """Write the table to the path that is given."""
    rng = random.Random(7)
    rows = [
        (" ".join([rng.choice(SMALL_TALK), *map(rng.choice, PARTS[kind]), f"no {rng.randrange(10_000)}"]), kind)
        for kind, count in SHARES.items()
        for _ in range(count)
    ]
    # some are in the wrong place, as in every table that people fill in
    rows = [(text, rng.choice(list(PARTS)) if rng.random() < 0.02 else kind) for text, kind in rows]
    rng.shuffle(rows)
    with Path(sys.argv[1]).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["received", "message", "kind"])
        writer.writerows((f"2026-{1 + number % 12:02}-01", *row) for number, row in enumerate(rows))


if __name__ == "__main__":
    main()
