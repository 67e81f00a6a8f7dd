/** Personal data that has a form: e-mail addresses, phone numbers, card numbers. Values are never printed. */
import { toPointer } from "../pointer.js";
import type { Finding } from "../schema/explain.js";
import type { Check } from "./check.js";
import { stringsOf } from "./text.js";

/** RFC 2606 reserves these for examples: an address there is nobody's. */
const RESERVED_DOMAIN = /(?:^|\.)(?:example\.(?:com|net|org)|example|test|invalid|localhost)$/i;
const EMAIL = /(?<![\w.%+-])[\w.%+-]{1,64}@((?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24})\b/g;
/** E.164 with its plus sign, or the North American form; digits alone are too often something else. */
const PHONE = /(?<![\w+])(?:\+[1-9](?:[ .-]?\(?\d\)?){7,14}(?!\d)|\(\d{3}\) ?\d{3}-\d{4}(?!\d)|\b\d{3}-\d{3}-\d{4}\b)/;
const CARD = /(?<![\d.-])[3-6]\d(?:[ -]?\d){11,17}(?![\d.-])/g;

const KINDS: Readonly<Record<string, (text: string) => boolean>> = {
  "an e-mail address": (text) => [...text.matchAll(EMAIL)].some((match) => !RESERVED_DOMAIN.test(match[1] ?? "")),
  "a phone number": (text) => PHONE.test(text),
  "a card number": (text) => [...text.matchAll(CARD)].some(([digits]) => passesLuhn(digits.replace(/\D/g, ""))),
};

/** What kind of personal data a text holds, such as "a phone number"; undefined where none is known. */
export function personalDataIn(text: string): string | undefined {
  return Object.entries(KINDS).find(([, isIn]) => isIn(text))?.[0];
}

export const pii: Check = () => ({
  onRow({ value }) {
    const findings: Finding[] = [];
    for (const { path, text } of stringsOf(value)) {
      for (const [kind, isIn] of Object.entries(KINDS)) {
        if (!isIn(text)) continue;
        const fix = "replace it by a placeholder, or leave the row out";
        findings.push({ code: "data.pii", pointer: toPointer(path), message: `the text holds ${kind}`, fix });
      }
    }
    return findings;
  },
});

/** The check digit of card numbers (ISO/IEC 7812-1, annex B). */
function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    let digit = Number(digits[digits.length - 1 - index]);
    if (index % 2 === 1) digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
    sum += digit;
  }
  return sum % 10 === 0;
}
