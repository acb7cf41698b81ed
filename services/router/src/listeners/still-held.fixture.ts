import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** How many of them something still refers to. Ask again: a turn keeps what it has looked at. */
export function stillHeld(objects: readonly WeakRef<object>[]): number {
  // There is no collector to be called without the flag.
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  return objects.filter((object) => object.deref() !== undefined).length;
}
