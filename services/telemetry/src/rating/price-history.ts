import type { ModelPrices } from "@penstock/pricing";

/** What rating needs to know of a deployment; a compiled deployment of a snapshot fits. */
export interface PricedDeployment {
  readonly name: string;
  readonly model: string;
  /** Resource name; empty: it has no price. */
  readonly priceBook: string;
  readonly priceBookRevision: bigint;
  pricesAt(wallMs: number): ModelPrices | undefined;
}

/** What rating needs to know of a snapshot. */
export interface PricedSnapshot {
  readonly revision: bigint;
  readonly resources: ReadonlyMap<string, { readonly revision: bigint }>;
  readonly deployments: ReadonlyMap<string, PricedDeployment>;
}

/** The configuration as far as telemetry reads it; a SnapshotFollower fits. */
export interface PriceConfiguration {
  current(): PricedSnapshot | undefined;
  onChange(listener: (next: PricedSnapshot) => void): () => void;
}

interface Era {
  readonly deployment: PricedDeployment;
  /** Revisions of the configuration in which the deployment was known to be so. */
  readonly firstRevision: bigint;
  lastRevision: bigint;
}

/** Earlier forms kept of each deployment; a price changes a few times a year. */
const maximumEras = 32;

/**
 * Remembers which prices each deployment had at which revisions of the configuration, as far as
 * this process has seen them, so that events rated with an older one can be rated again.
 */
export class PriceHistory {
  readonly #eras = new Map<string, Era[]>();
  #revision = 0n;

  /** The newest revision seen; 0: none. */
  get revision(): bigint {
    return this.#revision;
  }

  /** Notes a snapshot. */
  note(snapshot: PricedSnapshot): void {
    this.#revision = snapshot.revision;
    for (const deployment of snapshot.deployments.values()) this.#noteOne(snapshot, deployment);
  }

  /** The deployment as it was at a revision; undefined: not known. */
  find(name: string, revision: bigint): PricedDeployment | undefined {
    return this.#eras
      .get(name)
      ?.findLast((era) => era.firstRevision <= revision && revision <= era.lastRevision)
      ?.deployment;
  }

  #noteOne(snapshot: PricedSnapshot, deployment: PricedDeployment): void {
    const { name, model, priceBook, priceBookRevision } = deployment;
    const eras = this.#eras.get(name) ?? [];
    const before = eras.at(-1)?.deployment;
    const same =
      before?.model === model &&
      before.priceBook === priceBook &&
      before.priceBookRevision === priceBookRevision;
    const last = eras.at(-1);
    if (same && last !== undefined) {
      last.lastRevision = snapshot.revision;
      return;
    }
    const ownRevision = snapshot.resources.get(name)?.revision ?? snapshot.revision;
    const firstRevision = ownRevision > priceBookRevision ? ownRevision : priceBookRevision;
    eras.push({ deployment, firstRevision, lastRevision: snapshot.revision });
    this.#eras.set(name, eras.slice(-maximumEras));
  }
}
