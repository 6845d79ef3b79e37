"""Write CloudEvents without streamroute: ``python foreign.py``.

There is no binding of CloudEvents for Redis Streams. Both forms that follow the bindings for HTTP and Kafka
are read: structured (one field with the JSON of the event) and binary (a field for each attribute).
"""

from __future__ import annotations

import json
import os

from redis import Redis

STRUCTURED = {
    "cloudevent": json.dumps(
        {
            "specversion": "1.0",
            "id": "v-1",
            "source": "/roof",
            "type": "com.example.valve.opened",
            "data": {"percent": 40},
        }
    )
}
BINARY = {
    "ce-specversion": "1.0",
    "ce-id": "v-2",
    "ce-source": "/roof",
    "ce-type": "com.example.valve.opened",
    "content-type": "application/json",
    "data": '{"percent": 80}',
}

if __name__ == "__main__":
    with Redis.from_url(os.environ["REDIS_URL"]) as redis:
        for entry in (STRUCTURED, BINARY):
            redis.xadd("climate", entry)
    print("2 events written")
