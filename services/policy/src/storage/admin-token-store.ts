import type { PolicyDatabase } from "./open-storage.ts";
import type { AdminTokenRow } from "./schema.ts";

/** A token as it is stored. */
export type StoredAdminToken = Pick<AdminTokenRow, "name" | "sha256" | "role">;

/** All tokens; they are few. */
export async function listAdminTokens(db: PolicyDatabase): Promise<StoredAdminToken[]> {
  return await db.selectFrom("admin_token").select(["name", "sha256", "role"]).execute();
}

/** Writes the token of this name; the one it had before is void. */
export async function writeAdminToken(
  db: PolicyDatabase,
  token: StoredAdminToken,
  createMs: number,
): Promise<void> {
  const { name, sha256, role } = token;
  const values = { sha256, role, create_time: new Date(createMs) };
  await db
    .insertInto("admin_token")
    .values({ name, ...values })
    .onConflict((conflict) => conflict.column("name").doUpdateSet(values))
    .execute();
}

/** Makes the token of this name void. */
export async function deleteAdminToken(db: PolicyDatabase, name: string): Promise<void> {
  await db.deleteFrom("admin_token").where("name", "=", name).execute();
}
