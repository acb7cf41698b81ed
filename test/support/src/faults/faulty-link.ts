import type { Socket } from "node:net";
import { sleep, systemClock } from "@penstock/runtime";
import type { LinkCount, LinkFaults } from "./link-faults.ts";

/** Bytes that wait for their time; more are not read. */
const maximumWaitingBytes = 1_048_576;

interface Waiting {
  readonly bytes: Buffer;
  readonly dueMs: number;
}

/**
 * One direction of a connection: takes what `source` sends and gives it to `sink`, with the faults
 * that hold at the time at which the bytes arrive.
 */
export class FaultyLink {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #faults: () => LinkFaults;
  readonly #count: LinkCount;
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #passed = 0;
  #ended = false;
  #silent = false;
  #running = false;

  constructor(source: Socket, sink: Socket, faults: () => LinkFaults, count: LinkCount) {
    this.#source = source;
    this.#sink = sink;
    this.#faults = faults;
    this.#count = count;
    source.on("data", (bytes: Buffer) => this.#take(bytes));
    source.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
    source.on("close", () => {
      // Closed without an end: the connection broke, and the other side is to see that.
      if (!this.#ended && !sink.destroyed) sink.resetAndDestroy();
    });
  }

  #take(bytes: Buffer): void {
    if (this.#silent) return;
    const dueMs = systemClock.monotonicMs() + (this.#faults().latencyMs ?? 0);
    this.#waiting.push({ bytes, dueMs });
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > maximumWaitingBytes) this.#source.pause();
    this.#wake();
  }

  #wake(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#run().finally(() => {
      this.#running = false;
    });
  }

  async #run(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const lateMs = next.dueMs - systemClock.monotonicMs();
      if (lateMs > 0) await sleep(systemClock, lateMs);
      await this.#pass(next.bytes);
      this.#waitingBytes -= next.bytes.length;
      if (this.#waitingBytes <= maximumWaitingBytes && !this.#silent) this.#source.resume();
    }
    if (this.#ended && !this.#silent) this.#sink.end();
  }

  async #pass(arrived: Buffer): Promise<void> {
    const faults = this.#faults();
    const room = (faults.cutAfterBytes ?? Infinity) - this.#passed;
    const bytes = arrived.length > room ? arrived.subarray(0, Math.max(room, 0)) : arrived;
    const corrupt = (faults.corruptByte ?? -1) - this.#passed;
    if (corrupt >= 0 && corrupt < bytes.length) bytes[corrupt] = 0xff ^ (bytes[corrupt] ?? 0);
    for (const piece of piecesOf(bytes, faults)) {
      if (this.#silent || this.#sink.destroyed) return;
      if (faults.bytesPerSecond !== undefined) {
        await sleep(systemClock, (piece.length / faults.bytesPerSecond) * 1_000);
      }
      await written(this.#sink, piece);
      this.#passed += piece.length;
      this.#count.bytes += piece.length;
    }
    if (room <= arrived.length && faults.cutAfterBytes !== undefined) this.#cut(faults.cutBy);
  }

  #cut(how: LinkFaults["cutBy"] = "reset"): void {
    this.#silent = true;
    this.#waiting.length = 0;
    switch (how) {
      case "reset":
        this.#source.resetAndDestroy();
        this.#sink.resetAndDestroy();
        return;
      case "close":
        this.#ended = true;
        this.#sink.destroySoon();
        this.#source.destroySoon();
        return;
      case "half_close":
        this.#ended = true;
        this.#sink.end();
        return;
      case "silence":
    }
  }
}

function* piecesOf(bytes: Buffer, faults: LinkFaults): Generator<Buffer> {
  // With a rate, a tenth of a second's worth leaves at a time.
  const tenth = Math.max(1, Math.floor((faults.bytesPerSecond ?? Infinity) / 10));
  const size = faults.splitEveryByte === true ? 1 : tenth;
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Resolves when the bytes are with the operating system, or the socket is gone. */
function written(sink: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    // A turn of the event loop between writes keeps them apart.
    sink.write(bytes, () => setImmediate(resolve));
  });
}
