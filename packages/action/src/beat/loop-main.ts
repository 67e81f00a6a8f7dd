/** Entry point of the process that beats: its orders are on stdin. */
import { text } from "node:stream/consumers";
import { type BeatOrders, beatLoop } from "./loop.js";

await beatLoop(JSON.parse(await text(process.stdin)) as BeatOrders);
