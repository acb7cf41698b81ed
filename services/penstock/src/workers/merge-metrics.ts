/** Metrics of one worker in the text format of Prometheus. */
export interface WorkerMetrics {
  readonly worker: number;
  readonly text: string;
}

interface Family {
  readonly head: string[];
  readonly samples: string[];
}

/**
 * One text of those of all workers: every series with a label `worker`, so that each counter belongs
 * to one process and a restart resets it alone; sums are for who asks (`sum without (worker)`).
 * `own` are the primary's, as they are.
 */
export function mergeMetrics(own: string, texts: readonly WorkerMetrics[]): string {
  const families = new Map<string, Family>();
  read(own, "", families);
  for (const { worker, text } of texts) read(text, `worker="${worker}"`, families);
  const lines = [...families.values()].flatMap(({ head, samples }) => [...head, ...samples]);
  return `${lines.join("\n")}\n`;
}

function read(text: string, label: string, families: Map<string, Family>): void {
  let family: Family = { head: [], samples: [] };
  for (const line of text.split("\n")) {
    if (line === "") continue;
    if (line.startsWith("# HELP ")) family = open(line, families);
    else if (!line.startsWith("#")) family.samples.push(labelled(line, label));
    else if (family.head.length === 1) family.head.push(line);
  }
}

/** HELP and TYPE stand once, before all samples of the family. */
function open(line: string, families: Map<string, Family>): Family {
  const name = line.split(" ", 3)[2] ?? "";
  const known = families.get(name);
  if (known !== undefined) return known;
  const family: Family = { head: [line], samples: [] };
  families.set(name, family);
  return family;
}

function labelled(line: string, label: string): string {
  if (label === "") return line;
  const brace = line.indexOf("{");
  const space = line.indexOf(" ");
  // A name has neither; what comes first tells whether there are labels.
  if (brace === -1 || space < brace) return `${line.slice(0, space)}{${label}}${line.slice(space)}`;
  return `${line.slice(0, brace + 1)}${label},${line.slice(brace + 1)}`;
}
