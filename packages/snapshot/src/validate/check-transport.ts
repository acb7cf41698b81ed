import type { Transport } from "@penstock/api";
import { isMetadataAddress, parseIpRange } from "@penstock/providers";

import { checkCount, checkText } from "./check-text.ts";
import type { ProblemList } from "./field-problem.ts";

const maxPathLength = 4_096;
const maxCidrs = 64;
const maxProxyLength = 300;
const proxyPattern =
  /^http:\/\/(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::(\d{1,5}))?\/?$/i;
const serverNamePattern = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/i;

/** Checks how connections are made. */
export function checkTransport(problems: ProblemList, transport: Transport | undefined): void {
  if (transport === undefined) return;
  const { proxy, caBundleFile, clientCertificateFile, clientKeyFile } = transport;
  if (proxy !== "") checkProxy(problems, proxy);
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

/** CONNECT is spoken in the clear; what it carries is encrypted from end to end. */
function checkProxy(problems: ProblemList, proxy: string): void {
  const field = "transport.proxy";
  if (!checkText(problems, field, proxy, { maxLength: maxProxyLength })) return;
  const [, written, port = "80"] = proxyPattern.exec(proxy) ?? [];
  const host = written?.replace(/^\[|\]$/g, "") ?? "";
  if (written === undefined || Number(port) < 1 || Number(port) > 65_535) {
    problems.invalid(field, "must be http://host:port, without a user name or path");
  } else if (isMetadataAddress(host)) {
    problems.invalid(field, "names a metadata service, which is never allowed");
  }
}
