import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ConfigEntry, ConfigHead, RouterStatus } from "@penstock/api";
import { RouterStatusSchema } from "@penstock/api";
import type { Bus, Watch } from "@penstock/bus";
import type { Observability } from "@penstock/observability";
import type { Clock, Timer } from "@penstock/runtime";
import type { Snapshot } from "@penstock/snapshot";

import type { Outcome, Step } from "./candidate.ts";
import { Candidate } from "./candidate.ts";
import { ConfigurationAge } from "./configuration-age.ts";
import { CrashProbation } from "./crash-probation.ts";
import type { FetchPage, LoadedConfiguration } from "./fetch-configuration.ts";
import { fetchConfiguration } from "./fetch-configuration.ts";
import { loadLastGood } from "./last-good-file.ts";
import type { FollowerEvents, SnapshotSource } from "./follower-events.ts";
import { createFollowerEvents } from "./follower-events.ts";
import { ForeignHead } from "./foreign-head.ts";
import { pollHead } from "./head-poll.ts";
import { LastGoodWriter } from "./last-good-writer.ts";
import { comparePositions } from "./head-order.ts";
import { ReloadLoop } from "./reload-loop.ts";
import { endsVirtualKey } from "./revocations.ts";
import type { ChangeListener } from "./snapshot-store.ts";
import { SnapshotStore } from "./snapshot-store.ts";
import { listConfiguration, watchConfiguration } from "./snapshot-watcher.ts";
import type { ReportStatus } from "./status-reporter.ts";
import { refusedResources, StatusReporter } from "./status-reporter.ts";

/** A bus without a head for so long is asked no more; so is one whose next head does not come. */
const headPatienceMs = 2_000;

/** What a follower needs. */
export interface SnapshotFollowerOptions {
  readonly bus: Bus;
  /** The client of SnapshotService; absent: the bucket is listed instead. */
  readonly fetchSnapshot?: FetchPage | undefined;
  /** Folder of the last good files; absent: nothing is kept. */
  readonly folder?: string | undefined;
  /** Name of the replica: its key in `bus.routers`. */
  readonly replica: string;
  readonly clock: Clock;
  readonly observability: Observability;
  /** Whether this replica says of itself what it applied, as routers do. */
  readonly report: boolean;
  /** Tells policy where the bus does not; absent: only the bus is told. */
  readonly reportStatus?: ReportStatus | undefined;
  /** Start counter of the replica. */
  readonly epoch: bigint;
  /** Version of this program. */
  readonly build: string;
}

/** What a follower says of itself. */
export interface FollowerInfo {
  readonly status: RouterStatus;
  readonly resourceCount: number;
  /** Since the snapshot was last known to be the newest; from a file, since that was written. */
  readonly ageMs: number;
  readonly source: SnapshotSource | undefined;
  /** From the head to the swap. */
  readonly applyTimeMs: number;
  /** Wall time at which the snapshot was put in use; 0: there is none. */
  readonly appliedAtMs: number;
}

/** Follows the configuration of an installation; one for all roles of a process. */
export interface SnapshotFollower {
  /**
   * Loads the last good file, then begins to follow; resolves without waiting for a snapshot. It
   * follows until it is closed: the deadline of a start must not be able to end it.
   */
  start(): Promise<void>;
  current(): Snapshot | undefined;
  /** Whether a key was revoked or deleted by an entry whose head is still to come. */
  isRevoked(virtualKeyName: string): boolean;
  onChange(listener: ChangeListener): () => void;
  info(): FollowerInfo;
  waitForSnapshot(signal: AbortSignal): Promise<Snapshot>;
  close(): Promise<void>;
}

/** Makes a follower; nothing happens before `start`. */
export function createSnapshotFollower(options: SnapshotFollowerOptions): SnapshotFollower {
  return new Follower(options);
}

class Follower implements SnapshotFollower {
  readonly #options: SnapshotFollowerOptions;
  readonly #candidate = new Candidate();
  readonly #store: SnapshotStore;
  readonly #reporter: StatusReporter | undefined;
  readonly #lifetime = new AbortController();
  readonly #revoked = new Set<string>();
  readonly #reload: ReloadLoop;
  readonly #events: FollowerEvents;
  readonly #startMs: number;
  readonly #age: ConfigurationAge;
  readonly #foreign: ForeignHead;
  #probation: CrashProbation | undefined;
  #writer: LastGoodWriter | undefined;
  #watch: Promise<Watch | undefined> | undefined;
  #patience: Timer | undefined;
  #source: SnapshotSource | undefined;
  #applyTimeMs = 0;
  #appliedAtMs = 0;

  constructor(options: SnapshotFollowerOptions) {
    const { bus, clock, observability, report } = options;
    this.#options = options;
    this.#startMs = clock.wallMs();
    this.#age = new ConfigurationAge(clock);
    this.#foreign = new ForeignHead(observability.logger);
    this.#store = new SnapshotStore((error) => {
      observability.logger.error("a listener of the configuration failed", { error });
    });
    if (report) {
      const read = (): RouterStatus => this.#status();
      const { logger } = observability;
      const call = options.reportStatus;
      this.#reporter = new StatusReporter({ bucket: bus.routers, read, call, clock, logger });
    }
    this.#events = createFollowerEvents(observability, () => this.#ageMs());
    this.#reload = new ReloadLoop(() => this.#reloadOnce(), {
      clock,
      signal: this.#lifetime.signal,
      onFailure: (because, error) => this.#events.loadFailed(because, error),
    });
  }

  async start(): Promise<void> {
    const { bus, clock, folder } = this.#options;
    if (folder !== undefined) await this.#loadFile(folder);
    if (this.#lifetime.signal.aborted) return;
    this.#reporter?.report();
    this.#beImpatient("the bus has no head");
    const events = {
      entry: (entry: ConfigEntry) => this.#onEntry(entry),
      head: (head: ConfigHead) => this.#onHead(head),
      problem: (error: unknown) => this.#onProblem(error),
    };
    this.#watch = watchConfiguration(bus.config, events, clock, this.#lifetime.signal);
    this.#pollHead();
  }

  current(): Snapshot | undefined {
    return this.#store.current();
  }

  isRevoked(virtualKeyName: string): boolean {
    return this.#revoked.has(virtualKeyName);
  }

  onChange(listener: ChangeListener): () => void {
    return this.#store.onChange(listener);
  }

  waitForSnapshot(signal: AbortSignal): Promise<Snapshot> {
    return this.#store.wait(signal);
  }

  info(): FollowerInfo {
    return {
      status: this.#status(),
      resourceCount: this.current()?.resources.size ?? 0,
      ageMs: this.#ageMs(),
      source: this.#source,
      applyTimeMs: this.#applyTimeMs,
      appliedAtMs: this.#appliedAtMs,
    };
  }

  async close(): Promise<void> {
    if (this.#lifetime.signal.aborted) return;
    this.#lifetime.abort();
    this.#patience?.cancel();
    await this.#reload.idle();
    await (await this.#watch)?.close();
    await this.#writer?.idle();
    await this.#reporter?.close();
    this.#probation?.close();
  }

  async #loadFile(folder: string): Promise<void> {
    const { clock, observability } = this.#options;
    const { logger } = observability;
    const onChance = (): void => this.#reload.want("the suspect revision gets another chance");
    const probation = new CrashProbation({ folder, clock, logger, onChance });
    this.#probation = probation;
    this.#writer = new LastGoodWriter(folder, (error) => {
      logger.error("the configuration could not be kept on disk", { folder, error });
    });
    const startMs = clock.monotonicMs();
    const trusted = await loadLastGood(folder, (head) => !probation.isSuspect(head));
    const { damaged } = trusted;
    if (damaged.length > 0) logger.error("stored configurations are damaged", { folder, damaged });
    // A suspect configuration is better than none.
    const { step, writtenAtMs } =
      trusted.step === undefined ? await loadLastGood(folder, () => true) : trusted;
    if (step === undefined) return;
    this.#adopt(step, "file", startMs);
    this.#age.writtenAt(writtenAtMs);
  }

  /** Inside one process the push does not fail. */
  #isPolling(): boolean {
    const { bus, fetchSnapshot } = this.#options;
    return fetchSnapshot !== undefined && bus.kind !== "memory";
  }

  #pollHead(): void {
    const { bus, clock, fetchSnapshot: fetchPage } = this.#options;
    if (fetchPage === undefined || !this.#isPolling()) return;
    pollHead({
      fetchPage,
      clock,
      signal: this.#lifetime.signal,
      isPushed: () => bus.connected(),
      known: () => this.current() ?? { epoch: 0n, revision: 0n },
      onNewest: () => {
        this.#age.confirm();
        this.#reload.done();
      },
      onOther: (head, isBack) => {
        if (!this.#isNews(head)) return;
        const because = "policy has a newer revision";
        if (isBack) this.#reload.wantNow(because);
        else this.#reload.want(because);
      },
    });
  }

  /** What loading would refuse or put off again is not worth it. */
  #isNews(head: ConfigHead): boolean {
    const current = this.current();
    if (current === undefined) return true;
    if (head.installationId !== current.installationId) {
      this.#refuseForeign(head, "it is of another installation");
      return false;
    }
    return comparePositions(head, current) > 0 && !this.#isSuspect(head);
  }

  #onEntry(entry: ConfigEntry): void {
    this.#candidate.receive(entry);
    const inUse = this.#candidate.current?.head.revision ?? -1n;
    if (entry.revision > inUse && endsVirtualKey(entry)) this.#revoked.add(entry.name);
    if (entry.revision > inUse) this.#beImpatient("the head of an entry does not come");
  }

  #onHead(head: ConfigHead): void {
    const startMs = this.#options.clock.monotonicMs();
    const outcome = this.#candidate.consider(head);
    if (this.#handle(outcome, head, "bus", startMs)) return;
    if (outcome.kind === "reload") this.#reload.want(outcome.because);
  }

  #onProblem(error: unknown): void {
    this.#options.observability.logger.warn("the configuration cannot be watched", { error });
    this.#reload.want("the watch is in trouble");
  }

  /** True when nothing more has to be done about the head. */
  #handle(outcome: Outcome, head: ConfigHead, source: SnapshotSource, startMs: number): boolean {
    if (outcome.kind === "wait" || outcome.kind === "reload") return false;
    this.#patience?.cancel();
    if (outcome.kind === "refuse") {
      this.#refuseForeign(head, outcome.because);
      this.#candidate.forgetPending();
      this.#revoked.clear();
      return true;
    }
    if (outcome.kind === "ignore") {
      if (this.#isInUse(head)) this.#confirm(source);
      this.#candidate.forgetUntil(this.#candidate.current?.head.revision ?? -1n);
      return true;
    }
    if (this.#isSuspect(head)) return true;
    this.#adopt(outcome.next, source, startMs);
    return true;
  }

  #refuseForeign(head: ConfigHead, because: string): void {
    this.#age.doubt();
    if (this.#foreign.refuse(head, because)) this.#reporter?.report();
  }

  /** Where policy is asked, only it knows: what the bus has may be old. */
  #confirm(source: SnapshotSource): void {
    if (source !== "fetch" && (source !== "bus" || this.#isPolling())) return;
    this.#age.confirm();
    this.#foreign.forget();
  }

  #isInUse(head: ConfigHead): boolean {
    const current = this.current();
    return current !== undefined && comparePositions(head, current) === 0;
  }

  /** Nothing in use is worse than what may crash. */
  #isSuspect(head: ConfigHead): boolean {
    const probation = this.#probation;
    if (this.current() === undefined || probation?.isSuspect(head) !== true) return false;
    this.#age.doubt();
    if (probation.refuse(head)) this.#reporter?.report();
    return true;
  }

  #adopt(step: Step, source: SnapshotSource, startMs: number): void {
    const { head, snapshot } = step;
    const applying = this.#events.applying(head);
    this.#probation?.begin(head);
    this.#candidate.adopt(step);
    this.#store.swap(snapshot);
    this.#startAfresh();
    this.#applyTimeMs = this.#options.clock.monotonicMs() - startMs;
    this.#appliedAtMs = this.#options.clock.wallMs();
    this.#source = source;
    this.#reload.done();
    this.#confirm(source);
    applying.done(snapshot, source, this.#applyTimeMs);
    if (source !== "file" && this.#candidate.current !== undefined) {
      this.#writer?.save(this.#candidate.current);
    }
    this.#reporter?.report(source === "fetch");
  }

  /** What is in the snapshot needs no fast path any more; what waits still does. */
  #startAfresh(): void {
    this.#revoked.clear();
    for (const entry of this.#candidate.pending()) {
      if (endsVirtualKey(entry)) this.#revoked.add(entry.name);
      this.#beImpatient("the head of an entry does not come");
    }
  }

  #beImpatient(because: string): void {
    this.#patience?.cancel();
    this.#patience = this.#options.clock.schedule(headPatienceMs, () => this.#reload.want(because));
  }

  /** True when what is in use is the newest there is. */
  async #reloadOnce(): Promise<boolean> {
    const startMs = this.#options.clock.monotonicMs();
    const { head, entries } = await this.#load();
    if (this.#lifetime.signal.aborted) return true;
    const outcome: Outcome =
      entries === undefined ? { kind: "ignore" } : this.#candidate.considerAll(head, entries);
    const source = this.#options.fetchSnapshot === undefined ? "bus" : "fetch";
    return this.#handle(outcome, head, source, startMs);
  }

  #load(): Promise<LoadedConfiguration> {
    const { bus, clock, fetchSnapshot } = this.#options;
    if (fetchSnapshot === undefined) return listConfiguration(bus.config);
    const { epoch = 0n, revision = 0n } = this.current() ?? {};
    return fetchConfiguration(fetchSnapshot, { epoch, revision }, clock, this.#lifetime.signal);
  }

  #status(): RouterStatus {
    const { build, clock, epoch, replica } = this.#options;
    const snapshot = this.current();
    const own = [this.#foreign.problem(snapshot?.installationId ?? ""), this.#probation?.problem()];
    const problems = [...own, ...(snapshot?.problems ?? [])];
    return create(RouterStatusSchema, {
      replica,
      installationId: snapshot?.installationId ?? "",
      configEpoch: snapshot?.epoch ?? 0n,
      appliedRevision: snapshot?.revision ?? 0n,
      refused: refusedResources(problems.filter((problem) => problem !== undefined)),
      build,
      startTime: timestampFromMs(this.#startMs),
      reportTime: timestampFromMs(clock.wallMs()),
      epoch,
    });
  }

  #ageMs(): number {
    return this.#age.readMs(!this.#isPolling() && this.#options.bus.connected());
  }
}
