/** What the database thread is given when it starts. */
export interface PgliteWorkerData {
  readonly socketPath: string;
  readonly storage: PgliteStorage;
}

/** A folder keeps what is committed; a copy of the template lives in memory, for tests. */
export type PgliteStorage =
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "copy"; readonly templateFile: string };

/** What the database thread tells; the only message to it is "close". */
export type PgliteWorkerMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "closed" }
  | { readonly kind: "failed"; readonly message: string };
