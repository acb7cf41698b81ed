import { endpoints } from "./endpoints/endpoints.ts";
import { knownFaults } from "./fault-names.ts";
import type { SimulatedVendor } from "./vendors.ts";

/** What stands at `GET /`: the vendors, their models, and how they are made to fail. */
export function introduce(vendors: Readonly<Record<string, SimulatedVendor>>): string {
  const paths = endpoints.flatMap(({ format, paths: all }) =>
    all.map(({ path }) => `  POST /VENDOR${path}    ${format.name}`),
  );
  const counting = endpoints.flatMap(({ counting: all = [] }) =>
    all.map(({ path, format }) => `  POST /VENDOR${path}    ${format.name}`),
  );
  const models = Object.entries(vendors).map(
    ([name, vendor]) => `  ${name}: ${Object.keys(vendor.models).join(", ")}`,
  );
  return `Simulated vendors of Penstock, to practise on. They need no key. Each speaks every format:

${paths.join("\n")}
${counting.join("\n")}
  POST /VENDOR/v1/embeddings    openai-embeddings: a function of model, text and length
  GET  /calls     what they were asked, newest last; ?request_id= narrows it, DELETE forgets it

Vendors and their models:

${models.join("\n")}

A fault after a + in the name of a deployment's model makes it fail: alpha-large+status-503,
alpha-small+delay-200+cut-after-5. N is a number of milliseconds for slow-, delay- and
retry-after-ms-, of seconds for the other retry-after-, of calls for rpm-, first- and every-, of
tokens for the rest. With first-N the faults hold for the first N calls of that name, with every-N
for every Nth; an error together with error-after-N comes inside the answer. With count- before it a fault is for the endpoints that
count tokens alone: count-status-404. Faults are:

  ${knownFaults().join("\n  ")}
`;
}
