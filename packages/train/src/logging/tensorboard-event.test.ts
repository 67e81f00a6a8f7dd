import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "./crc32c.js";
import { encodeEvent } from "./tensorboard-event.js";

test("CRC-32C of RFC 3720's examples", () => {
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
});

/** Written by tensorboard 2.21.0 itself: scripts/golden/tensorboard_events.py. */
const GOLDEN: readonly string[] = [
  "1800000000000000a37f4b220900002040fc54d9411a0d627261696e2e4576656e743a322b353110",
  "100000000000000095fbfe180900002040fc54d94110ad023a020801596f3f79",
  "33000000000000000ca720560900002040fc54d94110ad022a250a110a0a747261696e2f6c6f7373150000403f" +
    "0a100a096576616c2f6c6f73731577cc2b3239fb015d",
];

test("events are those of TensorBoard's own writer, byte for byte", () => {
  const time = 1_700_000_000.5;
  const written = [
    encodeEvent({ kind: "version", time }),
    encodeEvent({ kind: "start", time, step: 301 }),
    encodeEvent({ kind: "scalars", time, step: 301, scalars: { "train/loss": 0.75, "eval/loss": 1e-8 } }),
  ];
  assert.equal(Buffer.concat(written).toString("hex"), GOLDEN.join(""));
});
