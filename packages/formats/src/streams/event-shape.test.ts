import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventShape, type Hole, type HoleKind } from "./event-shape.ts";
import { KnownShapes } from "./known-shapes.ts";

const sample = 'data: {"at":17,"model":"m","text":"Hello","pad":"!"  }\n\n';

function holeOf(kind: HoleKind, wanted: string): Hole {
  const start = sample.indexOf(wanted);
  return { kind, start, end: start + wanted.length };
}

const shape = new EventShape(
  sample,
  [
    holeOf("count", "17"),
    holeOf("mark", '"m"'),
    holeOf("value", "Hello"),
    holeOf("text", "!"),
    holeOf("spaces", "  "),
  ],
  "greeting",
);

function like(at: string, text: string, pad = '"x"', spaces = ""): string {
  return `data: {"at":${at},"model":"m","text":${text},"pad":${pad}${spaces}}\n\n`;
}

describe("EventShape", () => {
  it("knows what differs only in its holes, and says what stands in them", () => {
    const text = `:x\n${like("123456789012345", '"a\\n\\u00e9\\ud83d\\ude00 \\"ü\\""', '"\\\\"', "    ")}data`;
    expect(shape.match(text, 3)).toBe(true);
    expect(text.slice(shape.end)).toBe("data");
    expect(shape.valueIn(text)).toBe('a\né\u{1f600} "ü"');
    expect(text.slice(shape.markStart, shape.markStart + shape.mark.length)).toBe('"m"');
    expect(shape.match(like("1", '""'), 0)).toBe(true);
    expect(shape.valueIn(like("1", '""'))).toBe("");
  });

  it.each([
    like("0", '"a"'),
    like("01", '"a"'),
    like("-1", '"a"'),
    like("1.5", '"a"'),
    like("1e9", '"a"'),
    like("1234567890123456", '"a"'),
    like("1", '"a\n"'),
    like("1", '"a\u0000"'),
    like("1", '"a\\x"'),
    like("1", '"a\\u12g4"'),
    like("1", '"a\\u12"'),
    like("1", '"a","text":"b"'),
    like("1", "null"),
    like("1", '"a"', "1"),
    like("1", '"a"', '"x"', "\t"),
    like("1", '"a"').replace('"m"', '"n"'),
    like("1", '"a"').slice(0, -1),
    like("1", '"a\\'),
    like("1", '"a'),
  ])("does not know %j", (text) => {
    expect(shape.match(text, 0)).toBe(false);
  });

  it("does not know what is so long that it is looked over before it is parsed", () => {
    expect(shape.match(like("1", JSON.stringify("a".repeat(65_000))), 0)).toBe(true);
    expect(shape.match(like("1", JSON.stringify("a".repeat(70_000))), 0)).toBe(false);
  });

  it("knows what JSON says is the same but for the value, and nothing else", () => {
    const parts = [
      '"',
      "\\",
      "n",
      "u",
      "0",
      "d83d",
      "\\n",
      "\\u00e9",
      " ",
      "é",
      "a",
      "\t",
      "}",
      ",",
    ];
    const literal = fc
      .array(fc.constantFrom(...parts), { maxLength: 8 })
      .map((all) => `"${all.join("")}"`);
    fc.assert(
      fc.property(literal, literal, fc.nat(3), (value, pad, cut) => {
        const text = like("5", value, pad).slice(0, cut === 0 ? -1 : undefined);
        const known = shape.match(text, 0) && shape.end === text.length;
        expect(known ? shape.valueIn(text) : undefined).toEqual(parsedText(text));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("KnownShapes", () => {
  it("keeps the last few, and those that are met", () => {
    const shapes = new KnownShapes<number>();
    const event = (number: number): string => `data: {"n${number}":""}\n\n`;
    const add = (number: number): void => {
      const start = event(number).indexOf('""') + 1;
      shapes.add(new EventShape(event(number), [{ kind: "value", start, end: start }], number));
    };
    for (let number = 0; number < 8; number += 1) add(number);
    expect(shapes.match(event(0), 0)?.meaning).toBe(0);
    add(8);
    expect(shapes.match(event(0), 0)?.meaning).toBe(0);
    expect(shapes.match(event(1), 0)).toBeUndefined();
    expect(shapes.learns).toBe(true);
    for (let number = 9; shapes.learns; number += 1) add(number);
  });
});

/** The text of an event that is one of the shape; undefined: it is none. */
function parsedText(event: string): unknown {
  if (!event.endsWith("\n\n") || event.slice(0, -2).includes("\n")) return undefined;
  try {
    const { text, ...others } = JSON.parse(event.slice("data: ".length)) as Record<string, unknown>;
    const same = Object.keys(others).join() === "at,model,pad" && others["at"] === 5;
    return same && others["model"] === "m" ? text : undefined;
  } catch {
    return undefined;
  }
}
