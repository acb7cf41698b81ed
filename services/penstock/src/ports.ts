import { createServer } from "node:net";
import { GatewayError } from "@penstock/errors";
import { findPortHolder } from "./find-port-holder.ts";
import type { Door } from "./settings.ts";
import { doors, portVariables } from "./settings.ts";

/**
 * Finds out whether every port can be opened, before anything is opened or written. Port 0 is
 * always free. Only the doors that the process needs are looked at; all when none are named.
 *
 * @throws GatewayError FAILED_PRECONDITION that names every port that can't be opened, its
 * variable and, where it can be known, the process that has it; or the address.
 */
export async function checkPorts(
  ports: Readonly<Record<Door, number>>,
  host: string,
  needed: readonly Door[] = doors,
): Promise<void> {
  const addressProblem = await tryPort(0, host);
  if (addressProblem !== undefined) throw noAddress(host, addressProblem);
  const problems = [...findSharedPorts(ports, needed)];
  for (const door of needed) {
    const port = ports[door];
    if (port === 0) continue;
    const code = await tryPort(port, host);
    if (code !== undefined) problems.push(describe(port, portVariables[door], host, code));
  }
  if (problems.length === 0) return;
  const advice = "Stop that process, or set the variable to another port (0: any free one).";
  throw new GatewayError("FAILED_PRECONDITION", `${problems.join("; ")}. ${advice}`, {
    source: "gateway",
  });
}

/**
 * The same for any ports, named by what they are for.
 *
 * @throws GatewayError FAILED_PRECONDITION that names every port that can't be opened.
 */
export async function checkNamedPorts(
  ports: readonly (readonly [name: string, port: number])[],
  host: string,
): Promise<void> {
  const problems: string[] = [];
  for (const [name, port] of ports) {
    const code = await tryPort(port, host);
    if (code !== undefined) problems.push(describe(port, name, host, code));
  }
  if (problems.length === 0) return;
  throw new GatewayError("FAILED_PRECONDITION", `${problems.join("; ")}.`, { source: "gateway" });
}

function noAddress(host: string, code: string): GatewayError {
  const message = `PENSTOCK_BIND_ADDRESS: no port can be opened on ${host}: it is no address of this machine (${code})`;
  return new GatewayError("FAILED_PRECONDITION", message, { source: "gateway" });
}

function* findSharedPorts(
  ports: Readonly<Record<Door, number>>,
  needed: readonly Door[],
): Generator<string> {
  for (const [index, door] of needed.entries()) {
    const other = needed.slice(0, index).find((earlier) => ports[earlier] === ports[door]);
    if (other === undefined || ports[door] === 0) continue;
    yield `port ${ports[door]} is given to both ${portVariables[other]} and ${portVariables[door]}`;
  }
}

/** The code of the system's error; undefined when the port can be opened. */
function tryPort(port: number, host: string): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const server = createServer();
  server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)));
  return promise;
}

function describe(port: number, variable: string, host: string, code: string): string {
  switch (code) {
    case "EADDRINUSE": {
      const holder = findPortHolder(port);
      const who = holder === undefined ? "" : ` by process ${holder.pid} (${holder.program})`;
      return `port ${port} (${variable}) is in use${who}`;
    }
    case "EACCES":
      return `port ${port} (${variable}) may not be opened by this user`;
    default:
      return `port ${port} (${variable}) can't be opened on ${host}: ${code}`;
  }
}
