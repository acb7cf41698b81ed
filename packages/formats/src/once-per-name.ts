/** Names are those of models in a configuration, of which there are few. */
const maxNames = 1_024;

/** Does work that depends on a name alone once for each name, not for each request. */
export function oncePerName<Result>(work: (name: string) => Result): (name: string) => Result {
  const done = new Map<string, Result>();
  return (name) => {
    const known = done.get(name);
    if (known !== undefined || done.has(name)) return known as Result;
    const result = work(name);
    if (done.size >= maxNames) done.clear();
    done.set(name, result);
    return result;
  };
}
