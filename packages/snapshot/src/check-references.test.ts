import { create } from "@bufbuild/protobuf";
import { ResourceSchema } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { checkReferences } from "./check-references.ts";
import { validateResource } from "./validate-resource.ts";

const rule = 'where an id is 1 to 63 of a-z, 0-9 and "-", begins with a letter and does not end';

describe("what is no name", () => {
  it("is told how names of its field are written", () => {
    const route = create(ResourceSchema, {
      resource: {
        case: "route",
        value: {
          name: "routes/a",
          scope: { scope: { case: "virtualKey", value: "demo/app" } },
          targets: [{ deployment: "deployments/gone" }, { deployment: "Alpha large" }],
        },
      },
    });
    expect(checkReferences(route, () => false)).toMatchObject([
      {
        field: "scope.virtualKey",
        description: expect.stringContaining(
          `is "demo/app", but must be projects/<project>/virtualKeys/<id>, ${rule}`,
        ) as string,
      },
      {
        field: "targets[0].deployment",
        description: "refers to deployments/gone, which does not exist",
      },
      {
        field: "targets[1].deployment",
        description: `is "Alpha large", but must be deployments/<id>, ${rule} with "-", such as deployments/example-1`,
      },
    ]);
  });

  it("is told how its own name is written", () => {
    const team = create(ResourceSchema, { resource: { case: "team", value: { name: "teams/A" } } });
    expect(validateResource(team)).toMatchObject([
      {
        field: "name",
        description: `must be teams/<id>, ${rule} with "-", such as teams/example-1`,
      },
    ]);
  });
});
