import { GatewayError } from "@penstock/errors";
import { readEnvironment } from "@penstock/runtime";
import type { ExchangeOptions } from "./exchanges/exchanges.ts";

/** What the environment says about a simulator. */
export interface SimulatorConfig {
  /** Undefined: everything is simulated. */
  readonly exchanges: ExchangeOptions | undefined;
}

const modes = ["simulate", "record", "replay", "strict"] as const;

const spec = {
  mode: { name: "PENSTOCK_SIMULATOR_MODE", kind: "string" },
  folder: { name: "PENSTOCK_SIMULATOR_FOLDER", kind: "string" },
  upstreams: { name: "PENSTOCK_SIMULATOR_UPSTREAMS", kind: "string" },
} as const;

/**
 * Reads PENSTOCK_SIMULATOR_MODE, _FOLDER and _UPSTREAMS (`openai=https://api.openai.com`, commas
 * between them).
 *
 * @throws GatewayError FIELD_INVALID for what makes no sense.
 */
export function readSimulatorConfig(
  environment?: Readonly<Record<string, string | undefined>>,
): SimulatorConfig {
  const given = readEnvironment(spec, environment === undefined ? {} : { environment });
  const mode = modes.find((name) => name === (given.mode ?? "simulate"));
  if (mode === undefined) throw refuse(spec.mode.name, `must be one of ${modes.join(", ")}`);
  if (mode === "simulate") return { exchanges: undefined };
  if (given.folder === undefined) throw refuse(spec.folder.name, `is required for ${mode}`);
  const upstreams = readUpstreams(given.upstreams ?? "");
  if (mode === "record" && Object.keys(upstreams).length === 0) {
    throw refuse(
      spec.upstreams.name,
      "is required to record, such as openai=https://api.openai.com",
    );
  }
  return { exchanges: { mode, folder: given.folder, upstreams } };
}

function readUpstreams(text: string): Record<string, string> {
  const upstreams: Record<string, string> = {};
  for (const pair of text.split(",").filter((one) => one.trim() !== "")) {
    const [, vendor = "", address = ""] = /^\s*([a-z0-9-]+)=(\S+)\s*$/.exec(pair) ?? [];
    const url = URL.parse(address);
    const allowed = url !== null && /^https?:$/.test(url.protocol);
    if (!allowed || url.username !== "" || url.search !== "" || url.hash !== "") {
      throw refuse(spec.upstreams.name, "must be vendor=URL, commas between them");
    }
    upstreams[vendor] = address.replace(/\/+$/, "");
  }
  return upstreams;
}

function refuse(variable: string, problem: string): GatewayError {
  return new GatewayError("FIELD_INVALID", `${variable} ${problem}.`, {
    fieldViolations: [{ field: variable, description: problem }],
  });
}
