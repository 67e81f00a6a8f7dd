/**
 * TensorBoard's event files, as far as scalars need them: `Event` messages in TFRecord frames.
 * @see https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto and summary.proto
 * @see https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
 */
import { Message } from "../protobuf/message.js";
import { crc32c } from "./crc32c.js";

/** One event of a file. Times are seconds since 1970. */
export type TensorboardEvent =
  /** Must come first in a file. */
  | { readonly kind: "version"; readonly time: number }
  /** A run begins or goes on: what the folder's files say of `step` and later steps no longer counts. */
  | { readonly kind: "start"; readonly time: number; readonly step: number }
  | {
      readonly kind: "scalars";
      readonly time: number;
      readonly step: number;
      /** tag -> value, held as f32 */
      readonly scalars: Readonly<Record<string, number>>;
    };

/** SessionLog.SessionStatus.START */
const START = 1;

/** One event as a frame: length, its checksum, the message, its checksum. */
export function encodeEvent(event: TensorboardEvent): Uint8Array {
  const message = new Message();
  message.double(1, event.time);
  if (event.kind !== "version") message.int(2, event.step);
  switch (event.kind) {
    case "version":
      message.string(3, "brain.Event:2");
      break;
    case "start": {
      const session = new Message();
      session.int(1, START);
      message.message(7, session);
      break;
    }
    case "scalars": {
      const summary = new Message();
      for (const [tag, value] of Object.entries(event.scalars)) {
        const entry = new Message();
        entry.string(1, tag);
        entry.float(2, value);
        summary.message(1, entry);
      }
      message.message(5, summary);
    }
  }
  return frame(message.finish());
}

function frame(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + data.length + 4);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(crc32c(out.subarray(0, 8))), true);
  out.set(data, 12);
  view.setUint32(12 + data.length, masked(crc32c(data)), true);
  return out;
}

/** TFRecord rotates and shifts its checksums, so that one over data that holds checksums is no special case. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
