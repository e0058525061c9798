import type { Clock } from "../clock.ts";
import { arrivalOffsets, rampOffsets } from "../plan/arrivals.ts";
import { isOpenLoop, type Level, type Load, type OpenLoad, type Plan, type Target } from "../plan/plan.ts";
import { concurrencySlots, userSlots } from "../plan/slots.ts";
import { rampRequests } from "../plan/warmup.ts";
import { openWorkload, type WorkloadSource } from "../plan/workload.ts";
import { type Random, random } from "../random.ts";
import { watchHost } from "../record/host.ts";
import type { HostRecord, RequestRecord } from "../record/record.ts";
import { redactor } from "../redact.ts";
import { closedLoop, type Slot } from "../schedule/closed-loop.ts";
import { openLoop } from "../schedule/open-loop.ts";
import { type Exchange, exchange } from "../send/exchange.ts";
import type { Message } from "../send/protocol.ts";
import { protocolOf } from "../send/protocols.ts";
import { remembering } from "../send/remembering.ts";
import { endpointOf, findModel, requestHeaders } from "../send/target.ts";
import type { Transport } from "../send/transport.ts";
import { NS_PER_MS, NS_PER_S } from "../units.ts";
import { Prepared } from "./prepared.ts";

/**
 * Puts a plan's load, or one part of it, on one target: schedule meets send here and nowhere else.
 * Several generators, in threads or on other machines, each take their part of the same plan.
 */
export interface Generator {
  /** The model that answers. @throws GoodputError when nobody listens. */
  findModel(): Promise<string>;
  /** Opens the connections and warms the server, but for a ramp; what comes back is in no figure. */
  warmUp(level: Level): Promise<void>;
  /** Sends a level's requests when they are due; resolves when the last one has ended. */
  measure(
    stretch: Stretch,
    onRecord: (record: RequestRecord) => void,
    noMore: AbortSignal,
  ): Promise<StretchEnd>;
  close(): Promise<void>;
}

/** A level, or one block of it. */
export interface Stretch {
  readonly level: Level;
  readonly stop: Level["stop"];
  /** Index of its first request: a block goes on where the one before it ended. */
  readonly firstIndex: number;
  /** Of an open loop, sent before its window. */
  readonly rampRequests: number;
  /** When the window opens; a ramp comes before it. */
  readonly startNs: number;
}

export interface StretchEnd {
  /** Of the window: when a slot first stood empty, or the planned end. */
  readonly endNs: number;
  readonly host: HostRecord;
}

/**
 * Slots that open at one moment have answers that begin at one moment, and wait for each other before the one thread
 * that reads them: 400 of them for up to 24 ms, in which the server has no part.
 */
const BETWEEN_SLOTS_NS = 0.2 * NS_PER_MS;

/** Which requests are this generator's: those whose index, divided by `of`, leaves `index`. */
export interface Part {
  readonly index: number;
  readonly of: number;
}

export interface GeneratorOptions {
  readonly plan: Plan;
  readonly target: Target;
  readonly part: Part;
  /** What the synthetic prompts begin by; absent: the seed alone. */
  readonly salt?: string;
  readonly apiKey?: string;
  /** Cuts everything off. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly transport: (origin: string, clock: Clock) => Transport;
}

export async function createGenerator(options: GeneratorOptions): Promise<Generator> {
  const { plan, target, part, apiKey, signal, clock } = options;
  const workload = await openWorkload(plan.workload, plan.seed, options.salt);
  const protocol = remembering(protocolOf(target.protocol));
  const endpoint = endpointOf(target.url, protocol, target.model);
  const transport = options.transport(endpoint.origin, clock);
  const headers = requestHeaders(apiKey);
  const redact = redactor([apiKey]);
  const { ignoreEos, stream, turnThink } = plan.workload;
  let model = target.model ?? "";
  /** Of all levels: warm-up is in no figure, but it is paid for. */
  let warmupTokens = 0;
  const maxTokens = plan.control.maxTokens ?? Number.POSITIVE_INFINITY;

  const begin = (name: string | number, index: number) => {
    const { system, turns } = workload.conversation(name, index);
    const messages: Message[] = system === undefined ? [] : [{ role: "system", content: system }];
    const { content, maxTokens } = turns[0]!;
    messages.push({ role: "user", content });
    return { turns, messages, body: protocol.body({ model, messages, maxTokens, ignoreEos, stream }) };
  };
  /** Sends a conversation, turn by turn; resolves with the moment the last answer ended. */
  const converse = async (
    { turns, messages, body: firstBody }: ReturnType<typeof begin>,
    name: string | number,
    index: number,
    scheduledNs: number,
    onTurn: (turn: number, scheduledNs: number, outcome: Exchange, sharedTokens: number) => void,
  ): Promise<number> => {
    const path = endpoint.root + protocol.path(model, stream);
    const limits = { clock, timeoutNs: plan.timeoutNs, signal, redact, keepText: turns.length > 1 };
    let body = firstBody;
    let think: Random | undefined;
    let dueNs = scheduledNs;
    let sharedTokens = turns[0]!.sharedTokens ?? 0;
    for (let turn = 0; ; turn++) {
      const answer = await exchange(transport, protocol, { method: "POST", path, headers, body }, limits);
      const outcome = answer.text === undefined ? answer : withoutText(answer);
      onTurn(turn, dueNs, outcome, sharedTokens);
      dueNs = outcome.end;
      // The next turn begins with all that was said.
      sharedTokens = (outcome.inputTokens ?? 0) + outcome.outputTokens;
      const next = turns[turn + 1];
      // A conversation goes no further than its last answer.
      if (next === undefined || outcome.outcome !== "completed") return dueNs;
      think ??= random(plan.seed, "turn think", name, index);
      dueNs += between(turnThink, think.uniform());
      await clock.sleepUntil(dueNs, signal);
      const { content, maxTokens } = next;
      messages.push({ role: "assistant", content: answer.text ?? "" }, { role: "user", content });
      body = protocol.body({ model, messages, maxTokens, ignoreEos, stream });
    }
  };

  return {
    async findModel() {
      model = redact(await findModel(transport, endpoint, protocol, headers, target.model, clock, signal));
      return model;
    },
    async warmUp(level) {
      const mine = share(level.warmupRequests - rampRequests(level), part);
      let next = 0;
      const goesOn = () => next < mine && !signal.aborted && warmupTokens < maxTokens;
      const take = () => (goesOn() ? part.index + part.of * next++ : undefined);
      const slots = openSlots(Math.min(mine, warmupConcurrency(level)), clock.now());
      const name = `warmup ${level.index}`;
      const count = ({ outputTokens }: Exchange) => {
        warmupTokens += outputTokens;
      };
      await closedLoop(clock, slots, signal, take, (index, scheduled) =>
        converse(begin(name, index), name, index, scheduled, (_turn, _scheduled, outcome) => count(outcome)),
      );
      await transport.prepare(mostInFlight(level, part));
    },
    async measure(stretch, onRecord, noMore) {
      const readHost = watchHost(clock);
      const opened = transport.connectionsOpened;
      const name = stretch.level.index;
      const prepared = new Prepared(clock, (place) => begin(...streamAt(name, place)));
      const send = (place: number, scheduledNs: number, held?: number) => {
        const [stream, index] = streamAt(name, place);
        return converse(
          prepared.take(place),
          stream,
          index,
          scheduledNs,
          (turn, scheduled, outcome, sharedTokens) => {
            const record: RequestRecord = {
              ...outcome,
              level: name,
              index,
              scheduled,
              ...(sharedTokens > 0 && { sharedTokens }),
              ...(turn > 0 ? { turn } : held !== undefined && { held }),
            };
            onRecord(place < 0 ? { ...record, ramp: true } : record);
          },
        );
      };
      const endNs = await sendStretch(plan, stretch, part, workload, clock, noMore, send, prepared);
      return {
        endNs: Math.max(stretch.startNs + 1, Math.min(endNs, clock.now())),
        host: { ...readHost(), connectionsOpened: transport.connectionsOpened - opened },
      };
    },
    close: () => transport.close(),
  };
}

/** Requests of a ramp have places below 0 and prompts of their own, so that no cache knows those of the window. */
function streamAt(level: number, place: number): [stream: string | number, index: number] {
  return place < 0 ? [`ramp ${level}`, -1 - place] : [level, place];
}

/** The text is the conversation's alone, and in no record. */
function withoutText({ text, ...outcome }: Exchange): Exchange {
  return outcome;
}

/** Gives the window's end. */
async function sendStretch(
  plan: Plan,
  stretch: Stretch,
  part: Part,
  workload: WorkloadSource,
  clock: Clock,
  noMore: AbortSignal,
  send: (place: number, scheduledNs: number, held?: number) => Promise<number>,
  prepared: Pick<Prepared<never>, "makeNow" | "makeSoon">,
): Promise<number> {
  const { level, stop, firstIndex, startNs } = stretch;
  const { load } = level;
  if (isOpenLoop(load)) {
    const all =
      load.kind === "replay"
        ? traceOffsets(workload, stop)
        : arrivalOffsets(load, stop, plan.seed, arrivalStream(stretch));
    const isMine = (_: number, i: number) => i % part.of === part.index;
    const ramp = rampOf(stretch, plan.seed).filter(isMine);
    const mine = all.filter(isMine);
    const offsets = new Float64Array(ramp.length + mine.length);
    offsets.set(ramp);
    offsets.set(mine, ramp.length);
    const most =
      load.maxConcurrency === undefined ? Number.POSITIVE_INFINITY : share(load.maxConcurrency, part);
    const indexOf = (i: number) => firstIndex + part.index + part.of * i;
    const placeOf = (i: number) => (i < ramp.length ? -1 - indexOf(i) : indexOf(i - ramp.length));
    await openLoop(
      clock,
      startNs,
      offsets,
      most,
      noMore,
      (i, scheduled, held) =>
        send(placeOf(i), scheduled, load.maxConcurrency === undefined ? undefined : held),
      (i) => prepared.makeNow(placeOf(i)),
    );
    return startNs + plannedSpan(load, stop, all);
  }
  const { slots: all, thinkNs } = slotsOf(load, startNs, plan.seed, part.of);
  // With fewer slots than parts the last parts have none, and the requests are the others'.
  const mine = { index: part.index, of: Math.min(part.of, all.length) };
  const deadline = startNs + (stop.durationNs ?? Number.POSITIVE_INFINITY);
  const slots = all
    .filter((_, i) => i % mine.of === mine.index)
    .map((slot) => (load.kind === "users" ? { ...slot, endNs: Math.min(slot.endNs, deadline) } : slot));
  const requests = slots.length === 0 ? 0 : share(stop.requests ?? Number.MAX_SAFE_INTEGER, mine);
  let next = 0;
  let lastEnd = startNs;
  let firstEmpty = Number.POSITIVE_INFINITY;
  const indexOf = (i: number) => firstIndex + mine.index + mine.of * i;
  const take = (freeAtNs: number) => {
    if (next < requests && freeAtNs < deadline && !noMore.aborted) {
      // Where all answers end together, so do the next requests begin.
      if (next + slots.length < requests) prepared.makeSoon(indexOf(next + slots.length));
      return indexOf(next++);
    }
    firstEmpty = Math.min(firstEmpty, freeAtNs);
    return undefined;
  };
  await closedLoop(
    clock,
    slots,
    noMore,
    take,
    async (index, scheduled) => {
      const end = await send(index, scheduled);
      lastEnd = Math.max(lastEnd, end);
      return end;
    },
    thinkNs,
  );
  // Users who think until after the end were there all the time: what they did not ask counts too.
  if (load.kind === "users" && stop.requests === undefined) {
    await clock.sleepUntil(deadline, noMore);
    return deadline;
  }
  if (load.kind !== "closed") return Math.min(lastEnd, deadline);
  // With hardly a request for each slot no part of the level is without an empty one: all of it counts.
  return Math.min(requests < 2 * slots.length ? lastEnd : firstEmpty, deadline);
}

/** Moments before a stretch's window, ascending; empty but for an open loop. */
export function rampOf(stretch: Omit<Stretch, "startNs">, seed: number): Float64Array {
  const { load } = stretch.level;
  if (load.kind !== "open") return new Float64Array();
  return rampOffsets(load, stretch.rampRequests, seed, arrivalStream(stretch));
}

/** Blocks of one level draw arrivals of their own, the same for base and head. */
function arrivalStream({ level, firstIndex }: Pick<Stretch, "level" | "firstIndex">): number {
  return firstIndex === 0 ? level.index : level.index + firstIndex * 1009;
}

function traceOffsets({ arrivals }: WorkloadSource, stop: Level["stop"]): Float64Array {
  const all = arrivals ?? new Float64Array();
  const end = stop.durationNs ?? Number.POSITIVE_INFINITY;
  return all.filter((offset, i) => i < (stop.requests ?? all.length) && offset < end);
}

function plannedSpan(load: Load, stop: Level["stop"], offsets: Float64Array): number {
  const last = offsets.at(-1) ?? 0;
  if (stop.requests === undefined && stop.durationNs !== undefined) return stop.durationNs;
  const tail = load.kind === "open" ? NS_PER_S / load.requestsPerSecond : 1;
  return Math.round(Math.min(last + tail, stop.durationNs ?? Number.POSITIVE_INFINITY));
}

function slotsOf(
  load: Exclude<Load, OpenLoad>,
  startNs: number,
  seed: number,
  parts: number,
): { slots: readonly Slot[]; thinkNs?: (index: number) => number } {
  const from = (slots: readonly Slot[]) =>
    slots.map((slot) => ({ startNs: startNs + slot.startNs, endNs: startNs + slot.endNs }));
  switch (load.kind) {
    case "closed":
      return { slots: openSlots(load.concurrency, startNs, parts) };
    case "stages":
      return { slots: from(concurrencySlots(load.stages)) };
    case "users":
      return {
        slots: from(userSlots(load.users, load.spawnPerSecond)),
        thinkNs: (index) => between(load.think, random(seed, "think", index).uniform()),
      };
  }
}

/** @param parts that share the slots: each has a thread of its own to read with. */
function openSlots(count: number, startNs: number, parts = 1): Slot[] {
  const betweenNs = BETWEEN_SLOTS_NS / parts;
  const endNs = Number.POSITIVE_INFINITY;
  return Array.from({ length: count }, (_, k) => ({ startNs: startNs + Math.round(k * betweenNs), endNs }));
}

function warmupConcurrency({ load, warmupRequests }: Level): number {
  if (load.kind === "closed") return load.concurrency;
  return ("maxConcurrency" in load ? load.maxConcurrency : undefined) ?? warmupRequests;
}

/** As far as the plan tells: with an open loop that is the server's doing. */
function mostInFlight({ load }: Level, part: Part): number {
  return isOpenLoop(load) ? 0 : share(slotsOf(load, 0, 0, 1).slots.length, part);
}

/** How many of `total` indices are this part's. */
function share(total: number, { index, of }: Part): number {
  return Math.max(0, Math.ceil((total - index) / of));
}

function between({ minNs, maxNs }: { minNs: number; maxNs: number }, uniform: number): number {
  return Math.round(minNs + (maxNs - minNs) * uniform);
}
