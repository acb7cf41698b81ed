import { create } from "@bufbuild/protobuf";
import { TeamSchema } from "@penstock/api";
import fc from "fast-check";

const text = fc.string({ maxLength: 20 });
/** Any team, for the property tests of this folder. */
export const anyTeam = fc
  .record({
    name: text,
    displayName: text,
    labels: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), text, { maxKeys: 5 }),
    owners: fc.array(text, { maxLength: 4 }),
    costCentre: text,
    createTime: fc.option(fc.record({ seconds: fc.bigInt(0n, 4_000_000_000n) }), {
      nil: undefined,
    }),
  })
  .map(({ createTime, ...init }) =>
    create(TeamSchema, createTime === undefined ? init : { ...init, createTime }),
  );
