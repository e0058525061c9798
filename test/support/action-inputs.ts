import type { Inputs } from "../../action/inputs.ts";

/** The inputs of a step that names none of those given here. */
export function actionInputs(given: Partial<Inputs> = {}): Inputs {
  return {
    plan: {},
    mode: "run",
    results: [],
    allowMissingShards: false,
    apiKey: "",
    baselineApiKey: "",
    config: "",
    shard: undefined,
    serverCommand: "",
    waitForReadyMs: 0,
    baseline: "",
    regression: 0.1,
    failOn: new Set(["slo", "regression", "invalid", "error"]),
    comment: "always",
    commentId: "goodput",
    section: "load-test",
    check: "auto",
    summary: true,
    charts: "auto",
    outputDir: "goodput-report",
    githubToken: "token-of-this-job",
    prNumber: undefined,
    useProxy: false,
    allowUntrusted: false,
    mistakes: [],
    ...given,
  };
}
