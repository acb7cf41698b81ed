import { issuedCallId, placeCallId } from "./call-id.ts";

/** The place of a part in a request. */
export interface PartPlace {
  path: string;
  content: number;
  part: number;
}

/** The function calls of a conversation that wait for their results, which often have no ids. */
export class CallBook {
  readonly #waiting: { id: string; name: string }[] = [];

  /** Notes a call; gives its id. */
  begin(call: { name: string; given: string | undefined; content: number; part: number }): string {
    const id =
      call.given === undefined ? placeCallId(call.content, call.part) : issuedCallId(call.given);
    this.#waiting.push({ id, name: call.name });
    return id;
  }

  /** Id of the call that a result answers: the one it names, or the oldest of that function. */
  answer(result: { name: string; given: string | undefined }): string | undefined {
    const { name } = result;
    const given = result.given === undefined ? undefined : issuedCallId(result.given);
    const at = this.#waiting.findIndex((one) =>
      given === undefined ? one.name === name : one.id === given,
    );
    const [call] = at < 0 ? [] : this.#waiting.splice(at, 1);
    return given ?? call?.id;
  }
}
