/** The roles of a conversation, in one place for schemas and rules. */
import type { Role } from "../row.js";

export const ROLES: readonly Role[] = ["system", "user", "assistant", "tool"];
