import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { BodyBudget } from "./body-budget.ts";
import { PlainConnection } from "./plain-connection.ts";
import type { PlainDoor } from "./plain-connection.ts";
import type { PlainRequest } from "./plain-request.ts";
import type { PlainResponse } from "./plain-response.ts";

/** Answers plain requests; see `readPlainRequest`. */
interface Answers {
  readonly letsIn: (request: PlainRequest) => boolean;
  readonly serve: (request: PlainRequest, body: Buffer, response: PlainResponse) => void;
}

/** The connections of a server whose requests were all plain; the others are the server's own. */
export class PlainConnections implements PlainDoor {
  readonly budget: BodyBudget;
  readonly letsIn: Answers["letsIn"];
  readonly serve: Answers["serve"];
  closing = false;
  readonly #server: Server;
  readonly #connections = new Set<PlainConnection>();
  readonly #nodes: readonly ((socket: Socket) => void)[];

  /** Stands in front of the server's own handling of each connection. */
  constructor(server: Server, budget: BodyBudget, { letsIn, serve }: Answers) {
    this.#server = server;
    this.budget = budget;
    this.letsIn = letsIn;
    this.serve = serve;
    this.#nodes = server.listeners("connection") as ((socket: Socket) => void)[];
    server.removeAllListeners("connection");
    server.on("connection", (socket: Socket) => {
      this.#connections.add(new PlainConnection(socket, this));
    });
  }

  handOver(socket: Socket): void {
    for (const listener of this.#nodes) listener.call(this.#server, socket);
  }

  closed(connection: PlainConnection): void {
    this.#connections.delete(connection);
  }

  /** Lets idle connections go, and the others once they have their answers. */
  close(): void {
    this.closing = true;
    for (const connection of this.#connections) connection.closeIdle();
  }

  /** Cuts off what is still open. */
  closeAll(): void {
    for (const { socket } of this.#connections) socket.destroy();
  }
}
