import "reflect-metadata";
import { createPrivateKey, KeyObject, randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { GatewayError } from "@penstock/errors";

/** From when until when a certificate is good. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Whom a certificate is for. */
export interface CertificateNames {
  readonly commonName: string;
  /** Names and IP addresses under which it is reached; may be empty for a mere client. */
  readonly hosts: readonly string[];
  /** Identities such as `spiffe://penstock/router`. */
  readonly uris?: readonly string[];
}

/** A certificate with its key, both as PEM. */
export interface IssuedCertificate {
  readonly certificatePem: string;
  /** PKCS #8, not encrypted. */
  readonly keyPem: string;
}

/** A certificate authority whose key is at hand. */
export interface Authority extends IssuedCertificate {
  /** Signs a certificate for servers and clients; it never outlives the authority. */
  issue(names: CertificateNames, validity: Validity): Promise<IssuedCertificate>;
}

/** What every TLS 1.2 and 1.3 stack in use takes. */
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

type Keys = webcrypto.CryptoKeyPair;

/** Makes an authority that signs itself. It can sign no further authorities. */
export async function createAuthority(commonName: string, validity: Validity): Promise<Authority> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity,
    serialNumber: serialNumber(),
    name: subjectOf(commonName),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return authorityOf(certificate, keys);
}

/** Takes an authority from its PEM. Throws FIELD_INVALID when the two do not belong together. */
export async function readAuthority(pem: IssuedCertificate): Promise<Authority> {
  try {
    const certificate = new X509Certificate(pem.certificatePem);
    const key = createPrivateKey(pem.keyPem);
    const privateKey = key.toCryptoKey(algorithm, true, ["sign"]);
    const publicKey = await certificate.publicKey.export(algorithm, ["verify"]);
    const probe = new Uint8Array(1);
    const signature = await webcrypto.subtle.sign(algorithm, privateKey, probe);
    if (!(await webcrypto.subtle.verify(algorithm, publicKey, signature, probe))) {
      throw new Error("the key is not that of the certificate");
    }
    return authorityOf(certificate, { privateKey, publicKey });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GatewayError("FIELD_INVALID", `The authority can't be used: ${reason}.`, { cause });
  }
}

function authorityOf(authority: X509Certificate, keys: Keys): Authority {
  return {
    certificatePem: `${authority.toString("pem")}\n`,
    keyPem: keyPemOf(keys.privateKey),
    issue: async (names, validity) => {
      const own = await generateKeys();
      const certificate = await X509CertificateGenerator.create({
        notBefore: validity.notBefore,
        notAfter: validity.notAfter < authority.notAfter ? validity.notAfter : authority.notAfter,
        serialNumber: serialNumber(),
        subject: subjectOf(names.commonName),
        issuer: authority.subjectName.toJSON(),
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
          new SubjectAlternativeNameExtension(alternativeNames(names)),
          await SubjectKeyIdentifierExtension.create(own.publicKey),
          await AuthorityKeyIdentifierExtension.create(keys.publicKey),
        ],
      });
      return {
        certificatePem: `${certificate.toString("pem")}\n`,
        keyPem: keyPemOf(own.privateKey),
      };
    },
  };
}

function generateKeys(): Promise<Keys> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

function keyPemOf(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: "pkcs8", format: "pem" }).toString();
}

/** 127 random bits: positive, and never the same twice. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return bytes.toString("hex");
}

function subjectOf(commonName: string) {
  return [{ CN: [commonName] }];
}

function alternativeNames({ hosts, uris = [] }: CertificateNames) {
  return [
    ...hosts.map((value) => ({
      type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const),
      value,
    })),
    ...uris.map((value) => ({ type: "url" as const, value })),
  ];
}
