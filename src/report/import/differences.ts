/** Where other tools' definitions part from docs/metrics.md; each importer says which of them hold of its tool. */

export const FROM_THE_SEND =
  "Its latencies count from the send, ours from the scheduled moment: its time to first token stands beside our ttft_sent, and e2e holds the wait before the send in ours alone.";

export const WHOLE_BENCHMARK =
  "Its rates are of the whole benchmark with its start and end, ours of the measured window.";

export const BETWEEN_RANKS = "Its percentiles lie between ranks, ours are nearest ranks.";
