"""Asks a gateway everything that the official `anthropic` package is used for.

Arguments: base URL, key. Prints one JSON object with what came of each question.
"""

import json
import sys

import anthropic

base_url, key = sys.argv[1:3]
client = anthropic.Anthropic(base_url=base_url, api_key=key, max_retries=0, timeout=20)
asked = {
    "max_tokens": 500,
    "system": "You are brief.",
    "messages": [{"role": "user", "content": "How deep is the penstock in metres?"}],
}
weather = {"name": "weather", "input_schema": {"type": "object", "properties": {}}}


def failure(ask):
    """The class and status of the error that a question ends with."""
    try:
        ask()
    except anthropic.APIStatusError as error:
        return [type(error).__name__, error.status_code, bool(error.request_id)]
    except anthropic.APIError as error:
        return [type(error).__name__]
    return ["answered"]


def message():
    answer = client.messages.create(model="smart", **asked)
    usage = [answer.usage.input_tokens, answer.usage.output_tokens]
    return [answer.content[0].text, answer.stop_reason, usage]


def message_stream():
    with client.messages.stream(model="smart", **asked) as stream:
        text = "".join(stream.text_stream)
        return [text, stream.get_final_message().content[0].text]


def tool():
    first = client.messages.create(model="smart", tools=[weather], **asked)
    call = next(block for block in first.content if block.type == "tool_use")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "17 m"}
    told = [
        *asked["messages"],
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [result]},
    ]
    rest = {**asked, "messages": told}
    second = client.messages.create(model="smart", tools=[weather], **rest)
    return [first.stop_reason, call.input, second.content[0].text]


def count():
    counted = {name: value for name, value in asked.items() if name != "max_tokens"}
    return client.messages.count_tokens(model="smart", **counted).input_tokens


def broken():
    with client.messages.stream(model="broken-anthropic", **asked) as stream:
        return stream.get_final_message()


def given_up():
    with client.messages.stream(model="slow", **asked) as stream:
        for _ in stream.text_stream:
            return True


def unknown(**options):
    client.messages.create(model="unknown", **asked, **options)


print(
    json.dumps(
        {
            "message": message(),
            "message_stream": message_stream(),
            "tool": tool(),
            "count": count(),
            "models": sorted(model.id for model in client.models.list()),
            "given_up": given_up(),
            "broken": failure(broken),
            "unknown": failure(unknown),
            "unknown_stream": failure(lambda: unknown(stream=True)),
            "wrong_key": failure(lambda: client.with_options(api_key="psk_wrong").models.list()),
        }
    )
)
