import pg from "pg";
import type { CustomTypesConfig } from "pg";

const int8Oid = 20;
const int8ArrayOid = 1016;
const textArrayOid = 1009;
const numericOid = 1700;
const numericArrayOid = 1231;

type Parser = (text: string) => unknown;

/**
 * How column values become JavaScript values: `bigint` columns as bigint (pg gives text), the
 * rest as pg does. `numeric` is refused, because its reader would have to choose between losing
 * digits and giving text: sums of bigint columns are numeric, so cast them (`sum(x)::bigint`).
 */
export const columnTypes = {
  getTypeParser(oid: number, format?: string): unknown {
    const parser = parsers.get(oid);
    if (parser !== undefined) return parser;
    return format === "binary"
      ? pg.types.getTypeParser(oid, "binary")
      : pg.types.getTypeParser(oid, "text");
  },
} as CustomTypesConfig;

const anyTypeParser = pg.types.getTypeParser as (oid: number) => Parser;
const parseTextArray = anyTypeParser(textArrayOid) as (text: string) => (string | null)[];

const refuseNumeric: Parser = () => {
  throw new TypeError("a query gave a numeric column; cast it to bigint or text");
};

const parsers = new Map<number, Parser>([
  [int8Oid, (text) => BigInt(text)],
  [
    int8ArrayOid,
    (text) => parseTextArray(text).map((item) => (item === null ? null : BigInt(item))),
  ],
  [numericOid, refuseNumeric],
  [numericArrayOid, refuseNumeric],
]);
