/** The error that a vendor sends inside an answer whose head said 200. */
export const overloadedText = JSON.stringify({
  error: { message: "simulated", type: "server_error", code: "server_is_overloaded" },
});
