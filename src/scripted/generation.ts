import type { ServerResponse } from "node:http";
import type { Answer, Dialect } from "./dialects.ts";
import type { Pace, Paced } from "./pacer.ts";
import type { Fault, Script } from "./script.ts";

export interface GenerationEvents {
  /** Moments on the clock that nothing stops. */
  firstToken(nowMs: number): void;
  chunk(nowMs: number): void;
  over(how: "length" | "abort" | "error"): void;
}

/** One answer, from the moment it is computed: a chunk whenever one is due, then the end. */
export class Generation implements Paced {
  dueMs: number;
  readonly #firstMs: number;
  readonly #startMs: number;
  readonly #gapMs: number;
  readonly #chunks: number;
  /** Chunks are written so many at once. */
  readonly #buffer: number;
  #heldBack: Buffer[] = [];
  readonly #dialect: Dialect;
  /** Absent: the answer comes whole, when its last chunk is due. */
  readonly #chunkBytes: Buffer | undefined;
  readonly #answer: Omit<Answer, "seconds">;
  readonly #fault: Fault | undefined;
  /** Chunks after which the connection breaks or ends. */
  readonly #breakAfter: number;
  readonly #response: ServerResponse;
  readonly #pacer: Pace;
  readonly #events: GenerationEvents;
  #made = 0;
  #opened = false;
  #over = false;

  constructor(
    script: Script,
    pacer: Pace,
    answer: Omit<Answer, "seconds"> & { readonly chunks: number },
    dialect: Dialect,
    chunkBytes: Buffer | undefined,
    fault: Fault | undefined,
    response: ServerResponse,
    events: GenerationEvents,
  ) {
    this.#startMs = pacer.wall();
    this.#firstMs = pacer.now() + (script.ttftMs ?? 0);
    this.dueMs = this.#firstMs;
    this.#gapMs = script.gapMs ?? 0;
    this.#chunks = answer.chunks;
    this.#buffer = script.buffer ?? 1;
    this.#dialect = dialect;
    this.#chunkBytes = chunkBytes;
    this.#answer = answer;
    this.#fault = fault;
    const breaks = fault?.kind === "reset" || fault?.kind === "truncate";
    this.#breakAfter = breaks ? fault.afterChunks : Number.POSITIVE_INFINITY;
    this.#response = response;
    this.#pacer = pacer;
    this.#events = events;
    response.once("close", () => this.#end("abort"));
    if (!pacer.stalled) this.#open();
    pacer.add(this);
  }

  step(): boolean {
    if (this.#over) return false;
    this.#open();
    const fault = this.#fault;
    if (fault?.kind === "error_event") return this.#fail(fault.message);
    if (this.#made === this.#breakAfter) {
      this.#end("error");
      if (fault?.kind === "reset") this.#response.destroy();
      else this.#response.end();
      return false;
    }
    if (this.#made < this.#chunks) {
      if (this.#chunkBytes !== undefined) this.#write(this.#chunkBytes);
      const now = this.#pacer.wall();
      if (this.#made++ === 0) this.#events.firstToken(now);
      this.#events.chunk(now);
      // A break after the last chunk is due with the one that never comes.
      if (this.#made < this.#chunks || this.#made === this.#breakAfter) {
        this.dueMs = this.#firstMs + this.#made * this.#gapMs;
        return true;
      }
    }
    this.#finish();
    return false;
  }

  #write(chunk: Buffer): void {
    if (this.#buffer <= 1) {
      this.#response.write(chunk);
      return;
    }
    this.#heldBack.push(chunk);
    if (this.#heldBack.length >= this.#buffer) this.#flush();
  }

  #flush(): void {
    if (this.#heldBack.length > 0) this.#response.write(Buffer.concat(this.#heldBack));
    this.#heldBack = [];
  }

  #finish(): void {
    const answer = { ...this.#answer, seconds: (this.#pacer.wall() - this.#startMs) / 1000 };
    this.#end("length");
    if (this.#chunkBytes !== undefined) {
      this.#flush();
      this.#response.end(this.#dialect.ending(answer));
    } else {
      this.#response.writeHead(200, { "content-type": "application/json" });
      this.#response.end(JSON.stringify(this.#dialect.whole(answer)));
    }
  }

  #fail(message: string): false {
    this.#end("error");
    if (this.#chunkBytes !== undefined) this.#response.end(this.#dialect.error(message));
    else {
      this.#response.writeHead(200, { "content-type": "application/json" });
      this.#response.end(JSON.stringify({ error: { message } }));
    }
    return false;
  }

  /** The head of a stream goes out at once, as a real server's does. */
  #open(): void {
    if (this.#opened || this.#chunkBytes === undefined) return;
    this.#opened = true;
    this.#response.writeHead(200, { "content-type": this.#dialect.contentType });
    this.#response.flushHeaders();
    const opening = this.#dialect.opening(this.#answer.model);
    if (opening !== "") this.#response.write(opening);
  }

  #end(how: "length" | "abort" | "error"): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.over(how);
  }
}
