import type { Optimization } from "../analysis/recommend-optimizations.ts";

/** What an operator has told this server about one instance, in the file that WORKFLOWS_FILE names. */
export interface InstancePlan {
  readonly instanceId: string;
  /** Where its metrics are, unless it was collected from already. */
  readonly metricsUrl: string | undefined;
  /** What is measured before and after, in the words of the config file (docs/config.schema.json), read without mistakes. */
  readonly load: Readonly<Record<string, unknown>>;
  /** How much worse any figure may become: a ratio, 0.1 where the file says nothing. */
  readonly maxRegression: number;
  /** For the target; from the environment, never stored. */
  readonly apiKey: string | undefined;
  /** Asked after a change until it answers with 2xx. */
  readonly readyUrl: string;
  readonly readyTimeoutMs: number;
  readonly hooks: InstanceHooks;
}

/** How to change the instance and how to undo it: one without the other is refused when the file is read. */
export interface InstanceHooks {
  /** Prints the configuration as it is, a JSON object. */
  readonly read: Hook | undefined;
  /** Puts the change on the instance, or on the part of it that the load goes to. */
  readonly apply: Hook;
  /** Puts the previous configuration back; may be called more than once. */
  readonly rollback: Hook;
  /** Puts the change on all the rest, after it was found good. */
  readonly rollout: Hook | undefined;
}

export type Hook =
  | { readonly kind: "command"; readonly argv: readonly string[]; readonly timeoutMs: number }
  | {
      readonly kind: "webhook";
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly timeoutMs: number;
    };

export type HookEvent = keyof InstanceHooks;

/** The standard input of a command, the body of a webhook: JSON in these words. */
export interface HookInput {
  readonly event: HookEvent;
  readonly workflow_id: string;
  readonly instance_id: string;
  readonly instance_type: string;
  readonly optimizations: readonly Pick<
    Optimization,
    "type" | "description" | "config_changes" | "engine_args"
  >[];
  readonly config_changes: Readonly<Record<string, unknown>>;
  readonly engine_args: readonly string[];
  readonly previous_config: Readonly<Record<string, unknown>> | null;
}

/** Runs a hook to its end. Rejects with a HookError that says in one sentence, without secrets, how it failed. */
export type RunHook = (hook: Hook, input: HookInput, signal: AbortSignal) => Promise<HookAnswer>;

export interface HookAnswer {
  /** What it printed or answered, no more than 64 KiB. */
  readonly text: string;
}
