/**
 * Rows that are almost the same, by MinHash and locality-sensitive hashing (Broder 1997; bands as in datatrove: 14 of
 * 8 hashes over runs of 5 words). At a similarity of 0.8 a pair is found with a probability of 92%, at 0.9 of 99.9%.
 * About 600 bytes a row are held.
 */
import { type Check, numberOption, placeOf } from "./check.js";
import { hash53, ngramHashes, wholeText, wordsOf } from "./text.js";

const BANDS = 14;
const ROWS_PER_BAND = 8;
const HASHES = BANDS * ROWS_PER_BAND;
const NGRAM = 5;
const DEFAULT_THRESHOLD = 0.8;

/** Odd multipliers of a fixed generator, so that a run always finds the same pairs. */
const MULTIPLIERS = Int32Array.from({ length: HASHES }, (_, index) => hash53(`gitune near-duplicates ${index}`) | 1);

export const nearDuplicates: Check = (options) => {
  const threshold = numberOption(options, "threshold", DEFAULT_THRESHOLD);
  const buckets = Array.from({ length: BANDS }, () => new Map<number, number>());
  const rows: {
    readonly signature: Int32Array;
    readonly file: string;
    readonly line: number;
    readonly text: number;
  }[] = [];
  return {
    onRow({ content, file, line }) {
      const words = wordsOf(wholeText(content));
      if (words.length === 0) return [];
      const signature = signatureOf(words);
      const text = hash53(words.join(" "));
      const candidates = new Set<number>();
      for (const [band, bucket] of buckets.entries()) {
        const key = hash53(signature.subarray(band * ROWS_PER_BAND, (band + 1) * ROWS_PER_BAND).join());
        const other = bucket.get(key);
        // The first row of a bucket stands for it: work stays linear even where all rows are alike.
        if (other === undefined) bucket.set(key, rows.length);
        else candidates.add(other);
      }
      rows.push({ signature, file, line, text });
      for (const candidate of candidates) {
        const other = rows[candidate];
        // The same words exactly are the duplicates rule's business.
        if (!other || other.text === text) continue;
        const similarity = agreement(signature, other.signature);
        if (similarity < threshold) continue;
        const share = `${Math.round(similarity * 100)}%`;
        const message = `about ${share} of the row's ${NGRAM}-word runs are those of ${placeOf(other)}`;
        return [
          {
            code: "data.near-duplicate",
            pointer: "",
            message,
            found: share,
            fix: "keep one of the two, or make them differ",
          },
        ];
      }
      return [];
    },
  };
};

/** Estimates the Jaccard similarity of two sets: the share of hashes whose minimum is the same. */
function agreement(a: Int32Array, b: Int32Array): number {
  let same = 0;
  for (let index = 0; index < HASHES; index += 1) if (a[index] === b[index]) same += 1;
  return same / HASHES;
}

function signatureOf(words: readonly string[]): Int32Array {
  // A text shorter than a run is one run.
  const grams = words.length < NGRAM ? [hash53(words.join(" "))] : ngramHashes(words, NGRAM);
  const signature = new Int32Array(HASHES).fill(0x7fffffff);
  for (const gram of grams) {
    const low = gram | 0;
    const high = (gram / 4294967296) | 0;
    for (let index = 0; index < HASHES; index += 1) {
      let mixed = Math.imul(low ^ Math.imul(high + index, 0x9e3779b1 | 0), MULTIPLIERS[index] ?? 1);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
      mixed ^= mixed >>> 13;
      if (mixed < (signature[index] ?? 0)) signature[index] = mixed;
    }
  }
  return signature;
}
