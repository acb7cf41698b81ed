import { knownFaults } from "./scenario.ts";
import type { SimulatedVendor } from "./vendors.ts";

/** What stands at `GET /`: the vendors, their models, and how they are made to fail. */
export function introduce(vendors: Readonly<Record<string, SimulatedVendor>>): string {
  const models = Object.entries(vendors).map(
    ([name, vendor]) =>
      `  POST /${name}/v1/chat/completions    models ${Object.keys(vendor.models).join(", ")}`,
  );
  return `Simulated vendors of Penstock, to practise on. They speak OpenAI's API and need no key.

${models.join("\n")}
  GET  /calls     what they were asked, newest last; ?request_id= narrows it, DELETE forgets it

A fault after a + in the name of a deployment's model makes it fail: alpha-large+status-503,
alpha-small+delay-200+cut-after-5. N is a number of milliseconds for slow- and delay-, of seconds
for retry-, of tokens for the others. Faults are:

  ${knownFaults().join("\n  ")}
`;
}
