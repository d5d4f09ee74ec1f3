// @ts-self-types="./index.d.ts"
// The documented module of StackShift's jobs, as an HTTP client of Tidegate: for programs in Node and Deno that start runs
// and send events. It is Tidegate's, not the vendor's; whether it behaves as the vendor's module does is unverified.

import { attempts, duration, invalid, json, key, known, moment, named } from "./checks.js";
import { Http, LONGEST_PAUSE, StackShiftError } from "./http.js";

export { StackShiftError };

const HERE = "http://127.0.0.1:8080";
const QUEUED = ["idempotencyKey", "idempotencyTtl", "maxAttempts", "scheduledAt"];
const STARTED = ["queueName", ...QUEUED];

/** A client; what it is given is checked at once, and nothing is sent before the first call. */
export class StackShift {
  #http;
  #jobs = new Map();
  #generated;

  constructor(options) {
    const given = known(options, ["apiKey", "baseUrl", "timeoutMs", "retries"], "StackShift");
    const timeoutMs = whole(given.timeoutMs ?? 30_000, 1, 300_000, "timeoutMs");
    const retries = whole(given.retries ?? 5, 0, 10, "retries");
    const url = baseUrl(given.baseUrl || fromEnvironment("STACKSHIFT_BASE_URL") || HERE);
    this.#http = new Http(url, apiKey(given.apiKey || fromEnvironment("STACKSHIFT_API_KEY")), timeoutMs, retries);
    // A key of ours has to count until the last attempt has arrived, and no longer: the server keeps a bounded number.
    const longest = ((retries + 1) * timeoutMs) / 1000 + retries * LONGEST_PAUSE;
    this.#generated = retries === 0 ? null : `${Math.ceil(longest) + 60}s`;
    this.events = Object.freeze({ send: (event, payload, more) => this.#send(event, payload, more) });
    Object.freeze(this);
  }

  /** Checks and remembers a handler. It is not run here: Tidegate runs the source that was registered with it. */
  job(name, handler) {
    named(name, "a job's name");
    if (typeof handler !== "function") throw new TypeError(`job ${JSON.stringify(name)}: the handler is not a function`);
    if (this.#jobs.has(name)) throw new TypeError(`job ${JSON.stringify(name)} is registered twice`);
    this.#jobs.set(name, handler);
    return Object.freeze({ name });
  }

  /** Start a run of a job, which is named by its name or by what `job` gave. */
  async start(job, payload, options) {
    return await this.#start(job, payload, known(options, STARTED, "start"));
  }

  /** A queue, which is a label of the runs that are put into it. */
  queue(name) {
    named(name, "a queue's name");
    const enqueue = async (job, payload, options) =>
      await this.#start(job, payload, { ...known(options, QUEUED, "start"), queueName: name });
    return Object.freeze({ name, enqueue });
  }

  async #start(job, payload, given) {
    const name = segment(named(typeof job === "string" ? job : job?.name, "a job's name"));
    const asked = {
      idempotency_key: key(given.idempotencyKey, "idempotencyKey"),
      idempotency_ttl: duration(given.idempotencyTtl, "idempotencyTtl"),
      max_attempts: attempts(given.maxAttempts),
      scheduled_at: moment(given.scheduledAt, "scheduledAt"),
      queue_name: given.queueName ?? undefined,
    };
    const { status, data } = await this.#http.post(`/jobs/${name}/runs`, this.#body(asked, payload, "the payload"));
    return { ...data, created: status === 201 };
  }

  async #send(event, payload, options) {
    const given = known(options, ["correlationKey", "idempotencyKey"], "events.send");
    const asked = {
      name: named(event, "an event's name"),
      correlation_key: key(given.correlationKey, "correlationKey"),
      idempotency_key: key(given.idempotencyKey, "idempotencyKey"),
    };
    const { data } = await this.#http.post("/events", this.#body(asked, payload, "the event's payload"));
    return { eventId: data.event_id, duplicate: data.duplicate };
  }

  /** The request as JSON text: with a key of ours if the caller has none, so that a repeated request acts once. */
  #body(asked, payload, what) {
    if (asked.idempotency_key === undefined && this.#generated !== null) {
      asked.idempotency_key = `client:${crypto.randomUUID()}`;
      asked.idempotency_ttl = this.#generated;
    }
    const rest = JSON.stringify(asked);
    return payload === undefined ? rest : `{"payload":${json(payload, what)}${rest === "{}" ? "" : ","}${rest.slice(1)}`;
  }
}
export default StackShift;

/** A job's name as a part of a path. */
function segment(name) {
  try {
    if (name !== "." && name !== "..") return encodeURIComponent(name);
  } catch {
    // half of a surrogate pair
  }
  throw invalid(`a job cannot be named ${JSON.stringify(name)}`);
}

function whole(value, least, most, what) {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw invalid(`${what} must be a whole number from ${least} to ${most}`);
}

function apiKey(value) {
  // What no header can hold; the key itself is not shown.
  if (value !== undefined && !(typeof value === "string" && /^[\x21-\x7e]+$/.test(value))) {
    throw invalid("apiKey must be text without blanks");
  }
  return value;
}

function baseUrl(value) {
  const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : null;
  const plain = url !== null && !url.username && !url.password && !url.search && !url.hash;
  if (!plain || !["http:", "https:"].includes(url.protocol)) {
    throw invalid("baseUrl must be an http or https address, such as https://tidegate.example.com");
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

function fromEnvironment(name) {
  try {
    return globalThis.process?.env?.[name] || undefined;
  } catch {
    return undefined; // Deno without the permission to read it
  }
}
