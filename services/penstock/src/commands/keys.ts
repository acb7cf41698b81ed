import { durationFromMs, timestampDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { VirtualKey } from "@penstock/api";
import { newUuidV7 } from "@penstock/runtime";
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { parseDurationMs } from "../output/parse-times.ts";
import type { CommandIo } from "./command-io.ts";
import {
  addExamples,
  addOutputOption,
  addTargetOptions,
  collectLabel,
  nameFor,
} from "./command-options.ts";
import type { CommandSession, TargetOptions } from "./command-session.ts";
import { withSession } from "./command-session.ts";

type Exit = (code: number) => void;

interface KeyFlags extends TargetOptions {
  readonly output: string;
}

interface IssueFlags extends KeyFlags {
  readonly displayName?: string;
  readonly label?: Record<string, string>;
  readonly expires?: number;
  readonly maxConcurrent?: number;
}

interface Issued {
  readonly name: string;
  readonly revision: bigint;
  readonly secret?: string;
}

/** Adds `penstock keys issue|rotate|revoke`. */
export function addKeysCommand(program: Command, io: CommandIo, exit: Exit): void {
  const keys = program
    .command("keys")
    .summary("issue, rotate and revoke virtual keys")
    .description("Issues, rotates and revokes virtual keys. `penstock get keys` lists them.");
  addIssue(keys, io, exit);
  addRotate(keys, io, exit);
  addRevoke(keys, io, exit);
}

function addIssue(keys: Command, io: CommandIo, exit: Exit): void {
  const command = keys
    .command("issue")
    .description("Creates a virtual key and prints its secret, this once, on standard output.")
    .argument("<key>", "<project>/<id> or full name")
    .option("--display-name <text>", "name for people")
    .option("-l, --label <key=value>", "label; repeatable", collectLabel)
    .option("--expires <duration>", "stops working after, such as 30d", readLifetime)
    .option(
      "--max-concurrent <number>",
      "largest number of requests at once, 1 to 10000 (else 100)",
      readCount,
    );
  finish(command, [
    "KEY=$(penstock keys issue demo/app)",
    "penstock keys issue demo/ci --expires 7d",
  ]);
  command.action(async (key: string, flags: IssueFlags) => {
    exit(
      await withSession(io, flags, async (session) => {
        const name = nameFor("virtualKeys", key);
        const { expires, maxConcurrent, displayName, label } = flags;
        const { secret, revision } = await session.control().virtualKeys.createVirtualKey({
          virtualKey: {
            name,
            labels: label ?? {},
            ...(displayName === undefined ? {} : { displayName }),
            ...(expires === undefined ? {} : { expireTime: timestampFromMs(Date.now() + expires) }),
            ...(maxConcurrent === undefined ? {} : { maxConcurrentRequests: maxConcurrent }),
          },
          requestId: newUuidV7(),
        });
        print(session, flags, { name, revision, secret }, "is issued; the secret is shown once");
      }),
    );
  });
}

function addRotate(keys: Command, io: CommandIo, exit: Exit): void {
  const command = keys
    .command("rotate")
    .description("Issues a new secret and prints it once; the old one works on for the overlap.")
    .argument("<key>", "<project>/<id> or full name")
    .option(
      "--overlap <duration>",
      "how long the old secret works on, 0s to 30d (else 24h)",
      readDuration,
    );
  finish(command, ["penstock keys rotate demo/app --overlap 1h"]);
  command.action(async (key: string, flags: KeyFlags & { readonly overlap?: number }) => {
    exit(
      await withSession(io, flags, async (session) => {
        const name = nameFor("virtualKeys", key);
        const { overlap } = flags;
        const { secret, revision } = await session.control().virtualKeys.rotateVirtualKey({
          name,
          requestId: newUuidV7(),
          ...(overlap === undefined ? {} : { overlap: durationFromMs(overlap) }),
        });
        print(session, flags, { name, revision, secret }, "has a new secret, shown once");
      }),
    );
  });
}

function addRevoke(keys: Command, io: CommandIo, exit: Exit): void {
  const command = keys
    .command("revoke")
    .description("Ends a virtual key at once and for good.")
    .argument("<key>", "<project>/<id> or full name")
    .option("--reason <text>", "for the audit log");
  finish(command, ["penstock keys revoke demo/app --reason 'laptop lost'"]);
  command.action(async (key: string, flags: KeyFlags & { readonly reason?: string }) => {
    exit(
      await withSession(io, flags, async (session) => {
        const name = nameFor("virtualKeys", key);
        const { reason = "" } = flags;
        const answer = await session.control().virtualKeys.revokeVirtualKey({ name, reason });
        print(session, flags, { name, revision: answer.revision }, revokedWords(answer));
      }),
    );
  });
}

/** Revoking is repeated without harm; it says so, since the reason of the first one stays. */
export function revokedWords({
  virtualKey,
  revision,
}: {
  readonly virtualKey?: Pick<VirtualKey, "revokeTime" | "revision"> | undefined;
  readonly revision: bigint;
}): string {
  const { revokeTime } = virtualKey ?? {};
  if (virtualKey === undefined || revokeTime === undefined) return "is revoked";
  const time = timestampDate(revokeTime).toISOString();
  const isRepeated = virtualKey.revision < revision;
  return isRepeated ? `was revoked already, at ${time}` : `is revoked, since ${time}`;
}

function finish(command: Command, examples: readonly string[]): void {
  addOutputOption(addTargetOptions(command), ["table", "json"]);
  addExamples(command, examples);
}

/** The secret alone goes to standard output, so that `KEY=$(penstock keys issue …)` works. */
function print(session: CommandSession, flags: KeyFlags, issued: Issued, verb: string): void {
  const { io } = session;
  if (flags.output === "json") {
    const fields = { ...issued, revision: String(issued.revision) };
    io.out(`${JSON.stringify(fields, undefined, 2)}\n`);
    return;
  }
  if (issued.secret !== undefined) io.out(`${issued.secret}\n`);
  io.talk(`${issued.name} ${verb} (revision ${issued.revision})\n`);
}

function readDuration(text: string): number {
  const durationMs = parseDurationMs(text);
  if (durationMs === undefined) throw new InvalidArgumentError("Write it as 30s, 15m, 24h or 7d.");
  return durationMs;
}

/** A key that is over before it is used was hardly meant. */
function readLifetime(text: string): number {
  const durationMs = readDuration(text);
  if (durationMs === 0) throw new InvalidArgumentError("It must be longer than nothing.");
  return durationMs;
}

/** For `--max-concurrent`. */
export function readCount(text: string): number {
  if (!/^[1-9][0-9]{0,4}$/.test(text) || Number(text) > 10_000)
    throw new InvalidArgumentError("It must be a number from 1 to 10000.");
  return Number(text);
}
