import { z } from "zod";

const source = z.enum(["compared", "unavailable", "off"]);

export const validationAnswer = z
  .object({
    overall_passed: z
      .boolean()
      .nullable()
      .meta({ description: "Null when there was nothing to compare with; `reason` then says why." }),
    reason: z.string().optional(),
    tolerance: z.number().meta({ description: "Share by which the two may differ." }),
    comparisons: z.array(
      z.object({
        metric_name: z.string(),
        source: z.enum(["prometheus", "container_logs"]),
        unit: z.enum(["requests", "tokens", "ms"]),
        client_value: z.number(),
        server_value: z.number(),
        difference_percent: z
          .number()
          .nullable()
          .meta({ description: "Of the server's figure; null when that is 0 and the other is not." }),
        passed: z.boolean(),
      }),
    ),
    sources: z.object({ prometheus: source, container_logs: source }),
    container: z.string().optional().meta({ description: "Whose log was read." }),
    warnings: z.array(z.string()),
    validated_at: z.string(),
  })
  .meta({ description: "What was measured beside what the server itself counted." });
