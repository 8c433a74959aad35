#!/usr/bin/env python3
"""Halde Warenwirtschaft: an invented merchandise system with the habits of real ones. Python 3, standard library only.

  vendor.py serve              runs the system; Ctrl-C ends it
  vendor.py trade              a busy moment: new orders, changed orders, goods that come and go
  vendor.py hook ADDRESS       tells the system where to post its hints
  vendor.py check OUT SHOP     the system's own ledger against what the hub wrote to OUT and was given in SHOP

What it does wrong it does by counting, so that every run is the same: sessions end early, orders move while they are listed
and show up late, hints get lost or come twice, answers get lost after the work was done, stock is locked or changed in between.
"""
import base64
import glob
import json
import os
import sys
import threading
import time
import urllib.request
from collections import Counter
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = int(os.environ.get("HALDE_PORT", "8475"))
USER, PASSWORD = "hub", "halde-7c41-geheim"
CLOCK = timezone(timedelta(hours=1))  # winter time, the whole year; no answer says so
LATE_S = 4  # every fifth change is stamped when it happens and listed this much later
BUDGET, PER_SECOND = 40, 20


def stamp(at):
    return datetime.fromtimestamp(at, CLOCK).strftime("%d.%m.%Y %H.%M.%S")


def german(value):
    whole, _, rest = f"{value:,}".partition(".")
    return whole.replace(",", ".") + ("," + rest if rest else "")


def number(text):
    return Decimal(text.replace(".", "").replace(",", "."))


def money(amount):
    return {"__class__": "Money", "v": german(amount), "cur": "EUR"}


class Refused(Exception):
    def __init__(self, code, text, **more):
        super().__init__(code)
        self.answer = {"ok": False, "code": code, "text": text, **more}


class Halde:
    """The system and its ledger: what really happened, which only `check` looks at."""

    def __init__(self):
        self.lock, self.count, self.mischief = threading.RLock(), Counter(), Counter()
        self.orders, self.jobs, self.movements, self.sessions = {}, {}, [], {}
        self.hook, self.budget, self.filled = None, float(BUDGET), time.time()
        prices = {"TASSE": "12.90", "TELLER": "8.50", "KANNE": "1249.00", "LÖFFEL": "0.95"}
        self.articles = {nr: {"nr": nr, "name": nr.title(), "price": Decimal(price)} for nr, price in prices.items()}
        self.stock = {nr: {"on_hand": Decimal(100), "reserved": Decimal(0), "rev": 1} for nr in self.articles}
        for _ in range(13):
            self.new_order(time.time() - 3600)

    def every(self, nth, what):
        """True at every nth time that it is asked: mischief without dice."""
        self.count[what] += 1
        happens = self.count[what] % nth == 0
        self.mischief[what] += happens
        return happens

    # What happens in the house.

    def new_order(self, at=None, reference=None, lines=None):
        at, n = at or time.time(), len(self.orders) + 1
        key = f"H-{1000 + n}"
        names = list(self.articles)
        lines = lines or [(names[n % 4], Decimal(n % 3 + 1)), (names[(n + 1) % 4], Decimal(1))]
        self.orders[key] = {
            "id": key, "number": f"A-{1000 + n}", "reference": reference, "placed": at, "state": 10, "paid": n % 2,
            "lines": [{"article": a, "qty": q, "price": self.articles[a]["price"]} for a, q in lines], "rev": 0,
            "mail": f"kunde{n}@example.com", "changed": at, "listed": at}
        self.touch(self.orders[key], at)
        return key

    def touch(self, order, at=None):
        at = at or time.time()
        order["rev"] += 1
        order["changed"], order["listed"] = at, at + (LATE_S if self.every(5, "listed_late") else 0)
        threading.Thread(target=self.hint, args=({"look": "orders", "id": order["id"]},), daemon=True).start()

    def move(self, article, quantity):
        level = self.stock[article]
        level["on_hand"] += quantity
        level["rev"] += 1
        self.movements.append({"id": len(self.movements) + 1, "article": article, "qty": german(quantity)})

    def hint(self, body):
        with self.lock:
            hook = self.hook
            if not hook or self.every(3, "hint_lost"):
                return
            times = 2 if self.every(4, "hint_twice") else 1
        for _ in range(times):
            try:
                data = json.dumps(body).encode()
                urllib.request.urlopen(urllib.request.Request(hook, data, {"content-type": "application/json"}), timeout=5)
            except OSError as error:
                print(f"hint {body} was not taken: {error}", flush=True)

    def trade(self):
        with self.lock:
            for _ in range(8):
                self.new_order()
            for key, state in [("H-1002", 20), ("H-1004", 40), ("H-1006", 90), ("H-1004", 20), ("H-1004", 40)]:
                self.orders[key]["state"] = state
                self.touch(self.orders[key])
            for article, quantity in [("TASSE", -7), ("KANNE", 25), ("TASSE", "-0.5"), ("LÖFFEL", 1900)]:
                self.move(article, Decimal(quantity))
        return {"ok": True, "orders": len(self.orders), "movements": len(self.movements)}

    # What its interface answers.

    def login(self, body):
        if (body.get("user"), body.get("password")) != (USER, PASSWORD):
            raise Refused("LOGIN", "user or password is wrong")
        token = base64.urlsafe_b64encode(os.urandom(12)).decode()
        self.sessions[token] = 25  # calls; it says an hour
        self.count["logins"] += 1
        return {"ok": True, "token": token, "valid_s": 3600}

    def shown(self, order):
        total = sum(line["qty"] * line["price"] for line in order["lines"])
        lines = [{"article": line["article"], "qty": german(line["qty"].quantize(Decimal("0.001"))),
                  "price": money(line["price"])} for line in order["lines"]]
        return {"id": order["id"], "number": order["number"], "reference": order["reference"], "rev": order["rev"],
                "placed": stamp(order["placed"]), "changed": stamp(order["changed"]), "state": order["state"],
                "paid": order["paid"], "mail": order["mail"], "total": money(total.quantize(Decimal("0.01"))), "lines": lines}

    def list_orders(self, body):
        since, place = 0.0, (0.0, "")
        if body.get("since"):
            since = datetime.strptime(body["since"], "%d.%m.%Y %H.%M.%S").replace(tzinfo=CLOCK).timestamp()
        if body.get("position"):
            place = tuple(json.loads(base64.b64decode(body["position"])))
        rows = sorted((o["changed"], o["id"]) for o in self.orders.values() if o["listed"] <= time.time())
        rows = [row for row in rows if row[0] >= since and row > place]
        page = rows[:5]
        answer = {"ok": True, "orders": [self.shown(self.orders[key]) for _, key in page], "position": ""}
        if len(rows) > 5:
            answer["position"] = base64.b64encode(json.dumps(page[-1]).encode()).decode()
            if self.every(3, "moved_while_listed"):  # one that was shown already goes to the end
                self.touch(self.orders[page[0][1]])
        return answer

    def get_order(self, body):
        if body.get("id") not in self.orders:
            raise Refused("ORDER_UNKNOWN", f"there is no order {body.get('id')}")
        return {"ok": True, "order": self.shown(self.orders[body["id"]])}

    def level(self, article):
        if article not in self.stock:
            raise Refused("ARTICLE_UNKNOWN", f"there is no article {article}")
        level = self.stock[article]
        return {"ok": True, "levels": [{"store": 7, "on_hand": german(level["on_hand"].quantize(Decimal("0.001"))),
                                        "reserved": german(level["reserved"].quantize(Decimal("0.001"))), "rev": level["rev"]}]}

    def set_stock(self, body):
        self.level(body["article"])
        level = self.stock[body["article"]]
        if self.every(4, "stock_locked"):
            raise Refused("STOCK_LOCKED", f"{body['article']} is being counted")
        if self.every(3, "stock_changed_in_between"):
            level["rev"] += 1
        if body.get("expected") != level["rev"]:
            raise Refused("REVISION", f"{body['article']} has revision {level['rev']}, not {body.get('expected')}")
        self.move(body["article"], number(body["quantity"]) - level["on_hand"])
        return {"ok": True, "rev": level["rev"]}

    def new_job(self, body):
        order = body["order"]
        for line in order["lines"]:
            self.level(line["article"])
        key = f"J-{len(self.jobs) + 1}"
        job = {"id": key, "reference": order["reference"], "state": 10, "order": None, "text": "", "asked": 0}
        self.jobs[key] = {"job": job, "order": order}
        if self.every(2, "answer_lost"):
            return None
        return {"ok": True, "job": job}

    def get_job(self, key):
        if key not in self.jobs:
            raise Refused("JOB_UNKNOWN", f"there is no job {key}")
        self.work(self.jobs[key])
        return {"ok": True, "job": self.jobs[key]["job"]}

    def work(self, kept):
        """A job is done when it has been asked for three times."""
        job, order = kept["job"], kept["order"]
        job["asked"] += 1
        if job["state"] == 10 and job["asked"] >= 3:
            lines = [(line["article"], number(line["qty"])) for line in order["lines"]]
            job["order"], job["state"] = self.new_order(reference=order["reference"], lines=lines), 20

    def find_jobs(self, body):
        mine = [kept for kept in self.jobs.values() if kept["job"]["reference"] == body.get("reference")]
        for kept in mine:
            self.work(kept)
        return {"ok": True, "jobs": [kept["job"] for kept in mine]}

    def spend(self):
        now = time.time()
        self.budget, self.filled = min(BUDGET, self.budget + (now - self.filled) * PER_SECOND), now
        if self.budget < 1:
            self.mischief["too_fast"] += 1
            raise Refused("TOO_FAST", "the budget is used up", wait=1)
        self.budget -= 1

    def ledger(self):
        orders = {o["number"]: {"rev": o["rev"], "state": o["state"], "reference": o["reference"],
                                "cents": int(sum(x["qty"] * x["price"] for x in o["lines"]) * 100)} for o in self.orders.values()}
        stock = {nr: str(level["on_hand"]) for nr, level in self.stock.items()}
        return {"orders": orders, "stock": stock, "mischief": self.mischief, "logins": self.count["logins"]}


class Door(BaseHTTPRequestHandler):
    halde = None
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        data = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_one(self, method):
        halde = self.halde
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}") if method == "POST" else {}
        path, _, query = self.path.partition("?")
        path = [urllib.request.unquote(part) for part in path.strip("/").split("/")]
        with halde.lock:
            if path[0] == "_house":  # the house's own doings, no part of the interface
                return self.answer(200, self.house(path[1], body))
            if path == ["login"]:
                return self.answer(200, self.guarded(lambda: halde.login(body)))
            session = self.headers.get("x-halde-session", "")
            halde.sessions[session] = halde.sessions.get(session, 0) - 1
            if halde.sessions[session] < 0:
                halde.mischief["session_ended"] += session != ""
                return self.answer(401, {"ok": False, "code": "SESSION", "text": "please log in"})
            found = self.guarded(lambda: (halde.spend(), self.route(method, path, query, body))[1])
        if found is None:  # the work is done, and nobody hears of it
            self.close_connection = True
            return self.connection.close()
        found["budget"] = {"left": int(halde.budget), "of": BUDGET, "per_second": PER_SECOND}
        self.answer(200, found)

    def guarded(self, work):
        try:
            return work()
        except Refused as refused:
            return refused.answer

    def house(self, what, body):
        if what == "hook":
            self.halde.hook = body["address"]
            return {"ok": True}
        return self.halde.trade() if what == "trade" else self.halde.ledger()

    def route(self, method, path, query, body):
        halde = self.halde
        match [method, *path]:
            case ["GET", "me"]:
                return {"ok": True, "name": "Halde, Filiale Süd"}
            case ["POST", "orders", "list"]:
                return halde.list_orders(body)
            case ["POST", "orders", "get"]:
                return halde.get_order(body)
            case ["GET", "articles"]:
                return {"ok": True, "articles": [{"nr": a["nr"], "name": a["name"]} for a in halde.articles.values()]}
            case ["GET", "articles", nr]:
                article = halde.articles.get(nr)
                return {"ok": True, "article": article and {"nr": nr, "name": article["name"]}}
            case ["GET", "articles", nr, "stock"]:
                return halde.level(nr)
            case ["GET", "movements"]:
                after = int(query.partition("after=")[2] or 0)
                return {"ok": True, "movements": halde.movements[after:after + 3]}
            case ["POST", "stock", "set"]:
                return halde.set_stock(body)
            case ["POST", "jobs"]:
                return halde.new_job(body)
            case ["POST", "jobs", "find"]:
                return halde.find_jobs(body)
            case ["GET", "jobs", key]:
                return halde.get_job(key)
        raise Refused("ADDRESS", f"there is no {method} /{'/'.join(path)}")

    def do_GET(self):
        self.handle_one("GET")

    def do_POST(self):
        self.handle_one("POST")


def ask(what, body=None):
    data = json.dumps(body or {}).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/_house/{what}", data, timeout=10) as answer:
        return json.load(answer)


def lines_of(folder, pattern):
    for name in sorted(glob.glob(os.path.join(folder, pattern))):
        with open(name, encoding="utf-8") as file:
            yield from (json.loads(line) for line in file if line.strip())


def check(out, shop):
    """Every difference is a line; the exit code says whether there was one."""
    truth, wrong = ask("ledger"), []
    orders, stock = {}, {}
    for record in lines_of(out, "records_*.jsonl"):
        kept, key = (orders, record["number"]) if "number" in record else (stock, record["sku"])
        kept[key] = record
    states = {10: "pending", 20: "confirmed", 40: "completed", 90: "cancelled"}
    for key, order in truth["orders"].items():
        found = orders.get(key)
        want = {"state": states[order["state"]], "cents": order["cents"]}
        have = found and {"state": found["status"], "cents": found["total"]["amount_minor"]}
        if have != want:
            wrong.append(f"order {key}: Halde has {want}, the hub wrote {have}")
    for sku, quantity in truth["stock"].items():
        have = stock.get(sku, {}).get("on_hand")
        if have is None or Decimal(have) != Decimal(quantity):
            wrong.append(f"stock of {sku}: Halde has {quantity}, the hub wrote {have}")
    handed = [record["number"] for record in lines_of(shop, "orders_*.jsonl")]
    taken = Counter(order["reference"] for order in truth["orders"].values() if order["reference"])
    wrong += [f"shop order {n}: {taken[n]} times in Halde" for n in dict.fromkeys(handed) if taken[n] != 1]
    wrong += [f"order with reference {n}: nobody ordered it" for n in taken if n not in handed]
    for record in lines_of(shop, "stock_*.jsonl"):
        if Decimal(truth["stock"][record["sku"]]) != Decimal(record["on_hand"]):
            wrong.append(f"stock of {record['sku']}: the shop said {record['on_hand']}, Halde has {truth['stock'][record['sku']]}")
    print("Halde's mischief: " + ", ".join(f"{what} {times}" for what, times in sorted(truth["mischief"].items())))
    print(f"{len(truth['orders'])} orders, {len(truth['stock'])} stock levels, {len(set(handed))} orders of the shop compared")
    print("\n".join(wrong) if wrong else "all agree: nothing lost, nothing twice, nothing stale")
    return 1 if wrong else 0


def serve():
    Door.halde = Halde()
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Door)
    print(f"Halde is open: http://127.0.0.1:{PORT} (user {USER}, password {PASSWORD})", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print("Halde is closed")


def main(words):
    match words:
        case ["serve"]:
            return serve()
        case ["trade"]:
            done = ask("trade")
            return print(f"{done['orders']} orders and {done['movements']} movements of stock by now")
        case ["hook", address]:
            ask("hook", {"address": address})
            return print("hints go there from now on")
        case ["check", out, shop]:
            return check(out, shop)
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
