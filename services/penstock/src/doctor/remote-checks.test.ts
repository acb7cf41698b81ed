import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { checkRemote } from "./remote-checks.ts";

it("says of a dead service what refused, and what to do; of a living one what it goes without", async () => {
  const server = createServer((request, response) => {
    const isReady = request.url === "/readyz";
    response.writeHead(isReady ? 200 : 405).end(isReady ? "ok\nbus: not connected\n" : "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const alive = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const dead = "http://127.0.0.1:9";
  const { findings, isApart } = await checkRemote({
    controlUrl: alive,
    quotaUrl: dead,
    telemetryUrl: alive,
    adminUrl: dead,
    demo: {},
    clients: {} as never,
    router: () => ({}) as never,
    caFile: undefined,
  });
  expect(isApart).toBe(false);
  const refused = { state: "fail", detail: `${dead} refused the connection (ECONNREFUSED)` };
  expect(findings).toMatchObject(
    expect.arrayContaining([
      {
        check: `policy, telemetry ${alive}`,
        state: "warn",
        detail: "answers 200: ok bus: not connected",
      },
      {
        check: `quota ${dead}`,
        ...refused,
        advice: "Start what is to be there (quota), or correct PENSTOCK_QUOTA_URL (--quota-url).",
      },
      {
        check: `router ${dead}`,
        ...refused,
        advice: "Start what is to be there (router), or correct PENSTOCK_ADMIN_URL (--admin-url).",
      },
    ]),
  );
});
