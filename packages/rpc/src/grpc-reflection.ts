import type { DescFile, DescService } from "@bufbuild/protobuf";
import { toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { Server } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";

type PackageDefinition = ConstructorParameters<typeof ReflectionService>[0];

/** Adds gRPC server reflection (v1 and v1alpha) for the services to a server. */
export function addGrpcReflection(server: Server, services: readonly DescService[]): void {
  const files = new Set<DescFile>();
  for (const service of services) collectFiles(service.file, files);
  // The library was written for proto-loader, of whose output it reads only these bytes.
  const definition = {
    format: "Protocol Buffer 3 DescriptorProto",
    type: {},
    fileDescriptorProtos: [...files].map((file) =>
      Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)),
    ),
  };
  const names = services.map((service) => service.typeName);
  const reflection = new ReflectionService({ penstock: definition } as PackageDefinition, {
    services: names,
  });
  reflection.addToServer(server);
}

function collectFiles(file: DescFile, files: Set<DescFile>): void {
  if (files.has(file)) return;
  for (const dependency of file.dependencies) collectFiles(dependency, files);
  files.add(file);
}
