import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority } from "@penstock/certificates";
import { readBusVersion } from "@penstock/bus";
import { systemClock } from "@penstock/runtime";
import { expect, it } from "vitest";
import { connectBus, openBusOn } from "./nats-bus.fixture.ts";
import { startNats } from "./nats.ts";
import { serverLane } from "./server-lane.ts";

const dayMs = 86_400_000;

serverLane("nats").describe("a NATS bus over TLS", () => {
  it("trusts the authority it is given, and no other", async () => {
    const folder = mkdtempSync(join(tmpdir(), "penstock-nats-tls-"));
    const write = (name: string, text: string): string => {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    };
    const nowMs = systemClock.wallMs();
    const validity = { notBefore: new Date(nowMs - dayMs), notAfter: new Date(nowMs + dayMs) };
    const authority = await createAuthority("NATS test", validity);
    const issued = await authority.issue({ commonName: "nats", hosts: ["127.0.0.1"] }, validity);
    const certificate = write("nats.pem", issued.certificatePem);
    const key = write("nats-key.pem", issued.keyPem);
    const caFile = write("ca.pem", authority.certificatePem);
    const stranger = await createAuthority("Another", validity);
    const strangersFile = write("stranger.pem", stranger.certificatePem);
    const server = await startNats({
      args: ["--tls", "--tlscert", certificate, "--tlskey", key],
    });

    const bus = await connectBus(server, { caFile });
    await bus.config.put("a", new Uint8Array(1));
    expect((await bus.config.list()).map((entry) => entry.key)).toEqual(["a"]);
    const url = server.url.replace("nats://", "tls://");
    for (const wrong of [
      await openBusOn({ url }),
      await openBusOn(server, { caFile: strangersFile }),
    ]) {
      expect(wrong.connected()).toBe(false);
      await expect(wrong.config.get("a")).rejects.toMatchObject({ reason: "UNAVAILABLE" });
      await wrong.close();
    }
    const name = "looker";
    expect(await readBusVersion({ url, name, caFile })).toMatch(/^\d+\.\d+/);
    const untrusted = readBusVersion({ url, name, caFile: strangersFile });
    await expect(untrusted).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    await bus.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  it("does not talk in clear to a server without TLS", async () => {
    const server = await startNats();
    const bus = await openBusOn({ url: server.url.replace("nats://", "tls://") });
    expect(bus.connected()).toBe(false);
    await bus.close();
    await server.stop();
  });

  it("tells its version to whom its credentials file lets in", async () => {
    const folder = mkdtempSync(join(tmpdir(), "penstock-nats-user-"));
    const credentialsFile = join(folder, "credentials");
    writeFileSync(credentialsFile, "looker:secret\n");
    const server = await startNats({ args: ["--user", "looker", "--pass", "secret"] });
    const { url } = server;
    expect(await readBusVersion({ url, name: "looker", credentialsFile })).toMatch(/^\d+\.\d+/);
    const refused = readBusVersion({ url, name: "looker" });
    await expect(refused).rejects.toMatchObject({ reason: "FAILED_PRECONDITION" });
    await server.stop();
    rmSync(folder, { recursive: true });
  });
});
