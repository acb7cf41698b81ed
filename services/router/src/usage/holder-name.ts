/** Name of a worker as holder of leases. */
export function holderName(replica: string, worker: string): string {
  return `${replica}/${worker}`;
}
