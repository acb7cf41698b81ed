export { systemClock } from "./src/clock.ts";
export type { Clock, Timer } from "./src/clock.ts";
export { ManualClock } from "./src/manual-clock.ts";
export { sleep } from "./src/sleep.ts";
export { newUuidV7 } from "./src/id.ts";
export { Secret } from "./src/secret.ts";
export {
  claimedKeyId,
  crc32,
  generateKey,
  hashKey,
  keyMatches,
  keysEqual,
  parseKey,
} from "./src/key-material.ts";
export type { GeneratedKey, KeyKind, ParsedKey } from "./src/key-material.ts";
export {
  findUnknownVariables,
  inheritedEnvironment,
  readEnvironment,
  readEnvironmentVariable,
} from "./src/env.ts";
export type { EnvironmentSpec, EnvironmentValues, ReadEnvironmentOptions } from "./src/env.ts";
export type { VariableSpec } from "./src/env-value.ts";
export type { Setting, Settings } from "./src/setting.ts";
export { HealthRegistry, readinessText } from "./src/health.ts";
export type { HealthComponent, HealthReport, HealthState } from "./src/health.ts";
export { deadlineSignal, linkSignals } from "./src/signals.ts";
export { parseProcessIdentity, stateOfProcess, thisProcess } from "./src/process-identity.ts";
export type { ProcessIdentity } from "./src/process-identity.ts";
export { runService } from "./src/run-service.ts";
export type {
  HostEvent,
  RunServiceOptions,
  ServiceHost,
  ServiceLogger,
} from "./src/run-service.ts";
export type { MonotonicMs, WallMs } from "@penstock/limits";
