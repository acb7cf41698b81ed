import type { MetricRegistry } from "@penstock/observability";
import type { WorkerQuestions } from "./ask-workers.ts";
import { mergeMetrics } from "./merge-metrics.ts";

/** Scrapers give up after 10 s; a worker whose thread is busy for so long is left out. */
const timeoutMs = 2_000;

/** Reads the metrics of all workers; scrapes that come at once share one reading. */
export function groupMetrics(
  own: MetricRegistry,
  questions: WorkerQuestions,
): () => Promise<string> {
  let reading: Promise<string> | undefined;
  const read = async (): Promise<string> => {
    const answers = await questions.askAll("metrics", timeoutMs);
    const texts = answers.map(({ worker, value }) => ({ worker, text: String(value) }));
    return mergeMetrics(own.render(), texts);
  };
  return () => {
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  };
}
