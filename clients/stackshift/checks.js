// What may be given, and what is said of what may not: as in Tidegate's sandbox (worker/sandbox/stackshift.js). That file
// cannot share these lines, since it must not trust the platform's own objects once foreign code has run; a test holds
// both against one table (tests/conformance/stackshift/test_client_module.py).

const DURATION = /^([0-9]{1,12})([smhdw])$/;
const SECONDS = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };
const LONGEST = 36500 * 86400;
const WITHOUT_OFFSET = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?$/;

export function invalid(message) {
  return Object.assign(new TypeError(message), { code: "value-invalid" });
}

export function named(value, what) {
  if (typeof value !== "string" || value.length < 1 || value.length > 200) {
    throw invalid(`${what} must be text of 1 to 200 characters`);
  }
  return value;
}

/** The options, if all of them are allowed. */
export function known(options, allowed, what) {
  if (options === undefined || options === null) return {};
  if (typeof options !== "object" || Array.isArray(options)) throw invalid(`${what}: the options must be an object`);
  for (const name in options) {
    if (!allowed.includes(name)) throw invalid(`${what}: there is no option ${JSON.stringify(name)}`);
  }
  return { ...options };
}

export function key(value, what) {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string" || value.length < 1 || value.length > 1000) {
    throw invalid(`${what} must be text of 1 to 1000 characters, not ${typeof value === "string" ? "this" : typeof value}`);
  }
  return value;
}

/** A duration such as '24h', as it was given. */
export function duration(value, what) {
  if (value === undefined) return undefined;
  const found = typeof value === "string" ? DURATION.exec(value) : null;
  if (found === null) throw invalid(`${what} must be a whole number and one of s, m, h, d, w, such as '24h'`);
  if (Number(found[1]) * SECONDS[found[2]] > LONGEST) throw invalid(`${what} may be at most 100 years`);
  return value;
}

export function attempts(value) {
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= 100)) return value;
  throw new TypeError("maxAttempts must be a whole number from 1 to 100");
}

/** A point in time as ISO 8601; text without an offset is UTC, wherever the program runs. */
export function moment(value, what) {
  if (value === undefined) return undefined;
  const text = typeof value === "string" && WITHOUT_OFFSET.test(value) ? `${value}Z` : value;
  const date = text instanceof Date ? text : typeof text === "string" ? new Date(text) : null;
  if (date === null || !Number.isFinite(date.getTime())) {
    throw invalid(`${what} must be a Date or an ISO 8601 date and time`);
  }
  return date.toISOString();
}

/** A value that JSON can hold, as JSON text. Others would be changed or lost in silence: a Map, a NaN, a function. */
export function json(value, what) {
  const check = (_key, one) => {
    const kind = typeof one;
    if (one instanceof Map || one instanceof Set) throw new TypeError(`it holds a ${one instanceof Map ? "Map" : "Set"}`);
    if (kind === "number" && !Number.isFinite(one)) throw new TypeError(`it holds ${one}`);
    if (kind === "bigint" || kind === "function" || kind === "symbol") throw new TypeError(`it holds a ${kind}`);
    return one;
  };
  try {
    return JSON.stringify(value, check) ?? "null";
  } catch (error) {
    throw invalid(`${what} is no JSON value: ${String(error?.message ?? error).split("\n")[0]}`);
  }
}
