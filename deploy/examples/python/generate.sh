#!/usr/bin/env bash
# Generates the Python client of the gateway's gRPC door into a folder (gen beside this script, unless
# named), with the Python named by PYTHON (python3), which has the packages of requirements.txt.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
proto=$here/../../../proto
out=${1:-$here/gen}
mkdir -p "$out"
cd "$proto"
"${PYTHON:-python3}" -m grpc_tools.protoc -I . \
  --python_out="$out" --pyi_out="$out" --grpc_python_out="$out" \
  google/rpc/*.proto penstock/type/v1/*.proto penstock/error/v1/*.proto penstock/inference/v1/*.proto
