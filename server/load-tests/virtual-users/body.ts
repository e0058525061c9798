import { z } from "zod";
import { numeric, truth } from "../../http/parameters.ts";

const MOST_USERS = 100_000;

const between = (least: number, most: number) => {
  const error = `must be a whole number from ${least} to ${most}`;
  return numeric(z.number({ error }).int({ error }).min(least, { error }).max(most, { error }).optional());
};
const whole = (least: number) => {
  const error = `must be a whole number from ${least} on`;
  return numeric(z.number({ error }).int({ error }).min(least, { error }).optional());
};
const rate = () => {
  const error = "must be a number of users per second above 0";
  return numeric(z.number({ error }).positive({ error }).optional());
};
const seconds = () => {
  const error = "must be a number of seconds from 0 on";
  return numeric(z.number({ error }).min(0, { error }).optional());
};
const text = () => z.string({ error: "must be a text, given once" });
/** Forms have empty fields for what nobody filled in. */
const filled = () => text().transform((value) => value.trim() || undefined);

const flag = () => truth(z.boolean({ error: "must be true or false" }).optional());

const settings = {
  user: between(1, MOST_USERS).meta({ description: "Virtual users, 100 if not given." }),
  users: between(1, MOST_USERS).meta({ description: "The same as user." }),
  spawnrate: rate().meta({ description: "Users that come per second, 100 if not given." }),
  spawn_rate: rate().meta({ description: "The same as spawnrate." }),
  duration: whole(1).meta({ description: "Seconds, 60 if not given." }),
  url: filled().optional().meta({ description: "The server to test; LOCUST_HOST if not given." }),
  model: filled()
    .optional()
    .meta({ description: "LOCUST_MODEL, or else the first that the server lists, if not given." }),
  tokenizer: filled()
    .optional()
    .meta({ description: "Kept with the record; tokens are counted by the server." }),
  dataset: filled().optional().meta({
    description: 'A file in DATASETS_DIR, or "builtin"; "mteb/banking77" stands for the built-in prompts.',
  }),
  notes: text().optional(),
};

/** What one of each pair says: both spellings are in use. */
const spelledOnce = <Given extends Pairs>(given: Given, ctx: z.RefinementCtx): void => {
  for (const [short, long] of [
    ["user", "users"],
    ["spawnrate", "spawn_rate"],
  ] as const) {
    if (given[short] === undefined || given[long] === undefined || given[short] === given[long]) continue;
    const message = `is ${given[long]}, and ${short} is ${given[short]}: give one of them`;
    ctx.addIssue({ code: "custom", path: [long], message });
  }
};

interface Pairs {
  readonly user?: number | undefined;
  readonly users?: number | undefined;
  readonly spawnrate?: number | undefined;
  readonly spawn_rate?: number | undefined;
}

export const virtualUsersBody = z
  .object({
    ...settings,
    api_key: filled().optional().meta({ description: "For the server; API_AUTH_TOKEN if not given." }),
    wait_min: seconds().meta({ description: "Shortest time to think between requests, 0.5 if not given." }),
    wait_max: seconds().meta({ description: "Longest, 5 if not given." }),
    max_tokens: whole(1).meta({ description: "Most tokens per answer, 128 if not given." }),
    async: flag().meta({ description: "Answer at once, as with Prefer: respond-async." }),
  })
  .superRefine(spelledOnce)
  .superRefine(({ wait_min = DEFAULT_WAIT[0], wait_max = DEFAULT_WAIT[1] }, ctx) => {
    if (wait_min <= wait_max) return;
    ctx.addIssue({ code: "custom", path: ["wait_min"], message: `must not be above wait_max, ${wait_max}` });
  })
  .meta({ description: "A load of virtual users, who ask, read, think and ask again." });

export type VirtualUsersBody = z.output<typeof virtualUsersBody>;

/** Seconds between a user's answer and next request. */
export const DEFAULT_WAIT = [0.5, 5] as const;

export const recordChanges = z
  .object({
    ...settings,
    status: filled().optional(),
    favorite: flag(),
  })
  .superRefine(spelledOnce)
  .meta({ description: "What is not given stays as it is; what was measured always does." });

export type RecordChanges = z.output<typeof recordChanges>;
