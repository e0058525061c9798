import { textTable } from "./report/text/table.ts";
import { type Selftest, TRUE_ENOUGH } from "./selftest.ts";
import { formatMs, formatNumber, formatRatio } from "./units.ts";

/** The self-test as one table and one sentence of advice. */
export function selftestText(result: Selftest): string {
  const { throughput, ttft_error, arrivals, environment } = result;
  const rows: string[][] = [
    ["most events/s", formatNumber(throughput.events_per_second), "", ""],
    ["most requests/s", formatNumber(throughput.requests_per_second), "", ""],
    ...ttft_error.map(({ streams, p50, p99, requests }) => [
      `TTFT error at ${counted(streams, "stream")}`,
      `p50 ${formatMs(p50)}`,
      `p99 ${formatMs(p99)}`,
      `${requests} requests`,
    ]),
    ...arrivals.map(({ planned, achieved, gap_cv }) => [
      `${formatNumber(planned)} requests/s, evenly`,
      `${formatNumber(achieved)} issued/s`,
      `gaps ± ${formatRatio(gap_cv)}`,
      "",
    ]),
  ];
  const right = "right" as const;
  const table = textTable(
    [
      { head: "" },
      { head: "measured", align: right },
      { head: "spread", align: right },
      { head: "over", align: right },
    ],
    rows,
    { width: 100 },
  );
  const machine = `${environment.cpu}, ${counted(environment.cores, "core")}, Node ${environment.node}`;
  return [machine, "", ...table, "", advice(result)].join("\n");
}

function advice({ trusted, throughput }: Selftest): string {
  const { streams, requests_per_second: rate } = trusted;
  const limits = `TTFT within ${TRUE_ENOUGH.ttftP50Ms} ms in the median and ${TRUE_ENOUGH.ttftP99Ms} ms at p99`;
  if (streams === undefined && rate === undefined) {
    return "This machine is too slow or too busy to be trusted: close other programs, or use a larger one.";
  }
  const upTo = [
    ...(streams === undefined ? [] : [`${counted(streams, "stream")} at once (${limits})`]),
    ...(rate === undefined ? [] : [`${formatNumber(rate)} requests/s on time`]),
  ].join(" and ");
  const lacking =
    streams === undefined
      ? "; its TTFT is not, so close other programs or use a larger machine"
      : rate === undefined
        ? "; its arrivals are not on time, so close other programs or use a larger machine"
        : `, and keep well below ${formatNumber(throughput.events_per_second)} events/s`;
  return `On this machine trust it up to ${upTo}${lacking}.`;
}

function counted(count: number, noun: string): string {
  return `${formatNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
}
