import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { scriptedCommand } from "../../src/cli/scripted.ts";
import { selftestCommand } from "../../src/cli/selftest.ts";
import { ConfigError } from "../../src/errors.ts";
import { startScriptedServer } from "../../src/scripted-server.ts";

/** A subcommand in a process of its own, as `goodput` runs it. */
function run(command: "scripted" | "selftest", args: readonly string[]): ChildProcess {
  const url = pathToFileURL(`src/cli/${command}.ts`);
  const program = `
    const { ${command}Command } = await import(${JSON.stringify(url)});
    await ${command}Command((code) => { process.exitCode = code; }).parseAsync(process.argv.slice(1), { from: "user" });
  `;
  return spawn(process.execPath, ["--input-type=module", "-e", program, "--", ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function output(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdout!.on("data", (chunk) => {
    text += chunk;
  });
  const [code] = await once(child, "close");
  assert.equal(code, 0);
  return text;
}

test("the self-test prints its figures as JSON, and nothing else", async () => {
  const got = JSON.parse(await output(run("selftest", ["--quick", "--json"])));
  assert.equal(got.schema, "goodput.selftest/1");
  assert.deepEqual(
    got.ttft_error.map(({ streams }: { streams: number }) => streams),
    [1, 10],
  );
});

test("the scripted server says where it listens, answers, and ends when it is told to", async () => {
  const child = run("scripted", ["--port", "0", "--ttft", "1ms", "--gap", "0", "--chunks", "2"]);
  const ended = output(child);
  const [first] = await once(child.stdout!, "data");
  const url = /^Scripted server at (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(String(first))?.[1];
  assert.ok(url, String(first));
  const body = JSON.stringify({ model: "m", messages: [], stream: false });
  const answer = await fetch(`${url}/api/chat`, { method: "POST", body });
  assert.deepEqual(((await answer.json()) as { message: object }).message, {
    role: "assistant",
    content: "word word ",
  });
  child.kill("SIGTERM");
  await ended;
});

test("a port that is taken is a mistake of whoever gave it", async () => {
  const holder = await startScriptedServer();
  const { port } = new URL(holder.url);
  await assert.rejects(
    scriptedCommand().parseAsync(["--port", port], { from: "user" }),
    (error: ConfigError) => {
      assert.ok(error instanceof ConfigError);
      assert.equal(
        error.message,
        `--port: "${port}" is taken by another program; give another one, or 0 for a free one.`,
      );
      return true;
    },
  );
  await holder.close();
});

test("help names every flag, with its default", () => {
  assert.equal(
    scriptedCommand().configureHelp({ helpWidth: 100 }).helpInformation(),
    `Usage: scripted [options]

serve scripted answers at known moments, for trying out and testing what measures or calls a model

Options:
  --port <n>              port to listen on; 0 picks a free one (default 8090)
  --ttft <time>           from a request to its first token (default 50ms)
  --gap <time>            between chunks (default 10ms)
  --tokens-per-chunk <n>  tokens in each chunk (default 1)
  --chunks <n>            chunks of each answer (default: as many as tokens were asked for)
  --buffer <n|all>        chunks written at once, as by a proxy that buffers (default 1)
  --capacity <n>          requests computed at once; others wait in order (default: all of them)
  --prefix-cache <n>      keep how prompts began, in blocks of n words, and answer those sooner
                          (default: no cache)
  --fail-rate <share>     share of requests that fail, for example 5%
  --fail-kind <kind>      how: status_500 (default), status_429, reset, truncate, error_event or
                          silence
  --seed <n>              the same seed fails the same requests (default 1)
  --stall-at <time>       after the first request, stop writing once for --stall-for
  --stall-for <time>      how long to write nothing
  --model <name>          name of the model that it lists (default scripted)
  --protocol <name,…>     protocols to speak (default all)
  --flood                 write every answer whole and at once, to find out what a client can take
  --host <address>        address to listen on (default 127.0.0.1)
  -h, --help              display help for command
`,
  );
  assert.match(selftestCommand(() => {}).helpInformation(), /--json .*\n {2}--quick /);
});
