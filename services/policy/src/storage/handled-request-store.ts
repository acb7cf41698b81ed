import type { PolicyTransaction } from "./open-storage.ts";

/** A request that named an id for itself. */
export interface RequestKey {
  readonly actor: string;
  readonly requestId: string;
}

/** What was answered to it. */
export interface HandledRequest {
  /** SHA-256 of method and request. */
  readonly fingerprint: Uint8Array;
  readonly response: Uint8Array;
}

/** How long a repeated request is recognised: a day, like the retries of a deployment. */
export const rememberedMs = 24 * 60 * 60_000;

/** The answer given to this request, if it was handled less than a day ago. */
export async function findHandledRequest(
  trx: PolicyTransaction,
  key: RequestKey,
  nowMs: number,
): Promise<HandledRequest | undefined> {
  return await trx
    .selectFrom("handled_request")
    .select(["fingerprint", "response"])
    .where("actor", "=", key.actor)
    .where("request_id", "=", key.requestId)
    .where("create_time", ">=", new Date(nowMs - rememberedMs))
    .executeTakeFirst();
}

/** Remembers an answer; it must hold no secret. */
export async function rememberRequest(
  trx: PolicyTransaction,
  key: RequestKey,
  handled: HandledRequest,
  nowMs: number,
): Promise<void> {
  const row = { ...handled, create_time: new Date(nowMs) };
  await trx
    .insertInto("handled_request")
    .values({ actor: key.actor, request_id: key.requestId, ...row })
    .onConflict((conflict) => conflict.columns(["actor", "request_id"]).doUpdateSet(row))
    .execute();
}

/** Forgets answers of more than a day ago. */
export async function forgetOldRequests(trx: PolicyTransaction, nowMs: number): Promise<void> {
  await trx
    .deleteFrom("handled_request")
    .where("create_time", "<", new Date(nowMs - rememberedMs))
    .execute();
}
