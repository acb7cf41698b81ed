import { silentObservability } from "@penstock/observability";
import { ManualClock, Secret } from "@penstock/runtime";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { CloudIdentity, ExpiringSecret } from "./cloud-identity.ts";
import { Credentials } from "./credentials.ts";
import { IdentityTokens } from "./identity-tokens.ts";

const hourMs = 3_600_000;
/** A step of the clock is no time; only promises are waited for. */
const soon = { interval: 1 };

/** A cloud whose next answers the test gives by hand. */
class Cloud implements CloudIdentity {
  readonly displayName = "A cloud";
  readonly scheme = "a-cloud";
  readonly calls: {
    argument: string;
    give(text: string, lifeMs: number): void;
    fail(problem: string): void;
    signal: AbortSignal;
  }[] = [];
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  obtain(argument: string, signal: AbortSignal): Promise<ExpiringSecret> {
    const { promise, resolve, reject } = Promise.withResolvers<ExpiringSecret>();
    this.calls.push({
      argument,
      signal,
      give: (text, lifeMs) =>
        resolve({ secret: new Secret(text), expireTimeMs: this.#clock.wallMs() + lifeMs }),
      fail: (problem) => reject(new Error(problem)),
    });
    return promise;
  }
}

function setUp(): {
  clock: ManualClock;
  cloud: Cloud;
  tokens: IdentityTokens;
  text: () => string | undefined;
} {
  const clock = new ManualClock();
  const cloud = new Cloud(clock);
  const { logger } = silentObservability();
  const tokens = new IdentityTokens({ clock, logger, identities: [cloud] });
  open.push(tokens);
  return { clock, cloud, tokens, text: () => tokens.resolve("a-cloud:x")?.reveal() };
}

const open: IdentityTokens[] = [];
afterEach(() => {
  for (const tokens of open.splice(0)) tokens.stop();
});

describe("IdentityTokens", () => {
  it("has no secret at first, then the one that the cloud gave", async () => {
    const { cloud, tokens, text } = setUp();
    expect(text()).toBeUndefined();
    expect(tokens.version).toBe(0);
    cloud.calls[0]?.give("one", hourMs);
    await vi.waitFor(() => expect(text()).toBe("one"));
    expect(tokens.version).toBe(1);
    expect(cloud.calls.map(({ argument }) => argument)).toEqual(["x"]);
  });

  it("asks for the next one before the first expires, and uses the first until it has it", async () => {
    const { clock, cloud, text } = setUp();
    text();
    cloud.calls[0]?.give("one", hourMs);
    await vi.waitFor(() => expect(text()).toBe("one"));
    clock.advance(hourMs - 300_001);
    expect(cloud.calls).toHaveLength(1);
    clock.advance(1);
    expect(cloud.calls).toHaveLength(2);
    expect(text()).toBe("one");
    cloud.calls[1]?.give("two", hourMs);
    await vi.waitFor(() => expect(text()).toBe("two"));
  });

  it("tries again after failures and drops what has expired", async () => {
    const { clock, cloud, tokens, text } = setUp();
    text();
    cloud.calls[0]?.give("one", 360_000);
    await vi.waitFor(() => expect(text()).toBe("one"));
    clock.advance(60_000);
    for (let turn = 1; text() !== undefined; turn += 1) {
      cloud.calls[turn]?.fail("no answer");
      await vi.waitFor(() => {
        clock.advance(1_000);
        expect(cloud.calls.length).toBe(turn + 2);
      }, soon);
    }
    expect(tokens.version).toBe(2);
    const last = cloud.calls.at(-1);
    last?.give("two", hourMs);
    await vi.waitFor(() => expect(text()).toBe("two"));
  });

  it("takes nothing that has expired already", async () => {
    const { clock, cloud, text } = setUp();
    text();
    cloud.calls[0]?.give("one", 0);
    await vi.waitFor(() => {
      clock.advance(100);
      expect(cloud.calls).toHaveLength(2);
    }, soon);
    expect(text()).toBeUndefined();
  });

  it("does not bump the version for a secret that is the same", async () => {
    const { clock, cloud, tokens, text } = setUp();
    text();
    cloud.calls[0]?.give("one", 300_000);
    await vi.waitFor(() => expect(text()).toBe("one"));
    clock.advance(30_000);
    cloud.calls[1]?.give("one", 270_000);
    await vi.waitFor(() => {
      clock.advance(1_000);
      expect(cloud.calls).toHaveLength(3);
    }, soon);
    expect(tokens.version).toBe(1);
  });

  it("forgets what the configuration no longer names", async () => {
    const { clock, cloud, tokens } = setUp();
    tokens.retain(["a-cloud:x", "env:KEY"]);
    expect(cloud.calls).toHaveLength(1);
    tokens.retain([]);
    expect(cloud.calls[0]?.signal.aborted).toBe(true);
    cloud.calls[0]?.give("one", hourMs);
    await Promise.resolve();
    expect(clock.pendingTimers).toBe(0);
    expect(tokens.version).toBe(0);
  });
});

describe("Credentials", () => {
  it("asks the cloud for its references, and keeps one version of all", async () => {
    const clock = new ManualClock();
    const cloud = new Cloud(clock);
    const { logger } = silentObservability();
    const credentials = new Credentials({
      clock,
      logger,
      identities: [cloud],
      readVariable: (name) => (name === "KEY" ? "secret" : undefined),
    });
    credentials.prepare(["a-cloud:", "env:KEY"]);
    expect(credentials.resolve("env:KEY")?.reveal()).toBe("secret");
    expect(credentials.resolve("a-cloud:")).toBeUndefined();
    cloud.calls[0]?.give("token", hourMs);
    await vi.waitFor(() => expect(credentials.resolve("a-cloud:")?.reveal()).toBe("token"));
    expect(credentials.version).toBe(1);
    credentials.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});
