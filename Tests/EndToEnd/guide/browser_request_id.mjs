// Sends an ID with each request, and has one to show when something went wrong.
export async function fetchWithID(url, options = {}) {
  const headers = new Headers(options.headers);
  // randomUUID is there on HTTPS and on localhost only. Without it, Waybill makes the ID.
  const sent = globalThis.crypto?.randomUUID?.();
  if (sent) headers.set("X-Request-ID", sent);
  try {
    const response = await fetch(url, { ...options, headers });
    return { response, requestID: response.headers.get("X-Request-ID") };
  } catch (error) {
    // No response: the ID that was sent is all there is.
    error.requestID = sent;
    throw error;
  }
}
