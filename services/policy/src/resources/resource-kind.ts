import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { clone, create } from "@bufbuild/protobuf";
import type { Resource } from "@penstock/api";
import { ResourceSchema } from "@penstock/api";
import type { Collection } from "@penstock/rpc";
import type { ResourceKind as ResourceCase, ResourceMessage } from "@penstock/snapshot";

/**
 * What the service does differently for one kind of resource; everything else is the same for
 * all. Rules and references are in packages/snapshot, where routers apply them too.
 */
export interface ResourceKind {
  /** Case of the oneof in `Resource`; also the name of the field in requests and answers. */
  readonly case: ResourceCase;
  readonly collection: Collection;
  readonly schema: DescMessage;
  /** Whether update and delete of one resource need an etag. */
  readonly etagRequired: boolean;
  /** Overwrites what only Penstock sets; without `stored` it is cleared. */
  keepOutputOnly(next: ResourceMessage, stored: ResourceMessage | undefined): void;
  /** A copy that administrators and the audit log may see. */
  withoutSecrets(message: ResourceMessage): ResourceMessage;
}

interface Definition<Desc extends DescMessage> {
  readonly case: ResourceCase;
  readonly collection: Collection;
  readonly schema: Desc;
  readonly etagRequired?: boolean;
  keepOutputOnly?(next: MessageShape<Desc>, stored: MessageShape<Desc> | undefined): void;
  removeSecrets?(copy: MessageShape<Desc>): void;
}

/** Describes a kind; what is not said has nothing of the sort. */
export function defineKind<Desc extends DescMessage>(definition: Definition<Desc>): ResourceKind {
  const { schema, keepOutputOnly, removeSecrets } = definition;
  // Kinds are looked up by the case of the message, so the message is of the kind's own type.
  const own = (message: ResourceMessage) => message as unknown as MessageShape<Desc>;
  return {
    case: definition.case,
    collection: definition.collection,
    schema,
    etagRequired: definition.etagRequired ?? false,
    keepOutputOnly: (next, stored) =>
      keepOutputOnly?.(own(next), stored === undefined ? undefined : own(stored)),
    withoutSecrets: (message) => {
      if (removeSecrets === undefined) return message;
      const copy = clone(schema, own(message));
      removeSecrets(copy);
      return copy as unknown as ResourceMessage;
    },
  };
}

/** Puts a message of the kind into the envelope of all kinds. */
export function asResource(kind: ResourceKind, message: ResourceMessage): Resource {
  const resource = { case: kind.case, value: message } as Resource["resource"];
  return create(ResourceSchema, { resource });
}
