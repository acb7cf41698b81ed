import { GatewayError } from "@penstock/errors";
import type { Observability } from "@penstock/observability";
import { identifyRequest, startConnectServer } from "@penstock/rpc";
import type {
  Authenticate,
  ConnectRouter,
  ConnectServer,
  HttpRequest,
  HttpResponse,
  TlsServerFiles,
} from "@penstock/rpc";
import type { HealthRegistry, HealthReport } from "@penstock/runtime";
import { readinessText } from "@penstock/runtime";

/** What the admin port needs. */
export interface AdminListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly routes: (router: ConnectRouter) => void;
  readonly authenticate: Authenticate;
  readonly observability: Observability;
  readonly health: HealthRegistry;
  /** Absent: cleartext. */
  readonly tls?: TlsServerFiles | undefined;
}

/**
 * Opens the admin port: `/livez` and `/readyz`, which says what is missing, answer everyone,
 * `/metrics` and RouterService want an admin or service token.
 */
export function startAdminListener(options: AdminListenerOptions): Promise<ConnectServer> {
  const { host, port, routes, authenticate, observability, health, tls } = options;
  return startConnectServer({
    tls,
    host,
    port,
    routes,
    authenticate,
    observability,
    httpHandler: (request, response) => {
      switch (request.url?.split("?", 1)[0]) {
        case "/livez":
          answer(response, 200, "ok\n");
          return true;
        case "/readyz":
          answerReady(response, health.report());
          return true;
        case "/metrics":
          void answerMetrics(request, response, options);
          return true;
        default:
          return false;
      }
    },
  });
}

function answerReady(response: HttpResponse, report: HealthReport): void {
  answer(response, report.ready ? 200 : 503, readinessText(report));
}

async function answerMetrics(
  request: HttpRequest,
  response: HttpResponse,
  options: AdminListenerOptions,
): Promise<void> {
  try {
    await identifyRequest(request, options.authenticate);
    answer(response, 200, options.observability.metrics.render());
  } catch (error) {
    if (error instanceof GatewayError && error.reason === "ADMIN_UNAUTHENTICATED") {
      answer(response, 401, `${error.message}\n`);
      return;
    }
    options.observability.logger.error("metrics could not be rendered", { error });
    answer(response, 500, "metrics could not be rendered\n");
  }
}

function answer(response: HttpResponse, status: number, text: string): void {
  response.statusCode = status;
  response.setHeader("content-type", "text/plain; charset=utf-8");
  response.end(text);
}
