"""A whole answer, a streamed one, and an error, with the generated client."""

import os
import sys

import grpc
from google.rpc import error_details_pb2, status_pb2
from penstock.inference.v1 import (
    content_pb2,
    generate_request_pb2,
    inference_service_pb2,
    inference_service_pb2_grpc,
)

address = os.environ.get("PENSTOCK_GRPC_ADDRESS", "127.0.0.1:8081")
metadata = [("authorization", f"Bearer {os.environ['OPENAI_API_KEY']}")]


def request(model, text):
    part = content_pb2.ContentPart(text=content_pb2.TextPart(text=text))
    message = content_pb2.Message(role=content_pb2.MESSAGE_ROLE_USER, parts=[part])
    return generate_request_pb2.GenerateRequest(model=model, messages=[message])


def reason_of(error):
    """The stable name of what went wrong, such as LIMIT_EXCEEDED."""
    status = status_pb2.Status()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status.ParseFromString(value)
    info = error_details_pb2.ErrorInfo()
    return next((info.reason for detail in status.details if detail.Unpack(info)), "")


with grpc.insecure_channel(address) as channel:
    client = inference_service_pb2_grpc.InferenceServiceStub(channel)

    answer = client.Generate(request("smart", "Say hello."), metadata=metadata, timeout=30)
    print("".join(part.text.text for part in answer.candidates[0].parts))
    print("by", answer.started.deployment)

    asked = inference_service_pb2.StreamGenerateRequest(request=request("smart", "Count to three."))
    for event in client.StreamGenerate(asked, metadata=metadata, timeout=30):
        if event.HasField("block_delta"):
            sys.stdout.write(event.block_delta.text)
        if event.HasField("finished"):
            print("\ntokens", event.finished.usage.output_tokens)

    try:
        client.Generate(request("unknown", "Hello."), metadata=metadata, timeout=30)
    except grpc.RpcError as error:
        print(error.code().name, reason_of(error))
