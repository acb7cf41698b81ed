import type { CooldownScope } from "@penstock/formats";
import type { MonotonicMs } from "@penstock/limits";
import {
  abandonCooldownProbe,
  askCooldown,
  beginProbe,
  createCooldown,
  endCooldown,
  isOfCredential,
  liftCooldown,
} from "./cooldown.ts";
import type { Cooldown, CooldownVerdict } from "./cooldown.ts";

/** What several deployments have in common and that can cool down as a whole. */
export type SharedScope = Exclude<CooldownScope, "deployment" | "none">;

/** The shared things that a target belongs to, by their names. */
export type ScopeNames = Readonly<Record<SharedScope, string>>;

const sharedScopes = ["key", "provider", "model"] as const satisfies readonly SharedScope[];

/** What stands against a target for the sake of something that it shares. */
export interface ScopeRefusal {
  readonly scope: SharedScope;
  readonly verdict: Exclude<CooldownVerdict, "free" | "probe">;
  readonly cooldown: Cooldown;
}

/** Cooldowns of credentials, models and providers, shared by their deployments. */
export class CooldownScopes {
  readonly #cooldowns = new Map<string, Cooldown>();

  /** What stands against a target at `now`; undefined: nothing. Changes nothing. */
  refusal(names: ScopeNames, now: MonotonicMs): ScopeRefusal | undefined {
    if (this.#cooldowns.size === 0) return undefined;
    for (const scope of sharedScopes) {
      const cooldown = this.#cooldowns.get(names[scope]);
      if (cooldown === undefined) continue;
      const verdict = askCooldown(cooldown, now);
      if (verdict === "cooling" || verdict === "probing") return { scope, verdict, cooldown };
    }
    return undefined;
  }

  /** The one of a name, made when there is none. */
  of(name: string): Cooldown {
    const known = this.#cooldowns.get(name);
    if (known !== undefined) return known;
    const created = createCooldown();
    this.#cooldowns.set(name, created);
    return created;
  }

  /** An attempt starts; gives the names that it is the probe of. */
  begin(names: ScopeNames, now: MonotonicMs): readonly string[] {
    if (this.#cooldowns.size === 0) return none;
    return sharedScopes
      .map((scope) => names[scope])
      .filter((name) => {
        const cooldown = this.#cooldowns.get(name);
        return cooldown !== undefined && beginProbe(cooldown, now);
      });
  }

  /** A probe ended without saying anything. */
  abandon(probed: readonly string[]): void {
    for (const name of probed) {
      const cooldown = this.#cooldowns.get(name);
      if (cooldown !== undefined) abandonCooldownProbe(cooldown);
    }
  }

  /** An attempt on a target of these names succeeded. */
  succeeded(names: ScopeNames, now: MonotonicMs): void {
    if (this.#cooldowns.size === 0) return;
    for (const scope of sharedScopes) {
      const cooldown = this.#cooldowns.get(names[scope]);
      if (cooldown !== undefined) endCooldown(cooldown, now);
    }
  }

  /** The secret behind a target of these names is another one: it was not refused, nor used up. */
  credentialChanged(names: ScopeNames): void {
    for (const scope of ["key", "provider"] as const) {
      const cooldown = this.#cooldowns.get(names[scope]);
      if (cooldown !== undefined && isOfCredential(cooldown)) liftCooldown(cooldown);
    }
  }

  /** Forgets what no target has any more. */
  retain(names: ReadonlySet<string>): void {
    for (const name of this.#cooldowns.keys()) {
      if (!names.has(name)) this.#cooldowns.delete(name);
    }
  }
}

const none: readonly string[] = [];
