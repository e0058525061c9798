import assert from "node:assert/strict";
import { test } from "node:test";
import { releaseNotes } from "../../scripts/release-notes.ts";

const CHANGELOG =
  "# Changelog\n\n## Unreleased\n\n- Later.\n\n## 0.2.0 (2027-01-31)\n\n- Second.\n\n## 0.1.0\n\n- First.\n";
const COMMIT = "1234567890abcdef1234567890abcdef12345678";

test("a release says what changed in it, and how to pin it", () => {
  assert.equal(
    releaseNotes(CHANGELOG, "v0.2.0", COMMIT),
    `- Second.\n\nIn a workflow:\n\n\`\`\`yaml\n- uses: goodput/goodput@${COMMIT} # v0.2.0\n\`\`\`\n`,
  );
  assert.match(releaseNotes(CHANGELOG, "v0.1.0", COMMIT), /^- First\.\n/);
});

test("a release without a part in the changelog is refused", () => {
  assert.throws(() => releaseNotes(CHANGELOG, "v0.3.0", COMMIT), /no part "## 0\.3\.0"/);
});
