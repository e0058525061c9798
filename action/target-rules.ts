import { isMetadataHost, isPublicHost, type Mistake, type Plan } from "../src/index.ts";
import type { Inputs } from "./inputs.ts";

/** For networks that the address does not show to be private. */
const ALLOW = "GOODPUT_ALLOW_PLAIN_HTTP";

/**
 * Where load and key must not go, found before anything is sent. A pull request can change the config file,
 * and the job that reads it may hold a key and stand next to a cloud machine's metadata service.
 */
export function targetMistakes(plan: Plan, inputs: Inputs, where: (key: string) => string): Mistake[] {
  const { target, baseline, metricsUrls } = plan;
  const targets = [
    { key: "url", url: target.url, secret: inputs.apiKey },
    ...(baseline === undefined
      ? []
      : [{ key: "baseline-url", url: baseline.url, secret: inputs.baselineApiKey }]),
    ...metricsUrls.map((url) => ({ key: "metrics-url", url, secret: "" })),
  ];
  return targets.flatMap(({ key, url, secret }) => {
    const { protocol, hostname } = new URL(url);
    const mistake = (message: string): Mistake => ({ field: where(key), value: url, message });
    if (isMetadataHost(hostname)) {
      return [mistake("is a link-local or metadata address, which is never measured.")];
    }
    const open = protocol === "http:" && secret !== "" && isPublicHost(hostname);
    return open && process.env[ALLOW] !== "true"
      ? [
          mistake(
            `would send the key over plain http to a public host; use https, for example https://${hostname}, or set the environment variable ${ALLOW} to true if the network is your own.`,
          ),
        ]
      : [];
  });
}
