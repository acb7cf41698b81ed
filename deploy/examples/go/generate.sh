#!/usr/bin/env bash
# Generates the Go client of the gateway's gRPC door into gen/ beside the example: in this folder, or in
# the copy of it that is named. Asks for Go alone; plugins and buf are of the versions written here.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
proto=$here/../../../proto
folder=${1:-$here}
export GOBIN=$folder/gen/bin
go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
cd "$proto"
PATH="$GOBIN:$PATH" "$here/../../../node_modules/.bin/buf" generate --template "$here/buf.gen.yaml" \
  --output "$folder" --path penstock/inference --path penstock/type --path penstock/error
