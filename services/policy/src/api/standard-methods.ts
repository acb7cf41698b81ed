import type { DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";
import {
  BudgetService,
  DeploymentService,
  LimitService,
  PolicyService,
  PriceBookService,
  ProjectService,
  ProviderService,
  RouteService,
  TeamService,
  VirtualKeyService,
} from "@penstock/api";
import type { ResourceKind as ResourceCase } from "@penstock/snapshot";

/** The service of each kind. */
export const serviceOfKind: Readonly<Record<ResourceCase, DescService>> = {
  team: TeamService,
  project: ProjectService,
  virtualKey: VirtualKeyService,
  provider: ProviderService,
  deployment: DeploymentService,
  route: RouteService,
  policy: PolicyService,
  limit: LimitService,
  budget: BudgetService,
  priceBook: PriceBookService,
};

/** The five standard methods of a service. */
export interface StandardMethods {
  readonly get: DescMethod;
  readonly list: DescMethod;
  readonly create: DescMethod;
  readonly update: DescMethod;
  readonly delete: DescMethod;
}

/** Finds them by the beginning of their names. Throws a TypeError when one is missing. */
export function standardMethodsOf(service: DescService): StandardMethods {
  const find = (verb: string): DescMethod => {
    const found = service.methods.find(({ name }) => name.startsWith(verb));
    if (found !== undefined) return found;
    throw new TypeError(`${service.typeName} has no method ${verb}…`);
  };
  return {
    get: find("Get"),
    list: find("List"),
    create: find("Create"),
    update: find("Update"),
    delete: find("Delete"),
  };
}

/** Name of the repeated field in the answer of a list method. */
export function listFieldOf(output: DescMessage): string {
  const field = output.fields.find(({ fieldKind }) => fieldKind === "list");
  if (field === undefined) throw new TypeError(`${output.typeName} holds no list`);
  return field.localName;
}
