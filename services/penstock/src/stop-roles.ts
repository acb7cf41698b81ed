import type { RouterService } from "@penstock/router";
import type { BuiltRoles } from "./build-roles.ts";

/** Takes nothing new; what is open has until the deadline, or until `hurry` aborts. */
export async function stopRoles(
  parts: AsyncDisposableStack,
  { router, policy, quota, telemetry }: BuiltRoles,
  deadlineMs: number,
  hurry?: AbortSignal,
): Promise<void> {
  if (router !== undefined) await drainRouter(router, deadlineMs, hurry);
  const controls = [policy, quota, telemetry].filter((service) => service !== undefined);
  await Promise.all(controls.map((service) => service.drain(deadlineMs)));
  await parts.disposeAsync();
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
