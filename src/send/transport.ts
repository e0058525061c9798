/**
 * How a request reaches a server. A transport knows HTTP and nothing of load, prompts or tokens;
 * it stamps what happens with the engine's clock before anything is decoded.
 */
export interface Transport {
  /** Starts the request and tells the handler what becomes of it; never throws. Returns what aborts it. */
  send(request: HttpRequest, handler: ResponseHandler): () => void;
  /** Opens connections ahead, as far as it can, until there are so many. */
  prepare(connections: number): Promise<void>;
  /** Ends at once whatever is still in flight. */
  close(): Promise<void>;
  /** Connections opened so far: far above the concurrency means that they are not reused. */
  readonly connectionsOpened: number;
}

export interface HttpRequest {
  readonly method: "GET" | "POST";
  /** With its query, from the root. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * One request's life, in this order: sent, headers, data…, then exactly one of end and error.
 * A server that answers before it has read the body may turn the first two around. Moments are clock nanoseconds.
 */
export interface ResponseHandler {
  /** The last byte of the body was handed to the socket. */
  onSent(atNs: number): void;
  onHeaders(status: number, contentType: string, atNs: number): void;
  onData(chunk: Buffer, atNs: number): void;
  onEnd(atNs: number): void;
  /** The connection failed or was aborted. */
  onError(error: Error, atNs: number): void;
}
