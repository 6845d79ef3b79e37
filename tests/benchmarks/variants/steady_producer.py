"""A producer: ``steady_producer.py URL STREAM MESSAGES RATE`` adds messages steadily, with times."""

from __future__ import annotations

import json
import sys
import time

from redis import Redis

url, stream, count, rate = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
client, start = Redis.from_url(url), time.monotonic()
time.sleep(0.5)
number = 0
while number < count:
    time.sleep(max(0.0, start + 0.5 + number / rate - time.monotonic()))
    due = min(count, int((time.monotonic() - start - 0.5) * rate) + 1)
    pipeline = client.pipeline(transaction=False)
    for _ in range(number, due):
        data = json.dumps({"sent": time.monotonic_ns(), "tier": "gold", "nights": 4})
        pipeline.xadd(stream, {"type": "bench.event", "data": data})
    pipeline.execute()
    number = max(number, due)
    time.sleep(0.0005)
