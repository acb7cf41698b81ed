import { GatewayError } from "@penstock/errors";
import type { Settings } from "@penstock/runtime";
import { readEnvironment } from "@penstock/runtime";
import type { ExchangeOptions } from "./exchanges/exchanges.ts";

/** What the environment says about a simulator. */
export interface SimulatorConfig {
  /** Undefined: everything is simulated. */
  readonly exchanges: ExchangeOptions | undefined;
}

const modes = ["simulate", "record", "replay", "strict"] as const;

/** The variables of the simulator. */
export const simulatorEnvironment = {
  mode: {
    name: "PENSTOCK_SIMULATOR_MODE",
    kind: "string",
    roles: ["simulator"],
    otherwise: "simulate",
    meaning:
      "simulate; record answers of real vendors; replay them, with simulated ones for what was " +
      "not recorded; or strict, which refuses what was not.",
  },
  folder: {
    name: "PENSTOCK_SIMULATOR_FOLDER",
    kind: "string",
    roles: ["simulator"],
    meaning: "Folder of recorded answers; needed by every mode but simulate.",
  },
  upstreams: {
    name: "PENSTOCK_SIMULATOR_UPSTREAMS",
    kind: "string",
    roles: ["simulator"],
    meaning: "Vendors to record, such as openai=https://api.openai.com, with commas.",
  },
} as const satisfies Settings;

/**
 * Reads PENSTOCK_SIMULATOR_MODE, _FOLDER and _UPSTREAMS (`openai=https://api.openai.com`, commas
 * between them).
 *
 * @throws GatewayError FIELD_INVALID for what makes no sense.
 */
export function readSimulatorConfig(
  environment?: Readonly<Record<string, string | undefined>>,
): SimulatorConfig {
  const given = readEnvironment(
    simulatorEnvironment,
    environment === undefined ? {} : { environment },
  );
  const mode = modes.find((name) => name === (given.mode ?? "simulate"));
  if (mode === undefined)
    throw refuse(simulatorEnvironment.mode.name, `must be one of ${modes.join(", ")}`);
  if (mode === "simulate") return { exchanges: undefined };
  if (given.folder === undefined)
    throw refuse(simulatorEnvironment.folder.name, `is required for ${mode}`);
  const upstreams = readUpstreams(given.upstreams ?? "");
  if (mode === "record" && Object.keys(upstreams).length === 0) {
    throw refuse(
      simulatorEnvironment.upstreams.name,
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
      throw refuse(simulatorEnvironment.upstreams.name, "must be vendor=URL, commas between them");
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
