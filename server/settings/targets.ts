import { lookup as systemLookup } from "node:dns";
import type { IncomingHttpHeaders } from "node:http";
import { BlockList, isIP, isIPv6, type LookupFunction } from "node:net";
import { Agent, type Dispatcher, request } from "undici";
import { bareHost, isMetadataHost } from "../../src/index.ts";
import { ApiError } from "../http/errors.ts";
import { type Environment, readList } from "./config-error.ts";

/** Which servers callers may have this one send requests to. */
export interface Targets {
  /** Rejects with an ApiError that names the field; a name that cannot be resolved is left to the run to tell. */
  check(url: string, field: string): Promise<void>;
  /** Asks once, following no redirect, and reads no more than it may; rejects like `check`, or when nobody answers. */
  get(url: string, field: string, options?: GetOptions): Promise<TargetAnswer>;
  /** For requests of another kind, once they are checked: connects to no metadata address either. */
  readonly dispatcher: Dispatcher;
}

export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

export interface TargetAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface TargetsOptions {
  /** Hosts, `*.domains`, addresses and networks, each with a port if need be; undefined: all. */
  readonly allowed?: readonly string[] | undefined;
  readonly lookup?: LookupFunction;
}

const GET_TIMEOUT_MS = 10_000;
const GET_MAX_BYTES = 8 * 1024 * 1024;

export function createTargets({
  allowed,
  lookup = systemLookup as LookupFunction,
}: TargetsOptions = {}): Targets {
  const rules = allowed?.map(ruleOf).filter((rule) => rule !== undefined);
  const check = async (text: string, field: string): Promise<void> => {
    const url = parse(text, field);
    const { hostname } = url;
    if (isForbidden(hostname))
      throw refusal(field, "is a link-local or metadata address, which is never asked");
    if (rules !== undefined && !rules.some((rule) => rule(url))) {
      const hint =
        isIP(bareHost(hostname)) === 0 ? "; a name must be listed itself, a network holds for addresses" : "";
      throw refusal(field, `is none of the servers that ALLOWED_TARGETS has${hint}`);
    }
    const addresses = isIP(bareHost(hostname)) === 0 ? await addressesOf(bareHost(hostname), lookup) : [];
    if (addresses.some(isForbidden)) {
      throw refusal(field, "stands for a link-local or metadata address, which is never asked");
    }
  };
  // Without connections that are kept, so that there is nothing to close; undici follows no redirect by itself.
  const dispatcher = new Agent({ pipelining: 0, connect: { lookup: allowedOnly(lookup) } });
  return {
    check,
    async get(url, field, options = {}) {
      await check(url, field);
      return ask(url, dispatcher, options);
    },
    dispatcher,
  };
}

/** As ALLOWED_TARGETS lists them; undefined when it says nothing. */
export function readAllowedTargets(env: Environment, mistakes: string[]): readonly string[] | undefined {
  const allowed = readList(env.ALLOWED_TARGETS);
  if (allowed.length === 0 || allowed.includes("*")) return undefined;
  for (const entry of allowed) {
    if (ruleOf(entry) === undefined) {
      mistakes.push(
        `ALLOWED_TARGETS: ${JSON.stringify(entry)} is no host, *.domain, address or network such as 10.0.0.0/8.`,
      );
    }
  }
  return allowed;
}

type Rule = (url: URL) => boolean;

const ENTRY =
  /^(?:\[(?<six>[\da-f:.]+)\]|(?<name>\*?[\w.-]+)|(?<plain>[\da-f:]*:[\da-f:.]*:[\da-f:.]*))(?:\/(?<prefix>\d{1,3}))?(?::(?<port>\d{1,5}))?$/i;

/** Names hold for themselves whatever they stand for; networks only for addresses, since a name's can change any moment. */
function ruleOf(entry: string): Rule | undefined {
  const groups = ENTRY.exec(entry)?.groups;
  if (groups === undefined) return undefined;
  const host = (groups.six ?? groups.plain ?? groups.name ?? "").toLowerCase().replace(/\.$/, "");
  const rightPort: Rule = (url) => groups.port === undefined || portOf(url) === Number(groups.port);
  if (isIP(host) !== 0) {
    const family = isIPv6(host) ? "ipv6" : "ipv4";
    const prefix = Number(groups.prefix ?? (family === "ipv6" ? 128 : 32));
    if (prefix > (family === "ipv6" ? 128 : 32)) return undefined;
    const list = new BlockList();
    list.addSubnet(host, prefix, family);
    return (url) => holds(list, bareHost(url.hostname)) && rightPort(url);
  }
  // What looks like an address and is none would be a name that nobody has.
  if (groups.prefix !== undefined || /^[\d.:]+$/.test(host)) return undefined;
  if (host.startsWith("*")) {
    const domain = host.slice(1);
    return /^\.[\w-]/.test(domain)
      ? (url) => bareHost(url.hostname).endsWith(domain) && rightPort(url)
      : undefined;
  }
  return (url) => bareHost(url.hostname) === host && rightPort(url);
}

function parse(text: string, field: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw refusal(field, "is no http or https address");
  if (url.username !== "" || url.password !== "") {
    throw refusal(field, "must have no user and password in it; keys have a field of their own");
  }
  return url;
}

/** No more of the address than its field: whoever sent it knows it, and a log need not. */
function refusal(field: string, reason: string): ApiError {
  return new ApiError("URL_VALIDATION_ERROR", `${field} ${reason}.`, {
    details: [{ field, message: reason }],
  });
}

function isForbidden(host: string): boolean {
  return isMetadataHost(host);
}

function holds(list: BlockList, address: string): boolean {
  return isIP(address) !== 0 && list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

function portOf({ port, protocol }: URL): number {
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
}

/** None for a name that nobody knows. */
function addressesOf(hostname: string, lookup: LookupFunction): Promise<readonly string[]> {
  return new Promise((resolve) => {
    lookup(hostname, { all: true }, (error, found) => resolve(error === null ? listOf(found) : []));
  });
}

/** What a name stands for can change after it was checked, so that it is looked at again as it is connected to. */
function allowedOnly(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, found, family) => {
      const refused = error === null && listOf(found).some(isForbidden);
      callback(refused ? new Error(`${hostname} stands for a metadata address`) : error, found, family);
    });
  };
}

function listOf(found: string | readonly { readonly address: string }[]): readonly string[] {
  return typeof found === "string" ? [found] : found.map(({ address }) => address);
}

async function ask(url: string, dispatcher: Dispatcher, options: GetOptions): Promise<TargetAnswer> {
  const { headers = {}, timeoutMs = GET_TIMEOUT_MS, maxBytes = GET_MAX_BYTES, signal } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  const answer = await request(url, {
    dispatcher,
    headers: { ...headers },
    signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
  });
  return {
    status: answer.statusCode,
    headers: answer.headers,
    text: await readUpTo(answer.body, maxBytes),
  };
}

async function readUpTo(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  // Leaving the loop ends the connection, and the rest with it.
  for await (const piece of body) {
    bytes += piece.byteLength;
    if (bytes > maxBytes) throw new RangeError(`The answer is larger than ${maxBytes} bytes.`);
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}
