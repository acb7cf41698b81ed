import type { NatsBucketContext } from "./nats-bucket.ts";
import { busError, deniedSubject } from "./nats-errors.ts";
import type { NatsSession } from "./nats-session.ts";
import { withStream } from "./nats-stores.ts";

/**
 * Removes what a stream has of a subject. That is a call of JetStream's API, which the permissions
 * of a server set up for an older Penstock do not allow: then nothing is removed, and the log says
 * so once for each connection.
 */
export class NatsPurge {
  readonly #context: Omit<NatsBucketContext, "clock">;
  readonly #stream: string;
  #denied: NatsSession | undefined;

  constructor(context: Omit<NatsBucketContext, "clock">, stream: string) {
    this.#context = context;
    this.#stream = stream;
  }

  /** False: it is not allowed. Messages after sequence `upTo` stay. Throws as the bucket does. */
  async run(subject: string, upTo: bigint | undefined): Promise<boolean> {
    const { link, stores, logger } = this.#context;
    const session = link.session();
    if (session === this.#denied) return false;
    // The server's bound is the first message that stays.
    const bound = upTo === undefined ? {} : { seq: Number(upTo) + 1 };
    try {
      await withStream(stores, this.#stream, () =>
        session.manager.streams.purge(this.#stream, { filter: subject, ...bound }),
      );
      return true;
    } catch (error) {
      if (deniedSubject(error) === undefined) throw busError(`purge ${subject}`, error);
      if (session !== this.#denied) {
        const stream = this.#stream;
        logger.warn("what is deleted leaves a mark: this user may not purge", { stream });
      }
      this.#denied = session;
      return false;
    }
  }
}
