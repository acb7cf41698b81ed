import type { ConfigHead } from "@penstock/api";
import type { Logger } from "@penstock/observability";
import type { ResourceProblem } from "@penstock/snapshot";

/**
 * The newest configuration of another installation, which is never taken: numbers of two
 * installations say nothing of each other, and nobody but an administrator knows which is meant.
 */
export class ForeignHead {
  readonly #logger: Logger;
  #head: ConfigHead | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Notes a head that is not taken; true: it is of an installation not heard of before. */
  refuse(head: ConfigHead, because: string): boolean {
    const isNew = this.#head?.installationId !== head.installationId;
    const { epoch, revision } = head;
    if (isNew) this.#logger.error("a configuration is refused", { because, epoch, revision });
    this.#head = head;
    return isNew;
  }

  /** The own installation has been heard of. */
  forget(): void {
    this.#head = undefined;
  }

  /** What the status says of it; `keptId` is the installation of what is in use. */
  problem(keptId: string): ResourceProblem | undefined {
    if (this.#head === undefined) return undefined;
    const { installationId, revision } = this.#head;
    const description =
      `foreign_installation: it is of ${installationId}, and what is in use of ${keptId}. Where ` +
      "the new one is meant, end the router, delete configuration in its data folder, start it again";
    return { name: "head", revision, field: "", description };
  }
}
