import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** The folder of the package that a bundled module belongs to, or undefined when it is ours. */
export function packageFolder(id: string): string | undefined {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id.replaceAll("\\", "/"))?.[0];
}

/** What goes along with a bundle of these packages: every licence asks that its text goes along with the code. */
export async function licenses(folders: readonly string[]): Promise<string> {
  const entries = await Promise.all(
    folders.map(async (folder) => {
      const about: { name: string; version: string; license?: string } = JSON.parse(
        await readFile(join(folder, "package.json"), "utf8"),
      );
      const file = (await readdir(folder)).sort().find((name) => /^licen[cs]e(\.|$)/i.test(name));
      const text =
        file === undefined ? "(no licence text in the package)" : await readFile(join(folder, file), "utf8");
      return `${about.name} ${about.version}\n${about.license ?? "no licence named"}\n\n${text.trim()}\n`;
    }),
  );
  return entries.join(`\n${"-".repeat(80)}\n\n`);
}
