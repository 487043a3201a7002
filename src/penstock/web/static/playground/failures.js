// What went wrong, in words, and what can be done about it.
// @ts-check

import { button, make } from "./dom.js";

/** A request that was not carried out. */
export class Failure extends Error {
  /**
   * @param {string} message
   * @param {{ code?: string, status?: number, requestId?: string, retryAfter?: string | null }} facts
   */
  constructor(message, { code = "", status = 0, requestId = "", retryAfter = null } = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
  }

  /** Whether the session is over. */
  get signedOut() {
    return this.status === 401;
  }

  /** Whether nothing can be asked any more before the page is loaded again. */
  get lost() {
    return this.signedOut || this.code === "csrf";
  }
}

/** @param {Response} response */
export async function failureOf(response) {
  const text = await response.text();
  let error = { message: `The gateway answered ${response.status} ${response.statusText}.`, code: "" };
  try {
    error = { ...error, ...JSON.parse(text).error };
  } catch {
    // An answer that is not the gateway's own, of something between it and this page.
  }
  return new Failure(error.message, {
    code: String(error.code ?? ""),
    status: response.status,
    requestId: response.headers.get("x-request-id") ?? "",
    retryAfter: response.headers.get("retry-after"),
  });
}

/**
 * Whatever was thrown, as a failure.
 * @param {unknown} error
 */
export function asFailure(error) {
  if (error instanceof Failure) return error;
  if (error instanceof TypeError) return new Failure("The gateway cannot be reached.", { code: "unreachable" });
  return new Failure(error instanceof Error ? error.message : String(error));
}

/** @type {Record<string, string>} */
const ADVICE = {
  budget_exceeded: "Ask for fewer or smaller pictures or a cheaper model, or have the budget raised.",
  insufficient_credits: "Ask for fewer or smaller pictures or a cheaper model, or have credit paid in.",
  content_policy_violation: "Change the prompt or the references. Nobody else was asked.",
  csrf: "Load this page again. What you wrote is kept.",
  unreachable: "See whether it is running, then try again. What you wrote is kept.",
  invalid_api_key: "Sign in again. What you wrote is kept.",
  forbidden: "Sign in with a key that may do this.",
  no_provider_available: "Try again later, or choose another model.",
  deadline_exceeded: "It took too long. Try again, or choose another model.",
};

/** @param {Failure} failure */
export function advice(failure) {
  if (failure.code in ADVICE) return ADVICE[failure.code];
  if (failure.status === 429) return failure.retryAfter ? `Try again in ${failure.retryAfter} seconds.` : "Wait a little, then try again.";
  if (failure.status >= 500) return "Try again, or choose another model.";
  if (failure.status >= 400) return "Change what it names, then try again.";
  return "Try again.";
}

/**
 * A failure as a part of the page.
 * @param {Failure} failure
 * @param {(() => void) | null} again
 */
export function failureNote(failure, again) {
  const ways = make("p", { className: "buttons" });
  if (failure.signedOut) ways.append(make("a", { className: "button small", href: "/sign-in?next=/playground" }, "Sign in again"));
  else if (failure.code === "csrf") ways.append(make("a", { className: "button small", href: "/playground" }, "Load it again"));
  else if (again) ways.append(button("Try again", again));
  const quoted = failure.requestId === "" ? null : make("p", { className: "small quiet" }, "Request ", make("code", {}, failure.requestId));
  return make("div", { className: "note bad stack tight" }, make("p", {}, failure.message), make("p", {}, advice(failure)), ways, quoted);
}
