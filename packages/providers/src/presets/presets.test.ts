import type { GatewayError } from "@penstock/errors";
import { openaiChat, openaiResponses, refineFailure } from "@penstock/formats";
import type { AnswerEnd, StreamEvent } from "@penstock/formats";
import { describe, expect, it } from "vitest";
import type { ProviderKind } from "../provider.ts";
import { readRateLimits } from "../rate-limit-headers.ts";
import { providers } from "../registry.ts";
import fixtures from "./__fixtures__/vendors.json" with { type: "json" };

interface Vendor {
  readonly kind: string;
  readonly source: readonly string[];
  readonly streams: readonly {
    readonly name: string;
    readonly text: string;
    readonly says: string;
    readonly thinks?: string;
    readonly usage?: readonly number[];
    readonly cached?: number;
    readonly fails?: string;
  }[];
  readonly answers: readonly { name: string; text: string; says: string; usage: number[] }[];
  readonly errors: readonly {
    readonly name: string;
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body: unknown;
    readonly class: string;
    readonly retryAfterMs?: number;
    readonly message?: string;
  }[];
  readonly limits: readonly {
    readonly headers: Readonly<Record<string, string>>;
    readonly requests: readonly (number | null)[] | null;
    readonly tokens: readonly (number | null)[] | null;
  }[];
  readonly requests: readonly {
    readonly name: string;
    readonly body: unknown;
    readonly written: Readonly<Record<string, unknown>>;
    readonly absent: readonly string[];
  }[];
}

const vendors = fixtures.vendors as unknown as readonly Vendor[];
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Every row of every vendor. */
function rows<Key extends "streams" | "answers" | "errors" | "limits" | "requests">(key: Key) {
  return vendors.flatMap((vendor) =>
    vendor[key].map((row, at) => ({
      title: `${vendor.kind}: ${"name" in row ? row.name : at}`,
      provider: providers[vendor.kind as ProviderKind],
      row: row as Vendor[Key][number],
    })),
  );
}

function readStream(text: string, chunkBytes: number) {
  const events: StreamEvent[] = [];
  let end: AnswerEnd | undefined;
  let error: GatewayError | undefined;
  const reader = openaiChat.createStreamReader({
    event: (event) => void events.push(event),
    flush: () => undefined,
    finish: (finished) => {
      end = finished;
    },
    fail: (failed) => {
      error = failed;
    },
  });
  const bytes = encode(text);
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    reader.push(bytes.subarray(at, at + chunkBytes));
  }
  reader.end();
  return { events, end, error };
}

/** Text of the blocks of a kind. */
function textOf(events: readonly StreamEvent[], kind: number): string {
  const blocks = new Set(
    events.flatMap((event) =>
      event.case === "blockStarted" && event.value.kind === kind ? [event.value.index] : [],
    ),
  );
  return events
    .map((event) =>
      event.case === "blockDelta" && blocks.has(event.value.index)
        ? String(event.value.delta.value)
        : "",
    )
    .join("");
}

const [textKind, reasoningKind] = [1, 2];

describe("presets", () => {
  it("have fixtures, each", () => {
    const known = Object.keys(providers).filter((kind) => vendors.some((one) => one.kind === kind));
    expect(known).toEqual(
      vendors.map(({ kind }) => kind).toSorted((a, b) => known.indexOf(a) - known.indexOf(b)),
    );
    for (const { kind, source } of vendors) {
      expect(source.length, kind).toBeGreaterThan(0);
      expect(providers[kind as ProviderKind].verification?.how).toBe("fixture from documentation");
    }
  });

  it.each(rows("streams"))("$title", ({ row }) => {
    for (const chunkBytes of [1, 7, 1_000_000]) {
      const { events, end, error } = readStream(row.text, chunkBytes);
      expect(textOf(events, textKind)).toBe(row.says);
      expect(textOf(events, reasoningKind)).toBe(row.thinks ?? "");
      expect(error?.metadata["failure_class"]).toBe(row.fails);
      if (row.fails !== undefined) {
        expect(end).toBeUndefined();
        continue;
      }
      const { inputTokens, outputTokens, cacheReadInputTokens } = end?.usage ?? {};
      expect([inputTokens, outputTokens].map(Number)).toEqual(row.usage);
      if (row.cached !== undefined) expect(Number(cacheReadInputTokens)).toBe(row.cached);
    }
  });

  it.each(rows("answers"))("$title", ({ row }) => {
    const { candidates, end } = openaiChat.readResponse(encode(row.text));
    expect(candidates[0]?.parts[0]?.part.value).toMatchObject({ text: row.says });
    expect([end.usage?.inputTokens, end.usage?.outputTokens].map(Number)).toEqual(row.usage);
  });

  it.each(rows("errors"))("$title", ({ provider, row }) => {
    const { status, body, headers = {} } = row;
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const header = (name: string): string | undefined => headers[name];
    const read = openaiChat.readError(status, header, encode(text));
    const answer = { status, inBand: false, header, nowMs: 0 };
    const failure = refineFailure(read, provider.failureRules ?? [], answer);
    expect(failure.class).toBe(row.class);
    expect(failure.retryAfterMs).toBe(row.retryAfterMs);
    if (row.message !== undefined) expect(failure.message).toBe(row.message);
  });

  it.each(rows("limits"))("$title limits", ({ provider, row }) => {
    const told = readRateLimits((name) => row.headers[name], provider.rateLimits);
    const listOf = (one: typeof told.requests) =>
      one === undefined
        ? null
        : [one.limit, one.remaining, one.resetMs].map((part) => part ?? null);
    expect([listOf(told.requests), listOf(told.tokens)]).toEqual([row.requests, row.tokens]);
  });

  it.each(["groq", "mistral"] as const)("%s is not told what only OpenAI documents", (kind) => {
    const body = { model: "m", input: "Hi", prompt_cache_key: "k", safety_identifier: "s" };
    const { request } = openaiResponses.readRequest(encode(JSON.stringify(body)));
    const { quirks, capabilities } = providers[kind];
    const target = { model: "up", stream: false, quirks };
    expect(JSON.parse(openaiChat.writeRequest(request, target))).toEqual({
      model: "up",
      messages: [{ role: "user", content: "Hi" }],
    });
    expect(capabilities).toMatchObject({ logprobs: false, topK: false });
  });

  it.each(rows("requests"))("$title", ({ provider, row }) => {
    const { request, stream, forwardable } = openaiChat.readRequest(
      encode(JSON.stringify(row.body)),
    );
    const target = { model: "up", stream, quirks: provider.quirks };
    const written = JSON.parse(openaiChat.writeRequest(request, target)) as Record<string, unknown>;
    expect(written).toMatchObject(row.written);
    for (const name of row.absent) expect(written).not.toHaveProperty(name);
    // The body as it came would say it wrongly.
    expect(openaiChat.forwardRequest(forwardable!, request, target)).toBeUndefined();
  });
});
