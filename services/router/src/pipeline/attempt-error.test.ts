import { failureReasons } from "@penstock/formats";
import type { FailureClass } from "@penstock/formats";
import type { MonotonicMs } from "@penstock/limits";
import { describe, expect, it } from "vitest";
import { errorOfAttempt, errorOfEnded } from "./attempt-error.ts";
import { plainFailure } from "./attempt-failure.ts";
import { causeSentences } from "./failure-cause.ts";
import type { FailureCause } from "./failure-cause.ts";
import { createPipeline } from "./pipeline.fixture.ts";
import { sampleSnapshot } from "./sample-snapshot.fixture.ts";

function errorOf(failureClass: FailureClass, retryAfterMs?: number) {
  const [target] = sampleSnapshot().routes.get("routes/smart")?.targets ?? [];
  if (target === undefined) throw new Error("the sample has a route");
  const failure = { class: failureClass, retryAfterMs, providerCode: "", providerMessage: "" };
  return errorOfAttempt({ target, committed: false, httpStatus: 401 }, failure, 1);
}

describe("what is known beyond a class", () => {
  function told(cause: FailureCause): string {
    const [target] = sampleSnapshot().routes.get("routes/smart")?.targets ?? [];
    if (target === undefined) throw new Error("the sample has a route");
    const failure = { ...plainFailure("CONNECTION"), cause, transportCode: "E_INSIDE" };
    const error = errorOfAttempt({ target, committed: false, httpStatus: 0 }, failure, 1);
    expect(error.metadata["failure_cause"]).toBe(cause);
    expect(JSON.stringify([error.message, error.metadata])).not.toContain("E_INSIDE");
    return error.message;
  }

  it("is told to callers in other words for each, without the system's", () => {
    const messages = (Object.keys(causeSentences) as FailureCause[]).map(told);
    expect(new Set(messages).size).toBe(messages.length);
    expect(told("name_unknown")).toContain("providers/a has a host name that can't be resolved");
    expect(told("tls_failed")).toContain("TLS failed");
  });

  it("sends to an administrator where asking again can't help", () => {
    expect(told("name_unknown")).toMatch(
      / An administrator must look at the provider's address\.$/,
    );
    expect(told("tls_failed")).toMatch(/ must look at the provider's address and certificate\.$/);
    for (const cause of ["name_unknown", "tls_failed"] as const) {
      expect(told(cause)).not.toContain("Try again");
    }
    expect(told("connection_refused")).toContain("Try again");
  });

  it.each([
    [401, { error: { type: "invalid_request_error", code: "invalid_api_key" } }, "no_credential"],
    [404, { detail: "Not Found" }, "path_unknown"],
    [404, { error: { code: "model_not_found" } }, undefined],
    [302, {}, "redirected"],
    [307, {}, "redirected"],
    [418, { error: { message: "short and stout" } }, "status_unknown"],
    [400, { error: { message: "no" } }, undefined],
  ])("is found in a %s that says %j", (status, body, cause) => {
    const pipeline = createPipeline();
    const { downstream } = pipeline.send();
    for (const call of [0, 1]) {
      pipeline.upstream.calls[call]?.headers(status);
      pipeline.upstream.calls[call]?.data(JSON.stringify(body));
      pipeline.upstream.calls[call]?.call.sink.onEnd();
    }
    expect(downstream.error?.metadata["failure_cause"]).toBe(cause);
    const [attempt] = pipeline.spool.finals[0]?.attempts ?? [];
    expect(attempt?.failureCause).toBe(cause ?? "");
  });

  it.each([
    ["https://api.example.com/v1/chat?key=secret", "redirected https://api.example.com"],
    ["/login", "redirected http://127.0.0.1:9"],
    ["javascript:alert(1)", "redirected"],
    ["", "redirected"],
  ])("says to administrators which server a redirect to %j leads to", (location, recorded) => {
    const pipeline = createPipeline();
    const { downstream } = pipeline.send();
    for (const call of [0, 1]) {
      pipeline.upstream.calls[call]?.headers(302, location === "" ? {} : { location });
      pipeline.upstream.calls[call]?.call.sink.onEnd();
    }
    expect(pipeline.spool.finals[0]?.attempts[0]?.failureCause).toBe(recorded);
    const { message = "", retryAfterMs } = downstream.error ?? {};
    expect(message).toContain("302, a redirect, which Penstock never follows: its base URL is");
    expect(message).toMatch(/ An administrator must act\.$/);
    expect(message).not.toMatch(/[Tt]ry again|example/);
    expect(retryAfterMs).toBeUndefined();
  });

  it("accuses nobody where the provider's status has no known meaning", () => {
    const pipeline = createPipeline();
    const { downstream } = pipeline.send();
    pipeline.upstream.last.headers(418);
    pipeline.upstream.last.call.sink.onEnd();
    expect(downstream.error?.message).toContain("with status 418, of which no meaning is known.");
    expect(downstream.error?.message).not.toContain("malformed");
  });

  it("is no missing credential where one was sent", () => {
    const kind = { provider: { name: "providers/a", kind: "openai", credential: "env:KEY" } };
    const pipeline = createPipeline(sampleSnapshot({ "providers/a": kind }));
    const { handler } = pipeline.send();
    pipeline.upstream.last.headers(401);
    pipeline.upstream.last.call.sink.onEnd();
    handler.cancel();
    expect(pipeline.spool.finals[0]?.attempts[0]).toMatchObject({
      outcome: "AUTH_FAILED",
      failureCause: "",
    });
  });

  it("is recorded with the system's name for administrators", () => {
    const pipeline = createPipeline();
    const { handler } = pipeline.send();
    pipeline.upstream.last.call.sink.onFailure({
      class: "CONNECTION",
      message: "no connection",
      sentBytes: false,
      cause: "name_unknown",
      code: "ENOTFOUND",
    });
    handler.cancel();
    expect(pipeline.spool.finals[0]?.attempts[0]?.failureCause).toBe("name_unknown ENOTFOUND");
  });
});

describe("errorOfAttempt", () => {
  it.each(["AUTH_FAILED", "PERMISSION", "MODEL_NOT_FOUND", "QUOTA_EXHAUSTED"] as const)(
    "sends a caller to the administrator after %s, and does not promise that time helps",
    (failureClass) => {
      const error = errorOf(failureClass);
      expect(error.message).toMatch(/ An administrator must act\.$/);
      expect(error.message).not.toMatch(/[Tt]ry again/);
      expect(error.retryAfterMs).toBeUndefined();
    },
  );

  it("passes on when the provider itself names a time", () => {
    expect(errorOf("QUOTA_EXHAUSTED", 60_000).retryAfterMs).toBe(60_000);
  });

  it("names a time wherever it says later", () => {
    for (const failureClass of Object.keys(failureReasons) as FailureClass[]) {
      const error = errorOf(failureClass);
      if (error.message.includes("later")) expect(error.retryAfterMs).toBe(1_000);
    }
    expect(errorOf("OVERLOADED").message).toMatch(/ Try again later\.$/);
  });
});

describe("a deadline that passes", () => {
  const ended = (committed: boolean, timeoutMs: number) => {
    const route = sampleSnapshot().routes.get("routes/smart");
    const [target] = route?.targets ?? [];
    if (route === undefined || target === undefined) throw new Error("the sample has a route");
    const request = { attempts: [], deadlineMs: 100 + timeoutMs, route };
    const run = { target, committed, httpStatus: 200 };
    return errorOfEnded(
      { ...request, startMonotonicMs: 100 as MonotonicMs },
      run,
      plainFailure("TIMEOUT_TOTAL"),
      100 + timeoutMs,
    );
  };

  it.each([true, false])(
    "is said to be the caller's where it is (content sent: %s)",
    (committed) => {
      const error = ended(committed, 1_500);
      expect(error).toMatchObject({ reason: "DEADLINE_EXCEEDED", source: "downstream" });
      expect(error.message).toContain("The deadline that the caller set, 1500 ms, passed");
      expect(error.message).not.toContain("providers/");
    },
  );

  it("breaks a begun answer off where it is the route's", () => {
    const routeMs = sampleSnapshot().routes.get("routes/smart")?.totalTimeoutMs ?? 0;
    expect(ended(false, routeMs)).toMatchObject({ reason: "DEADLINE_EXCEEDED", source: "gateway" });
    expect(ended(true, routeMs)).toMatchObject({ reason: "STREAM_INTERRUPTED" });
  });

  it("ends a stalled stream with the caller's own time", () => {
    const { send, upstream, clock } = createPipeline();
    const { downstream } = send({}, true, "stalled", 1_500);
    upstream.last.headers(200, {}, true);
    upstream.last.content("one");
    clock.advance(1_501);
    expect(downstream.error).toMatchObject({ reason: "DEADLINE_EXCEEDED", source: "downstream" });
    expect(downstream.error?.metadata["committed"]).toBe("true");
  });
});
