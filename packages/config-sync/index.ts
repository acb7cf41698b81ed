export { createSnapshotFollower } from "./src/snapshot-follower.ts";
export type {
  FollowerInfo,
  SnapshotFollower,
  SnapshotFollowerOptions,
} from "./src/snapshot-follower.ts";
export type { FetchPage } from "./src/fetch-configuration.ts";
export type { ChangeListener } from "./src/snapshot-store.ts";
export type { SnapshotSource } from "./src/follower-events.ts";
export type { ReportStatus } from "./src/status-reporter.ts";
