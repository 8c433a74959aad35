#!/usr/bin/env python3
"""Orders in a SQLite file, read and written: an example of a Syncline plugin (docs/plugins.md)."""
import json
import sqlite3
import sys


def say(kind, **members):
    print(json.dumps({"type": kind, **members}), flush=True)


def read(book, id, ask):
    since = ask["state"] or 0
    rows = book.execute("SELECT change, body FROM orders WHERE change > ? ORDER BY change", (since,))
    for count, (change, body) in enumerate(rows, start=1):
        say("record", id=id, record=json.loads(body))
        if count % 100 == 0:
            say("state", id=id, state=change)  # all records up to here have been told
        since = change
    say("state", id=id, state=since)
    say("done", id=id)


def write(book, id, ask):
    for item in ask["items"]:
        number, body = item["record"].get("number"), json.dumps(item["record"])
        if not number:
            error = {"class": "data", "message": "an order without a number", "next_step": "give it one"}
            say("result", id=id, item=item["item"], error=error)
            continue
        with book:  # committed when the block ends, and only then told
            change = book.execute("SELECT COALESCE(MAX(change), 0) + 1 FROM orders").fetchone()[0]
            book.execute("REPLACE INTO orders VALUES (?, ?, ?)", (number, change, body))
        say("result", id=id, item=item["item"], remote_id=number)
    say("done", id=id)


def lookup(book, id, ask):
    wanted = ask.get("key") or ask.get("natural_key")
    row = book.execute("SELECT body FROM orders WHERE number = ?", (wanted,)).fetchone()
    say("found", id=id, remote_id=wanted, record=json.loads(row[0])) if row else say("absent", id=id)


hello = json.loads(sys.stdin.readline())
say("hello", protocol=1, name="order-book", version="1.0", can=["check", "discover", "read", "write", "lookup"])
for line in sys.stdin:  # ends when the hub closes it
    ask = json.loads(line)
    try:
        book = sqlite3.connect(hello["settings"]["folder"] + "/orders.db", timeout=5)
        book.execute("CREATE TABLE IF NOT EXISTS orders (number TEXT PRIMARY KEY, change INTEGER, body TEXT)")
        if ask["type"] == "check":
            say("done", id=ask["id"], shows="%d orders" % book.execute("SELECT COUNT(*) FROM orders").fetchone())
        elif ask["type"] == "discover":
            say("stream", id=ask["id"], stream="orders")
            say("done", id=ask["id"])
        else:
            {"read": read, "write": write, "lookup": lookup}[ask["type"]](book, ask["id"], ask)
    except sqlite3.OperationalError as error:
        say("error", id=ask["id"], **{"class": "transient"}, message=str(error))
