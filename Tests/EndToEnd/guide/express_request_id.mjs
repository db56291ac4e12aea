// Takes the ID from each request, and writes it on each line of the log.
import { AsyncLocalStorage } from "node:async_hooks";

const requestID = new AsyncLocalStorage();

/** The first middleware: app.use(withRequestID) */
export function withRequestID(request, response, next) {
  requestID.run(request.headers["x-request-id"] ?? "none", next);
}

/** One line: LEVEL date time module [req-ID] message */
export function log(level, module, message) {
  const time = new Date().toISOString().replace("T", " ");
  console.log(`${level} ${time} ${module} [req-${requestID.getStore() ?? "none"}] ${message}`);
}
