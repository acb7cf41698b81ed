export { documentedStreams } from "./src/conformance/documented-streams.fixture.ts";
export { writeLossTable } from "./src/conformance/loss-table.fixture.ts";
export { agentTurns, type AgentTurn } from "./src/conformance/agent-turns.fixture.ts";
export { documentedResponses } from "./src/openai-responses/documented-responses.fixture.ts";
export {
  bodyBytes,
  describeFailure,
  expectedOf,
  tableProblems,
  type FailureRow,
  type FailureRows,
} from "./src/failures/failure-table.fixture.ts";
