// modules: @stackshift-cloud/jobs
// What the code of a StackShift job finds as the vendor's module: the documented surface, written from its
// documentation. It is Tidegate's, not the vendor's; whether it behaves as the vendor's module does is unverified.
//
// A handler runs from its top in every call. Steps and waits that have ended give their saved results at once; the first
// new step is executed, and its result ends the call. Others that were begun beside it stay pending until their turn.

const DURATION = /^([0-9]{1,12})([smhdw])$/;
const SECONDS = { __proto__: null, s: 1, m: 60, h: 3600, d: 86400, w: 604800 };
const LONGEST = 36500 * 86400;
const STATUS = { __proto__: null, pending: "queued", succeeded: "completed" };
const ON_TIMEOUT = { __proto__: null, fail: true, continue: true, cancel: true };
const DAY = 86400;
/** Characters of a failure that are kept. */
const KEPT_LIMIT = 16000;

const { freeze, assign, defineProperty } = Object;
const { isArray } = Array;
const NativePromise = Promise, NativeTypeError = TypeError, NativeError = Error, NativeDate = Date;
const exec = Function.prototype.call.bind(RegExp.prototype.exec);
const iso = Function.prototype.call.bind(Date.prototype.toISOString);
const timeOf = Function.prototype.call.bind(Date.prototype.getTime);
const has = Function.prototype.call.bind(Object.prototype.hasOwnProperty);
const stringify = JSON.stringify, wholeNumber = Number.isInteger, finite = Number.isFinite, number = Number;

let host = null;
const jobs = { __proto__: null };
const names = [];

/** The client as the documentation shows it; the key is not looked at, since the run is known already. */
export class StackShift {
  constructor(_options) {
    this.events = events;
    freeze(this);
  }
  job(name, handler) {
    named(name, "a job's name");
    if (typeof handler !== "function") throw new NativeTypeError(`job ${stringify(name)}: the handler is not a function`);
    if (jobs[name] !== undefined) throw new NativeTypeError(`job ${stringify(name)} is registered twice`);
    jobs[name] = handler;
    names[names.length] = name;
    return freeze({ name });
  }
  start(job, payload, options) {
    return start(job, payload, options, ["queueName", "idempotencyKey", "idempotencyTtl", "maxAttempts", "scheduledAt"], undefined);
  }
  queue(name) {
    named(name, "a queue's name");
    const enqueue = (job, payload, options) =>
      start(job, payload, options, ["idempotencyKey", "idempotencyTtl", "maxAttempts", "scheduledAt"], name);
    return freeze({ name, enqueue });
  }
}
export default StackShift;

/** Called once, by the boot code, before the job's own code is loaded; gives what is to be done after it was. */
export function install(given) {
  if (host !== null) throw new NativeError("the module is installed");
  host = given;
  host.env.STACKSHIFT_API_KEY = "not-needed-here";
  freeze(StackShift.prototype);
  freeze(StackShift);
  host.define("StackShift", StackShift);
  host.define("stackshift", new StackShift({}));
  // A moment later, so that a rejection that nobody handles is told first.
  return host.call.inspect ? () => host.later(inspected, 0) : run;
}

function inspected() {
  const error = "nothing can be started, sent or fetched while the source is registered: do it in a handler";
  if (host.busy()) host.end({ kind: "threw", error });
  else host.end({ kind: "return", value: stringify(names) });
}

// --- events, other runs, and state: done by the worker ---

const events = freeze({
  async send(event, payload, options) {
    named(event, "an event's name");
    const given = known(options, ["correlationKey", "idempotencyKey"], "events.send");
    const sent = {
      __proto__: null,
      event,
      key: key(given.correlationKey, "correlationKey"),
      idempotencyKey: key(given.idempotencyKey, "idempotencyKey"),
      hasPayload: payload !== undefined,
    };
    const answer = await ask("send", sent, "payload", host.json(payload, "the event's payload"));
    return { eventId: answer.event_id, duplicate: answer.duplicate };
  },
});

async function start(job, payload, options, allowed, queue) {
  const name = typeof job === "string" ? job : job?.name;
  named(name, "a job's name");
  const given = known(options, allowed, "start");
  const attempts = given.maxAttempts;
  if (attempts !== undefined && !(wholeNumber(attempts) && attempts >= 1 && attempts <= 100)) {
    throw new NativeTypeError("maxAttempts must be a whole number from 1 to 100");
  }
  const asked = {
    __proto__: null,
    name,
    idempotencyKey: key(given.idempotencyKey, "idempotencyKey"),
    ttl: given.idempotencyTtl === undefined ? DAY : seconds(given.idempotencyTtl, "idempotencyTtl"),
    maxAttempts: attempts ?? null,
    startAt: given.scheduledAt === undefined ? null : moment(given.scheduledAt, "scheduledAt"),
    queue: queue ?? given.queueName ?? null,
  };
  const run = await ask("start", asked, "input", host.json(payload, "the payload"));
  return { ...run, status: STATUS[run.status] ?? run.status };
}

const state = freeze({
  get: async (name) => await ask("store", { __proto__: null, operation: "get", key: stateKey(name) }, "value", "null"),
  async set(name, value, options) {
    const given = known(options, ["expiresAt"], "state.set");
    const expires = given.expiresAt === undefined ? null : moment(given.expiresAt, "expiresAt");
    const asked = { __proto__: null, operation: "set", key: stateKey(name), expiresAt: expires };
    await ask("store", asked, "value", host.json(value, `the state value ${stringify(name)}`));
  },
  async delete(name) {
    await ask("store", { __proto__: null, operation: "delete", key: stateKey(name) }, "value", "null");
  },
  async increment(name, by = 1) {
    if (typeof by !== "number" || !finite(by)) throw new NativeTypeError("state.increment: the amount must be a number");
    return await ask("store", { __proto__: null, operation: "increment", key: stateKey(name) }, "value", `${by}`);
  },
});

function ask(what, args, valueName, valueJson) {
  const rest = stringify(args);
  return host.ask(what, `{${stringify(valueName)}:${valueJson},${rest.slice(1)}`);
}

// --- the handler: steps and waits ---

let executing = null; // the id of the new step that runs in this call
let passedOver = false; // whether another step was begun beside it, whose turn comes in a later call
let finishing = false; // whether this call has come to its end
let caught = null; // a step that failed in this call, while the handler may still handle it
let awaited = null; // the first new wait of this call
const counts = { __proto__: null };
const used = { __proto__: null };
const never = new NativePromise(() => {});

/** The id of this occurrence of a step or wait: its name, and from the second on its number. */
function occurrence(name) {
  let id = name;
  do {
    const count = (counts[name] ?? 0) + 1;
    counts[name] = count;
    id = count === 1 ? name : `${name}#${count}`;
  } while (used[id]);
  used[id] = true;
  return id;
}

const step = freeze({
  async run(name, fn) {
    named(name, "a step's name");
    if (typeof fn !== "function") throw new NativeTypeError(`step ${stringify(name)}: expected a function`);
    outermost(`step ${stringify(name)}`);
    const id = occurrence(name);
    if (has(host.call.done, id)) return host.call.done[id];
    if (has(host.call.failed, id)) throw revived(host.call.failed[id]);
    if (executing !== null || finishing) {
      passedOver = true;
      return never;
    }
    if (caught !== null) return goOn();
    return await execute(id, fn);
  },

  async waitForEvent(event, options) {
    named(event, "an event's name");
    outermost(`the wait for ${stringify(event)}`);
    const given = known(options, ["correlationKey", "timeout", "onTimeout"], "waitForEvent");
    const onTimeout = given.onTimeout ?? "fail";
    if (typeof onTimeout !== "string" || !ON_TIMEOUT[onTimeout]) {
      throw host.invalid(`waitForEvent: onTimeout must be 'fail', 'continue' or 'cancel'`);
    }
    const wait = {
      __proto__: null,
      event,
      key: key(given.correlationKey, "correlationKey"),
      timeout: given.timeout === undefined || given.timeout === null ? null : seconds(given.timeout, "timeout"),
      onTimeout,
    };
    const id = occurrence(`event ${stringify([event, wait.key])}`);
    if (has(host.call.done, id)) return host.call.done[id];
    if (caught !== null) return goOn();
    if (awaited === null) {
      awaited = { id, wait: stringify(wait) };
      host.later(park, 0);
    }
    return never;
  },
});

/** What is inside a step cannot be remembered by itself, and the step would wait for it in vain. */
function outermost(what) {
  const id = host.inside();
  if (id !== undefined) throw host.invalid(`${what} is begun inside step ${stringify(id)}: a step has no steps and waits`);
}

async function execute(id, fn) {
  executing = id;
  let value;
  try {
    value = host.json(await host.within(id, async () => await fn()), `the result of step ${stringify(id)}`);
  } catch (error) {
    executing = null;
    caught = { id, thrown: error, error: host.told(error), value: kept(error) };
    // The handler may wait for what it has begun beside this, or has left this alone: then no end comes by itself.
    if (passedOver || awaited !== null || handlerEnded) host.later(settle, 0);
    throw error;
  }
  finish({ kind: "step", id, value });
  return never;
}

/** The handler has caught a step's failure and goes on: what it caught is kept, for the handler's next runs. */
function goOn() {
  finish({ kind: "step", id: caught.id, error: caught.error, value: caught.value });
  return never;
}

/** What is kept of a failure, as JSON text, so that the handler catches the like of it in its next calls. */
function kept(error) {
  try {
    if (!(error instanceof NativeError)) return bounded(`{"thrown":${host.json(error, "it")}}`);
    const named = `{"name":${stringify(`${error.name}`)},"message":${stringify(`${error.message}`)}`;
    try {
      return bounded(`${named},"own":${host.json({ ...error }, "it")}}`);
    } catch {
      return bounded(`${named}}`);
    }
  } catch {
    return "null"; // then its text is kept
  }
}

function bounded(json) {
  if (json.length > KEPT_LIMIT) throw new NativeError("too large");
  return json;
}

function revived(saved) {
  if (typeof saved === "string") return new NativeError(saved);
  if (has(saved, "thrown")) return saved.thrown;
  const error = new NativeError(saved.message);
  defineProperty(error, "name", { value: saved.name, writable: true, configurable: true, enumerable: false });
  return assign(error, saved.own);
}

function settle() {
  if (host.busy()) host.later(settle, 5);
  else goOn();
}

/** Report the wait, unless something else is going on that comes first. */
function park() {
  if (executing !== null || caught !== null || finishing) return;
  if (host.busy()) host.later(park, 5);
  else host.end({ kind: "wait", id: awaited.id, wait: awaited.wait });
}

let handlerEnded = false; // while a step of its was still running

async function run() {
  const handler = jobs[host.call.handler];
  if (handler === undefined) {
    const registered = names.length ? names.join(", ") : "none";
    const error = `the source registers no job ${stringify(host.call.handler)}; registered are: ${registered}`;
    return host.end({ kind: "threw", error, code: "code-invalid" });
  }
  let outcome;
  try {
    const returned = await handler(freeze({ payload: host.call.payload, step, state }));
    const value = host.json(returned, "what the handler returned");
    outcome = { kind: "return", value };
  } catch (error) {
    // What is thrown instead of a step's failure is not the step's.
    const id = caught !== null && caught.thrown === error ? caught.id : null;
    outcome = { kind: "threw", id, error: host.told(error), code: host.codeOf(error) };
  }
  // A step that was begun is brought to its end, and kept, before the handler's own end counts.
  if (executing !== null) handlerEnded = true;
  // A failure that was caught is kept before; one that nobody handles is told first.
  else if (caught !== null && outcome.id !== caught.id) host.later(settle, 0);
  else finish(outcome);
}

/** End the call, once what was asked for is done: an event that is sent without `await`, say. Requests to other systems
 * are not waited for, since nothing may ever come of them. */
function finish(result) {
  finishing = true;
  if (host.acting()) host.later(finish, 5, result);
  else host.end(result);
}

// --- checks of arguments ---

function named(value, what) {
  if (typeof value !== "string" || value.length < 1 || value.length > 200) {
    throw host.invalid(`${what} must be text of 1 to 200 characters`);
  }
}

function known(options, allowed, what) {
  if (options === undefined || options === null) return { __proto__: null };
  if (typeof options !== "object" || isArray(options)) throw host.invalid(`${what}: the options must be an object`);
  const given = { __proto__: null, ...options };
  for (const name in given) {
    let found = false;
    for (let i = 0; i < allowed.length; i++) found ||= allowed[i] === name;
    if (!found) throw host.invalid(`${what}: there is no option ${stringify(name)}`);
  }
  return given;
}

function key(value, what, longest = 1000) {
  if (value === undefined || value === null) return null;
  if (typeof value !== "string" || value.length < 1 || value.length > longest) {
    throw host.invalid(`${what} must be text of 1 to ${longest} characters, not ${typeof value === "string" ? "this" : typeof value}`);
  }
  return value;
}

function stateKey(value) {
  const found = key(value, "a state key", 256);
  if (found === null) throw host.invalid("a state key is missing");
  return found;
}

function seconds(value, what) {
  const found = typeof value === "string" ? exec(DURATION, value) : null;
  const total = found === null ? -1 : number(found[1]) * SECONDS[found[2]];
  if (total < 0) throw host.invalid(`${what} must be a whole number and one of s, m, h, d, w, such as '24h'`);
  if (total > LONGEST) throw host.invalid(`${what} may be at most 100 years`);
  return total;
}

function moment(value, what) {
  const date = value instanceof NativeDate ? value : typeof value === "string" ? new NativeDate(value) : null;
  if (date === null || !finite(timeOf(date))) throw host.invalid(`${what} must be a Date or an ISO 8601 date and time`);
  return iso(date);
}
