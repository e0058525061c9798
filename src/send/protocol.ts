/** What a request asks of a model, in no server's words. */
export interface Prompt {
  readonly model: string;
  /** In order; the last one is the user's and is to be answered. */
  readonly messages: readonly Message[];
  readonly maxTokens: number;
  /** Answer with exactly `maxTokens`, where the server knows how. */
  readonly ignoreEos: boolean;
  /** Send the answer as it is made, where the server can. */
  readonly stream: boolean;
}

export interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** What one event of a streamed answer says. */
export interface StreamEvent {
  /** It carries output: text, reasoning, a refusal, a tool call. A role or an empty delta is none. */
  readonly output: boolean;
  /** The model said that it is done. */
  readonly finished: boolean;
  /** Of the answer, for conversations that go on with it. */
  readonly text?: string;
  readonly usage?: Usage;
  /** The server reports a failure inside a stream that began well. */
  readonly error?: string;
}

export interface Usage {
  readonly inputTokens?: number;
  /** Of the input, from the server's prompt cache. */
  readonly cachedTokens?: number;
  readonly outputTokens?: number;
}

/** How one kind of server is asked and read. */
export interface Protocol {
  /** Below the API's root; the root ends with `/v1` where `versioned` says so. */
  path(model: string, stream: boolean): string;
  readonly versioned: boolean;
  /** Below the API's root, where the server lists its models; absent where it lists none. */
  readonly modelsPath?: string;
  body(prompt: Prompt): string;
  /** One event of a stream: the data of a server-sent event, or a line of NDJSON. @throws SyntaxError when it is not what the protocol allows. */
  read(data: string): StreamEvent | "done";
  /** An answer that came whole, as JSON. @throws SyntaxError likewise. */
  readWhole(body: string): StreamEvent;
}
