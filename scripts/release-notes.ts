/** What a release's page says: its part of CHANGELOG.md, and the line that pins it. Printed for release.yml. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** @param changelog with a heading "## 1.2.3", with or without a date, per version. */
export function releaseNotes(changelog: string, tag: string, commit: string): string {
  const version = tag.replace(/^v/, "");
  const part = changelog
    .split(/^(?=## )/m)
    .find((candidate) => /^## \[?([^\s\]]+)/.exec(candidate)?.[1] === version);
  if (part === undefined) throw new Error(`CHANGELOG.md has no part "## ${version}".`);
  const changes = part.slice(part.indexOf("\n")).trim();
  return `${changes}\n\nIn a workflow:\n\n\`\`\`yaml\n- uses: goodput/goodput@${commit} # ${tag}\n\`\`\`\n`;
}

if (import.meta.main) {
  const [tag = "", commit = ""] = process.argv.slice(2);
  const changelog = readFileSync(join(import.meta.dirname, "../CHANGELOG.md"), "utf8");
  process.stdout.write(releaseNotes(changelog, tag, commit));
}
