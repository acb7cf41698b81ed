import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import type { StartSettings } from "../settings.ts";
import { defaultSuitePorts } from "./suite-plan.ts";
import type { SuitePorts } from "./suite-plan.ts";

/** The ports of a suite: the usual ones, those that variables name, or free ones. */
export async function chooseSuitePorts(
  { ports }: StartSettings,
  isFree: boolean,
): Promise<SuitePorts> {
  if (isFree) return await freePorts();
  const [, second] = defaultSuitePorts.routers;
  const { http, grpc, admin, control, simulator } = ports;
  const routers = [{ http, grpc, admin }, ...(second === undefined ? [] : [second])];
  return { ...defaultSuitePorts, policy: control, simulator, routers };
}

/** Every port with what it is for, for the check that none is in use. */
export function namedPorts(ports: SuitePorts): readonly (readonly [name: string, port: number])[] {
  const { routers, ...others } = ports;
  const doors = routers.flatMap((router, index) =>
    Object.entries(router).map(([door, port]) => [`router-${index + 1} ${door}`, port] as const),
  );
  return [...doors, ...Object.entries(others).map(([name, port]) => [name, port] as const)];
}

async function freePorts(): Promise<SuitePorts> {
  const [policy, quota, telemetry, simulator, bus, database, ...doors] = await takeFree(12);
  const of = (index: number): number => doors[index] ?? 0;
  return {
    policy: policy ?? 0,
    quota: quota ?? 0,
    telemetry: telemetry ?? 0,
    simulator: simulator ?? 0,
    bus: bus ?? 0,
    database: database ?? 0,
    routers: [
      { http: of(0), grpc: of(1), admin: of(2) },
      { http: of(3), grpc: of(4), admin: of(5) },
    ],
  };
}

/** All are open at once, so that none is given twice. */
async function takeFree(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ports.push((server.address() as AddressInfo).port);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
