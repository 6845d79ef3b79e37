"""A producer: ``steady_producer.py URL STREAMS MESSAGES RATE [EVERY]`` adds messages steadily, with times.

``STREAMS`` are names with commas between them, which take turns. Every ``EVERY`` seconds, what is due is sent
in one pipeline.
"""

from __future__ import annotations

import json
import sys
import time

from redis import Redis

url, streams, count, rate = sys.argv[1], sys.argv[2].split(","), int(sys.argv[3]), float(sys.argv[4])
every = float(sys.argv[5]) if len(sys.argv) > 5 else 0.0005
client, start = Redis.from_url(url), time.monotonic()
time.sleep(0.5)
number = 0
while number < count:
    time.sleep(max(0.0, start + 0.5 + number / rate - time.monotonic()))
    due = min(count, int((time.monotonic() - start - 0.5) * rate) + 1)
    pipeline = client.pipeline(transaction=False)
    for place in range(number, due):
        data = json.dumps({"sent": time.monotonic_ns(), "tier": "gold", "nights": 4})
        pipeline.xadd(streams[place % len(streams)], {"type": "bench.event", "data": data})
    pipeline.execute()
    number = max(number, due)
    time.sleep(every)
