import { create } from "@bufbuild/protobuf";
import { PolicySchema, UnknownFieldsMode } from "@penstock/api";
import { describe, expect, it } from "vitest";

import { compilePolicy, decidePolicies, explainPolicies } from "./policies.ts";

const policy = (name: string, more: object) =>
  compilePolicy(create(PolicySchema, { name: `policies/${name}`, ...more }));

describe("decidePolicies", () => {
  const facts = { labels: { app: "demo" } };

  it("lets everything pass without policies", () => {
    expect(decidePolicies({ policies: [] }, "m", facts)).toEqual({
      allowed: true,
      refuseUnknownFields: false,
    });
  });

  it("reports a denial before a missing allowance, and needs every allowance", () => {
    const policies = [
      policy("a", { allowModels: ["gpt-*"] }),
      policy("b", { allowModels: ["*"], denyModels: ["gpt-4"] }),
    ];
    const denied = decidePolicies({ policies }, "gpt-4", facts);
    expect(denied).toMatchObject({ policy: "policies/b", reason: "MODEL_NOT_ALLOWED" });
    const lacking = decidePolicies({ policies }, "claude", facts);
    expect(lacking).toMatchObject({ allowed: false, policy: "policies/a" });
    expect(decidePolicies({ policies }, "gpt-5", facts).allowed).toBe(true);
    const verdicts = explainPolicies({ policies }, "gpt-4", facts).map(({ verdict }) => verdict);
    expect(verdicts).toEqual(["allowed", "denied"]);
  });

  it("asks only policies whose selector fits, and collects what they demand", () => {
    const refuse = { unknownFields: UnknownFieldsMode.REFUSE };
    const tagged = { ...refuse, selector: { tag: { key: "app", value: "demo" } } };
    const policies = [
      policy("a", tagged),
      policy("b", { denyModels: ["*"], selector: { model: "x" } }),
    ];
    expect(decidePolicies({ policies }, "m", facts)).toMatchObject({ refuseUnknownFields: true });
    expect(decidePolicies({ policies }, "m", { labels: {} })).toMatchObject({
      refuseUnknownFields: false,
    });
  });
});
