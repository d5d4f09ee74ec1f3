// What runs first in every sandbox process: it reads one call from stdin, loads the shim and then the foreign code,
// and speaks to the worker for both. It learns no secret but those that are the foreign code's own, and what it is told
// to do, the foreign code may do too; so all it has to guard is that foreign code cannot disturb it by accident.
//
// A shim exports `install`, and, if it needs them, `tail` (code that is added to the foreign code's end) and `written`
// (a log line, of a level and the values that were logged).
//
// Frames are lines. Worker to process: JSON. Process to worker: the call's nonce, a blank, JSON; whatever else is
// written to stdout counts as a log line. Everything used after foreign code was loaded is captured before.

import { AsyncLocalStorage } from "node:async_hooks";
import { stripTypeScriptTypes } from "node:module";

const { stdin, stdout, inspect, exit } = Deno;
const { parse, stringify } = JSON;
const { freeze, defineProperty } = Object;
const NativePromise = Promise, NativeRequest = Request, NativeResponse = Response, NativeError = Error;
const NativeSyntaxError = SyntaxError, NativeTypeError = TypeError, NativeBlob = Blob, NativeBytes = Uint8Array;
const uncurried = (method) => Function.prototype.call.bind(method);
const indexOf = uncurried(String.prototype.indexOf), slice = uncurried(String.prototype.slice);
const replaceAll = uncurried(String.prototype.replaceAll), match = uncurried(RegExp.prototype.exec);
const subarray = uncurried(Uint8Array.prototype.subarray), text = String, finite = Number.isFinite;
const fromCode = String.fromCharCode, toBase64 = btoa, fromBase64 = atob, codeAt = uncurried(String.prototype.charCodeAt);
const bytesOf = uncurried(Request.prototype.arrayBuffer), bodyOf = uncurried(Response.prototype.arrayBuffer);
const listed = uncurried(Headers.prototype.entries);
const nextOf = uncurried(Object.getPrototypeOf(new Headers().entries()).next);
const objectUrl = URL.createObjectURL, encoder = new TextEncoder(), decoder = new TextDecoder();
const encode = encoder.encode.bind(encoder), decode = decoder.decode.bind(decoder);
const write = stdout.writeSync.bind(stdout), read = stdin.read.bind(stdin);
const later = setTimeout;
const steps = new AsyncLocalStorage();
const within = steps.run.bind(steps), inside = steps.getStore.bind(steps);
const MapClass = Map, SetClass = Set;

let nonce = "", waiting = "", source = "", ended = false, number = 0, open = 0, acting = 0;
const pending = { __proto__: null };

function send(json) {
  if (ended) return;
  let rest = encode(`\n${nonce} ${json}\n`);
  while (rest.length > 0) rest = subarray(rest, write(rest));
}

async function line() {
  const chunk = new NativeBytes(65536);
  for (;;) {
    const at = indexOf(waiting, "\n");
    if (at >= 0) {
      const found = slice(waiting, 0, at);
      waiting = slice(waiting, at + 1);
      return found;
    }
    const size = await read(chunk);
    if (size === null) exit(0); // the worker is gone
    waiting += decode(subarray(chunk, 0, size), { stream: true });
  }
}

async function listen() {
  for (;;) {
    const answer = parse(await line());
    const call = pending[answer.id];
    delete pending[answer.id];
    if (!call) continue;
    open -= 1;
    acting -= call.acts;
    if (answer.error === undefined) {
      call.resolve(answer.ok);
    } else {
      const error = new (answer.type ? NativeTypeError : NativeError)(answer.error);
      error.code = answer.code;
      call.reject(error);
    }
  }
}

// --- what the shim may use ---

/** Ask the worker for something; `args` is JSON text. Resolves to the worker's answer. What is asked counts to the step
 * that the shim has begun with `within` and that asks it, or to none. */
function ask(name, args) {
  return new NativePromise((resolve, reject) => {
    if (ended) return;
    const id = ++number, acts = name === "fetch" ? 0 : 1;
    pending[id] = { __proto__: null, resolve, reject, acts };
    open += 1;
    acting += acts;
    send(`{"kind":"call","id":${id},"name":${stringify(name)},"step":${stringify(inside() ?? null)},"args":${args}}`);
  });
}

/** End the call; `result` is a record of texts (`kind`, `id`, `error`, `code`) and JSON texts (`value`, `wait`,
 * `response`). */
function end(result) {
  const given = { __proto__: null, ...result };
  const { kind, id = null, error = null, code = null, value = "null", wait = "null", response = "null" } = given;
  const texts = `"kind":${stringify(kind)},"id":${stringify(id)},"error":${stringify(error)},"code":${stringify(code)}`;
  send(`{"kind":"end","result":{${texts},"value":${value},"wait":${wait},"response":${response}}}`);
  ended = true;
  exit(0);
}

/** A value as JSON text; undefined is null. Throws a TypeError that says what is no JSON. */
function json(value, what) {
  const check = (_key, one) => {
    const kind = typeof one;
    const bad = kind === "bigint" || kind === "function" || kind === "symbol" || (kind === "number" && !finite(one));
    const collection = one instanceof MapClass ? "Map" : one instanceof SetClass ? "Set" : null;
    if (bad || collection) throw new NativeTypeError(`it holds ${collection ? `a ${collection}` : kind === "number" ? text(one) : `a ${kind}`}`);
    return one;
  };
  try {
    return stringify(value, check) ?? "null";
  } catch (error) {
    throw invalid(`${what} is no JSON value: ${firstLine(error)}`);
  }
}

/** The error for what foreign code gives that cannot be taken. */
function invalid(message) {
  const error = new NativeTypeError(message);
  error.code = "value-invalid";
  return error;
}

/** The code of such an error, whatever was thrown; null of any other. */
function codeOf(error) {
  try {
    return error?.code === "value-invalid" ? "value-invalid" : null;
  } catch {
    return null;
  }
}

/** A `Response` as JSON text: {status, headers, body (base64)}. */
async function replied(response) {
  const body = base64(new NativeBytes(await bodyOf(response)));
  return stringify({ __proto__: null, status: response.status, headers: pairsOf(response.headers), body });
}

/** What was thrown, as people read it: its message, and the line of the source that it came from. */
function told(error) {
  let message = "", at = null;
  try {
    const named = error instanceof NativeError && error.name !== "Error" ? `${error.name}: ` : "";
    message = error instanceof NativeError ? `${named}${error.message}` : typeof error === "string" ? error : inspect(error);
    at = error instanceof NativeError ? lineOf(text(error.stack)) : null;
  } catch {
    message = message || "something was thrown that cannot be shown";
  }
  const where = at && indexOf(message, " (line ") < 0 ? ` (line ${at})` : "";
  return slice(shown(message), 0, 2000) + where;
}

function firstLine(error) {
  const message = text(error?.message ?? error);
  const at = indexOf(message, "\n");
  return at < 0 ? message : slice(message, 0, at);
}

function shown(message) {
  return source === "" ? message : replaceAll(message, source, "source");
}

function lineOf(stack) {
  const at = source === "" ? -1 : indexOf(stack, source);
  const found = at < 0 ? null : match(/^:(\d+):\d+/, slice(stack, at + source.length, at + source.length + 24));
  return found ? found[1] : null;
}

// --- what foreign code finds in place of the platform's own ---

function base64(bytes) {
  let binary = "";
  for (let i = 0; i < bytes.length; i++) binary += fromCode(bytes[i]);
  return toBase64(binary);
}

function unbase64(encoded) {
  const binary = fromBase64(encoded);
  const bytes = new NativeBytes(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = codeAt(binary, i);
  return bytes;
}

function pairsOf(headers) {
  const pairs = [];
  for (let i = 0, all = listed(headers), one = nextOf(all); !one.done; one = nextOf(all)) pairs[i++] = one.value;
  return pairs;
}

/** `fetch`, made by the worker: this process has no network. */
async function fetched(input, init) {
  const request = new NativeRequest(input, init);
  const pairs = pairsOf(request.headers);
  const body = request.body === null ? null : base64(new NativeBytes(await bytesOf(request)));
  const args = { __proto__: null, method: request.method, url: request.url, headers: pairs, body, redirect: request.redirect };
  const aborted = new NativePromise((_, reject) => {
    const stop = () => reject(request.signal.reason);
    request.signal.aborted ? stop() : request.signal.addEventListener("abort", stop);
  });
  const answer = await race(ask("fetch", stringify(args)), aborted);
  const empty = answer.status === 204 || answer.status === 205 || answer.status === 304;
  const response = new NativeResponse(empty ? null : unbase64(answer.body), { status: answer.status, headers: answer.headers });
  defineProperty(response, "url", { value: answer.url });
  defineProperty(response, "redirected", { value: answer.redirected });
  return response;
}

function race(first, second) {
  return new NativePromise((resolve, reject) => {
    (async () => resolve(await first))().catch(reject);
    (async () => resolve(await second))().catch(reject);
  });
}

function log(level, args) {
  send(`{"kind":"log","text":${stringify(written(level, args))}}`);
}

function plain(level, args) {
  let line = level === "log" ? "" : `${level}: `;
  for (let i = 0; i < args.length; i++) {
    line += (i ? " " : "") + (typeof args[i] === "string" ? args[i] : inspect(args[i]));
  }
  return line;
}

const LEVELS = { log: "log", info: "info", warn: "warn", error: "error", debug: "debug", trace: "trace", dir: "log", table: "log" };

function prepare(env) {
  for (const name in LEVELS) console[name] = (...args) => log(LEVELS[name], args);
  define("process", freeze({ env: freeze(env) }));
  define("fetch", fetched);
  for (const name of ["Deno", "Worker", "caches", "localStorage", "sessionStorage", "alert", "confirm", "prompt", "close"]) {
    delete globalThis[name];
  }
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    end({ kind: "threw", error: told(event.reason), code: event.reason?.code === "value-invalid" ? "value-invalid" : null });
  });
  addEventListener("error", (event) => {
    event.preventDefault();
    end({ kind: "threw", error: told(event.error) });
  });
}

function define(name, value) {
  defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
}

// --- the call ---

/** Load the foreign code. Types are blanked out here, so that lines stay where they are; what is more than types (an
 * enum, an import of a type that does not say so) is transformed. Deno's own compiler would want a cache on disk. */
async function load(mode) {
  let script;
  try {
    script = stripTypeScriptTypes(call.source + tail, { mode });
  } catch (error) {
    if (mode === "strip" && error.code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") return load("transform");
    const at = match(/:(\d+):\d+\s*$/, error.message);
    throw new NativeError(`${firstLine(error)}${at ? ` (line ${at[1]})` : ""}`);
  }
  source = objectUrl(new NativeBlob([script], { type: "text/javascript" }));
  try {
    // By a computed name, so that all it imports is held against the permissions, of which there are none.
    loaded = await import(source);
  } catch (error) {
    const unlinked = error instanceof NativeSyntaxError && indexOf(error.message, "does not provide an export") >= 0;
    if (mode === "strip" && unlinked) return load("transform");
    const blocked = indexOf(text(error?.message), "data:blocked,/") >= 0 ? match(/"+([^"]+)"/, error.message) : null;
    throw blocked ? new NativeTypeError(`the import of ${blocked[1]} is not allowed`) : error;
  }
}

const call = parse(await line());
nonce = call.nonce;
const { install, tail = "", written = plain } = await import("tidegate:shim");
let loaded;
const env = { __proto__: null, ...call.env };
const busy = () => open > 0;
const given = {
  __proto__: null, env, ask, end, json, invalid, codeOf, told, replied, define, later, within, inside, busy,
  acting: () => acting > 0, log, inspect, call,
};
const shim = install(freeze(given));
prepare(env);
listen();
try {
  await load("strip");
} catch (error) {
  end({ kind: "threw", error: told(error), code: "code-invalid" });
}
shim(loaded);
