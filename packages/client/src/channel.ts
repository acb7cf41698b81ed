import { isIPv4, isIPv6 } from "node:net";
import type { ChannelOptions } from "@grpc/grpc-js";
import { Client, credentials } from "@grpc/grpc-js";

/**
 * Certificates in PEM form, as bytes or as files that are followed. Without `rootCertificates` and
 * `caFile` those of Node are trusted.
 */
export interface TlsOptions {
  readonly rootCertificates?: Uint8Array;
  /** File with the authorities to trust, in place of `rootCertificates`. */
  readonly caFile?: string;
  /** Certificate and key of the client, for gateways that ask for one. */
  readonly certificate?: Uint8Array;
  readonly privateKey?: Uint8Array;
  /** Files with them, in place of the bytes. */
  readonly certificateFile?: string;
  readonly privateKeyFile?: string;
  /** How often the files are read again, in milliseconds; 60,000 when absent. */
  readonly reloadIntervalMs?: number;
  /** Told when files can't be used; what was read last stays in use. Absent: nobody is told. */
  readonly onReloadProblem?: (error: Error) => void;
  /** The name to expect in the gateway's certificate instead of the one in the address. */
  readonly serverName?: string;
}

/** How to reach the gateway. */
export interface PenstockClientOptions {
  /**
   * `host:port`; a name with several IP addresses is balanced over all of them. Or several
   * `ip:port` of one IP version.
   */
  readonly address: string | readonly string[];
  /** The virtual key, `psk_…`. */
  readonly virtualKey: string;
  /** Deadline of calls that name none, in milliseconds; 900,000 when absent. */
  readonly timeoutMs?: number;
  /** Largest message in either direction, in bytes; 32 MiB when absent. */
  readonly maxMessageBytes?: number;
  /**
   * Pings, in milliseconds; every 11 min with 10 s to answer when absent. Less than ten minutes
   * breaks streams that still run when a gateway ends a connection gently, as it does with age and
   * before an update: Node refuses the ping there, and grpc-js takes that for a dead peer.
   */
  readonly keepalive?: { readonly timeMs: number; readonly timeoutMs: number };
  /** Absent: cleartext. `true`: TLS with the defaults. */
  readonly tls?: TlsOptions | true;
  /** Put in front of the user agent, so that the gateway's operators see who calls. */
  readonly appName?: string;
}

const defaultMaxMessageBytes = 32 * 1_024 * 1_024;
/** Beyond the ten minutes that a gateway leaves open calls on a connection it ends. */
const defaultKeepalive = { timeMs: 660_000, timeoutMs: 10_000 };

/**
 * Calls that were not yet seen by a gateway are repeated by grpc-js itself (transparent retries);
 * nothing else is, since an answer costs money each time.
 */
const serviceConfig = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });

/** Opens a channel. Connections are made when the first call needs them. */
export function openChannel(options: PenstockClientOptions): Client {
  const maxMessageBytes = options.maxMessageBytes ?? defaultMaxMessageBytes;
  const keepalive = options.keepalive ?? defaultKeepalive;
  const tls = options.tls === true ? {} : options.tls;
  const channelOptions: ChannelOptions = {
    "grpc.service_config": serviceConfig,
    "grpc.service_config_disable_resolution": 1,
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    "grpc.keepalive_time_ms": keepalive.timeMs,
    "grpc.keepalive_timeout_ms": keepalive.timeoutMs,
    "grpc.enable_http_proxy": 0,
    "grpc.initial_reconnect_backoff_ms": 200,
    "grpc.max_reconnect_backoff_ms": 5_000,
  };
  if (options.appName !== undefined) {
    channelOptions["grpc.primary_user_agent"] = options.appName.replaceAll(/[^\w./-]/g, "_");
  }
  if (tls?.serverName !== undefined) {
    channelOptions["grpc.ssl_target_name_override"] = tls.serverName;
    channelOptions["grpc.default_authority"] = tls.serverName;
  }
  const channelCredentials =
    tls === undefined
      ? credentials.createInsecure()
      : credentials.createSsl(
          bufferOrNull(tls.rootCertificates),
          bufferOrNull(tls.privateKey),
          bufferOrNull(tls.certificate),
        );
  return new Client(channelTarget(options.address), channelCredentials, channelOptions);
}

/** The target of a channel. Throws a TypeError for what is no address. */
export function channelTarget(address: string | readonly string[]): string {
  const addresses = typeof address === "string" ? [address] : address;
  const parts = addresses.map(splitAddress);
  const [first] = parts;
  if (first === undefined) throw new TypeError("The list of addresses is empty.");
  if (parts.every(({ host }) => isIPv4(host))) {
    return `ipv4:${parts.map(({ host, port }) => `${host}:${port}`).join(",")}`;
  }
  if (parts.every(({ host }) => isIPv6(host))) {
    return `ipv6:${parts.map(({ host, port }) => `[${host}]:${port}`).join(",")}`;
  }
  if (parts.length === 1) return `dns:///${first.host}:${first.port}`;
  throw new TypeError(
    "Several addresses must be IP addresses of one version; a single name may have several.",
  );
}

function splitAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) {
    throw new TypeError(`${JSON.stringify(address)} is not an address of the form host:port.`);
  }
  return { host, port };
}

function bufferOrNull(bytes: Uint8Array | undefined): Buffer | null {
  return bytes === undefined ? null : Buffer.from(bytes);
}
