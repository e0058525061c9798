import { z } from "zod";

/** The shape of a result's `comparison`, see src/result.ts; a table is made of it, so all of it is checked. */

const text = z.string().max(100_000);
const figure = z.number();

const change = z.looseObject({
  metric: text,
  unit: z.enum(["ms", "ratio", "1/s", "tok/s", "requests"]),
  base: figure,
  head: figure,
  ratio: figure.optional(),
  interval: z.tuple([figure.nullable(), figure.nullable()]).optional(),
  better: z.enum(["lower", "higher"]),
  change: z.enum(["better", "worse", "unclear"]),
});

export const comparisonShape = z.looseObject({
  kind: z.enum(["same_run", "stored"]),
  baseline: z.looseObject({ run_id: text, started_at: text, url: text, model: text }),
  incomparable: text.optional(),
  imported: z
    .looseObject({ base: text.optional(), head: text.optional(), notes: z.array(text).max(100) })
    .optional(),
  levels: z
    .array(
      z.looseObject({
        name: text,
        changes: z.array(change).max(1000),
        added: z.array(text).max(1000),
        removed: z.array(text).max(1000),
      }),
    )
    .max(10_000),
});
