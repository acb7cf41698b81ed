import type { PageTokens } from "@penstock/rpc";
import type { Clock } from "@penstock/runtime";
import type { ChangeWriter } from "../changes/change-writer.ts";
import type { RouterRegistry } from "../rollout/router-registry.ts";
import type { PolicyDatabase } from "../storage/open-storage.ts";
import type { AdminTokens } from "../tokens/admin-tokens.ts";

/** What the handlers are made of; each takes the few things it uses. */
export interface ApiDependencies {
  readonly db: PolicyDatabase;
  readonly clock: Clock;
  readonly writer: ChangeWriter;
  readonly routers: RouterRegistry;
  readonly pageTokens: PageTokens;
  readonly tokens: Pick<AdminTokens, "identify">;
  /** Aborts when calls shall wait no longer; its reason is what they fail with. */
  readonly waits: AbortSignal;
}
