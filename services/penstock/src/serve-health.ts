import type { HttpRequest, HttpResponse } from "@penstock/rpc";

/** Answers `/livez`, and `/readyz` once `isReady`; without a credential and without details. */
export function serveHealth(isReady: () => boolean) {
  return (request: HttpRequest, response: HttpResponse): boolean => {
    const path = request.url?.split("?", 1)[0];
    if (path !== "/livez" && path !== "/readyz") return false;
    const isFine = path === "/livez" || isReady();
    response.statusCode = isFine ? 200 : 503;
    response.setHeader("content-type", "text/plain; charset=utf-8");
    response.end(isFine ? "ok\n" : "not ready\n");
    return true;
  };
}
