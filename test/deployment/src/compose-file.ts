import { parse } from "yaml";

/** A secret of the project, as a service gets it below /run/secrets. */
export interface GivenSecret {
  readonly source: string;
  readonly target: string;
}

/** What is looked at of a service. */
export interface ComposeService {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly env_file?: readonly string[];
  readonly networks?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly secrets?: readonly (string | GivenSecret)[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly profiles?: readonly string[];
  readonly stop_grace_period?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly deploy?: {
    readonly resources: { readonly limits: Readonly<Record<string, string | number>> };
  };
}

/** What is looked at of a Compose file. */
export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

/**
 * Reads a Compose file as its engine does: merge keys are resolved, then variables are put in.
 * Throws for a variable that is neither given nor has a default.
 */
export function readComposeFile(
  text: string,
  variables: Readonly<Record<string, string>>,
): ComposeFile {
  const raw: unknown = parse(text, { merge: true });
  return interpolate(raw, variables) as ComposeFile;
}

/** The secrets of a service with the names under which it finds them. */
export function secretsOf(service: ComposeService): readonly GivenSecret[] {
  return (service.secrets ?? []).map((one) =>
    typeof one === "string" ? { source: one, target: one } : one,
  );
}

function interpolate(value: unknown, variables: Readonly<Record<string, string>>): unknown {
  if (typeof value === "string") return putIn(value, variables);
  if (Array.isArray(value)) return value.map((one) => interpolate(one, variables));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, interpolate(one, variables)]),
  );
}

function putIn(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(
    /\$\{(\w+)(?::([-?])([^}]*))?\}/g,
    (_whole, name: string, sign?: string, rest?: string) => {
      const value = variables[name];
      if (value !== undefined && value !== "") return value;
      if (sign === "-") return rest ?? "";
      throw new Error(`${name}: ${rest ?? "is not set"}`);
    },
  );
}
