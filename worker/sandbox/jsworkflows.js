// modules:
// What a workflow class finds as the `api` of its steps, as `env`, and as the console: the vendor's documented surface,
// written from its documentation. It is Tidegate's, not the vendor's; whether it behaves as the vendor's does is
// unverified.
//
// Every call of the sandbox runs one method, of a new instance. What it plans the worker numbers and keeps, in the order
// of the calls; so a plan counts however the method ends.

const DURATION = /^([0-9]{1,10}) (sec|second|seconds|min|minute|minutes|hr|hour|hours|day|days|week|weeks)$/i;
const SECONDS = {
  __proto__: null,
  sec: 1, second: 1, seconds: 1,
  min: 60, minute: 60, minutes: 60,
  hr: 3600, hour: 3600, hours: 3600,
  day: 86400, days: 86400,
  week: 604800, weeks: 604800,
};
const DAY = 86400;
const GET = { __proto__: null, direct: true, confirm: true };
const HOOKS = { __proto__: null, onWorkflowComplete: true, onWorkflowError: true };
const PREFIXES = { __proto__: null, info: "\u2139\ufe0f ", warn: "\u26a0\ufe0f ", error: "\u274c " };
const REPORT = "tidegate:workflow";

const { freeze, defineProperty, getPrototypeOf, getOwnPropertyNames, getOwnPropertyDescriptor } = Object;
const { isArray } = Array;
const root = Object.prototype;
const NativePromise = Promise, NativeTypeError = TypeError, NativeError = Error, NativeResponse = Response;
const uncurried = (method) => Function.prototype.call.bind(method);
const exec = uncurried(RegExp.prototype.exec), lower = uncurried(String.prototype.toLowerCase);
const slice = uncurried(String.prototype.slice);
const stringify = JSON.stringify, finite = Number.isFinite, number = Number, text = String;

let host = null;
let declared = null; // a class that is declared, but not exported

/** Added to the code: it tells of a class that older code declares without exporting it. */
export const tail = `\n;globalThis["${REPORT}"]?.(typeof Workflow === "function" ? Workflow : null);`;

/** Called once, by the boot code, before the workflow's own code is loaded; gives what is to be done after it was. */
export function install(given) {
  if (host !== null) throw new NativeError("the api is installed");
  host = given;
  host.define("env", host.env);
  host.define(REPORT, (found) => void (declared ??= found));
  return host.call.inspect ? inspected : run;
}

/** A line of the log: what was logged, joined by blanks, behind the sign of its level. */
export function written(level, args) {
  let line = PREFIXES[level] ?? "";
  for (let i = 0; i < args.length; i++) line += (i ? " " : "") + serialised(args[i]);
  return line;
}

function serialised(value) {
  if (typeof value === "string") return value;
  if (value instanceof NativeError) return `${value.name}: ${value.message}`;
  try {
    return (typeof value === "object" ? stringify(value) : undefined) ?? host.inspect(value);
  } catch {
    return host.inspect(value); // it refers to itself, or holds what JSON has no words for
  }
}

// --- the class ---

/** A new instance of the workflow's class and the names of its methods. Throws for what is no such class. */
function instance(module) {
  delete globalThis[REPORT];
  const Workflow = typeof module.Workflow === "function" ? module.Workflow : declared;
  if (Workflow === null) throw invalid("the source must have an `export class Workflow`");
  const workflow = new Workflow();
  const names = [], known = { __proto__: null };
  for (let one = getPrototypeOf(workflow); one !== null && one !== root; one = getPrototypeOf(one)) collect(one, names, known);
  collect(workflow, names, known);
  if (!known.start) throw invalid("the class Workflow has no method `start`");
  return { __proto__: null, workflow, names, known };
}

function collect(object, names, known) {
  const all = getOwnPropertyNames(object);
  for (let i = 0; i < all.length; i++) {
    const name = all[i];
    if (name === "constructor" || known[name] || typeof getOwnPropertyDescriptor(object, name).value !== "function") continue;
    known[name] = true;
    names[names.length] = name;
  }
}

function inspected(module) {
  try {
    host.end({ kind: "return", value: stringify(instance(module).names) });
  } catch (error) {
    host.end({ kind: "threw", error: host.told(error), code: "code-invalid" });
  }
}

let methods = { __proto__: null };

async function run(module) {
  const { action, data, headers, hook, error } = host.call;
  let value = null, response = null;
  try {
    const { workflow, known: found } = instance(module);
    methods = found;
    if (!found[action]) throw invalid(`the class Workflow has no method ${stringify(action)}`);
    let returned;
    if (!hook) returned = await workflow[action](data, headers, api);
    else if (error === null) await workflow[action](api);
    else await workflow[action](new NativeError(error), api);
    if (returned instanceof NativeResponse) response = await host.replied(returned);
    else value = result(returned, action);
  } catch (error) {
    await settled();
    return host.end({ kind: "threw", error: host.told(error), code: codeOf(error) });
  }
  await settled();
  return host.end(response === null ? { kind: "return", value } : { kind: "return", response });
}

/** What a method returned, as JSON; only that of `start` goes anywhere, so another one may return anything. */
function result(returned, action) {
  try {
    return host.json(returned, `what ${action} returned`);
  } catch (error) {
    if (action === "start") throw error;
    return "null";
  }
}

// --- what the worker is asked ---

let asked = false, open = 0;

async function ask(name, args, valueName, valueJson) {
  asked = true;
  open += 1;
  try {
    const rest = stringify(args);
    return await host.ask(name, valueName === undefined ? rest : `{${stringify(valueName)}:${valueJson},${slice(rest, 1)}`);
  } finally {
    open -= 1;
  }
}

/** Wait for what was asked without waiting for it; a refusal that nobody handles is then told as an error. */
async function settled() {
  if (!asked) return;
  do await new NativePromise((resolve) => host.later(resolve, open > 0 ? 5 : 0));
  while (open > 0);
}

const api = {
  async waitForEvent(options) {
    outsideHooks("waitForEvent");
    const asks = optionsOf(options, ["action", "payload", "timeout", "redirect_url", "get"], "waitForEvent");
    const { payload, redirect_url: redirect = null, get = "direct" } = asks;
    if (typeof payload !== "object" || payload === null || isArray(payload)) {
      throw invalid("waitForEvent: the payload is required, and must be an object ({} if there is nothing to keep)");
    }
    if (typeof get !== "string" || !GET[get]) throw invalid("waitForEvent: get must be 'direct' or 'confirm'");
    if (redirect !== null && typeof redirect !== "string") throw invalid("waitForEvent: redirect_url must be text");
    const args = {
      __proto__: null,
      action: method(asks.action, "waitForEvent"),
      seconds: seconds(asks.timeout ?? DAY, "waitForEvent: timeout"),
      redirect: redirect || null,
      confirm: get === "confirm",
    };
    const { token, resumeUrl } = await ask("link", args, "payload", host.json(payload, "waitForEvent: the payload"));
    return { token, resumeUrl };
  },

  async scheduleNextStep(options) {
    outsideHooks("scheduleNextStep");
    const asks = optionsOf(options, ["action", "payload", "delay"], "scheduleNextStep");
    const { payload = {} } = asks;
    if (typeof payload !== "object" || payload === null || isArray(payload)) {
      throw invalid("scheduleNextStep: the payload must be an object");
    }
    const args = {
      __proto__: null,
      action: method(asks.action, "scheduleNextStep"),
      seconds: seconds(asks.delay, "scheduleNextStep: delay"),
    };
    await ask("later", args, "payload", host.json(payload, "scheduleNextStep: the payload"));
  },

  async dedupe(key, window = DAY) {
    const name = typeof key === "number" && finite(key) ? text(key) : key;
    const args = { __proto__: null, key: named(name, "dedupe: the key", 1000), seconds: seconds(window, "dedupe: the window") };
    const { locked } = await ask("claim", args);
    return { locked };
  },

  async getOAuthToken(handle) {
    const { token } = await ask("oauth", { __proto__: null, handle: named(handle, "getOAuthToken: the handle", 200) });
    return { token };
  },

  runStore: freeze({
    get: async (key) => await store("get", key, "null"),
    async set(key, value) {
      await store("set", key, host.json(value, "runStore.set: the value"));
    },
    async push(key, value) {
      await store("push", key, host.json(value, "runStore.push: the value"));
    },
    async increment(key, delta = 1) {
      if (typeof delta !== "number" || !finite(delta)) throw invalid("runStore.increment: the amount must be a number");
      return await store("increment", key, `${delta}`);
    },
    async delete(key) {
      await store("delete", key, "null");
    },
  }),
};

for (const name of ["sendEmail", "sendToFlow", "getAttachment"]) {
  defineProperty(api, name, { value: async () => unsupported(name) });
}
for (const name of ["google", "csv"]) defineProperty(api, name, { get: () => unsupported(name) });
freeze(api);

async function store(operation, key, valueJson) {
  const args = { __proto__: null, operation, key: named(key, `runStore.${operation}: the key`, 256) };
  return await ask("store", args, "value", valueJson);
}

// --- checks of arguments ---

function invalid(message, code = "value-invalid") {
  const error = new NativeTypeError(message);
  error.code = code;
  return error;
}

function unsupported(name) {
  throw invalid(`unsupported: api.${name} belongs to the vendor's own service; call a service of yours with fetch`, "unsupported");
}

function codeOf(error) {
  try {
    return error?.code === "value-invalid" || error?.code === "unsupported" ? error.code : null;
  } catch {
    return null;
  }
}

function outsideHooks(what) {
  if (host.call.hook) throw invalid(`${what} cannot be used in ${host.call.action}`);
}

/** The options that were given; of what is not one, the log tells. */
function optionsOf(options, names, what) {
  if (typeof options !== "object" || options === null || isArray(options)) throw invalid(`${what}: expected an object`);
  const found = { __proto__: null, ...options };
  for (const name in found) {
    let is = false;
    for (let i = 0; i < names.length; i++) is ||= names[i] === name;
    if (!is) host.log("warn", [`${what}: there is no option ${stringify(name)}`]);
  }
  return found;
}

function method(action, what) {
  const name = named(action, `${what}: the action`, 200);
  if (name === "start") throw invalid(`${what}: the action may not be 'start'`);
  if (HOOKS[name]) throw invalid(`${what}: ${name} is run at the end by itself`);
  if (!methods[name]) throw invalid(`${what}: the class Workflow has no method ${stringify(name)}`);
  return name;
}

function named(value, what, longest) {
  if (typeof value !== "string" || value.length < 1 || value.length > longest) {
    throw invalid(`${what} must be text of 1 to ${longest} characters`);
  }
  return value;
}

function seconds(value, what) {
  if (typeof value === "number" && finite(value)) return value;
  const found = typeof value === "string" ? exec(DURATION, value) : null;
  if (found === null) {
    throw invalid(`${what} must be seconds, or a whole number, a blank and one of sec, min, hr, hours, days, weeks, such as '5 min'`);
  }
  return number(found[1]) * SECONDS[lower(found[2])];
}
