"""Writes the events of logging/tensorboard-event.test.ts with the tensorboard package, and prints them in hex, one a line.

    python scripts/golden/tensorboard_events.py      # tensorboard 2.21.0
"""

import io

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

TIME = 1_700_000_000.5
scalars = Summary(
    value=[Summary.Value(tag="train/loss", simple_value=0.75), Summary.Value(tag="eval/loss", simple_value=1e-8)]
)
for event in (
    Event(wall_time=TIME, file_version="brain.Event:2"),
    Event(wall_time=TIME, step=301, session_log=SessionLog(status=SessionLog.START)),
    Event(wall_time=TIME, step=301, summary=scalars),
):
    out = io.BytesIO()
    RecordWriter(out).write(event.SerializeToString(deterministic=True))
    print(out.getvalue().hex())
