import type { AddressInfo, Server } from "node:net";
import { createServer } from "node:net";
import process from "node:process";
import { afterEach, describe, expect, it } from "vitest";
import { checkPorts } from "./ports.ts";

const none = { http: 0, grpc: 0, control: 0, admin: 0, simulator: 0 };
const open: Server[] = [];

afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

async function takePort(): Promise<number> {
  const server = createServer();
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

describe("checkPorts", () => {
  it("lets free ports pass and leaves them free", async () => {
    await checkPorts(none, "127.0.0.1");
    const port = await takePort();
    open.splice(0)[0]?.close();
    await checkPorts({ ...none, http: port }, "127.0.0.1");
    await checkPorts({ ...none, http: port }, "127.0.0.1");
  });

  it("names every busy port, its variable and the process", async () => {
    const [first, second] = [await takePort(), await takePort()];
    const refused = checkPorts({ ...none, http: first, admin: second }, "127.0.0.1");
    await expect(refused).rejects.toMatchObject({ reason: "FAILED_PRECONDITION" });
    const message = String(await refused.catch((error: unknown) => error));
    expect(message).toContain(`port ${first} (PENSTOCK_HTTP_PORT) is in use`);
    expect(message).toContain(`port ${second} (PENSTOCK_ADMIN_PORT) is in use`);
    if (process.platform === "linux") expect(message).toContain(`by process ${process.pid} (`);
  });

  it("refuses one port for two doors, and an address that is not ours", async () => {
    const port = await takePort();
    open.splice(0)[0]?.close();
    const shared = checkPorts({ ...none, grpc: port, control: port }, "127.0.0.1");
    await expect(shared).rejects.toThrow(
      `port ${port} is given to both PENSTOCK_GRPC_PORT and PENSTOCK_CONTROL_PORT`,
    );
    const foreign = checkPorts(none, "192.0.2.1");
    await expect(foreign).rejects.toMatchObject({ reason: "FAILED_PRECONDITION" });
    await expect(foreign).rejects.toThrow("on 192.0.2.1: it is no address of this machine");
  });
});
