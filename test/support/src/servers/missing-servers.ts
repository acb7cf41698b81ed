import { findNats } from "./nats.ts";
import { findPostgres } from "./postgres.ts";

/** Programs that the shape of separate processes runs on and that are not installed. */
export function missingServers(): string[] {
  return [
    ...(findNats() === undefined ? ["nats-server"] : []),
    ...(findPostgres() === undefined ? ["PostgreSQL"] : []),
  ];
}
