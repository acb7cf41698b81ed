import { GatewayError } from "@penstock/errors";
import type { PolicyService } from "@penstock/policy";
import type { Secret } from "@penstock/runtime";

type Tokens = Pick<PolicyService, "authenticateAdmin" | "ensureAdminToken">;

/**
 * The clear text of a token that works: the one given, else the one known from an earlier start,
 * else a new one, which ends the one whose clear text nobody has any more.
 */
export async function settleAdminToken(
  policy: Tokens,
  given: Secret | undefined,
  known: string | undefined,
): Promise<string> {
  if (given !== undefined) {
    const token = given.reveal();
    // It may be the one made at the first start, sourced from the demo's environment file.
    if ((await policy.authenticateAdmin(token)) !== undefined) return token;
    await policy.ensureAdminToken({ token });
    return token;
  }
  const made = await policy.ensureAdminToken();
  if (made !== undefined) return made;
  if (known !== undefined && (await policy.authenticateAdmin(known)) !== undefined) return known;
  const renewed = await policy.ensureAdminToken({ renew: true });
  if (renewed !== undefined) return renewed;
  throw new GatewayError("INTERNAL", "No token for administrators could be made.");
}
