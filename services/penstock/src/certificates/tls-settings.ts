import { GatewayError } from "@penstock/errors";
import type { NetworkClientOptions, TlsClientFiles, TlsServerFiles } from "@penstock/rpc";
import type { EnvironmentSpec } from "@penstock/runtime";
import { readEnvironment } from "@penstock/runtime";

/** How this process speaks TLS, and with whom. */
export interface TlsSettings {
  /** Of the ports of services; absent: cleartext. */
  readonly server: TlsServerFiles | undefined;
  /** For calls to other services: what is trusted, and the certificate that says who calls. */
  readonly client: TlsClientFiles;
  /** Of the doors of callers; with `clientCaFile` a certificate is needed beside the key. */
  readonly doors: TlsServerFiles | undefined;
  /** Tokens may go to other machines in cleartext, as the network itself encrypts. */
  readonly allowCleartext: boolean;
}

const spec = {
  certificateFile: { name: "PENSTOCK_TLS_CERT", kind: "string" },
  keyFile: { name: "PENSTOCK_TLS_KEY", kind: "string" },
  clientCaFile: { name: "PENSTOCK_TLS_CLIENT_CA", kind: "string" },
  caFile: { name: "PENSTOCK_TLS_CA", kind: "string" },
  doorCertificateFile: { name: "PENSTOCK_DOOR_TLS_CERT", kind: "string" },
  doorKeyFile: { name: "PENSTOCK_DOOR_TLS_KEY", kind: "string" },
  doorClientCaFile: { name: "PENSTOCK_DOOR_TLS_CLIENT_CA", kind: "string" },
  allowCleartext: { name: "PENSTOCK_ALLOW_CLEARTEXT", kind: "boolean", default: false },
} as const satisfies EnvironmentSpec;

/**
 * Reads the settings of TLS; the files themselves are read by whoever uses them. Throws
 * FIELD_INVALID for a certificate without a key and the like.
 */
export function readTlsSettings(
  environment?: Readonly<Record<string, string | undefined>>,
): TlsSettings {
  const given = readEnvironment(spec, environment === undefined ? {} : { environment });
  const { certificateFile, keyFile, clientCaFile, caFile } = given;
  const server = pair([spec.certificateFile.name, certificateFile], [spec.keyFile.name, keyFile]);
  return {
    server: withClientCa(server, [spec.clientCaFile.name, clientCaFile], spec.certificateFile.name),
    client: { ...server, caFile },
    doors: withClientCa(
      pair(
        [spec.doorCertificateFile.name, given.doorCertificateFile],
        [spec.doorKeyFile.name, given.doorKeyFile],
      ),
      [spec.doorClientCaFile.name, given.doorClientCaFile],
      spec.doorCertificateFile.name,
    ),
    allowCleartext: given.allowCleartext,
  };
}

/** What calls to services on other machines go by, besides their address and the token. */
export function networkOptions(
  tls: TlsSettings | undefined,
): Pick<NetworkClientOptions, "tls" | "allowCleartext"> {
  return { tls: tls?.client, allowCleartext: tls?.allowCleartext };
}

function withClientCa(
  files: TlsServerFiles | undefined,
  [name, clientCaFile]: Given,
  certificateName: string,
): TlsServerFiles | undefined {
  if (files !== undefined) return { ...files, clientCaFile };
  if (clientCaFile !== undefined) throw lacks(name, certificateName);
  return undefined;
}

type Given = readonly [name: string, path: string | undefined];

function pair([certificateName, certificateFile]: Given, [keyName, keyFile]: Given) {
  if (certificateFile === undefined && keyFile === undefined) return undefined;
  if (certificateFile === undefined) throw lacks(keyName, certificateName);
  if (keyFile === undefined) throw lacks(certificateName, keyName);
  return { certificateFile, keyFile };
}

function lacks(name: string, missing: string): GatewayError {
  const description = `needs ${missing} beside it`;
  return new GatewayError("FIELD_INVALID", `environment: ${name} ${description}`, {
    source: "gateway",
    fieldViolations: [{ field: name, description }],
  });
}
