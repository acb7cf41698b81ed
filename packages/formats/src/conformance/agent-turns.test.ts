import { describe, expect, it } from "vitest";
import { formats } from "../formats.ts";
import { agentTurns, type AgentTurn } from "./agent-turns.fixture.ts";
import { targetOf } from "./format-samples.fixture.ts";

const read = ({ format, body }: AgentTurn) =>
  format.readRequest(new TextEncoder().encode(JSON.stringify(body)));

/** The body for a target of another format, and what the caller is told. */
function written(turn: AgentTurn, to: keyof typeof formats): { body: string; warnings: string[] } {
  const warnings: string[] = [];
  const warn = (warning: string): void => void warnings.push(warning);
  const plain = turn.format.plainRequest?.(read(turn).request, warn);
  const request = plain?.request ?? read(turn).request;
  return { body: formats[to].writeRequest(request, { ...targetOf(true), warn }), warnings };
}

describe.each(agentTurns)("$name", (turn) => {
  const others = Object.values(formats).filter(({ name }) => name !== turn.format.name);

  it.each(others)("can be asked of a target of $name, and says the same again", ({ name }) => {
    const { body } = written(turn, name);
    const address = { model: "asked", stream: true };
    const again = formats[name].readRequest(new TextEncoder().encode(body), address).request;
    const calls = again.messages.flatMap(({ parts }) =>
      parts.flatMap(({ part }) => (part.case === "toolCall" ? [part.value.name] : [])),
    );
    const tools = again.tools.map((tool) => tool.name);
    expect(calls.length).toBeGreaterThan(0);
    expect(tools).toEqual(expect.arrayContaining(calls));
    expect(body).not.toContain("x-anthropic-billing-header");
  });

  it("says the same when it is written anew for its own format", () => {
    const { request } = read(turn);
    const text = turn.format.writeRequest(request, { ...targetOf(true), model: "asked" });
    const body = JSON.parse(text) as AgentTurn["body"];
    expect(read({ ...turn, body }).request).toEqual(request);
    expect(Object.keys(body).toSorted()).toEqual(Object.keys(turn.body).toSorted());
  });
});
