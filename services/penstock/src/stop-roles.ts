import type { RouterService } from "@penstock/router";
import type { ConnectServer } from "@penstock/rpc";
import { sleep } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import type { BuiltRoles } from "./build-roles.ts";
import { drainGraceOf } from "./drain-grace.ts";
import type { StartSettings } from "./settings.ts";

/** How roles are stopped. */
export interface StopOptions {
  readonly settings: Pick<StartSettings, "roles" | "drainGraceMs">;
  readonly clock: Clock;
  /** The port that control services share; undefined where there are none. */
  readonly control: Pick<ConnectServer, "close"> | undefined;
  /** What is open has so long, the grace included. */
  readonly deadlineMs: number;
  /** When it aborts, what is open is cut off soon. */
  readonly hurry?: AbortSignal | undefined;
}

/** Calls, and what services finish by themselves, have at least so long. */
const leastMs = 1_000;

/**
 * The end of roles (reliability §2.7): said at once on `/readyz`; still accepting for the grace,
 * and for as long as a router of the process drains; then open calls have until the deadline, and
 * only then services stop, without which those calls could not end.
 */
export async function stopRoles(
  parts: AsyncDisposableStack,
  { router, policy, quota, telemetry }: BuiltRoles,
  { settings, clock, control, deadlineMs, hurry }: StopOptions,
): Promise<void> {
  const endMs = clock.monotonicMs() + deadlineMs;
  const restMs = (): number => Math.max(leastMs, endMs - clock.monotonicMs());
  const controls = [policy, quota, telemetry].filter((service) => service !== undefined);
  for (const { health } of controls) health.set("drain", "not_ready", "draining");
  policy?.endWaits();
  const graceMs = control === undefined ? 0 : Math.min(drainGraceOf(settings), deadlineMs);
  await Promise.all([
    router && drainRouter(router, deadlineMs, hurry),
    sleep(clock, graceMs, hurry).catch(() => undefined),
  ]);
  if (control !== undefined) await closePort(control, restMs(), hurry);
  await Promise.all(controls.map((service) => service.drain(restMs())));
  await parts.disposeAsync();
}

async function closePort(
  port: Pick<ConnectServer, "close">,
  deadlineMs: number,
  hurry: AbortSignal | undefined,
): Promise<void> {
  const closed = port.close(deadlineMs);
  const close = (): void => void port.close(leastMs);
  if (hurry?.aborted === true) close();
  hurry?.addEventListener("abort", close, { once: true });
  await closed;
  hurry?.removeEventListener("abort", close);
}

/**
 * Hurried, streams and what comes after them have so long: with what closes last, all is over
 * before `runService` gives up after 5 s.
 */
const hurriedMs = 3_500;

/** Hurried, the deadline is near: what is open is cut off then, and its usage is still recorded. */
async function drainRouter(
  router: RouterService,
  deadlineMs: number,
  hurry: AbortSignal | undefined,
): Promise<void> {
  const { promise: hurried, resolve } = Promise.withResolvers<true>();
  hurry?.addEventListener("abort", () => resolve(true), { once: true });
  if (hurry?.aborted === true) resolve(true);
  const drained = router.drain(deadlineMs);
  if ((await Promise.race([drained, hurried])) !== true) return;
  await router.drain(Math.min(hurriedMs, deadlineMs));
  await drained;
}
