import { GatewayError } from "@penstock/errors";
import type { Logger } from "@penstock/observability";
import type { Authenticate, HttpRequest, HttpResponse } from "@penstock/rpc";
import { identifyRequest } from "@penstock/rpc";
import type { HealthReport } from "@penstock/runtime";
import { readinessText } from "@penstock/runtime";

/** What the paths tell. */
export interface HealthSources {
  report(): HealthReport;
  /** In the text format of Prometheus. */
  readonly metrics: { render(): string | Promise<string> };
  readonly authenticate: Authenticate;
  readonly logger: Logger;
}

/**
 * Answers `/livez` and `/readyz`, without a credential and with a line for each part that is not
 * ready or has something to say, and `/metrics` for an admin or service token.
 */
export function serveHealth(sources: HealthSources) {
  return (request: HttpRequest, response: HttpResponse): boolean => {
    const path = request.url?.split("?", 1)[0];
    switch (path) {
      case "/livez":
        answer(response, 200, "ok\n");
        return true;
      case "/readyz":
        answerReady(response, sources.report());
        return true;
      case "/metrics":
        void answerMetrics(request, response, sources);
        return true;
      default:
        return false;
    }
  };
}

function answerReady(response: HttpResponse, report: HealthReport): void {
  answer(response, report.ready ? 200 : 503, readinessText(report));
}

async function answerMetrics(
  request: HttpRequest,
  response: HttpResponse,
  { authenticate, metrics, logger }: HealthSources,
): Promise<void> {
  try {
    await identifyRequest(request, authenticate);
    answer(response, 200, await metrics.render());
  } catch (error) {
    if (error instanceof GatewayError && error.reason === "ADMIN_UNAUTHENTICATED") {
      answer(response, 401, `${error.message}\n`);
      return;
    }
    logger.warn("metrics could not be served", { error });
    answer(response, 503, "metrics can't be served now\n");
  }
}

function answer(response: HttpResponse, status: number, text: string): void {
  response.statusCode = status;
  response.setHeader("content-type", "text/plain; charset=utf-8");
  response.end(text);
}
