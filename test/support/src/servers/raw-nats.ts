import { once } from "node:events";
import { connect } from "node:net";

const timeoutMs = 5_000;

/**
 * One request in NATS's own text protocol, for what a test does behind the back of the bus: its
 * client belongs to packages/bus alone. A user may stand in the URL. Rejects when nobody answers
 * within five seconds, and with the server's words when it refuses.
 */
export async function requestNats(url: string, subject: string, body = ""): Promise<string> {
  const { hostname, port, username: user, password: pass } = new URL(url);
  const inbox = user === "" ? "answer" : `_INBOX.${user}.raw`;
  const options = { verbose: false, ...(user === "" ? {} : { user, pass }) };
  const socket = connect(Number(port), hostname);
  socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer to ${subject}`)));
  try {
    await once(socket, "connect");
    const hello = `CONNECT ${JSON.stringify(options)}\r\nSUB ${inbox} 1\r\n`;
    socket.write(`${hello}PUB ${subject} ${inbox} ${Buffer.byteLength(body)}\r\n${body}\r\n`);
    let text = "";
    for await (const chunk of socket) {
      text += String(chunk);
      const refused = /^-ERR '(.*)'/m.exec(text)?.[1];
      if (refused !== undefined) throw new Error(refused);
      const answer = /MSG \S+ 1 (\d+)\r\n([^]*)\r\n/.exec(text);
      const length = Number(answer?.[1]);
      const told = Buffer.from(answer?.[2] ?? "");
      // A PING of the server may follow.
      if (answer !== null && length <= told.length) return told.subarray(0, length).toString();
    }
    throw new Error(`no answer to ${subject}`);
  } finally {
    socket.destroy();
  }
}

/** How many entries and marks of deletions the bucket of the configuration holds. */
export async function countEntries({ url }: { readonly url: string }): Promise<number> {
  const answer = await requestNats(url, "$JS.API.STREAM.INFO.KV_penstock_config");
  const { state } = JSON.parse(answer) as { state: { messages: number } };
  return state.messages;
}
