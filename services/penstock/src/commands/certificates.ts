import { readFileSync } from "node:fs";
import type { CertificateFacts } from "@penstock/certificates";
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { exitCodes, UsageError } from "../output/command-error.ts";
import { renderTable } from "../output/render-table.ts";
import type { CommandIo } from "./command-io.ts";
import { addExamples, addOutputOption } from "./command-options.ts";
import { tellError } from "./tell-error.ts";

interface InitFlags {
  readonly dir: string;
  readonly names: readonly string[];
  readonly hosts: readonly string[];
  readonly days: number;
  readonly authorityDays: number;
  readonly force?: boolean;
  readonly keepAuthority?: boolean;
  readonly output: string;
}

/** One certificate with the files it is in. */
interface Shown {
  readonly file: string;
  readonly keyFile?: string;
  readonly facts: CertificateFacts;
}

/** Adds `penstock certificates`. What makes certificates is read only when it runs. */
export function addCertificatesCommand(
  program: Command,
  io: CommandIo,
  exit: (code: number) => void,
): void {
  const certificates = program
    .command("certificates")
    .summary("make certificates for development, look into others");
  addInit(certificates, io, exit);
  const show = certificates
    .command("show <file>")
    .summary("show what the certificates of a file say")
    .description("Shows every certificate of a PEM file: whose, by whom, for what, until when.");
  addOutputOption(show, ["table", "json"]);
  addExamples(show, ["penstock certificates show certs/router.crt"]);
  show.action(async (file: string, flags: { readonly output: string }) => {
    exit(
      await attempt(io, async () => {
        const { describeCertificates } = await import("@penstock/certificates");
        const facts = describeCertificates(readPem(file));
        print(
          io,
          flags.output,
          facts.map((one) => ({ file, facts: one })),
        );
      }),
    );
  });
}

function addInit(certificates: Command, io: CommandIo, exit: (code: number) => void): void {
  const init = certificates
    .command("init")
    .summary("make an authority and a certificate per role")
    .description(
      "Makes a certificate authority and certificates that it signs, for development and for\n" +
        "small installations: ca.crt, ca.key, <name>.crt, <name>.key, for their owner only.\n" +
        "The certificates of roles say spiffe://penstock/<role>, by which services know them.",
    )
    .requiredOption("--dir <folder>", "where to; made when it is not there")
    .option("--names <list>", "what for", listOf, ["router", "policy", "quota", "telemetry"])
    .option("--hosts <list>", "names and addresses they are good for, beside the own", listOf, [
      "localhost",
      "127.0.0.1",
    ])
    .option("--days <days>", "how long certificates are good", readDays, 90)
    .option("--authority-days <days>", "how long the authority is good", readDays, 365)
    .option("--keep-authority", "sign with the ca.crt and ca.key that are there")
    .option("--force", "replace what is there");
  addOutputOption(init, ["table", "json"]);
  addExamples(init, [
    "penstock certificates init --dir certs",
    "penstock certificates init --dir certs --names nats,postgres --keep-authority",
    "penstock certificates init --dir certs --keep-authority --force   renews them",
  ]);
  init.action(async (flags: InitFlags) => {
    exit(
      await attempt(io, async () => {
        const { writeDevelopmentCertificates } = await import("@penstock/certificates");
        const { dir, days, authorityDays, ...rest } = flags;
        const written = await writeDevelopmentCertificates({
          ...rest,
          folder: dir,
          validDays: days,
          authorityValidDays: authorityDays,
        });
        print(
          io,
          flags.output,
          written.map(({ certificateFile: file, keyFile, facts }) => ({ file, keyFile, facts })),
        );
        io.talk("keep ca.key away from the machines that serve; they need ca.crt and their own\n");
      }),
    );
  });
}

async function attempt(io: CommandIo, run: () => Promise<void>): Promise<number> {
  try {
    await run();
    return exitCodes.done;
  } catch (thrown) {
    return tellError(io, thrown);
  }
}

function readPem(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (thrown) {
    throw new UsageError(`${file} can't be read: ${thrown instanceof Error ? thrown.message : ""}`);
  }
}

function print(io: CommandIo, output: string, shown: readonly Shown[]): void {
  if (output === "json") {
    const plain = shown.map(({ facts, ...files }) => ({ ...files, ...facts }));
    io.out(`${JSON.stringify(plain, undefined, 2)}\n`);
    return;
  }
  const headings = ["FILE", "SUBJECT", "NAMES", "GOOD UNTIL", "SIGNED BY"];
  const rows = shown.map(({ file, facts }) => [
    file,
    facts.subject,
    facts.isAuthority ? "(an authority)" : facts.names.join(", "),
    facts.notAfter
      .toISOString()
      .replace("T", " ")
      .replace(/\.\d+Z$/, "Z"),
    facts.issuer,
  ]);
  io.out(
    renderTable(
      headings.map((heading) => ({ heading })),
      rows,
    ),
  );
}

function listOf(text: string): string[] {
  return text.split(",").map((part) => part.trim());
}

function readDays(text: string): number {
  const days = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (days < 1) throw new InvalidArgumentError("It must be a number of days.");
  return days;
}
