// A log file gets a line every few seconds at most; a terminal shows one line that changes.
const betweenLinesMs = 3_000;

/** Says on stderr what is going on, relaying pnpm's progress line and nothing else of its output. */
export function startProgress(title) {
  const startedMs = Date.now();
  const inPlace = Boolean(process.stderr.isTTY);
  let lastMs = startedMs;
  process.stderr.write(`penstock: ${title} …\n`);
  const elapsed = () => `${((Date.now() - startedMs) / 1000).toFixed(1)} s`;
  const clear = () => {
    if (inPlace) process.stderr.write("\r\u001b[2K");
  };
  return {
    line(text) {
      if (!text.startsWith("Progress:")) return;
      if (!inPlace && Date.now() - lastMs < betweenLinesMs) return;
      lastMs = Date.now();
      clear();
      process.stderr.write(`penstock: ${text.slice("Progress: ".length)}${inPlace ? "" : "\n"}`);
    },
    done() {
      clear();
      process.stderr.write(`penstock: installed in ${elapsed()}\n`);
    },
    failed() {
      clear();
      process.stderr.write(`penstock: gave up after ${elapsed()}\n`);
    },
  };
}
