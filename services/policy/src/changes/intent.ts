import type { FieldMask } from "@bufbuild/protobuf/wkt";
import type { Resource } from "@penstock/api";
import type { ResourceMessage } from "@penstock/snapshot";
import type { StoredResource } from "./resource-table.ts";

/** A resource as it shall be. */
export interface PutIntent {
  readonly type: "put";
  /** Where it stands in the request, such as `resources[3]` or `route`. */
  readonly field: string;
  readonly resource: Resource;
  /** `apply` takes it whole and creates it when missing. */
  readonly mode: "create" | "update" | "apply";
  /** Of `update`: which fields; undefined: those that are set. */
  readonly mask?: FieldMask | undefined;
  /** Of `update`: whether a missing one is created. */
  readonly allowMissing?: boolean;
  /** Last touch before it is stored, for what only the service sets. */
  readonly finish?: ((message: ResourceMessage, nowMs: number) => void) | undefined;
}

/** A resource that shall go. */
export interface DeleteIntent {
  readonly type: "delete";
  readonly field: string;
  readonly name: string;
  readonly etag: string;
  /** Whether kinds that demand an etag get their way; not when many are deleted together. */
  readonly single: boolean;
}

/** A change of a stored resource that its caller does not spell out. */
export interface EditIntent {
  readonly type: "edit";
  readonly field: string;
  readonly name: string;
  readonly etag: string;
  /** Changes the copy; throws a GatewayError when the state forbids it. */
  edit(copy: ResourceMessage, nowMs: number): void;
}

/** One thing that a request wants. */
export type Intent = PutIntent | DeleteIntent | EditIntent;

/** What becomes of one resource. */
export interface PlannedChange {
  readonly name: string;
  /** Field of the request that asked for it. */
  readonly field: string;
  readonly change: "created" | "updated" | "unchanged" | "deleted";
  readonly before: StoredResource | undefined;
  /** As it will be stored; undefined when deleted. */
  readonly after: StoredResource | undefined;
}
