import type { Transport } from "@penstock/api";
import { parseIpRange } from "@penstock/providers";

import { checkCount, checkText } from "./check-text.ts";
import type { ProblemList } from "./field-problem.ts";

const maxPathLength = 4_096;
const maxCidrs = 64;
const serverNamePattern = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/i;

/** Checks how connections are made. */
export function checkTransport(problems: ProblemList, transport: Transport | undefined): void {
  if (transport === undefined) return;
  const { proxy, caBundleFile, clientCertificateFile, clientKeyFile } = transport;
  if (proxy !== "") problems.unsupported("transport.proxy", "proxies are not offered yet");
  const files = { caBundleFile, clientCertificateFile, clientKeyFile };
  for (const [name, path] of Object.entries(files)) {
    checkText(problems, `transport.${name}`, path, { maxLength: maxPathLength });
  }
  if ((clientCertificateFile === "") !== (clientKeyFile === "")) {
    const lacking = clientKeyFile === "" ? "clientKeyFile" : "clientCertificateFile";
    problems.required(`transport.${lacking}`);
  }
  if (transport.serverName !== "" && !serverNamePattern.test(transport.serverName)) {
    problems.invalid("transport.serverName", "must be a host name");
  }
  const cidrs = transport.allowedCidrs;
  if (!checkCount(problems, "transport.allowedCidrs", cidrs.length, maxCidrs)) return;
  for (const [index, cidr] of cidrs.entries()) {
    if (parseIpRange(cidr) !== undefined) continue;
    problems.invalid(`transport.allowedCidrs[${index}]`, "must be a range such as 10.0.0.0/8");
  }
}
