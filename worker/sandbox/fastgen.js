// modules:
// What the code of a Fastgen action finds as its bridge to the data: a function `fastgen`, as the vendor documents that
// there is one. What it takes is Tidegate's reading; whether the vendor's takes the same is unverified.
//
// An action is one call from its beginning to its end: the code's default export, given `fastgen`.

const { freeze, defineProperty } = Object;
const { isArray } = Array;
const NativeError = Error;
const exec = Function.prototype.call.bind(RegExp.prototype.exec);
const has = Function.prototype.call.bind(Object.prototype.hasOwnProperty);
const slice = Function.prototype.call.bind(String.prototype.slice);
const replace = Function.prototype.call.bind(String.prototype.replace);
const stringify = JSON.stringify, wholeNumber = Number.isInteger;

const WRAPPED = /^\s*\{\{([\s\S]*)\}\}\s*$/;
const ROOT = /^\s*\$?([A-Za-z_]\w*)/;
const KEY = /^\s*(?:\.\s*([\w$-]+)|\[\s*(?:'((?:[^'\\]|\\[\s\S])*)'|"((?:[^"\\]|\\[\s\S])*)"|([0-9]{1,9}))\s*\])/;
const BLANK = /^\s*$/;
const ESCAPED = /\\([\s\S])/g;
/** Data whose first key is found in any case. */
const CASELESS = "header";

let host = null, data = null;

/** Called once, by the boot code, before the action's code is loaded; gives what is to be done after it was. */
export function install(given) {
  if (host !== null) throw new NativeError("the module is installed");
  host = given;
  data = host.call.inspect ? null : { __proto__: null, ...host.call.payload };
  for (const name in data) defineProperty(fastgen, name, { value: data[name], enumerable: true });
  host.define("fastgen", freeze(fastgen));
  // A moment later, so that a rejection that nobody handles is told first.
  return host.call.inspect ? (loaded) => host.later(inspected, 0, loaded) : run;
}

/** `fastgen()` is all data; `fastgen("$action['stock'].body.count")` what an expression names, or null. */
function fastgen(expression) {
  if (data === null) throw new NativeError("there is no data while the code is only looked at");
  if (expression === undefined) return data;
  if (typeof expression !== "string") throw host.invalid("fastgen() takes an expression such as \"$action['key'].body\"");
  let rest = exec(WRAPPED, expression)?.[1] ?? expression;
  const root = exec(ROOT, rest);
  if (root === null || !has(data, root[1])) {
    throw host.invalid(`fastgen(): ${stringify(expression)} names none of ${Object.keys(data).join(", ")}`);
  }
  let value = data[root[1]], caseless = root[1] === CASELESS;
  rest = slice(rest, root[0].length);
  for (let found; (found = exec(KEY, rest)) !== null; caseless = false) {
    const quoted = found[2] ?? found[3];
    value = inner(value, found[1] ?? found[4] ?? replace(quoted, ESCAPED, "$1"), caseless);
    rest = slice(rest, found[0].length);
  }
  if (exec(BLANK, rest) === null) throw host.invalid(`fastgen(): ${stringify(expression)} cannot be read`);
  return value ?? null;
}

function inner(value, key, caseless) {
  if (typeof value !== "object" || value === null) return null;
  if (isArray(value)) return wholeNumber(+key) ? value[+key] : null;
  if (has(value, key)) return value[key];
  if (caseless) for (const name in value) if (name.toLowerCase() === key.toLowerCase()) return value[name];
  return null;
}

function inspected(loaded) {
  const problem = problemOf(loaded) ?? (host.busy() ? "nothing can be fetched while the code is only looked at" : null);
  if (problem !== null) host.end({ kind: "threw", error: problem, code: "code-invalid" });
  else host.end({ kind: "return", value: '["default"]' });
}

function problemOf(loaded) {
  return typeof loaded.default === "function" ? null : "the code exports no function: export default async function () { … }";
}

async function run(loaded) {
  const problem = problemOf(loaded);
  if (problem !== null) return host.end({ kind: "threw", error: problem, code: "code-invalid" });
  try {
    const value = host.json(await loaded.default(fastgen), "what the code returned");
    host.end({ kind: "return", value });
  } catch (error) {
    host.end({ kind: "threw", error: host.told(error), code: host.codeOf(error) });
  }
}
