// An ordered push consumer. Every message's reply subject tells its place:
//   $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>
//   $JS.ACK.<domain>.<account>.<stream>. … .<pending>.<random>          (newer servers)
// A gap in the consumer's sequence, silence, or the end of the session ends it; whoever opened it
// opens another one. The server sends a heartbeat when there is nothing else to send.
import { AckPolicy, DeliverPolicy } from "@nats-io/jetstream";
import { createInbox, nanos, nuid } from "@nats-io/transport-node";
import type { Msg, Subscription } from "@nats-io/transport-node";
import type { Clock, Timer } from "@penstock/runtime";
import type { NatsSession } from "./nats-session.ts";

/** One message of a stream. */
export interface PushedMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly sequence: bigint;
  /** When the stream took it. Unit: milliseconds since the epoch. */
  readonly timeMs: number;
  /** Messages that were in the stream behind this one when it was sent. */
  readonly pending: number;
  /** A bucket's mark of a deletion. */
  readonly deleted: boolean;
}

/** What to read, from where on. */
export interface NatsPushOptions {
  readonly session: NatsSession;
  readonly clock: Clock;
  readonly stream: string;
  readonly filter: string;
  /** The newest message of each subject, or everything from a sequence on. */
  readonly from: "newest" | bigint;
  onMessage(message: PushedMessage): void;
}

/** A running consumer. */
export interface NatsPush {
  /** Messages that waited when it began. */
  readonly pending: number;
  /** Resolves with the reason when it is over, for any cause but `close`. */
  readonly over: Promise<string>;
  close(): void;
}

const heartbeatMs = 1_000;
/** Two heartbeats may be late; the third one missing means that nobody is there. */
const silenceMs = 3_000;
/** The server forgets a consumer nobody listens to after this. */
const forgottenAfterMs = 30_000;

/** Begins; rejects with the client's error when the server does not make the consumer. */
export async function openPush(options: NatsPushOptions): Promise<NatsPush> {
  const reader = new PushReader(options);
  return await reader.start();
}

class PushReader implements NatsPush {
  readonly #options: NatsPushOptions;
  readonly #name = `penstock_${nuid.next()}`;
  readonly #over = Promise.withResolvers<string>();
  #subscription: Subscription | undefined;
  #timer: Timer | undefined;
  #heardMs: number;
  #delivered = 0;
  #ended = false;
  pending = 0;

  constructor(options: NatsPushOptions) {
    this.#options = options;
    this.#heardMs = options.clock.monotonicMs();
  }

  get over(): Promise<string> {
    return this.#over.promise;
  }

  async start(): Promise<NatsPush> {
    const { session, stream, filter, from } = this.#options;
    const inbox = createInbox(session.inboxPrefix);
    this.#subscription = session.connection.subscribe(inbox, {
      callback: (error, message) => {
        if (error !== null) this.#end(error.message);
        else this.#onMessage(message);
      },
    });
    session.over.addEventListener("abort", this.#onSessionOver, { once: true });
    const position =
      from === "newest"
        ? { deliver_policy: DeliverPolicy.LastPerSubject }
        : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Number(from) };
    try {
      const { num_pending: pending } = await session.manager.consumers.add(stream, {
        ...position,
        name: this.#name,
        deliver_subject: inbox,
        filter_subject: filter,
        ack_policy: AckPolicy.None,
        // What the reader has not taken yet is bounded by the server, not by its patience.
        flow_control: true,
        idle_heartbeat: nanos(heartbeatMs),
        inactive_threshold: nanos(forgottenAfterMs),
        mem_storage: true,
        num_replicas: 1,
      });
      this.pending = pending;
    } catch (error) {
      this.close();
      throw error;
    }
    this.#heardMs = this.#options.clock.monotonicMs();
    this.#watch();
    return this;
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    const { session, stream } = this.#options;
    session.over.removeEventListener("abort", this.#onSessionOver);
    this.#timer?.cancel();
    if (session.over.aborted) return;
    this.#subscription?.unsubscribe();
    // The server would keep it for a while; many opened and closed would pile up.
    session.manager.consumers.delete(stream, this.#name).catch(() => {});
  }

  readonly #onSessionOver = (): void => this.#end("the connection was lost");

  #end(why: string): void {
    if (this.#ended) return;
    this.close();
    this.#over.resolve(why);
  }

  #onMessage(message: Msg): void {
    if (this.#ended) return;
    this.#heardMs = this.#options.clock.monotonicMs();
    const { reply = "" } = message;
    if (!reply.startsWith("$JS.ACK.")) return this.#onControl(message, reply);
    const words = reply.split(".");
    const at = words.length > 9 ? 7 : 5;
    const [sequence = "0", consumerSequence, time = "0", pending] = words.slice(at, at + 4);
    if (Number(consumerSequence) !== this.#delivered + 1) return this.#end("a message was lost");
    this.#delivered += 1;
    this.#options.onMessage({
      subject: message.subject,
      data: message.data,
      sequence: BigInt(sequence),
      // Nanoseconds are more than a number holds.
      timeMs: Number(time.slice(0, -6)),
      pending: Number(pending),
      deleted: (message.headers?.get("KV-Operation") ?? "") !== "",
    });
  }

  #onControl(message: Msg, reply: string): void {
    // A question whether the reader keeps up; the answer comes behind what was read before.
    if (reply !== "") return void message.respond();
    const { headers } = message;
    const stalled = headers?.get("Nats-Consumer-Stalled") ?? "";
    if (stalled !== "") this.#options.session.connection.publish(stalled);
    const sent = Number(headers?.get("Nats-Last-Consumer") ?? 0);
    if (sent > this.#delivered) this.#end("a message was lost");
  }

  #watch(): void {
    if (this.#ended) return;
    const { clock } = this.#options;
    this.#timer = clock.schedule(heartbeatMs / 2, () => {
      if (clock.monotonicMs() - this.#heardMs > silenceMs) this.#end("the watch fell silent");
      else this.#watch();
    });
  }
}
