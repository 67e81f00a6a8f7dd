/** Longer tokens are no products of merges in any vocabulary in use; the ways to cut a token grow with its square. */
const MAX_TOKEN_CHARS = 128;

/**
 * The merges that a SentencePiece BPE vocabulary implies: every way to put a token together from two others, those of a higher
 * score first. So transformers converts such vocabularies (`generate_merges` in `tokenization_utils_base.py`).
 * @param scores one a token
 * @param isPiece whether a token, by its id, is text; not `<s>` or a byte
 */
export function sentencePieceMerges(
  tokens: readonly string[],
  scores: ArrayLike<number>,
  isPiece: (id: number) => boolean,
): [string, string][] {
  const pieces = new Map<string, number>();
  for (const [id, token] of tokens.entries()) if (isPiece(id)) pieces.set(token, scores[id]!);
  const merges: { left: string; right: string; leftChars: number; rightChars: number; score: number }[] = [];
  for (const [token, score] of pieces) {
    if (token.length > MAX_TOKEN_CHARS) continue;
    const characters = Array.from(token);
    let left = "";
    for (let at = 1; at < characters.length; at++) {
      left += characters[at - 1];
      const right = token.slice(left.length);
      if (pieces.has(left) && pieces.has(right)) {
        merges.push({ left, right, leftChars: at, rightChars: characters.length - at, score });
      }
    }
  }
  merges.sort((a, b) => b.score - a.score || b.leftChars - a.leftChars || b.rightChars - a.rightChars);
  return merges.map(({ left, right }) => [left, right]);
}
