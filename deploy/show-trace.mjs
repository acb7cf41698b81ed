#!/usr/bin/env node
// Sends a chat and applies a change, then shows the trace of each as Jaeger has it. Any Node from 18
// on runs it, with the environment of demo.env:
//   set -a; . .penstock/demo.env; set +a
//   JAEGER_URL=http://127.0.0.1:16686 node deploy/show-trace.mjs
// Exits 0 when both traces were found, 1 when not, 2 when something is not set.
import { randomBytes } from "node:crypto";
import process from "node:process";

const settings = {
  jaeger: process.env.JAEGER_URL || "http://127.0.0.1:16686",
  openai: process.env.OPENAI_BASE_URL,
  key: process.env.OPENAI_API_KEY,
  control: process.env.PENSTOCK_CONTROL_URL,
  token: process.env.PENSTOCK_ADMIN_TOKEN,
};

const pauseMs = 1_000;
/** Roles export every 5 s, a collector and a consumer of usage take their own time. */
const patienceMs = 45_000;
/** So many looks without anything new, and a trace counts as whole. */
const quietLooks = 7;
const callTimeoutMs = 20_000;
const mostTraces = 500;

class ShowError extends Error {}

/** @typedef {{ traceID: string, spanID: string, operationName: string, startTime: number,
 *   duration: number, processID: string, tags: { key: string, value: unknown }[],
 *   references: { refType: string, traceID: string, spanID: string }[], service: string }} Span */

async function call(url, { headers = {}, body } = {}) {
  const method = body === undefined ? "GET" : "POST";
  const signal = AbortSignal.timeout(callTimeoutMs);
  try {
    const response = await fetch(url, { method, headers, body, signal });
    return { status: response.status, headers: response.headers, text: await response.text() };
  } catch (error) {
    throw new ShowError(`${url} can't be reached: ${error.cause?.message ?? error.message}`);
  }
}

async function send(what, url, { token, body }) {
  const traceId = randomBytes(16).toString("hex");
  const traceparent = `00-${traceId}-${randomBytes(8).toString("hex")}-01`;
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    traceparent,
  };
  const answer = await call(url, { headers, body: JSON.stringify(body) });
  if (answer.status !== 200) {
    throw new ShowError(`${what} was answered ${answer.status}: ${answer.text.slice(0, 500)}`);
  }
  return { ...answer, traceId };
}

async function chat() {
  const body = { model: "smart", messages: [{ role: "user", content: "Show me a trace" }] };
  const url = `${settings.openai}/chat/completions`;
  const { headers, traceId } = await send("the chat", url, { token: settings.key, body });
  // A caller's own trace is continued only where its key trusts it; the answer says which it is.
  return {
    title: `chat, request ${headers.get("x-request-id")}`,
    traceId: headers.get("x-penstock-trace-id") ?? traceId,
  };
}

async function apply() {
  const team = { name: "teams/show-trace", displayName: `Shown at ${new Date().toISOString()}` };
  const url = `${settings.control}/penstock.policy.v1.ResourceService/ApplyResources`;
  const body = { resources: [{ team }] };
  const { text, traceId } = await send("the change", url, { token: settings.token, body });
  return { title: `apply, revision ${JSON.parse(text).revision}`, traceId };
}

/** Jaeger leaves out leading zeros of short ids. */
function sameTrace(left, right) {
  return left.padStart(32, "0") === right.padStart(32, "0");
}

async function ask(path) {
  const { status, text } = await call(new URL(path, settings.jaeger).href);
  if (status === 404) return [];
  if (status !== 200) throw new ShowError(`Jaeger answered ${status}: ${text.slice(0, 300)}`);
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new ShowError(`${settings.jaeger} does not answer as Jaeger does: ${text.slice(0, 100)}`);
  }
  return answer.data ?? [];
}

/** @returns {Span[]} */
function spansOf(traces) {
  return traces.flatMap(({ spans, processes }) =>
    spans.map((span) => ({ ...span, service: processes[span.processID]?.serviceName ?? "?" })),
  );
}

/** Spans of other traces that name this one as their cause: stored usage, applied revisions. */
async function linkedTo(traceId, sinceMs) {
  const services = (await ask("/api/services")) ?? [];
  const found = [];
  for (const service of services.filter((name) => name.startsWith("penstock"))) {
    const query = new URLSearchParams({
      service,
      start: String(sinceMs * 1_000),
      end: String((Date.now() + 60_000) * 1_000),
      limit: String(mostTraces),
    });
    const spans = spansOf(await ask(`/api/traces?${query}`));
    found.push(...spans.filter((span) => span.service === service && isCausedBy(span, traceId)));
  }
  return found.sort((left, right) => left.startTime - right.startTime);
}

function isCausedBy({ traceID, references }, traceId) {
  if (sameTrace(traceID, traceId)) return false;
  return references.some((reference) => sameTrace(reference.traceID, traceId));
}

/** Looks until there is something and nothing has been added for a while. */
async function untilQuiet(look) {
  const endMs = Date.now() + patienceMs;
  let spans = [];
  for (let quiet = 0; quiet < quietLooks && Date.now() < endMs;) {
    const seen = await look();
    quiet = seen.length > 0 && seen.length === spans.length ? quiet + 1 : 0;
    spans = seen;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return spans;
}

function parentOf(span, traceId) {
  const { spanID } =
    span.references.find(
      ({ refType, traceID }) => refType === "CHILD_OF" && sameTrace(traceID, traceId),
    ) ?? {};
  return spanID;
}

function lineOf(span, firstMicros) {
  const tag = (name) => span.tags.find(({ key }) => key === name)?.value;
  const offset = ((span.startTime - firstMicros) / 1_000).toFixed(1);
  const length = (span.duration / 1_000).toFixed(1);
  const failed = tag("error") === true || tag("error") === "true" ? "  ERROR" : "";
  const kind = String(tag("span.kind") ?? "internal");
  return `${kind} ${span.operationName}  [${span.service}]  +${offset} ms, ${length} ms${failed}`;
}

/** A span whose parent is not there is a root: the caller's own span is nobody's here. */
function drawTree(spans, traceId) {
  const known = new Set(spans.map(({ spanID }) => spanID));
  const first = Math.min(...spans.map(({ startTime }) => startTime));
  const ordered = [...spans].sort((left, right) => left.startTime - right.startTime);
  const under = (parent, depth) =>
    ordered
      .filter((span) => {
        const own = parentOf(span, traceId);
        return known.has(own) ? own === parent : parent === undefined;
      })
      .flatMap((span) => [
        `${"  ".repeat(depth)}${lineOf(span, first)}`,
        ...under(span.spanID, depth + 1),
      ]);
  return under(undefined, 1);
}

async function draw({ title, traceId }, sinceMs) {
  const head = `${title}\n${settings.jaeger}/trace/${traceId}\n`;
  const [spans, linked] = await Promise.all([
    untilQuiet(async () => spansOf(await ask(`/api/traces/${traceId}`))),
    untilQuiet(() => linkedTo(traceId, sinceMs)),
  ]);
  if (spans.length === 0) {
    const advice = "  not found: do the roles send to the collector of this Jaeger?\n\n";
    return { isFound: false, text: head + advice };
  }
  const first = Math.min(...spans.map(({ startTime }) => startTime));
  const lines = [...drawTree(spans, traceId)];
  if (linked.length > 0) lines.push("  caused, each in a trace of its own:");
  lines.push(...linked.map((span) => `    ${lineOf(span, first)}`));
  return { isFound: true, text: `${head}${lines.join("\n")}\n\n` };
}

async function main() {
  const unset = Object.entries({
    OPENAI_BASE_URL: settings.openai,
    OPENAI_API_KEY: settings.key,
    PENSTOCK_CONTROL_URL: settings.control,
    PENSTOCK_ADMIN_TOKEN: settings.token,
  }).filter(([, value]) => !value);
  if (unset.length > 0) {
    const names = unset.map(([name]) => name).join(", ");
    process.stderr.write(`show-trace: ${names} not set; demo.env has them\n`);
    return 2;
  }
  const sinceMs = Date.now() - 60_000;
  await ask("/api/services");
  const causes = [await chat(), await apply()];
  const drawings = await Promise.all(causes.map((cause) => draw(cause, sinceMs)));
  for (const { text } of drawings) process.stdout.write(text);
  return drawings.every(({ isFound }) => isFound) ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof ShowError)) throw error;
  process.stderr.write(`show-trace: ${error.message}\n`);
  process.exitCode = 1;
}
