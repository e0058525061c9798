import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after } from "node:test";
import { promisify } from "node:util";

export interface CurlAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever body came.
  readonly json: any;
}

/** Runs a command line as a shell and curl would; where there is no curl the same request is sent without it. */
export async function curl(command: string): Promise<CurlAnswer> {
  const { status, contentType, text } = await ((await hasCurl) ? byCurl(command) : byFetch(command));
  const json = contentType.startsWith("application/json") ? JSON.parse(text) : undefined;
  return { status, contentType, text, json };
}

const run = promisify(execFile);
const hasCurl = run("curl", ["--version"]).then(
  () => true,
  () => false,
);

/** curl's own settings say what is written beside the body, so that the command stays as it is. */
const folder = mkdtempSync(join(tmpdir(), "goodput-curl-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const SETTINGS = `silent\nshow-error\nmax-time = 120\nnoproxy = "*"\nwrite-out = "\\n%{http_code} %{content_type}"\n`;

async function byCurl(command: string): Promise<Omit<CurlAnswer, "json">> {
  writeFileSync(join(folder, ".curlrc"), SETTINGS);
  const path = process.env.PATH ?? ["/usr/bin", "/bin"].join(delimiter);
  const { stdout } = await run("sh", ["-c", command], {
    env: { PATH: path, CURL_HOME: folder, HOME: folder },
    maxBuffer: 64 * 1024 * 1024,
  });
  const end = stdout.lastIndexOf("\n");
  const [, status = "0", contentType = ""] = /^(\d+) ?(.*)$/.exec(stdout.slice(end + 1)) ?? [];
  return { status: Number(status), contentType, text: stdout.slice(0, end) };
}

async function byFetch(command: string): Promise<Omit<CurlAnswer, "json">> {
  const { url, ...request } = readCurl(command);
  const response = await fetch(url, request);
  return {
    status: response.status,
    contentType: response.headers.get("content-type") ?? "",
    text: await response.text(),
  };
}

export interface CurlRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What curl would send: its options -X, -H and -d, and a form's type where none is given. */
export function readCurl(command: string): CurlRequest {
  const words = [...command.replaceAll("\\\n", " ").matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? "",
  );
  const headers: Record<string, string> = {};
  let url = "";
  let method: string | undefined;
  let body: string | undefined;
  for (let index = 1; index < words.length; index++) {
    const word = words[index]!;
    if (word === "-X") method = words[++index]!;
    else if (word === "-d") body = words[++index]!;
    else if (word === "-H") {
      const [name, ...value] = words[++index]!.split(":");
      headers[name!.toLowerCase()] = value.join(":").trim();
      // A set of one name in braces is that name.
    } else url = word.replaceAll(/\{([^{},]*)\}/g, "$1");
  }
  if (body === undefined) return { url, method: method ?? "GET", headers };
  const type = headers["content-type"] ?? "application/x-www-form-urlencoded";
  return { url, method: method ?? "POST", headers: { ...headers, "content-type": type }, body };
}
