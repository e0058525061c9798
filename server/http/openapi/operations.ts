import { agentAnalysisOperations } from "../../agent/analysis/routes.ts";
import { agentMetricsOperations } from "../../agent/collect/routes.ts";
import { workflowOperations } from "../../agent/workflows/schemas.ts";
import { dashboardOperations } from "../../dashboard/routes.ts";
import { analysisOperations } from "../../load-tests/analysis/routes.ts";
import { compareOperations } from "../../load-tests/comparison/routes.ts";
import { exportOperations } from "../../load-tests/exports/routes.ts";
import { recommendOperations } from "../../load-tests/recommendation/schemas.ts";
import { runOperations } from "../../load-tests/runs/schemas.ts";
import { virtualUserOperations } from "../../load-tests/virtual-users/schemas.ts";
import { modelRouteOperations } from "../../model/model-routes.ts";
import { openaiOperations } from "../../model/openai/operations.ts";
import { modelOperations } from "../../model/operations.ts";
import type { Operation } from "./operation.ts";
import { platformOperations } from "./platform-operations.ts";

/** All routes of the server; test/server/http/openapi.test.ts holds them against the router. */
export const operations: readonly Operation[] = [
  ...runOperations,
  ...exportOperations,
  ...analysisOperations,
  ...compareOperations,
  ...recommendOperations,
  ...virtualUserOperations,
  ...agentMetricsOperations,
  ...agentAnalysisOperations,
  ...workflowOperations,
  ...modelOperations,
  ...modelRouteOperations,
  ...openaiOperations,
  ...platformOperations,
  ...dashboardOperations,
];
