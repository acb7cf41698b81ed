/** The newest value of a key, or the news that it was deleted. */
export interface BucketEntry {
  readonly key: string;
  /** Empty for a deletion. */
  readonly value: Uint8Array;
  /**
   * Position in the bucket; grows with every write or deletion of any key. A deletion by expiry
   * is no write: it carries the revision of the entry that expired.
   */
  readonly revision: bigint;
  readonly deleted: boolean;
}

/** Conditions of a write or a deletion. */
export interface PutOptions {
  /** The revision the key must have now; 0n: the key must not exist. */
  readonly expectedRevision?: bigint;
}

/** What of a key is purged. */
export interface PurgeOptions {
  /** What was written after this revision stays; absent: nothing does. */
  readonly upTo?: bigint;
}

/** What a watcher wants to see and how it is told. */
export interface WatchOptions {
  /** Only keys that begin with this; cheapest when it ends with a dot. */
  readonly prefix?: string;
  /** Aborting ends the watch like `close`. */
  readonly signal?: AbortSignal;
  /** Called in the order of revisions. Values overwritten before they were seen may be skipped. */
  onEntry(entry: BucketEntry): void;
  /** Called once, after every key that existed when the watch began. */
  onCaughtUp?(): void;
  /** Told of what went wrong; the watch goes on by itself. */
  onProblem?(error: unknown): void;
}

/** A running watch. */
export interface Watch {
  /** After it resolves no callback runs any more. */
  close(): Promise<void>;
}

/**
 * Keyed entries, watched in order. Keys are dot-separated words of letters, digits, `-`, `_`,
 * `=` and `/`; a value has at most 256 KiB. A bucket keeps the newest value of each key.
 */
export interface ConfigBucket {
  /**
   * Writes and gives the new revision.
   *
   * @throws GatewayError ETAG_MISMATCH when `expectedRevision` is not the present one,
   * FIELD_INVALID for a bad key or too large a value, UNAVAILABLE when the bus cannot be reached.
   */
  put(key: string, value: Uint8Array, options?: PutOptions): Promise<bigint>;
  /**
   * Deletes, also a key that does not exist, and gives the new revision. A mark stays behind that
   * tells watchers; it takes the place of an entry until the key is purged.
   *
   * @throws GatewayError as `put`.
   */
  delete(key: string, options?: PutOptions): Promise<bigint>;
  /**
   * Forgets a key and the mark of its deletion, and tells no watcher: for keys that were deleted
   * before, and for those nobody watches. Where the bus does not allow that, a mark stays.
   */
  purge(key: string, options?: PurgeOptions): Promise<void>;
  /** Undefined when the key does not exist, was deleted or has expired. */
  get(key: string): Promise<BucketEntry | undefined>;
  /** What exists, in the order of revisions. */
  list(prefix?: string): Promise<BucketEntry[]>;
  /** Replays the newest value of each key (no deletions), then follows. */
  watch(options: WatchOptions): Promise<Watch>;
}
