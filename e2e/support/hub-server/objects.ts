/** Large files by their sha256, as Git LFS keeps them; uploaded whole or in parts. */
import { createHash } from "node:crypto";
import { HubRefusal } from "./answer.js";

interface LfsObject {
  readonly oid: string;
  readonly size: number;
}

export class Objects {
  readonly #whole = new Map<string, Buffer>();
  readonly #parts = new Map<string, Buffer>();
  /** Files above it are uploaded in parts of this size; 0 is never. */
  partSizeBytes = 0;

  clear(): void {
    this.#whole.clear();
    this.#parts.clear();
  }

  get(oid: string): Buffer | undefined {
    return this.#whole.get(oid);
  }

  /** Where to send an object; no action where it is here already. */
  actionFor(object: LfsObject, origin: string): object {
    if (this.#whole.has(object.oid)) return { ...object };
    const isSplit = this.partSizeBytes > 0 && object.size > this.partSizeBytes;
    const parts = isSplit ? Math.ceil(object.size / this.partSizeBytes) : 0;
    const header: Record<string, string> = isSplit ? { chunk_size: String(this.partSizeBytes) } : {};
    for (let part = 1; part <= parts; part += 1) {
      header[String(part).padStart(5, "0")] = `${origin}/_lfs/${object.oid}/part/${part}`;
    }
    const href = `${origin}/_lfs/${object.oid}${isSplit ? "/complete" : ""}`;
    return { ...object, authenticated: true, actions: { upload: { href, expires_in: 900, header } } };
  }

  put(oid: string, bytes: Buffer): void {
    if (sha256(bytes) !== oid) throw new HubRefusal(400, "BadDigest");
    this.#whole.set(oid, bytes);
  }

  /** @returns the part's ETag */
  putPart(oid: string, part: string, bytes: Buffer): string {
    this.#parts.set(`${oid}/${Number(part)}`, bytes);
    return etag(bytes);
  }

  complete(oid: string, parts: readonly { readonly partNumber: number; readonly etag: string }[]): void {
    const bytes = parts.map((part) => {
      const found = this.#parts.get(`${oid}/${part.partNumber}`);
      if (!found || etag(found) !== part.etag) throw new HubRefusal(400, "InvalidPart");
      return found;
    });
    this.put(oid, Buffer.concat(bytes));
  }
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function etag(bytes: Buffer): string {
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
}
