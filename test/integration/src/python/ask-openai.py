"""Asks a gateway everything that the official `openai` package is used for.

Arguments: base URL with /v1, key. Prints one JSON object with what came of each question.
"""

import json
import sys

import openai
from pydantic import BaseModel

base_url, key = sys.argv[1:3]
client = openai.OpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=20)
question = "How deep is the penstock in metres?"
messages = [
    {"role": "system", "content": "You are brief."},
    {"role": "user", "content": question},
]
weather = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
}


class Place(BaseModel):
    place: str


def failure(ask):
    """The class, status and code of the error that a question ends with."""
    try:
        ask()
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.code, bool(error.request_id)]
    except openai.APIError as error:
        return [type(error).__name__, error.code]
    return ["answered"]


def chat():
    answer = client.chat.completions.create(model="smart", messages=messages)
    choice = answer.choices[0]
    usage = [answer.usage.prompt_tokens, answer.usage.completion_tokens]
    return [choice.message.content, choice.finish_reason, usage]


def chat_stream():
    options = {"include_usage": True}
    stream = client.chat.completions.create(
        model="smart", messages=messages, stream=True, stream_options=options
    )
    text, usage = "", None
    for chunk in stream:
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
        usage = chunk.usage or usage
    return [text, usage.completion_tokens]


def chat_helper():
    with client.chat.completions.stream(model="smart", messages=messages) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        return ["".join(deltas), stream.get_final_completion().choices[0].message.content]


def tool():
    asked = {"model": "smart", "tools": [weather]}
    first = client.chat.completions.create(messages=messages, **asked).choices[0]
    call = first.message.tool_calls[0]
    told = {"role": "tool", "tool_call_id": call.id, "content": "17 m"}
    second = client.chat.completions.create(messages=[*messages, first.message, told], **asked)
    return [first.finish_reason, call.function.arguments, second.choices[0].message.content]


def parsed():
    answer = client.chat.completions.parse(
        model="smart", messages=messages, response_format=Place
    )
    return isinstance(answer.choices[0].message.parsed, Place)


def responses():
    answer = client.responses.create(
        model="smart", instructions="You are brief.", input=question
    )
    return [answer.output_text, answer.status, answer.usage.output_tokens]


def responses_stream():
    asked = {"model": "smart", "instructions": "You are brief.", "input": question}
    with client.responses.stream(**asked) as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        return ["".join(deltas), stream.get_final_response().output_text]


def vectors():
    answer = client.embeddings.create(model="embed", input=["one", "two"])
    return [item.embedding for item in answer.data]


def broken():
    stream = client.chat.completions.create(model="broken", messages=messages, stream=True)
    return [chunk.choices for chunk in stream]


def given_up():
    stream = client.chat.completions.create(model="slow", messages=messages, stream=True)
    for _ in stream:
        stream.close()
        return True


def unknown(**options):
    client.chat.completions.create(model="unknown", messages=messages, **options)


print(
    json.dumps(
        {
            "chat": chat(),
            "chat_stream": chat_stream(),
            "chat_helper": chat_helper(),
            "tool": tool(),
            "parsed": parsed(),
            "responses": responses(),
            "responses_stream": responses_stream(),
            "vectors": vectors(),
            "models": sorted(model.id for model in client.models.list()),
            "given_up": given_up(),
            "broken": failure(broken),
            "unknown": failure(unknown),
            "unknown_stream": failure(lambda: unknown(stream=True)),
            "wrong_key": failure(client.with_options(api_key="psk_wrong").models.list),
        }
    )
)
