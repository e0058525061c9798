import { isIPv6 } from "node:net";
import type { Middleware } from "koa";
import { type Environment, readSwitch } from "../settings/config-error.ts";
import { ApiError } from "./errors.ts";

/** Requests per minute. */
export interface RateLimit {
  readonly perAddress: number;
  /** Of who has a valid credential, which counts instead of the address. */
  readonly perCredential: number;
}

const WINDOW_MS = 60_000;
const DEFAULT_PER_ADDRESS = 100;
const PER_CREDENTIAL_FACTOR = 10;
/** Beyond so many clients in a minute the new ones share one allowance, or memory would be theirs to fill. */
const MOST_CLIENTS = 50_000;

/** Refuses with 429 what one client asks for too often. */
export function limitRate(
  limit: RateLimit | undefined,
  now: () => number = () => performance.now(),
): Middleware {
  if (limit === undefined) return (_, next) => next();
  const window = new SlidingWindow(now);
  return async (ctx, next) => {
    if (!isLimited(ctx.path)) return next();
    const { credential } = ctx.state;
    const allowance = credential === undefined ? limit.perAddress : limit.perCredential;
    const { accepted, remaining, resetMs } = window.take(
      credential ?? clientOf(ctx.state.clientIp),
      allowance,
    );
    const seconds = String(Math.ceil(resetMs / 1000));
    ctx.set({
      "RateLimit-Limit": String(allowance),
      "RateLimit-Remaining": String(remaining),
      "RateLimit-Reset": seconds,
    });
    if (!accepted) {
      throw new ApiError(
        "RATE_LIMITED",
        `More than ${allowance} requests a minute; try again in ${seconds} s.`,
        {
          headers: { "Retry-After": seconds },
        },
      );
    }
    await next();
  };
}

/** On in production unless told otherwise; a number is that of an address, a credential has ten times as many. */
export function readRateLimit(env: Environment, mistakes: string[]): RateLimit | undefined {
  const text = env.RATE_LIMIT?.trim() ?? "";
  // 1 would be both on and a number, and as a number is what nobody means.
  if (/^[1-9]\d{0,6}$/.test(text) && text !== "1") return limitOf(Number(text));
  const told: string[] = [];
  const switched = readSwitch("RATE_LIMIT", text, told);
  if (told.length > 0) {
    mistakes.push(`RATE_LIMIT: ${JSON.stringify(text)} is neither on nor off nor requests per minute.`);
  }
  const on = switched ?? env.NODE_ENV?.trim() === "production";
  return on ? limitOf(DEFAULT_PER_ADDRESS) : undefined;
}

function limitOf(perAddress: number): RateLimit {
  return { perAddress, perCredential: perAddress * PER_CREDENTIAL_FACTOR };
}

/**
 * Only the API for load tests and instances. The model's own routes have a queue that refuses what is too
 * much, and being asked often is what they are measured by; probes, pages and scrapers come from everywhere.
 */
export function isLimited(path: string): boolean {
  const route = path.toLowerCase();
  return route.startsWith("/api/") && !/^\/api\/v1\/(?:benchmark\/)?health(?:\/|$)/.test(route);
}

/**
 * The count of this minute and, fading, that of the minute before: within any sixty seconds hardly more than
 * allowed comes through, where minutes counted alone would let twice as many pass around their seam.
 */
class SlidingWindow {
  readonly #now: () => number;
  #startedAt: number;
  #previous = new Map<string, number>();
  #current = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
    this.#startedAt = now();
  }

  take(client: string, allowance: number): { accepted: boolean; remaining: number; resetMs: number } {
    const passed = this.#moveOn();
    const known = this.#current.has(client) || this.#current.size < MOST_CLIENTS;
    const name = known ? client : "others";
    const before = this.#previous.get(name) ?? 0;
    const count = this.#current.get(name) ?? 0;
    const used = before * (1 - passed / WINDOW_MS) + count;
    if (used + 1 > allowance)
      return { accepted: false, remaining: 0, resetMs: freeIn(before, count, allowance, passed) };
    this.#current.set(name, count + 1);
    return { accepted: true, remaining: Math.floor(allowance - used - 1), resetMs: WINDOW_MS - passed };
  }

  /** Gives how much of the present minute has passed. */
  #moveOn(): number {
    const minutes = Math.floor((this.#now() - this.#startedAt) / WINDOW_MS);
    if (minutes > 0) {
      this.#previous = minutes === 1 ? this.#current : new Map();
      this.#current = new Map();
      this.#startedAt += minutes * WINDOW_MS;
    }
    return this.#now() - this.#startedAt;
  }
}

/** Until `before` has faded enough for one more, in this minute or, with its own count fading, in the next. */
function freeIn(before: number, count: number, allowance: number, passed: number): number {
  const room = allowance - 1 - count;
  if (room >= 0) return WINDOW_MS * (1 - room / before) - passed;
  return WINDOW_MS - passed + WINDOW_MS * (1 - (allowance - 1) / count);
}

/** Whoever has one IPv6 address has the whole network of it. */
function clientOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = "", tail = ""] = address.split("::");
  const groups = head.split(":").filter((group) => group !== "");
  const missing = 8 - groups.length - tail.split(":").filter((group) => group !== "").length;
  return [...groups, ...Array.from({ length: Math.max(0, missing) }, () => "0")].slice(0, 4).join(":");
}
