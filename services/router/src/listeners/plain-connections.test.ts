import { connect } from "node:net";
import { afterEach, expect, it, vi } from "vitest";
import { createPipeline } from "../pipeline/pipeline.fixture.ts";
import { sampleKey, sampleSnapshot } from "../pipeline/sample-snapshot.fixture.ts";
import { BodyBudget } from "./body-budget.ts";
import { HttpListener } from "./http-listener.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const chat = JSON.stringify({ model: "smart", messages: [{ role: "user", content: "hi" }] });

it("keep no part of a body for who is not let in", async () => {
  const snapshot = sampleSnapshot();
  const { parts } = createPipeline(snapshot);
  const http = new HttpListener({ parts, currentSnapshot: () => snapshot });
  const port = await http.listen(0, "127.0.0.1");
  const room = vi.spyOn(BodyBudget.prototype, "take");
  closing.push(() => {
    room.mockRestore();
    http.stopAccepting();
    http.closeAll();
  });
  /** Sends a half of a chat. */
  const begin = (key: string) => {
    const seen = { text: "" };
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => (seen.text += bytes.toString()));
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nauthorization: Bearer ${key}\r\n` +
        `content-type: application/json\r\ncontent-length: ${chat.length}\r\n\r\n` +
        chat.slice(0, 20),
    );
    closing.push(() => socket.destroy());
    return seen;
  };
  const stranger = begin("psk_wrong");
  await vi.waitFor(() => expect(stranger.text).toMatch(/^HTTP\/1.1 401 /));
  expect(room).not.toHaveBeenCalled();
  begin(sampleKey);
  await vi.waitFor(() => expect(room).toHaveBeenCalled());
});
