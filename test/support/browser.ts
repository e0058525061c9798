import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Browser, chromium, type LaunchOptions } from "playwright-core";

/** What npm brings for Linux on x64: a browser, compressed, with libraries and a font that a bare system lacks. */
const PACKAGE = resolve("node_modules/@sparticuz/chromium");
/** Within the package, so that a newer version of it takes this browser away. */
const UNPACKED = join(PACKAGE, "unpacked");

/** Where other systems have a browser. */
const INSTALLED = [
  "/usr/bin/chromium",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:/Program Files/Google/Chrome/Application/chrome.exe",
];

const brought = process.platform === "linux" && process.arch === "x64" && existsSync(PACKAGE);
const installed =
  process.env.CHROMIUM_PATH ?? (brought ? undefined : INSTALLED.find((path) => existsSync(path)));

/** Why all that needs a browser is skipped, where there is none. */
export const skip =
  !brought &&
  installed === undefined &&
  "npm brings no browser for this system; CHROMIUM_PATH names one that is there";

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    args: ["--no-sandbox", "--disable-background-networking"],
    ...(installed === undefined ? unpacked() : { executablePath: installed }),
  });
}

function unpacked(): LaunchOptions {
  if (!existsSync(UNPACKED)) unpack();
  const libraries = [join(UNPACKED, "al2023/lib"), process.env.LD_LIBRARY_PATH];
  const env: Record<string, string | undefined> = {
    ...process.env,
    LD_LIBRARY_PATH: libraries.filter((path) => path !== undefined).join(":"),
  };
  if (!existsSync("/etc/fonts/fonts.conf")) env.FONTCONFIG_PATH = join(UNPACKED, "fonts");
  return { executablePath: join(UNPACKED, "chromium"), env };
}

/** Tests of several files may do so at once: each in a folder of its own, and the first one to be done is kept. */
function unpack(): void {
  const folder = mkdtempSync(`${UNPACKED}-`);
  // The package unpacks to where temporary files go, and its libraries only on what it takes for Amazon's Linux.
  const env = { ...process.env, TMPDIR: folder, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x" };
  const program = 'import chromium from "@sparticuz/chromium"; await chromium.executablePath();';
  execFileSync(process.execPath, ["--input-type=module", "--eval", program], { env });
  // Its own settings look for the font in /tmp.
  const fonts =
    '<fontconfig><dir prefix="relative">fonts</dir><cachedir prefix="relative">cache</cachedir></fontconfig>';
  writeFileSync(join(folder, "fonts/fonts.conf"), fonts);
  try {
    renameSync(folder, UNPACKED);
  } catch (error) {
    if (!existsSync(UNPACKED)) throw error;
    rmSync(folder, { recursive: true });
  }
}
