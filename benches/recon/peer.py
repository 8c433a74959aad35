"""The same comparison in DuckDB: aggregate by key, then join, so that duplicates cannot multiply rows."""
import json
import resource
import sys
import time

import duckdb

folder = sys.argv[1]
started = time.monotonic()
read = """
    create view {0} as select "order" as k, amount, currency, state
    from read_csv('{1}/{0}.csv', header = true, columns = {{
        'order': 'varchar', 'amount': 'decimal(18,2)', 'currency': 'varchar', 'state': 'varchar', 'day': 'date'}})
"""
connection = duckdb.connect()
for side in ("a", "b"):
    connection.execute(read.format(side, folder))
row = connection.execute("""
    with ka as (select k, count(*) n, min(amount) v, min(currency) c, min(state) s from a group by k),
         kb as (select k, count(*) n, min(amount) v, min(currency) c, min(state) s from b group by k)
    select count(*) filter (ka.k is not null and kb.k is not null and ka.v = kb.v and ka.c = kb.c and ka.s = kb.s),
           count(*) filter (ka.k is null), count(*) filter (kb.k is null),
           count(*) filter (ka.c = kb.c and ka.v <> kb.v),
           count(*) filter (ka.c = kb.c and ka.v = kb.v and ka.s <> kb.s),
           coalesce(sum(kb.n - ka.n) filter (kb.n > ka.n), 0)
    from ka full join kb on ka.k = kb.k
""").fetchone()
names = ("exact", "missing_in_a", "missing_in_b", "amount", "state", "duplicate")
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "wall_s": time.monotonic() - started,
    "cpu_s": usage.ru_utime + usage.ru_stime,
    "rss_mb": usage.ru_maxrss / 1024,
    "counts": dict(zip(names, map(int, row))),
}))
