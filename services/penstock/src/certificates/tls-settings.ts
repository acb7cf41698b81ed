import { GatewayError } from "@penstock/errors";
import type { NetworkClientOptions, TlsClientFiles, TlsServerFiles } from "@penstock/rpc";
import type { Settings } from "@penstock/runtime";
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

/** What TLS is set by. */
export const tlsVariables = {
  certificateFile: {
    name: "PENSTOCK_TLS_CERT",
    kind: "string",
    roles: ["all"],
    otherwise: "cleartext",
    meaning: "Certificate of the role: for its ports of services, and shown to other roles.",
  },
  keyFile: {
    name: "PENSTOCK_TLS_KEY",
    kind: "string",
    roles: ["all"],
    meaning: "File with the key of PENSTOCK_TLS_CERT.",
  },
  clientCaFile: {
    name: "PENSTOCK_TLS_CLIENT_CA",
    kind: "string",
    roles: ["all"],
    meaning: "Authorities of the certificates by which roles know who calls.",
  },
  caFile: {
    name: "PENSTOCK_TLS_CA",
    kind: "string",
    roles: ["all", "commands"],
    otherwise: "those that Node trusts",
    meaning: "Authorities that the certificates of other roles are checked with.",
  },
  doorCertificateFile: {
    name: "PENSTOCK_DOOR_TLS_CERT",
    kind: "string",
    roles: ["router"],
    otherwise: "cleartext",
    meaning: "Certificate of the doors of callers.",
  },
  doorKeyFile: {
    name: "PENSTOCK_DOOR_TLS_KEY",
    kind: "string",
    roles: ["router"],
    meaning: "File with the key of PENSTOCK_DOOR_TLS_CERT.",
  },
  doorClientCaFile: {
    name: "PENSTOCK_DOOR_TLS_CLIENT_CA",
    kind: "string",
    roles: ["router"],
    otherwise: "no certificate is asked for",
    meaning: "Authorities of the certificates that callers need beside their key.",
  },
  allowCleartext: {
    name: "PENSTOCK_ALLOW_CLEARTEXT",
    kind: "boolean",
    default: false,
    roles: ["all", "commands"],
    meaning: "Lets tokens go to other machines in cleartext, where the network itself encrypts.",
  },
} as const satisfies Settings;

/**
 * Reads the settings of TLS; the files themselves are read by whoever uses them. Throws
 * FIELD_INVALID for a certificate without a key and the like.
 */
export function readTlsSettings(
  environment?: Readonly<Record<string, string | undefined>>,
): TlsSettings {
  const given = readEnvironment(tlsVariables, environment === undefined ? {} : { environment });
  const { certificateFile, keyFile, clientCaFile, caFile } = given;
  const server = pair(
    [tlsVariables.certificateFile.name, certificateFile],
    [tlsVariables.keyFile.name, keyFile],
  );
  return {
    server: withClientCa(
      server,
      [tlsVariables.clientCaFile.name, clientCaFile],
      tlsVariables.certificateFile.name,
    ),
    client: { ...server, caFile },
    doors: withClientCa(
      pair(
        [tlsVariables.doorCertificateFile.name, given.doorCertificateFile],
        [tlsVariables.doorKeyFile.name, given.doorKeyFile],
      ),
      [tlsVariables.doorClientCaFile.name, given.doorClientCaFile],
      tlsVariables.doorCertificateFile.name,
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
