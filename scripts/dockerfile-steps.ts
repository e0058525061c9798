/**
 * Builds the image for the processor without a Docker engine: runs the Dockerfile's own steps in a temporary
 * folder, starts its command and asks its health check. What only an engine can do (base images, users, owners of
 * files) is not done. Takes the folder to build from, this one unless told otherwise.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { basename, delimiter, dirname, join, matchesGlob, relative, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expand, type Instruction, neededStages, parseDockerfile, type Stage } from "./dockerfile.ts";

const context = resolve(process.argv[2] ?? ".");
const root = mkdtempSync(join(tmpdir(), "goodput-image-"));
const ignored = readFileSync(join(context, ".dockerignore"), "utf8").split("\n").filter(Boolean);
const dockerfile = parseDockerfile(readFileSync(join(context, "Dockerfile"), "utf8"));
const stages = neededStages(dockerfile);

/** A stage's files lie in a folder that stands for its root; the base is the machine this runs on. */
class Build {
  readonly root: string;
  readonly env = new Map<string, string>();
  readonly args = new Map<string, string>();
  directory = "/";
  health: readonly string[] = [];
  command: readonly string[] = [];

  constructor(stage: Stage) {
    this.root = join(root, stage.name);
    for (const folder of ["tmp", "home", "bin"]) mkdirSync(join(this.root, folder), { recursive: true });
    // There is one user here, and whom a file belongs to is for an engine to try.
    writeFileSync(join(this.root, "bin/chown"), "#!/bin/sh\n", { mode: 0o755 });
  }

  do({ keyword, flags, text, list }: Instruction): void {
    switch (keyword) {
      case "ARG":
        this.args.set(text, dockerfile.args.get(text) ?? "");
        break;
      case "ENV":
        for (const [, name = "", value = ""] of text.matchAll(/(\w+)=(\S+)/g))
          this.env.set(name, this.expand(value));
        break;
      case "WORKDIR":
        this.directory = text;
        mkdirSync(this.path(text), { recursive: true });
        break;
      case "COPY":
        this.copy(text.split(/\s+/), flags.from);
        break;
      case "RUN":
        execFileSync("sh", ["-ec", this.inside(text)], {
          cwd: this.path(this.directory),
          env: this.environment(),
          stdio: ["ignore", "inherit", "inherit"],
        });
        break;
      case "HEALTHCHECK":
        this.health = list ?? [];
        break;
      case "CMD":
        this.command = list ?? [];
        break;
    }
  }

  copy(paths: readonly string[], from: string | undefined): void {
    const target = this.path(paths.at(-1)!);
    for (const pattern of paths.slice(0, -1)) {
      const source = from === undefined ? context : builds.get(from)!.root;
      const found = pattern === "." ? [source] : globSync(join(source, pattern));
      if (found.length === 0) throw new Error(`COPY finds no ${pattern} in ${from ?? "the build's context"}`);
      for (const path of found) {
        const into = statSync(target, { throwIfNoEntry: false })?.isDirectory() && pattern !== ".";
        cpSync(path, into ? join(target, basename(path)) : target, {
          recursive: true,
          filter: (path) => from !== undefined || !isIgnored(relative(context, path)),
        });
      }
    }
  }

  /** Paths below the folders that the Dockerfile makes, moved below this stage's own root. */
  inside(text: string): string {
    return text.replace(/(?<![\w./-])\/(app|tmp|models|data)(?![\w-])/g, (path) => join(this.root, path));
  }

  expand(text: string): string {
    return expand(text, this.args);
  }

  path(inImage: string): string {
    return inImage.startsWith("/") ? join(this.root, inImage) : join(this.root, this.directory, inImage);
  }

  environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
    const image = [...this.env].map(([name, value]) => [name, this.inside(value)]);
    return {
      PATH: [join(this.root, "bin"), dirname(process.execPath), process.env.PATH].join(delimiter),
      HOME: join(this.root, "home"),
      // A cache of its own, since the steps empty it.
      npm_config_cache: join(this.root, "home/.npm"),
      ...network(),
      ...Object.fromEntries(this.args),
      ...Object.fromEntries(image),
      ...more,
    };
  }
}

/** How this machine reaches a registry, which an engine is told elsewhere. */
function network(): NodeJS.ProcessEnv {
  const names =
    /^(https?_proxy|no_proxy|node_extra_ca_certs|ssl_cert_file|npm_config_(registry|cafile|https?_proxy|proxy))$/i;
  const known = Object.entries(process.env).filter(([name]) => names.test(name));
  return { npm_config_userconfig: join(homedir(), ".npmrc"), ...Object.fromEntries(known) };
}

function isIgnored(path: string): boolean {
  return ignored.some((pattern) =>
    path.split("/").some((_, index, parts) => matchesGlob(parts.slice(0, index + 1).join("/"), pattern)),
  );
}

const builds = new Map<string, Build>();
try {
  for (const stage of stages) {
    const build = new Build(stage);
    builds.set(stage.name, build);
    for (const instruction of stage.instructions) {
      console.log(`${stage.name} | ${instruction.keyword} ${instruction.text}`);
      build.do(instruction);
    }
  }
  await tryOut(builds.get(stages.at(-1)!.name)!);
} finally {
  rmSync(root, { recursive: true, force: true });
}

/** Healthy, an answer, and a good end: what an orchestrator sees of the container. */
async function tryOut(image: Build): Promise<void> {
  const variants = globSync(join(image.path("node_modules"), "@node-llama-cpp/*")).map((path) =>
    basename(path),
  );
  const size = execFileSync("du", ["-sm", image.path(".")], { encoding: "utf8" }).split("\t")[0];
  console.log(`The image adds ${size} MB to its base, with llama.cpp for ${variants.join(", ")}.`);
  if (variants.length !== 1) throw new Error("there must be one build of llama.cpp");
  if (existsSync(image.path("/tmp/goodput.tgz"))) throw new Error("the package was left in the image");

  const [file = "", ...rest] = image.command;
  const env = image.environment({ PORT: await freePort(), HOST: "127.0.0.1" });
  const server = spawn(image.path(file), rest, {
    cwd: image.path("."),
    env,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const ended = once(server, "exit");
  try {
    const [program = "", ...check] = image.health;
    const healthy = () => {
      try {
        execFileSync(program, check, { env, stdio: "ignore" });
        return true;
      } catch {
        return false;
      }
    };
    for (let left = 60; !healthy(); left--) {
      if (left === 0 || server.exitCode !== null) throw new Error("the health check does not succeed");
      await pause(500);
    }
    const response = await fetch(`http://127.0.0.1:${env.PORT}/inference`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"prompt":"Hello","max_tokens":8}',
    });
    const answer = (await response.json()) as { tokens_generated?: number };
    if (answer.tokens_generated !== 8) throw new Error(`it does not answer: ${JSON.stringify(answer)}`);
  } finally {
    server.kill("SIGTERM");
  }
  const [code] = await ended;
  if (code !== 0) throw new Error(`it ends with ${code} when it is stopped`);
  console.log("The image's command became healthy, answered and ended well.");
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return String(typeof address === "object" ? address?.port : undefined);
}
