import type { Generated } from "kysely";

/** Schema of the service in the database. */
export const schemaName = "policy";

/** A resource of any kind. `body` is the binary `Resource`, the bytes that the content hash counts. */
export interface ResourceRow {
  name: string;
  collection: string;
  /** Resource name of the parent; empty for flat collections. */
  parent: string;
  uid: string;
  revision: bigint;
  etag: string;
  labels: string | Record<string, string>;
  body: Uint8Array;
  create_time: Date;
  update_time: Date;
}

/** The one row about the configuration as a whole; a writer holds its lock. */
export interface InstallationRow {
  id: Generated<number>;
  installation_id: string;
  epoch: bigint;
  revision: bigint;
  content_hash: Uint8Array;
  entry_count: bigint;
  commit_time: Date;
  traceparent: string;
  /** Key of the page tokens, which all replicas must understand. */
  page_token_key: Uint8Array;
}

/** A deleted resource whose key still stands in the bucket. */
export interface TombstoneRow {
  name: string;
  revision: bigint;
  delete_time: Date;
}

/** One change of one resource. */
export interface AuditRow {
  id: string;
  time: Date;
  actor: string;
  method: string;
  resource: string;
  revision: bigint;
  request_id: string;
  before_json: string;
  after_json: string;
  reason: string;
}

/** The answer to a request that named an id for itself. */
export interface HandledRequestRow {
  actor: string;
  request_id: string;
  /** SHA-256 of method and request. */
  fingerprint: Uint8Array;
  /** Binary response, without secrets. */
  response: Uint8Array;
  create_time: Date;
}

/** A token of an administrator; only its hash is kept. */
export interface AdminTokenRow {
  name: string;
  sha256: Uint8Array;
  /** Name of a value of `penstock.type.v1.Role` without its prefix, such as `ADMIN`. */
  role: string;
  create_time: Date;
}

/** The tables of the service. */
export interface PolicyTables {
  resource: ResourceRow;
  installation: InstallationRow;
  tombstone: TombstoneRow;
  audit_event: AuditRow;
  handled_request: HandledRequestRow;
  admin_token: AdminTokenRow;
}
