import { fill, h } from "./dom.js";
import { duration, ms, NOTHING, number, percent, tokensPerSecond } from "./format.js";
import { plot } from "./plot.js";
import { facts } from "./table.js";
import { watch } from "./watch.js";

const MOST_POINTS = 600;

/**
 * How a run goes, as it goes.
 * @param {any} run
 * @param {AbortSignal} signal
 * @param {{ status: (status: string) => void, ended: () => void }} tell
 */
export function liveRun(run, signal, tell) {
  const bar = h("progress", { max: 100, value: 0, "aria-label": "Of the whole run" });
  const share = h("p", { class: "share" });
  const figures = h("div");
  const connection = h("p", { class: "hint", role: "status" });
  const log = h("ul", { class: "log" });
  const series = new LiveSeries();
  const speed = plot(series.throughput(), signal);
  const ttft = plot(series.ttft(), signal);

  watch(
    run.run_id,
    {
      connection(state) {
        const words = {
          connected: "",
          waiting: "◌ The connection broke; trying again. The run goes on meanwhile.",
          unknown: "✕ This run does not exist any more.",
        };
        connection.textContent = words[state];
      },
      message(message) {
        if (message.type === "validation_log") {
          const { step, message: text, status } = message.validation_log;
          log.append(h("li", {}, `${step}: ${text} (${status})`));
          return;
        }
        if (message.type !== "progress") {
          tell.ended();
          return;
        }
        // Of a run that another server does, its status is all that is known.
        if (message.progress === undefined) return;
        series.add(message);
        draw(message);
        tell.status(message.status);
      },
    },
    signal,
  );

  const draw = (/** @type {any} */ { status, progress, concurrency, overall_percent: overall, metrics }) => {
    bar.value = overall;
    share.textContent =
      status === "pending"
        ? "◌ Waiting for the runs before it"
        : `${number(overall, 1)} % · level ${concurrency.index + 1} of ${concurrency.total} · ${left(series.secondsLeft(run.started_at))}`;
    fill(
      figures,
      facts([
        ["Concurrency", number(concurrency.level, 0)],
        ["Requests of this level", `${number(progress.current, 0)} of ${number(progress.total, 0)}`],
        ["Rate", series.rate === undefined ? NOTHING : `${number(series.rate)} req/s`],
        ["Throughput", tokensPerSecond(metrics.throughput_current)],
        ["TTFT mean", ms(metrics.ttft_avg)],
        ["TTFT p50", ms(metrics.ttft_p50)],
        ["E2E mean", ms(metrics.e2e_avg)],
        ["Errors", errors(metrics)],
      ]),
    );
    speed.update(series.throughput());
    ttft.update(series.ttft());
  };

  return h(
    "section",
    { class: "live", "aria-label": "Progress" },
    bar,
    share,
    connection,
    figures,
    h("div", { class: "plots" }, speed.element, ttft.element),
    log,
  );
}

/** @param {any} metrics */
function errors({ success_count: good, error_count: bad }) {
  if (good + bad === 0) return NOTHING;
  const text = `${number(bad, 0)} (${percent((100 * bad) / (good + bad))})`;
  return bad === 0 ? text : h("span", { class: "bad" }, `✕ ${text}`);
}

/** @param {number | undefined} seconds */
function left(seconds) {
  return seconds === undefined ? "time left not known yet" : `about ${duration(seconds)} left`;
}

/** What was told so far, in seconds since the first of it; on the server's clock, which the browser's may not agree with. */
class LiveSeries {
  /** @type {number[]} */ #x = [];
  /** @type {(number | null)[]} */ #throughput = [];
  /** @type {(number | null)[]} */ #ttft = [];
  /** @type {{ at: number, overall: number, done: number, level: number } | undefined} */ #last;
  /** @type {number | undefined} */ #startedAt;
  /** Requests per second. @type {number | undefined} */ rate;

  /** @param {any} message */
  add({ progress, concurrency, overall_percent: overall, metrics }) {
    const at = Date.parse(metrics.timestamp) / 1000;
    this.#startedAt ??= at;
    const last = this.#last;
    if (last !== undefined && at <= last.at) return;
    if (last?.level === concurrency.index && progress.current > last.done) {
      const now = (progress.current - last.done) / (at - last.at);
      // Smoothed, since a message may come between two answers as well as after both.
      this.rate = this.rate === undefined ? now : 0.7 * this.rate + 0.3 * now;
    }
    this.#last = { at, overall, done: progress.current, level: concurrency.index };
    this.#x.push(at - this.#startedAt);
    this.#throughput.push(metrics.throughput_current);
    this.#ttft.push(metrics.ttft_avg);
    if (this.#x.length > MOST_POINTS) this.#thin();
  }

  /** @param {string | null} startedAt */
  secondsLeft(startedAt) {
    if (this.#last === undefined || this.#startedAt === undefined) return undefined;
    const from = startedAt === null ? this.#startedAt : Date.parse(startedAt) / 1000;
    const { at, overall } = this.#last;
    return overall <= 1 || at <= from ? undefined : ((at - from) * (100 - overall)) / overall;
  }

  throughput() {
    return this.#plot("Throughput", "tok/s", "throughput", this.#throughput);
  }

  ttft() {
    return this.#plot("TTFT, mean of this level", "ms", "TTFT", this.#ttft);
  }

  /** @param {string} title @param {string} yLabel @param {string} label @param {(number | null)[]} values */
  #plot(title, yLabel, label, values) {
    return { title, xLabel: "seconds", yLabel, x: this.#x, series: [{ label, values }] };
  }

  /** Every other point: the shape stays, however long it takes. */
  #thin() {
    const halve = (/** @type {any[]} */ values) => values.filter((_, i) => i % 2 === 0);
    this.#x = halve(this.#x);
    this.#throughput = halve(this.#throughput);
    this.#ttft = halve(this.#ttft);
  }
}
