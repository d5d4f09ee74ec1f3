// Requests to Tidegate's adapter: the envelope, errors, timeouts, and repeated attempts. Every request that is repeated
// carries an idempotency key, so that it acts once however often it is sent.

/** Seconds. A server that wants a longer pause than this gets none: the call fails, with `retryAfter`. */
export const LONGEST_PAUSE = 30;
const AGAIN = new Set([429, 502, 503, 504]);
const FIRST_PAUSE = 0.25;
const LARGEST_PAUSE = 4;

/**
 * What went wrong. `status` is that of the answer, or null if none came; `code` is the server's (`unauthenticated`,
 * `not-found`, `conflict`, `request-invalid`, `overloaded`, `unavailable`, …), or `unreachable`, `timeout`, `answer-invalid`.
 */
export class StackShiftError extends Error {
  constructor(message, { status = null, code, details = [], retryAfter = null, requestId = null, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "StackShiftError";
    this.status = status;
    this.code = code;
    this.details = details;
    this.retryAfter = retryAfter;
    this.requestId = requestId;
  }
}

export class Http {
  #url;
  #headers;
  #timeoutMs;
  #retries;

  constructor(url, apiKey, timeoutMs, retries) {
    this.#url = url;
    this.#headers = { accept: "application/json", "content-type": "application/json" };
    if (apiKey !== undefined) this.#headers.authorization = `Bearer ${apiKey}`;
    this.#timeoutMs = timeoutMs;
    this.#retries = retries;
  }

  /** POST a JSON text, again while the server is away or busy; gives the `data` and the status of the answer. */
  async post(path, body) {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once(path, body);
      } catch (error) {
        const pause = error instanceof StackShiftError && attempt < this.#retries ? pauseAfter(error, attempt) : null;
        if (pause === null) throw error;
        await new Promise((resolve) => setTimeout(resolve, pause * 1000));
      }
    }
  }

  async #once(path, body) {
    let response, text;
    try {
      response = await fetch(`${this.#url}/api/v1${path}`, {
        method: "POST",
        headers: this.#headers,
        body,
        redirect: "manual", // the key goes to this server alone
        signal: AbortSignal.timeout(this.#timeoutMs),
      });
      text = await response.text();
    } catch (cause) {
      throw unanswered(cause, this.#url, this.#timeoutMs);
    }
    const answer = parsed(text);
    if (!response.ok) throw refused(response, answer);
    if (answer === null) throw invalidAnswer(response);
    return { status: response.status, data: answer.data ?? answer };
  }
}

/** Seconds until the next attempt, or null if there is to be none. */
function pauseAfter(error, attempt) {
  if (error.status !== null ? !AGAIN.has(error.status) : error.code === "answer-invalid") return null;
  const backoff = Math.min(FIRST_PAUSE * 2 ** attempt, LARGEST_PAUSE) * (0.5 + Math.random() / 2);
  if (error.retryAfter === null) return backoff;
  return error.retryAfter > LONGEST_PAUSE ? null : Math.max(error.retryAfter, backoff);
}

function parsed(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function refused(response, answer) {
  const retryAfter = /^\d{1,9}$/.test(response.headers.get("retry-after") ?? "") ? response.headers.get("retry-after") : null;
  return new StackShiftError(answer?.message || `the server answered ${response.status}`, {
    status: response.status,
    code: answer?.error?.code ?? `http-${response.status}`,
    details: answer?.error?.details ?? [],
    retryAfter: retryAfter === null ? null : Number(retryAfter),
    requestId: response.headers.get("x-request-id"),
  });
}

function invalidAnswer(response) {
  const message = `the answer (${response.status}) is no JSON object: is the base URL that of a Tidegate adapter?`;
  return new StackShiftError(message, { status: response.status, code: "answer-invalid" });
}

function unanswered(cause, url, timeoutMs) {
  if (cause?.name === "TimeoutError") {
    return new StackShiftError(`${url} did not answer within ${timeoutMs} ms`, { code: "timeout", cause });
  }
  const why = cause?.cause?.code ?? cause?.cause?.message ?? cause?.message;
  return new StackShiftError(`${url} cannot be reached: ${why}`, { code: "unreachable", cause });
}
