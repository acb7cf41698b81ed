import { Role } from "@penstock/api";
import { withStorageErrors } from "@penstock/database";
import { GatewayError } from "@penstock/errors";
import type { Identity } from "@penstock/rpc";
import { generateKey, hashKey } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import {
  deleteAdminToken,
  listAdminTokens,
  writeAdminToken,
} from "../storage/admin-token-store.ts";
import type { PolicyDatabase } from "../storage/open-storage.ts";

/** What is asked of `ensureAdminToken`. */
export interface EnsureAdminTokenOptions {
  /** A token chosen by the operator, at least 16 characters; it replaces the one chosen before. */
  readonly token?: string | undefined;
  /** True: a new token is made even when there is one, which is void then. */
  readonly renew?: boolean | undefined;
  /** False: none is made where there is none, because its clear text would reach nobody. */
  readonly make?: boolean | undefined;
}

/** Tokens of administrators. */
export interface AdminTokens {
  /**
   * Sees to it that there is a token with role admin. Gives its clear text when it was made now
   * or given; undefined when one was made earlier, whose clear text nobody keeps.
   *
   * @throws GatewayError FIELD_INVALID for a given token that is too short.
   */
  ensure(options: EnsureAdminTokenOptions): Promise<string | undefined>;
  /** The identity of a token; undefined for one that was never issued. */
  authenticate(token: string): Promise<Identity | undefined>;
  /** The same, by the SHA-256 of the token's whole text. */
  identify(sha256: Uint8Array): Promise<Identity | undefined>;
}

const minTokenCharacters = 16;
const generatedName = "admin";
const givenName = "environment";
/** A token made void by another replica works on here for at most this long. */
const maxAgeMs = 10_000;
/** Unknown tokens make the table be read again at most this often. */
const minAgeMs = 1_000;

/** Keeps the tokens, which are few, in memory and reads them again when they may have changed. */
export function createAdminTokens(db: PolicyDatabase, clock: Clock): AdminTokens {
  let known = new Map<string, Identity>();
  let readAtMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;

  const read = async (): Promise<void> => {
    const rows = await withStorageErrors(() => listAdminTokens(db));
    known = new Map(rows.map((row) => [hexOf(row.sha256), identityOf(row.name, row.role)]));
    readAtMs = clock.monotonicMs();
  };
  const refresh = async (): Promise<void> => {
    reading ??= read().finally(() => (reading = undefined));
    await reading;
  };
  const write = async (name: string, text: string): Promise<string> => {
    const token = { name, sha256: hashKey(text), role: "ADMIN" };
    await withStorageErrors(() => writeAdminToken(db, token, clock.wallMs()));
    await read();
    return text;
  };
  // Looked up by the hash of the whole token: no prefix of it ever decides (security.md R2).
  const identify = async (sha256: Uint8Array): Promise<Identity | undefined> => {
    const key = hexOf(sha256);
    const ageMs = clock.monotonicMs() - readAtMs;
    if (ageMs >= (known.has(key) ? maxAgeMs : minAgeMs)) await refresh();
    return known.get(key);
  };
  return {
    ensure: async ({ token, renew, make }) => {
      if (token !== undefined) {
        checkGiven(token);
        return await write(givenName, token);
      }
      // A token chosen by the operator holds only as long as it is configured.
      await withStorageErrors(() => deleteAdminToken(db, givenName));
      const rows = await withStorageErrors(() => listAdminTokens(db));
      const exists = rows.some(({ name }) => name === generatedName);
      if ((exists || make === false) && renew !== true) return undefined;
      return await write(generatedName, generateKey("pat").text);
    },
    authenticate: (token) => identify(hashKey(token)),
    identify,
  };
}

function checkGiven(token: string): void {
  if (token.length >= minTokenCharacters && /^[\x21-\x7e]+$/.test(token)) return;
  const description = `must have at least ${minTokenCharacters} printable characters without spaces`;
  throw new GatewayError("FIELD_INVALID", `PENSTOCK_ADMIN_TOKEN ${description}.`, {
    source: "gateway",
    fieldViolations: [{ field: "PENSTOCK_ADMIN_TOKEN", description }],
  });
}

function identityOf(name: string, role: string): Identity {
  const value = Object.hasOwn(Role, role) ? Role[role as keyof typeof Role] : Role.UNSPECIFIED;
  return { kind: "admin", name, roles: [value] };
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
