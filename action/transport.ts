import { getProxyUrl } from "@actions/http-client/lib/proxy";
import { type RunOptions, undiciTransport } from "../src/index.ts";
import type { Inputs } from "./inputs.ts";

export type OpenTransport = NonNullable<RunOptions["transport"]>;

/**
 * How the load reaches the service: direct, whatever the environment says, for a proxy would be measured
 * along with it; through the proxy of the environment where that is asked for.
 */
export function transportFor({ useProxy }: Pick<Inputs, "useProxy">): OpenTransport {
  return (origin, clock) => {
    const proxy = useProxy ? getProxyUrl(new URL(origin)) : undefined;
    return undiciTransport(origin, clock, {
      refuseMetadata: true,
      ...(proxy !== undefined && { proxy: proxy.href }),
    });
  };
}
