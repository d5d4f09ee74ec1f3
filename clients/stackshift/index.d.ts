/** Tidegate's stand-in for the documented module of StackShift's jobs. Not the vendor's; see README.md. */

export interface StackShiftOptions {
  /** Else `STACKSHIFT_API_KEY` of the environment; a Tidegate without API keys needs none. */
  apiKey?: string | undefined;
  /** Else `STACKSHIFT_BASE_URL` of the environment, else `http://127.0.0.1:8080`. */
  baseUrl?: string | undefined;
  /** Milliseconds until one attempt is given up: 1 to 300,000; 30,000 by default. */
  timeoutMs?: number | undefined;
  /** How often a request is sent again when the server is away or busy: 0 to 10; 5 by default. */
  retries?: number | undefined;
}

export interface EnqueueOptions {
  /** The same key and payload find the run there is; with another payload the call fails (`conflict`). */
  idempotencyKey?: string | null | undefined;
  /** How long the key counts, such as `'30d'`; 24 hours by default. */
  idempotencyTtl?: string | undefined;
  /** 1 to 100. */
  maxAttempts?: number | undefined;
  /** Not before this: ISO 8601 (UTC if it has no offset), or a Date. */
  scheduledAt?: string | Date | undefined;
}

export interface StartOptions extends EnqueueOptions {
  queueName?: string | undefined;
}

export interface SendOptions {
  correlationKey?: string | null | undefined;
  idempotencyKey?: string | null | undefined;
}

/** A run as it is when the call returns. */
export interface Run {
  id: string;
  job: string;
  /** Null if the run of this idempotency key is too long ago to be shown. */
  status: "queued" | "scheduled" | "running" | "waiting" | "completed" | "failed" | "cancelled" | null;
  /** This call has made it; false if its idempotency key stood for it already. */
  created: boolean;
  version?: number;
  queue_name?: string | null;
  created_at?: string;
  scheduled_at?: string | null;
  started_at?: string | null;
  finished_at?: string | null;
  dead_lettered?: boolean;
}

export interface SentEvent {
  eventId: string;
  /** The same event was sent before, with the same idempotency key. */
  duplicate: boolean;
}

export interface ReceivedEvent<T> {
  event: string;
  correlationKey: string | null;
  /** Null after a timeout with `onTimeout: 'continue'`. */
  payload: T;
  timedOut: boolean;
}

export interface WaitOptions {
  correlationKey?: string | null | undefined;
  timeout?: string | null | undefined;
  onTimeout?: "fail" | "continue" | "cancel" | null | undefined;
}

export interface Step {
  run<T>(name: string, fn: () => T | Promise<T>): Promise<T>;
  // deno-lint-ignore no-explicit-any
  waitForEvent<T = any>(event: string, options?: WaitOptions | null): Promise<ReceivedEvent<T>>;
}

export interface State {
  // deno-lint-ignore no-explicit-any
  get<T = any>(key: string): Promise<T | null>;
  set(key: string, value: unknown, options?: { expiresAt?: Date | string | undefined } | null): Promise<void>;
  delete(key: string): Promise<void>;
  increment(key: string, by?: number): Promise<number>;
}

export interface JobContext<T> {
  payload: T;
  step: Step;
  state: State;
}

export interface JobHandle {
  readonly name: string;
}

export interface Queue {
  readonly name: string;
  enqueue(job: string | JobHandle, payload?: unknown, options?: EnqueueOptions | null): Promise<Run>;
}

export class StackShift {
  constructor(options?: StackShiftOptions | null);
  /** Outside of Tidegate's sandbox: checked and remembered, not run. */
  // deno-lint-ignore no-explicit-any
  job<T = any>(name: string, handler: (context: JobContext<T>) => unknown): JobHandle;
  start(job: string | JobHandle, payload?: unknown, options?: StartOptions | null): Promise<Run>;
  queue(name: string): Queue;
  readonly events: {
    send(event: string, payload?: unknown, options?: SendOptions | null): Promise<SentEvent>;
  };
}
export default StackShift;

/** A call that failed. What is given wrongly is a TypeError instead, before anything is sent. */
export class StackShiftError extends Error {
  /** The answer's HTTP status; null if there was none. */
  readonly status: number | null;
  /** The server's error code, or `unreachable`, `timeout`, `answer-invalid`, `http-<status>`. */
  readonly code: string;
  readonly details: ReadonlyArray<{ code: string; path: string; message: string }>;
  /** Seconds that the server asks to wait. */
  readonly retryAfter: number | null;
  /** To find the call in the server's log. */
  readonly requestId: string | null;
}
