export { openDatabaseServer } from "./src/open-database.ts";
export type { DatabaseServer, OpenDatabaseOptions } from "./src/open-database.ts";
export { checkDatabaseUrl } from "./src/connection-target.ts";
export { explainUnreachable } from "./src/unreachable.ts";
export type { Unreachable } from "./src/unreachable.ts";
export type { ConnectOptions } from "./src/pool-settings.ts";
export { migrate } from "./src/migrate.ts";
export type { MigrateOptions } from "./src/migrate.ts";
export { schemaState } from "./src/schema-state.ts";
export type { SchemaState } from "./src/schema-state.ts";
export { superviseStorage, untilStorageReady } from "./src/storage-readiness.ts";
export type { StorageReadinessOptions, StorageStart } from "./src/storage-readiness.ts";
export { inTransaction } from "./src/transaction.ts";
export type { TransactionOptions } from "./src/transaction.ts";
export { sqlStateOf } from "./src/sql-state.ts";
export { tryAdvisoryLock, withAdvisoryLock } from "./src/advisory-lock.ts";
export type { AdvisoryLock, WithLockOptions } from "./src/advisory-lock.ts";
export { appendOutbox, createOutboxTable, discardOutbox } from "./src/outbox.ts";
export type { OutboxMessage, OutboxRow } from "./src/outbox.ts";
export { relayOutbox } from "./src/relay-outbox.ts";
export type { OutboxRelay, RelayOutboxOptions } from "./src/relay-outbox.ts";
export { lockDataFolder } from "./src/folder-lock.ts";
export type { FolderLock } from "./src/folder-lock.ts";
export { createSequenceTable, noteSequences, pruneSequences } from "./src/sequence-table.ts";
export type { ConsumedSequence, EventPosition, SequenceRow } from "./src/sequence-table.ts";
export { agreeOnSetting, createSettingTable } from "./src/setting-table.ts";
export type { SettingRow } from "./src/setting-table.ts";
export {
  handlersWithStorageErrors,
  isLasting,
  toStorageError,
  withStorageErrors,
} from "./src/storage-error.ts";
