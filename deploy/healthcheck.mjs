// Exits 0 when every port of this container that answers says on /livez that it lives, and at least
// one does. Which ports there are depends on the role, so all are tried; how they speak, on the
// variables that the role itself reads.
import { get as getCleartext } from "node:http";
import { get as getEncrypted } from "node:https";
import process from "node:process";

const timeoutMs = 2_000;

/** @returns {{ port: number, encrypted: boolean }[]} */
function portsOf(environment) {
  const encrypted = Boolean(environment.PENSTOCK_TLS_CERT);
  return [
    { port: Number(environment.PENSTOCK_ADMIN_PORT || 8083), encrypted },
    { port: Number(environment.PENSTOCK_CONTROL_PORT || 8082), encrypted },
    { port: Number(environment.PENSTOCK_SIMULATOR_PORT || 8084), encrypted: false },
  ];
}

function hostOf(environment) {
  const bound = environment.PENSTOCK_BIND_ADDRESS || "127.0.0.1";
  if (bound === "0.0.0.0") return "127.0.0.1";
  return bound === "::" ? "::1" : bound;
}

/** The status of /livez; undefined where nobody listens; 0 where somebody does not answer. */
function ask(host, { port, encrypted }) {
  const get = encrypted ? getEncrypted : getCleartext;
  // Asked is this container's own process, and nothing is sent: whose certificate it shows is for
  // those to check who call from elsewhere.
  const options = { host, port, path: "/livez", timeout: timeoutMs, rejectUnauthorized: false };
  return new Promise((resolve) => {
    const request = get(options, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on("timeout", () => request.destroy(new Error("no answer in time")));
    request.on("error", (error) => resolve(error.code === "ECONNREFUSED" ? undefined : 0));
  });
}

const host = hostOf(process.env);
const ports = portsOf(process.env);
const statuses = await Promise.all(ports.map((port) => ask(host, port)));
const open = ports.map(({ port }, index) => ({ port, status: statuses[index] }));
const answering = open.filter(({ status }) => status !== undefined);
const unwell = answering.filter(({ status }) => status !== 200);
if (answering.length === 0 || unwell.length > 0) {
  const told = unwell.map(({ port, status }) => `port ${port}: ${status || "no answer"}`);
  process.stderr.write(`${told.join(", ") || `no port of ${host} is open`}\n`);
  process.exitCode = 1;
}
