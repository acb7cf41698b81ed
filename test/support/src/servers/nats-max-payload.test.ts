import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recordingObservability } from "@penstock/observability";
import { expect, it } from "vitest";
import { connectBus, messageOf } from "./nats-bus.fixture.ts";
import { startNats } from "./nats.ts";
import { serverLane } from "./server-lane.ts";

const maxPayloadBytes = 65_536;

async function openOn(maxPayload: number) {
  const folder = mkdtempSync(join(tmpdir(), "penstock-max-payload-"));
  const configFile = join(folder, "nats.conf");
  const store = "jetstream { store_dir: $PENSTOCK_NATS_STORE }";
  writeFileSync(configFile, `${store}\nmax_payload: ${maxPayload}\n`);
  const server = await startNats({ configFile });
  const { logger, lines } = recordingObservability();
  const bus = await connectBus(server, { logger });
  const close = async (): Promise<void> => {
    await bus.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  };
  const warnings = lines.filter(({ message }) => String(message).includes("takes less"));
  return { bus, warnings, close };
}

serverLane("nats").describe("a NATS server that takes small messages only", () => {
  it("is told of, and refuses for good what is larger with its headers", async () => {
    const { bus, warnings, close } = await openOn(maxPayloadBytes);
    expect(warnings).toMatchObject([{ maxPayloadBytes, neededPayloadBytes: 263_168 }]);
    const message = expect.stringMatching(
      /^entry teams\.a has \d+ bytes .* takes 65536 \(max_payload\)$/,
    ) as string;
    for (const sizeBytes of [maxPayloadBytes, maxPayloadBytes + 1, 200_000]) {
      for (const options of [{}, { expectedRevision: 0n }]) {
        const putting = bus.config.put("teams.a", new Uint8Array(sizeBytes), options);
        await expect(putting).rejects.toMatchObject({ reason: "FIELD_INVALID", message });
      }
    }
    const largest = new Uint8Array(maxPayloadBytes - 160);
    const position = await bus.config.put("teams.a", largest);
    await bus.config.put("teams.a", largest, { expectedRevision: position });
    const [taken] = await bus.usage.publish([messageOf("a")]);
    expect(taken).toMatchObject({ ok: true });
    await close();
  });

  it("is none where the server takes what it takes without being told", async () => {
    const { warnings, close } = await openOn(1_048_576);
    expect(warnings).toEqual([]);
    await close();
  });
});
