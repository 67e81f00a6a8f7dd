/** Rows that are too long, and rows that teach nothing. Runs only where a tokenizer is at hand. */
import { type Check, numberOption } from "./check.js";

export const tokens: Check = (options, { config, countTokens }) => {
  if (!countTokens) return null;
  const max = numberOption(options, "max", config.train.maxLength);
  return {
    onRow({ content }) {
      const { total, supervised } = countTokens(content);
      if (total > max) {
        const message = `the row has ${total} tokens, the limit is ${max}`;
        const fix = "shorten the row, or raise max_length";
        return [
          {
            code: "row.too-long",
            pointer: "",
            message,
            expected: `at most ${max} tokens`,
            found: `${total} tokens`,
            fix,
          },
        ];
      }
      if (supervised > 0) return [];
      const message = "the row has no token to learn from";
      return [
        { code: "row.no-supervised-tokens", pointer: "", message, expected: "an answer", found: "0 supervised tokens" },
      ];
    },
  };
};
