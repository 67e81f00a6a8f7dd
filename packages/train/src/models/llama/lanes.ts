/** A lane's tokens in equal blocks: attention computes what looks back alone, block by block (`ops/attention.ts`). */

/**
 * From so many tokens on, a lane's square of scores is worth more than what blocks cost: twice the nodes, which is 0.1 GB
 * and most of a second for the session of 30 layers.
 */
const LONG_LANE = 512;
/** 5/8 of the square is computed; 8 would be 9/16 of it, no faster at 2,048 tokens. */
const LONG_LANE_BLOCKS = 4;

/** @param longest tokens of the longest lane that the program is for; a lane may be longer */
export const laneBlocks = (longest: number): number => (longest >= LONG_LANE ? LONG_LANE_BLOCKS : 1);

/** A lane with room for so many tokens. */
export const laneLength = (tokens: number, blocks: number): number => Math.ceil(tokens / blocks) * blocks;

/** The shape of what is fed for every token of every lane. @param length of whole blocks */
export const laneShape = (batch: number, length: number, blocks: number): readonly [number, number, number] => [
  batch,
  blocks,
  length / blocks,
];
